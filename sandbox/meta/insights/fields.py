"""The figures of an insights row, a column at a time: each field's texts for a slice of a table, '' where it is absent.

Every text is `"name":value,`. Counts and money are exact; ratios have six decimals, as the platform tells them.
"""

from collections.abc import Callable
from typing import Final

from sandbox.meta.insights.actions import (
    PURCHASE_TYPES,
    action_costs,
    action_values,
    actions,
    alone,
    engaged,
    once_each,
    roas,
)
from sandbox.meta.insights.columns import Columns, Ints, fields_of, values_of
from sandbox.meta.insights.ranks import RANKINGS

Texts = list[str]
Column = Callable[[Columns], Texts]
Numbers = Callable[[Columns], Ints]
_VIDEO: Final = {
    "video_play_actions": "play", "video_continuous_2_sec_watched_actions": "sec2",
    "video_15_sec_watched_actions": "sec15", "video_30_sec_watched_actions": "sec30",
    "video_thruplay_watched_actions": "thruplay", "video_p25_watched_actions": "p25",
    "video_p50_watched_actions": "p50", "video_p75_watched_actions": "p75", "video_p95_watched_actions": "p95",
    "video_p100_watched_actions": "p100",
}  # fmt: skip


def _count(name: str) -> Column:
    return lambda columns: fields_of(name).column(columns[name])


def _scalar(name: str, texts: Column) -> Column:
    head = f'"{name}":"'
    return lambda columns: [f'{head}{text}",' if text else "" for text in texts(columns)]


def _share(part: Numbers, whole: str, times: int) -> Column:
    """Return a ratio of counts, '' where the whole is nothing."""
    return lambda columns: [
        f"{times * a / b:.6f}" if b else "" for a, b in zip(part(columns), columns[whole], strict=True)
    ]


def _click_share(columns: Columns) -> Texts:
    """Return link clicks in percent of impressions, '' without one."""
    pairs = zip(columns["inline_link_clicks"], columns["impressions"], strict=True)
    return [f"{100 * clicks / shown:.6f}" if clicks and shown else "" for clicks, shown in pairs]


def _cost(per: Numbers, times: int = 1) -> Column:
    def get(columns: Columns) -> Texts:
        offset = columns.offset
        pairs = zip(columns["spend"], per(columns), strict=True)
        return [f"{times * spent / offset / n:.6f}" if n else "" for spent, n in pairs]

    return get


def _of(figure: str) -> Numbers:
    return lambda columns: columns[figure]


def _told(numbers: Numbers) -> Column:
    return lambda columns: values_of().column(numbers(columns))


def _people(figure: str) -> Numbers:
    """Return how many people did it: few of them do it twice."""

    def get(columns: Columns) -> Ints:
        rows = zip(columns[figure], columns["impressions"], columns["reach"], strict=True)
        return [max(1, min(n * (shown + 3 * met) // (4 * shown), met)) if n and shown else n for n, shown, met in rows]

    return get


def _seconds(columns: Columns) -> Texts:
    """Return the mean seconds watched per play, from how many got how far."""
    rows = zip(columns["play"], columns["sec2"], columns["sec15"], columns["sec30"], strict=True)
    return [str((2 * two + 10 * fifteen + 15 * thirty) // play) if play else "" for play, two, fifteen, thirty in rows]


def _rank(name: str) -> Column:
    def get(columns: Columns) -> Texts:
        if columns.ranks is None:
            return [""] * len(columns)
        return [f'"{name}":"{rank}",' for rank in columns.ranks[name]]

    return get


_link, _clicks, _clickers, _link_clickers = (
    _of("inline_link_clicks"), _of("clicks"), _people("clicks"), _people("inline_link_clicks"),
)  # fmt: skip
_OF_PEOPLE: Final[dict[str, Column]] = {
    "reach": _count("reach"),
    "frequency": _scalar("frequency", _share(_of("impressions"), "reach", 1)),
    "cpp": _scalar("cpp", _cost(_of("reach"), 1_000)),
    "unique_clicks": _scalar("unique_clicks", _told(_clickers)),
    "unique_ctr": _scalar("unique_ctr", _share(_clickers, "reach", 100)),
    "unique_inline_link_clicks": _scalar("unique_inline_link_clicks", _told(_link_clickers)),
    "unique_inline_link_click_ctr": _scalar("unique_inline_link_click_ctr", _share(_link_clickers, "reach", 100)),
    "unique_link_clicks_ctr": _scalar("unique_link_clicks_ctr", _share(_link_clickers, "reach", 100)),
    "unique_outbound_clicks": alone("unique_outbound_clicks", "outbound_click", _told(_link_clickers)),
    "unique_outbound_clicks_ctr": alone(
        "unique_outbound_clicks_ctr", "outbound_click", _share(_link_clickers, "reach", 100)
    ),
    "cost_per_unique_click": _scalar("cost_per_unique_click", _cost(_clickers)),
    "cost_per_unique_inline_link_click": _scalar("cost_per_unique_inline_link_click", _cost(_link_clickers)),
    "cost_per_unique_outbound_click": alone("cost_per_unique_outbound_click", "outbound_click", _cost(_link_clickers)),
    "unique_actions": once_each("unique_actions", _link_clickers, is_cost=False),
    "cost_per_unique_action_type": once_each("cost_per_unique_action_type", _link_clickers, is_cost=True),
}  # fmt: skip
_OF_VIDEOS: Final[dict[str, Column]] = {
    **{name: alone(name, "video_view", _told(_of(figure))) for name, figure in _VIDEO.items()},
    "video_avg_time_watched_actions": alone("video_avg_time_watched_actions", "video_view", _seconds),
    "cost_per_thruplay": alone("cost_per_thruplay", "video_view", _cost(_of("thruplay"))),
}
METRICS: Final[dict[str, Column]] = {
    "impressions": _count("impressions"),
    "clicks": _count("clicks"),
    "inline_link_clicks": _count("inline_link_clicks"),
    "spend": lambda columns: fields_of("spend", columns.offset).column(columns["spend"]),
    "ctr": _scalar("ctr", _share(_clicks, "impressions", 100)),
    "inline_link_click_ctr": _scalar("inline_link_click_ctr", _click_share),
    "cpm": _scalar("cpm", _cost(_of("impressions"), 1_000)),
    "cpc": _scalar("cpc", _cost(_clicks)),
    "cost_per_inline_link_click": _scalar("cost_per_inline_link_click", _cost(_link)),
    "actions": actions,
    "action_values": action_values,
    "cost_per_action_type": action_costs,
    "purchase_roas": roas("purchase_roas", "omni_purchase"),
    "website_purchase_roas": roas("website_purchase_roas", "offsite_conversion.fb_pixel_purchase"),
    "outbound_clicks": alone("outbound_clicks", "outbound_click", _told(_link)),
    "outbound_clicks_ctr": alone("outbound_clicks_ctr", "outbound_click", _click_share),
    "cost_per_outbound_click": alone("cost_per_outbound_click", "outbound_click", _cost(_link)),
    "website_ctr": alone("website_ctr", "link_click", _click_share),
    "inline_post_engagement": _scalar("inline_post_engagement", _told(engaged)),
    "cost_per_inline_post_engagement": _scalar("cost_per_inline_post_engagement", _cost(engaged)),
    **{name: _rank(name) for name in RANKINGS},
    **_OF_PEOPLE,
    **_OF_VIDEOS,
}
REACHED: Final = frozenset(_OF_PEOPLE)  # what counts people, not events
NOT_HOURLY: Final = REACHED | _OF_VIDEOS.keys()
_ENGAGED: Final = frozenset(
    {"actions", "cost_per_action_type", "inline_post_engagement", "cost_per_inline_post_engagement"}
)
NEEDS_ENGAGEMENT: Final = _ENGAGED | _OF_VIDEOS.keys()
NEEDS_WINDOWS: Final = frozenset(
    {"actions", "action_values", "cost_per_action_type", "purchase_roas", "website_purchase_roas"}
)

__all__ = ["METRICS", "NEEDS_ENGAGEMENT", "NEEDS_WINDOWS", "NOT_HOURLY", "PURCHASE_TYPES", "REACHED", "Columns"]
