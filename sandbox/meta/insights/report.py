"""The table behind an insights call: which rows there are and their figures, as columns. No JSON here."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sandbox.account import Account
from sandbox.market.engagement import ENGAGEMENT, WINDOWS, engagement_of_day, engagement_shares
from sandbox.market.grid import IMPRESSIONS, METRICS
from sandbox.market.split import split_people
from sandbox.meta.insights.breakdowns import Cut, Part
from sandbox.meta.insights.spans import Period
from sandbox.nodes import Kind, Node

Ints = NDArray[np.int64]
Span = tuple[int, int, bool]  # first hour, end hour, is a whole closed day
_COMMON: Final = METRICS + 2
LEVEL_KINDS: Final = {"campaign": Kind.CAMPAIGN, "adset": Kind.AD_SET, "ad": Kind.AD}
ENGAGED, BY_WINDOW = "engagement", "windows"  # what `build` adds on request
FIGURES: Final = ("impressions", "clicks", "inline_link_clicks", "spend", "purchases", "value", "reach")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Rows as parallel columns: `owner` indexes `nodes` (or is 0 for the account), `hour` is -1 for whole periods.

    `cell` indexes `labels`, the breakdown's, and is -1 without one.

    `figures` has shape (len(FIGURES), rows), in minor units where it is money.
    """

    nodes: Sequence[Node]
    periods: tuple[Period, ...]
    owner: Ints
    period: Ints
    hour: Ints
    cell: Ints
    figures: Ints
    labels: tuple[dict[str, str], ...] = ()
    more: dict[str, Ints] = field(default_factory=dict)  # by the names of `engagement.UNDER`, where asked for
    has_hours: bool = False

    def __len__(self) -> int:
        return len(self.owner)

    def only(self, rows: NDArray[Any]) -> "Report":
        """Return the chosen rows (a mask, or places in their new order)."""
        return replace(
            self, owner=self.owner[rows], period=self.period[rows], hour=self.hour[rows], cell=self.cell[rows],
            figures=self.figures[:, rows], more={name: column[rows] for name, column in self.more.items()},
        )  # fmt: skip

    def forget_purchases(self) -> None:
        """Tell of no purchases: along some breakdowns the platform knows no action off itself."""
        self.figures[FIGURES.index("purchases") : FIGURES.index("value") + 1] = 0
        for name in WINDOWS.keys() & self.more.keys():
            self.more[name][:] = 0


def build(
    account: Account, *, level: str, ads: NDArray[np.bool_], periods: Sequence[Period], hourly: bool, cutoff_s: float,
    end_hour: int, cut: Cut | None = None, wants: frozenset[str] = frozenset(),
) -> Report:  # fmt: skip
    """Add up what the market did for the chosen ads; rows without impressions are left out, as the platform does.

    Hours from `end_hour` on, and purchases that arrived after the cutoff, are not known yet. `wants` may hold ENGAGED
    (never by the hour) and BY_WINDOW.
    """
    owners, size, nodes = _owners(account, level)
    people = _people(account, owners, size, level)
    more = _More(account, wants=wants - {ENGAGED} if hourly else wants, cutoff_s=cutoff_s)
    sum_up = _Sums(
        account, ads=ads, owners=owners, size=size, people=people, is_by_ad=level == "ad", cutoff_s=cutoff_s, more=more
    )
    parts: list[tuple[Ints, Ints, Ints, Ints, Ints]] = []
    for n, period in enumerate(periods):
        for hour, spans in _spans(account, period, hourly=hourly, end_hour=end_hour):
            rows, cells, figures = sum_up.whole(spans) if cut is None else sum_up.cut(spans, cut)
            parts.append((rows, np.full(len(rows), n), np.full(len(rows), hour), cells, figures))
    labels = cut.labels if cut is not None else ()
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Report(
            nodes=nodes, periods=(), owner=none, period=none, hour=none, cell=none, labels=labels,
            figures=np.zeros((len(FIGURES), 0), dtype=np.int64), more=dict.fromkeys(more.names, none), has_hours=hourly,
        )  # fmt: skip
    owner, period_at, hour_at, cell = (np.concatenate([part[k] for part in parts]) for k in range(4))
    figures = np.concatenate([part[4] for part in parts], axis=1)
    table = Report(
        nodes=nodes, periods=tuple(periods), owner=owner, period=period_at, hour=hour_at, cell=cell, labels=labels,
        figures=figures[: len(FIGURES)], has_hours=hourly,
        more=dict(zip(more.names, figures[len(FIGURES) :], strict=True)),
    )  # fmt: skip
    return table.only(np.lexsort((cell, hour_at, period_at, owner)))


class _More:
    """What is told beside the common figures: engagement by local day, and purchases by attribution window."""

    def __init__(self, account: Account, *, wants: frozenset[str], cutoff_s: float) -> None:
        self._account, self._wants, self._cutoff_s = account, wants, cutoff_s
        self.names = (*(ENGAGEMENT if ENGAGED in wants else ()), *(WINDOWS if BY_WINDOW in wants else ()))
        ads = account.nodes[Kind.AD]
        self._shares = np.zeros((0, len(ads)))
        if ENGAGED in wants:
            has_video = np.fromiter((_has_video(ad) for ad in ads), dtype=np.bool_, count=len(ads))
            self._shares = engagement_shares(account.market.keys_of_ads(), has_video)

    def of_span(self, span: Span, figures: Ints) -> Ints:
        """Return the (names, ads) figures of hours of one local day, from their (6, ads) common ones."""
        market, calendar = self._account.market, self._account.calendar
        found = [np.zeros((0, market.ads), dtype=np.int64)]
        if ENGAGED in self._wants:
            day = calendar.cell(span[0]).day
            found.append(engagement_of_day(figures, market.keys_of_ads(), day, self._shares))
        if BY_WINDOW in self._wants:
            found.append(
                market.purchases.by_window(
                    span[0], span[1], cutoff_s=self._cutoff_s, keys=market.keys_of_ads(),
                    grid_offset_s=calendar.start_of(0),
                )
            )  # fmt: skip
        return np.concatenate(found)


def _has_video(ad: Node) -> bool:
    extra = ad.creative.extra if ad.creative is not None else {}
    return bool(extra.get("video_id")) or extra.get("object_type") == "VIDEO"


class _Sums:
    """Adds up the chosen ads over spans of hours, by the objects that own the rows."""

    def __init__(
        self, account: Account, *, ads: NDArray[np.bool_], owners: Ints, size: int, people: NDArray[np.float64],
        is_by_ad: bool, cutoff_s: float, more: _More,
    ) -> None:  # fmt: skip
        self._account, self._ads, self._owners, self._size, self._more = account, ads, owners, size, more
        self._people, self._is_by_ad, self._cutoff_s = people, is_by_ad, cutoff_s

    def whole(self, spans: list[Span]) -> tuple[Ints, Ints, Ints]:
        """Return the owners with impressions, -1 for each, and their (FIGURES, n) figures."""
        figures = self._sum_with_more(spans)
        figures[:, ~self._ads] = 0
        grouped = figures if self._is_by_ad else _group(figures, self._owners, self._size)
        rows = np.nonzero(grouped[IMPRESSIONS] > 0)[0]
        kept = grouped[:, rows]
        reach = _reach(kept[IMPRESSIONS], self._people[rows])
        return rows, np.full(len(rows), -1), np.vstack([kept[:_COMMON], reach, kept[_COMMON:]])

    def _sum_with_more(self, spans: list[Span]) -> Ints:
        if not self._more.names:
            return _sum(self._account, spans, self._cutoff_s)
        total = np.zeros((_COMMON + len(self._more.names), self._account.market.ads), dtype=np.int64)
        for span in spans:
            figures = _sum(self._account, [span], self._cutoff_s)
            total[:_COMMON] += figures
            total[_COMMON:] += self._more.of_span(span, figures)
        return total

    def cut(self, spans: list[Span], cut: Cut) -> tuple[Ints, Ints, Ints]:
        """Return owners, cells and figures along a breakdown; each day is split by itself, so that days sum up too."""
        market, cells = self._account.market, len(cut.labels)
        rows = _COMMON + len(self._more.names)
        total = np.zeros((rows, self._size * cells), dtype=np.int64)
        for span in spans:
            figures = _sum(self._account, [span], self._cutoff_s)
            figures[:, ~self._ads] = 0
            seen = np.nonzero(figures.any(axis=0))[0]
            if not len(seen):
                continue
            day = self._account.calendar.cell(span[0]).day
            more = Part(names=self._more.names, figures=self._more.of_span(span, figures)[:, seen])
            parts = cut.parts(figures[:, seen], market.keys_of_ads()[seen], market.ad_sets_of_ads()[seen], day, more)
            place = (self._owners[seen][:, None] * cells + np.arange(cells)).ravel()
            total += _group(parts.reshape(rows, -1), place, self._size * cells)
        return self._cut_rows(total.reshape(rows, self._size, cells))

    def _cut_rows(self, total: Ints) -> tuple[Ints, Ints, Ints]:
        shown = total[IMPRESSIONS].sum(axis=1)
        owners = np.nonzero(shown > 0)[0]
        kept = total[:, owners]
        reach = split_people(_reach(shown[owners], self._people[owners]), kept[IMPRESSIONS])
        figures = np.concatenate([kept[:_COMMON], reach[None], kept[_COMMON:]])
        row, cell = np.nonzero(kept.any(axis=0))
        return owners[row], cell, figures[:, row, cell]


def _owners(account: Account, level: str) -> tuple[Ints, int, Sequence[Node]]:
    ads = account.nodes[Kind.AD]
    if level == "account":
        return np.zeros(len(ads), dtype=np.int64), 1, ()
    nodes = account.nodes[LEVEL_KINDS[level]]
    if level == "ad":
        return np.arange(len(ads)), len(ads), nodes
    of_set = account.market.ad_sets_of_ads()
    if level == "adset":
        return of_set, len(nodes), nodes
    campaign_of_set = np.array([s.parent.order if s.parent else 0 for s in account.nodes[Kind.AD_SET]], dtype=np.int64)
    return campaign_of_set[of_set] if len(of_set) else of_set, len(nodes), nodes


def _people(account: Account, owners: Ints, size: int, level: str) -> NDArray[np.float64]:
    """Return the audience behind each row's object; ad sets above one another are taken as different people."""
    sizes, of_set = account.market.audience_sizes(), account.market.ad_sets_of_ads()
    if level == "ad":
        return sizes[of_set]
    owner_of_set = np.zeros(len(sizes), dtype=np.int64)
    owner_of_set[of_set] = owners
    return np.maximum(np.bincount(owner_of_set, weights=sizes, minlength=size)[:size], 1)


def _reach(impressions: Ints, people: NDArray[np.float64]) -> Ints:
    """Return how many different people impressions spread at random over an audience meet."""
    met = -people * np.expm1(-impressions / people)
    return np.clip(np.floor(met + 0.5).astype(np.int64), 1, impressions)


def _spans(account: Account, period: Period, *, hourly: bool, end_hour: int) -> list[tuple[int, list[Span]]]:
    """Return (hour of day or -1, [(first hour, end hour, is a whole closed day)]) for the rows of a period."""
    market, calendar = account.market, account.calendar
    first_day = max(period.first.toordinal(), calendar.day_at(calendar.start_of(market.grid.first_hour)))
    last_day = min(period.last.toordinal(), calendar.day_at(calendar.start_of(end_hour)))
    days = [calendar.hours_of_day(day) for day in range(first_day, last_day + 1)]
    if not hourly:
        return [(-1, [(a, min(b, end_hour), b <= end_hour) for a, b in days if a < end_hour])]
    by_hour: dict[int, list[Span]] = {}
    for first, end in days:
        for hour in range(first, min(end, end_hour)):
            by_hour.setdefault(calendar.cell(hour).of_day, []).append((hour, hour + 1, False))
    return sorted(by_hour.items())


def _sum(account: Account, spans: list[Span], cutoff_s: float) -> Ints:
    market = account.market
    total = np.zeros((METRICS + 2, market.ads), dtype=np.int64)
    for first, end, is_closed in spans:
        total[:METRICS] += market.grid.sums(first, end, ads=market.ads, keep=is_closed)
    if spans and spans[-1][1] - spans[0][0] == sum(end - first for first, end, _ in spans):
        spans = [(spans[0][0], spans[-1][1], False)]
    for first, end, _ in spans:
        total[METRICS:] += market.purchases.arrived(first, end, cutoff_s=cutoff_s, ads=market.ads)
    return total


def _group(figures: Ints, owners: Ints, size: int) -> Ints:
    rows = [np.bincount(owners, weights=row, minlength=size).astype(np.int64) for row in figures]  # exact below 2^53
    return np.stack(rows)
