"""What every ad did in a day or a period, as reports know it at an instant: columns, without any text form."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.account import Account
from sandbox.nodes import Kind, Node

Ints = NDArray[np.int64]
_GRID: Final = ("impressions", "clicks", "link_clicks", "spend")
_LATER: Final = ("purchases", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Rows ordered by ad and day; `ad` is the market's index, `day` an ordinal (a period's first), money minor."""

    ad: Ints
    day: Ints
    columns: Mapping[str, Ints]

    def sums(self) -> dict[str, int]:
        """Return each figure's sum over all rows, reach left out."""
        return {name: int(self.columns[name].sum()) for name in (*_GRID, *_LATER)}


def read_figures(account: Account, *, first: date, last: date, cutoff_s: float, daily: bool) -> Figures:
    """Add up the market's hours; rows without any figure are left out. Days outside the market's hold nothing."""
    market, calendar = account.market, account.calendar
    size, people = market.ads, market.audience_sizes()[market.ad_sets_of_ads()]
    days = range(first.toordinal(), last.toordinal() + 1)
    spans = [(day, day) for day in days] if daily else [(days[0], days[-1])]
    rows = []
    for start, end in spans:
        begin = max(calendar.hours_of_day(start)[0], market.grid.first_hour)
        stop = min(calendar.hours_of_day(end)[1], market.next_hour)
        if stop <= begin:
            continue
        figures = np.vstack([
            market.grid.sums(begin, stop, ads=size),
            market.purchases.arrived(begin, stop, cutoff_s=cutoff_s, ads=size),
        ])  # fmt: skip
        told = np.nonzero(figures.any(axis=0))[0]
        met = -people[told] * np.expm1(-figures[0, told] / people[told])  # impressions at random over the audience
        reach = np.minimum(np.ceil(met).astype(np.int64), figures[0, told])
        rows.append(np.vstack([told, np.full(len(told), start), figures[:, told], reach]))
    table = np.concatenate(rows, axis=1) if rows else np.zeros((2 + len(_GRID) + len(_LATER) + 1, 0), dtype=np.int64)
    table = table[:, np.lexsort((table[1], table[0]))]
    columns = dict(zip((*_GRID, *_LATER, "reach"), table[2:], strict=True))
    return Figures(ad=table[0], day=table[1], columns=columns)


def objects_of(account: Account, ad_index: int) -> tuple[Node, Node, Node]:
    """Return the ad of a market index, its ad set and its campaign."""
    ad = account.nodes[Kind.AD][ad_index]
    if ad.market_index != ad_index or ad.parent is None or ad.parent.parent is None:
        raise AssertionError(f"ad {ad.id} does not stand where the market has it")
    return ad, ad.parent, ad.parent.parent
