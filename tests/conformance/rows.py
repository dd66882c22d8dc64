"""What each client makes of a row, brought to one form: the documented normalisation of each, undone. No facts.

Ours speaks in the house's words: minor units, link clicks as clicks, one count of purchases, statuses in small letters.
Meta's own SDK and meta-ads-cli hand over Meta's JSON; tap-facebook turns texts into numbers and instants into UTC.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from domain.objects import Ad, AdSet, Campaign, InsightRow

HOURLY = "hourly_stats_aggregated_by_advertiser_time_zone"
FIELDS = ["ad_id", "adset_id", "campaign_id", "impressions", "inline_link_clicks", "spend", "actions", "action_values"]
_PURCHASES = ("omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase")  # the first that is there counts


def plain(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows of the SDK as Meta sent them."""
    return [row.export_all_data() for row in rows]


def insight(row: Mapping[str, Any]) -> InsightRow:
    """A row of Meta's JSON, or of the tap, in the house's words."""
    return InsightRow(
        ad_id=row["ad_id"],
        ad_set_id=row["adset_id"],
        campaign_id=row["campaign_id"],
        on=date.fromisoformat(row["date_start"][:10]),
        hour=int(row[HOURLY][:2]) if HOURLY in row else -1,
        impressions=int(row["impressions"]),
        clicks=int(row.get("inline_link_clicks") or 0),
        spend_minor=_minor(row["spend"]),
        purchases=int(_bought(row.get("actions"))),
        revenue_minor=_minor(_bought(row.get("action_values"))),
    )


def campaign(row: Mapping[str, Any]) -> tuple[Any, ...]:
    told = row["id"], row["name"], row["objective"], row["effective_status"]
    return *told, row.get("daily_budget")


def ad_set(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["id"], row["campaign_id"], row["name"], row["effective_status"], row.get("daily_budget")


def ad(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["id"], row["adset_id"], row["campaign_id"], row["name"], row["effective_status"], row["creative"]["id"]


def our_campaign(row: Campaign) -> tuple[Any, ...]:
    return row.id, row.name, row.objective, row.effective_status.upper(), _text(row.daily_budget_minor)


def our_ad_set(row: AdSet) -> tuple[Any, ...]:
    return row.id, row.campaign_id, row.name, row.effective_status.upper(), _text(row.daily_budget_minor)


def our_ad(row: Ad) -> tuple[Any, ...]:
    return row.id, row.ad_set_id, row.campaign_id, row.name, row.effective_status.upper(), row.creative_id


def _text(minor: int | None) -> str | None:
    return None if minor is None else str(minor)


def _minor(amount: Any) -> int:
    return round(Decimal(str(amount)) * 100)


def _bought(actions: Iterable[Mapping[str, Any]] | None) -> Decimal:
    """The one figure of purchases; the tap asks for them by target and destination, so that there are parts to sum."""
    known: dict[str, Decimal] = {}
    for action in actions or ():
        kind = action["action_type"]
        known[kind] = known.get(kind, Decimal(0)) + Decimal(str(action["value"]))
    return next((known[kind] for kind in _PURCHASES if kind in known), Decimal(0))
