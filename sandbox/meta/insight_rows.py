"""Writes rows of an insights table as Meta's JSON: every metric a string, money in major units and exact."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.render import iso
from sandbox.meta.report import FIGURES, Report
from sandbox.nodes import Kind, Node

HOURLY_LABEL_KEY: Final = "hourly_stats_aggregated_by_advertiser_time_zone"
HOURLY: Final = tuple(f"{hour:02d}:00:00 - {hour:02d}:59:59" for hour in range(24))
PURCHASE_TYPES: Final = ("purchase", "omni_purchase", "offsite_conversion.fb_pixel_purchase")
_NOT_HOURLY: Final = frozenset({"reach", "frequency", "cpp"})

Figures = tuple[int, ...]
_I, _C, _L, _S, _P, _V, _R = range(len(FIGURES))

# Fields that exist on the platform and that the market does not model: accepted, and absent from the rows.
_ABSENT: Final = frozenset(
    {
        "unique_clicks", "unique_ctr", "unique_actions", "unique_inline_link_clicks", "unique_link_clicks_ctr",
        "social_spend", "quality_ranking", "engagement_rate_ranking", "conversion_rate_ranking", "conversions",
        "conversion_values", "cost_per_unique_click", "cost_per_unique_action_type", "cost_per_thruplay",
        "unique_outbound_clicks", "canvas_avg_view_time", "canvas_avg_view_percent", "mobile_app_purchase_roas",
        "video_play_actions", "video_p25_watched_actions", "video_p50_watched_actions", "video_p75_watched_actions",
        "video_p95_watched_actions", "video_p100_watched_actions", "video_thruplay_watched_actions",
        "video_30_sec_watched_actions", "video_15_sec_watched_actions", "video_avg_time_watched_actions",
        "video_continuous_2_sec_watched_actions", "video_play_curve_actions", "estimated_ad_recallers",
        "estimated_ad_recall_rate", "full_view_impressions", "full_view_reach", "website_ctr",
        "instant_experience_clicks_to_open", "instant_experience_clicks_to_start", "instant_experience_outbound_clicks",
    }
)  # fmt: skip


def money(minor: int, offset: int) -> str:
    """Return minor units as major units with two decimals, exactly (whole units where the currency has no cents)."""
    if offset == 1:
        return str(minor)
    return f"{minor // offset}.{minor % offset:02d}"


def _ratio(part: float, whole: float) -> str | None:
    return f"{part / whole:.6f}" if whole else None


def _typed(kind: str, value: str) -> dict[str, str]:
    return {"action_type": kind, "value": value}


def _actions(row: Figures, _: int) -> list[dict[str, str]] | None:
    found = [_typed("link_click", str(row[_L]))] if row[_L] else []
    if row[_P]:
        count = str(row[_P])
        found.extend(_typed(kind, count) for kind in PURCHASE_TYPES)
    return found or None


def _action_values(row: Figures, offset: int) -> list[dict[str, str]] | None:
    if not row[_V]:
        return None
    value = money(row[_V], offset)
    return [_typed(kind, value) for kind in PURCHASE_TYPES]


def _costs(row: Figures, offset: int) -> list[dict[str, str]] | None:
    pairs = [("link_click", row[_L]), *((kind, row[_P]) for kind in PURCHASE_TYPES)]
    found = [_typed(kind, f"{row[_S] / offset / count:.6f}") for kind, count in pairs if count]
    return found or None


def _roas(kind: str) -> Callable[[Figures, int], list[dict[str, str]] | None]:
    def get(row: Figures, _: int) -> list[dict[str, str]] | None:
        return [_typed(kind, f"{row[_V] / row[_S]:.6f}")] if row[_V] and row[_S] else None

    return get


_METRICS: Final[dict[str, Callable[[Figures, int], Any]]] = {
    "impressions": lambda row, _: str(row[_I]),
    "clicks": lambda row, _: str(row[_C]),
    "inline_link_clicks": lambda row, _: str(row[_L]),
    "spend": lambda row, offset: money(row[_S], offset),
    "reach": lambda row, _: str(row[_R]),
    "frequency": lambda row, _: _ratio(row[_I], row[_R]),
    "ctr": lambda row, _: _ratio(100 * row[_C], row[_I]),
    "inline_link_click_ctr": lambda row, _: _ratio(100 * row[_L], row[_I]) if row[_L] else None,
    "cpm": lambda row, offset: _ratio(1_000 * row[_S] / offset, row[_I]),
    "cpc": lambda row, offset: _ratio(row[_S] / offset, row[_C]),
    "cpp": lambda row, offset: _ratio(1_000 * row[_S] / offset, row[_R]),
    "cost_per_inline_link_click": lambda row, offset: _ratio(row[_S] / offset, row[_L]),
    "actions": _actions,
    "action_values": _action_values,
    "cost_per_action_type": _costs,
    "purchase_roas": _roas("omni_purchase"),
    "website_purchase_roas": _roas("offsite_conversion.fb_pixel_purchase"),
    "outbound_clicks": lambda row, _: [_typed("outbound_click", str(row[_L]))] if row[_L] else None,
}
_OF_ACCOUNT: Final[dict[str, Callable[[Account], str]]] = {
    "account_id": lambda account: account.id,
    "account_name": lambda account: account.spec.name,
    "account_currency": lambda account: account.spec.currency,
    "attribution_setting": lambda _: "7d_click_1d_view",
}
_OF_OBJECT: Final[dict[str, tuple[Kind, Callable[[Account, Node], Any]]]] = {
    "campaign_id": (Kind.CAMPAIGN, lambda _, node: node.id),
    "campaign_name": (Kind.CAMPAIGN, lambda _, node: node.name),
    "objective": (Kind.CAMPAIGN, lambda _, node: node.extra.get("objective")),
    "buying_type": (Kind.CAMPAIGN, lambda _, node: node.extra.get("buying_type")),
    "adset_id": (Kind.AD_SET, lambda _, node: node.id),
    "adset_name": (Kind.AD_SET, lambda _, node: node.name),
    "optimization_goal": (Kind.AD_SET, lambda _, node: node.extra.get("optimization_goal")),
    "ad_id": (Kind.AD, lambda _, node: node.id),
    "ad_name": (Kind.AD, lambda _, node: node.name),
}
_OF_ROW_OBJECT: Final[dict[str, Callable[[Account, Node], Any]]] = {
    "created_time": lambda account, node: iso(account, node.created_s)[:10],
    "updated_time": lambda account, node: iso(account, node.updated_s)[:10],
}


@cache
def known_fields() -> frozenset[str]:
    """Return every field that an insights call may name."""
    named = {*_METRICS, *_OF_ACCOUNT, *_OF_OBJECT, *_OF_ROW_OBJECT, "date_start", "date_stop", HOURLY_LABEL_KEY}
    return frozenset(named | _ABSENT)


class RowWriter:
    """Writes a slice of a table; what is the same for all rows of an object is worked out once."""

    def __init__(self, account: Account, table: Report, *, level: str, fields: Sequence[str], hourly: bool) -> None:
        self._account = account
        self._table = table
        self._level = level
        self._hourly = hourly
        self._fields = fields
        skipped = _NOT_HOURLY if hourly else frozenset[str]()
        self._metrics = [(name, _METRICS[name]) for name in fields if name in _METRICS and name not in skipped]

    def rows(self, start: int, end: int) -> list[dict[str, Any]]:
        """Return the rows [start, end) as JSON values."""
        table, offset = self._table, self._account.offset
        columns = zip(
            table.owner[start:end].tolist(),
            table.period[start:end].tolist(),
            table.hour[start:end].tolist(),
            table.cell[start:end].tolist(),
            table.figures[:, start:end].T.tolist(),
            strict=True,
        )
        days = [(period.first.isoformat(), period.last.isoformat()) for period in table.periods]
        names: dict[int, dict[str, Any]] = {}
        shown = []
        for owner, period, hour, cell, figures in columns:
            row = dict(names.get(owner) or names.setdefault(owner, self._names(owner)))
            for name, write in self._metrics:
                value = write(figures, offset)
                if value is not None:
                    row[name] = value
            row["date_start"], row["date_stop"] = days[period]
            if hour >= 0:
                row[HOURLY_LABEL_KEY] = HOURLY[hour]
            if cell >= 0:
                row.update(table.labels[cell])
            shown.append(row)
        return shown

    def _names(self, owner: int) -> dict[str, Any]:
        account = self._account
        found: dict[str, Any] = {name: _OF_ACCOUNT[name](account) for name in self._fields if name in _OF_ACCOUNT}
        if self._level == "account":
            return found
        above: dict[Kind, Node] = {}
        node: Node | None = self._table.nodes[owner]
        row_object = node
        while node is not None:
            above[node.kind] = node
            node = node.parent
        for name in self._fields:
            if name in _OF_OBJECT and _OF_OBJECT[name][0] in above:
                kind, get = _OF_OBJECT[name]
                found[name] = get(account, above[kind])
            elif name in _OF_ROW_OBJECT and row_object is not None:
                found[name] = _OF_ROW_OBJECT[name](account, row_object)
        return {name: value for name, value in found.items() if value is not None}
