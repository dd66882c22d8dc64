"""The table behind an insights call: which rows there are and their figures, as columns. No JSON here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.account import Account
from sandbox.market.grid import IMPRESSIONS, METRICS
from sandbox.meta.spans import Period
from sandbox.nodes import Kind, Node

Ints = NDArray[np.int64]
LEVEL_KINDS: Final = {"campaign": Kind.CAMPAIGN, "adset": Kind.AD_SET, "ad": Kind.AD}
FIGURES: Final = ("impressions", "clicks", "inline_link_clicks", "spend", "purchases", "value", "reach")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Rows as parallel columns: `owner` indexes `nodes` (or is 0 for the account), `hour` is -1 for whole periods.

    `figures` has shape (len(FIGURES), rows), in minor units where it is money.
    """

    nodes: Sequence[Node]
    periods: tuple[Period, ...]
    owner: Ints
    period: Ints
    hour: Ints
    figures: Ints

    def __len__(self) -> int:
        return len(self.owner)


def build(
    account: Account, *, level: str, ads: NDArray[np.bool_], periods: Sequence[Period], hourly: bool, cutoff_s: float
) -> Report:
    """Add up what the market did for the chosen ads; rows without impressions are left out, as the platform does."""
    owners, size, nodes = _owners(account, level)
    people = _people(account, owners, size, level)
    parts: list[tuple[Ints, Ints, Ints, Ints]] = []
    for n, period in enumerate(periods):
        for hour, spans in _spans(account, period, hourly=hourly):
            figures = _sum(account, spans, cutoff_s)
            figures[:, ~ads] = 0
            grouped = figures if level == "ad" else _group(figures, owners, size)
            rows = np.nonzero(grouped[IMPRESSIONS] > 0)[0]
            kept = grouped[:, rows]
            reach = _reach(kept[IMPRESSIONS], people[rows])
            parts.append((rows, np.full(len(rows), n), np.full(len(rows), hour), np.vstack([kept, reach])))
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Report(
            nodes=nodes, periods=(), owner=none, period=none, hour=none,
            figures=np.zeros((len(FIGURES), 0), dtype=np.int64),
        )  # fmt: skip
    owner, period_at, hour_at = (np.concatenate([part[k] for part in parts]) for k in range(3))
    figures = np.concatenate([part[3] for part in parts], axis=1)
    order = np.lexsort((hour_at, period_at, owner))
    return Report(
        nodes=nodes, periods=tuple(periods), owner=owner[order], period=period_at[order], hour=hour_at[order],
        figures=figures[:, order],
    )  # fmt: skip


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


def _spans(account: Account, period: Period, *, hourly: bool) -> list[tuple[int, list[tuple[int, int, bool]]]]:
    """Return (hour of day or -1, [(first hour, end hour, is a whole closed day)]) for the rows of a period."""
    market, calendar = account.market, account.calendar
    first_day = max(period.first.toordinal(), calendar.day_at(calendar.start_of(market.grid.first_hour)))
    last_day = min(period.last.toordinal(), calendar.day_at(calendar.start_of(market.next_hour)))
    days = [calendar.hours_of_day(day) for day in range(first_day, last_day + 1)]
    if not hourly:
        return [(-1, [(a, min(b, market.next_hour), b <= market.next_hour) for a, b in days if a < market.next_hour])]
    by_hour: dict[int, list[tuple[int, int, bool]]] = {}
    for first, end in days:
        for hour in range(first, min(end, market.next_hour)):
            by_hour.setdefault(calendar.cell(hour).of_day, []).append((hour, hour + 1, False))
    return sorted(by_hour.items())


def _sum(account: Account, spans: list[tuple[int, int, bool]], cutoff_s: float) -> Ints:
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
