"""The table behind an insights call: which rows there are and their figures, as columns. No JSON here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.account import Account
from sandbox.market.grid import IMPRESSIONS, METRICS
from sandbox.market.split import split_people
from sandbox.meta.insights_breakdowns import Cut
from sandbox.meta.spans import Period
from sandbox.nodes import Kind, Node

Ints = NDArray[np.int64]
Span = tuple[int, int, bool]  # first hour, end hour, is a whole closed day
LEVEL_KINDS: Final = {"campaign": Kind.CAMPAIGN, "adset": Kind.AD_SET, "ad": Kind.AD}
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

    def __len__(self) -> int:
        return len(self.owner)


def build(
    account: Account, *, level: str, ads: NDArray[np.bool_], periods: Sequence[Period], hourly: bool, cutoff_s: float,
    end_hour: int, cut: Cut | None = None,
) -> Report:  # fmt: skip
    """Add up what the market did for the chosen ads; rows without impressions are left out, as the platform does.

    Hours from `end_hour` on, and purchases that arrived after the cutoff, are not known yet.
    """
    owners, size, nodes = _owners(account, level)
    people = _people(account, owners, size, level)
    sum_up = _Sums(account, ads=ads, owners=owners, size=size, people=people, is_by_ad=level == "ad", cutoff_s=cutoff_s)
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
            figures=np.zeros((len(FIGURES), 0), dtype=np.int64),
        )  # fmt: skip
    owner, period_at, hour_at, cell = (np.concatenate([part[k] for part in parts]) for k in range(4))
    figures = np.concatenate([part[4] for part in parts], axis=1)
    order = np.lexsort((cell, hour_at, period_at, owner))
    return Report(
        nodes=nodes, periods=tuple(periods), owner=owner[order], period=period_at[order], hour=hour_at[order],
        cell=cell[order], labels=labels, figures=figures[:, order],
    )  # fmt: skip


class _Sums:
    """Adds up the chosen ads over spans of hours, by the objects that own the rows."""

    def __init__(
        self, account: Account, *, ads: NDArray[np.bool_], owners: Ints, size: int, people: NDArray[np.float64],
        is_by_ad: bool, cutoff_s: float,
    ) -> None:  # fmt: skip
        self._account, self._ads, self._owners, self._size = account, ads, owners, size
        self._people, self._is_by_ad, self._cutoff_s = people, is_by_ad, cutoff_s

    def whole(self, spans: list[Span]) -> tuple[Ints, Ints, Ints]:
        """Return the owners with impressions, -1 for each, and their (FIGURES, n) figures."""
        figures = _sum(self._account, spans, self._cutoff_s)
        figures[:, ~self._ads] = 0
        grouped = figures if self._is_by_ad else _group(figures, self._owners, self._size)
        rows = np.nonzero(grouped[IMPRESSIONS] > 0)[0]
        kept = grouped[:, rows]
        reach = _reach(kept[IMPRESSIONS], self._people[rows])
        return rows, np.full(len(rows), -1), np.vstack([kept, reach])

    def cut(self, spans: list[Span], cut: Cut) -> tuple[Ints, Ints, Ints]:
        """Return owners, cells and figures along a breakdown; each day is split by itself, so that days sum up too."""
        market, cells = self._account.market, len(cut.labels)
        total = np.zeros((METRICS + 2, self._size * cells), dtype=np.int64)
        for span in spans:
            figures = _sum(self._account, [span], self._cutoff_s)
            figures[:, ~self._ads] = 0
            seen = np.nonzero(figures.any(axis=0))[0]
            if not len(seen):
                continue
            day = self._account.calendar.cell(span[0]).day
            parts = cut.parts(figures[:, seen], market.keys_of_ads()[seen], market.ad_sets_of_ads()[seen], day)
            place = (self._owners[seen][:, None] * cells + np.arange(cells)).ravel()
            total += _group(parts.reshape(METRICS + 2, -1), place, self._size * cells)
        return self._cut_rows(total.reshape(METRICS + 2, self._size, cells))

    def _cut_rows(self, total: Ints) -> tuple[Ints, Ints, Ints]:
        shown = total[IMPRESSIONS].sum(axis=1)
        owners = np.nonzero(shown > 0)[0]
        kept = total[:, owners]
        reach = split_people(_reach(shown[owners], self._people[owners]), kept[IMPRESSIONS])
        figures = np.concatenate([kept, reach[None]])
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
