"""Builds small snapshots from rows of a table, so that a test shows only the figures that matter to it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from domain.ids import AccountId
from domain.snapshot import AdFrame, AdSetFrame, CampaignFrame, Hold, Snapshot

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

_AD_SET: dict[str, Any] = {
    "id": "s1", "name": "An ad set", "campaign_id": "c1", "campaign_index": -1, "hold": int(Hold.FREE),
    "is_active": True, "is_learning": False, "is_ab_test": False,
    "daily_budget_minor": 4000,
    "spend_window": 0, "revenue_window": 0, "purchases_window": 0, "impressions_window": 0, "clicks_window": 0,
    "spend_today": 0, "recent_spend": 0, "recent_clicks": 0, "recent_revenue": 0,
    "usual_spend": 0.0, "usual_clicks": 0.0, "usual_revenue": 0.0,
}  # fmt: skip
_NOT_OF_CAMPAIGNS = {"campaign_id", "campaign_index", "is_ab_test", "spend_today"}
_CAMPAIGN = {name: value for name, value in _AD_SET.items() if name not in _NOT_OF_CAMPAIGNS} | {
    "id": "c1", "name": "A campaign"
}  # fmt: skip
_AD: dict[str, Any] = {
    "id": "a1", "name": "An ad", "ad_set_id": "s1", "ad_set_index": 0, "creative_id": "k1",
    "is_active": True, "is_marked_fatigued": False, "age_hours": 240.0,
    "impressions_total": 0, "clicks_total": 0, "impressions_last": 0, "clicks_last": 0,
    "impressions_week": 0, "clicks_week": 0, "spend_window": 0, "revenue_window": 0,
}  # fmt: skip
_TYPES: dict[type, Any] = {str: np.object_, bool: np.bool_, int: np.int64, float: np.float64}


def ad_set(**figures: Any) -> dict[str, Any]:
    """A row of the ad set frame: 40.00 EUR a day, active, out of learning, nothing earned."""
    return _checked(_AD_SET, figures)


def campaign(**figures: Any) -> dict[str, Any]:
    """A row of the campaign frame: it carries 40.00 EUR a day for its ad sets."""
    return _checked(_CAMPAIGN, figures)


def ad(**figures: Any) -> dict[str, Any]:
    """A row of the ad frame: active, ten days old, in the first ad set."""
    return _checked(_AD, figures)


def snapshot(
    ad_sets: Sequence[Mapping[str, Any]] = (),
    ads: Sequence[Mapping[str, Any]] = (),
    campaigns: Sequence[Mapping[str, Any]] = (),
    **fields: Any,
) -> Snapshot:
    """A snapshot in EUR that was read a minute ago; ids are made unique where rows do not name theirs."""
    values: dict[str, Any] = {
        "account_id": AccountId(1),
        "currency": "EUR",
        "zone": "Europe/Berlin",
        "now": NOW,
        "window_days": 7,
        "spike_hours": 3,
        "tree_read_at": NOW - timedelta(minutes=1),
        "insights_read_at": NOW - timedelta(minutes=1),
        "campaigns_active": 1,
        **fields,
    }
    return Snapshot(
        **values,
        campaigns=CampaignFrame(**_columns(_CAMPAIGN, _numbered(campaigns, "c"))),
        ad_sets=AdSetFrame(**_columns(_AD_SET, _numbered(ad_sets, "s"))),
        ads=AdFrame(**_columns(_AD, _numbered(ads, "a"))),
    )


def _checked(defaults: dict[str, Any], figures: dict[str, Any]) -> dict[str, Any]:
    unknown = set(figures) - set(defaults)
    if unknown:
        raise ValueError(f"no such figures: {unknown}")
    return {**defaults, **figures}


def _numbered(rows: Sequence[Mapping[str, Any]], letter: str) -> list[dict[str, Any]]:
    first = f"{letter}1"
    return [
        {**row, "id": f"{letter}{place}" if row["id"] == first else row["id"]}
        for place, row in enumerate(rows, start=1)
    ]


def _columns(defaults: dict[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        name: np.array([row[name] for row in rows], dtype=_TYPES[type(default)]) for name, default in defaults.items()
    }
