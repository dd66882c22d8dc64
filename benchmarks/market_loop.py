"""The market's hour for one ad after the other, with the standard library: the peer of `benchmarks/market.py`.

The same laws as `sandbox/market/kernel.py` (pacing, pressure, fatigue, Poisson counts, purchases with a delay and a
value), on the same ads; chance comes from `random`, so that figures agree in size, not to the unit. Left out, which
favours the loop: week caps, learning, incidents and shared audiences.
"""

import math
import random
from bisect import bisect
from dataclasses import dataclass

from sandbox.account import Account
from sandbox.market.rhythm import Calendar, Hour
from sandbox.nodes import Kind

_SHARES = (0.0, 0.15, 0.55, 0.75, 0.95, 1.0)
_HOURS = (0.0, 1.0, 24.0, 72.0, 168.0, 672.0)


@dataclass(slots=True, kw_only=True)
class _Ad:
    ctr: float
    cvr: float
    value: float
    fatigue: float
    exposures: float = 0.0


@dataclass(slots=True, kw_only=True)
class _AdSet:
    ads: list[_Ad]
    budget: float
    size: float
    cpm: float
    saturation: float
    spent: float = 0.0
    demand: float = 1.0


class Loop:
    """The ads of an account as plain objects; every ad set has its own budget."""

    def __init__(self, account: Account) -> None:
        self._calendar: Calendar = account.calendar
        self._first = account.market.grid.first_hour
        self._dice = random.Random(1)
        self._purchases: list[tuple[float, float]] = []
        self._ad_sets = [self._ad_set(account, node.market_index) for node in account.nodes[Kind.AD_SET]]

    def run(self, days: int) -> int:
        """Compute the days and return the impressions."""
        shown = 0
        for hour in range(self._first, self._first + days * 24):
            cell = self._calendar.cell(hour)
            for ad_set in self._ad_sets:
                shown += self._step(ad_set, cell)
        return shown

    def _ad_set(self, account: Account, index: int) -> _AdSet:
        node = account.nodes[Kind.AD_SET][index]
        truths = [account.market.truth(ad.market_index) for ad in node.children]
        ads = [
            _Ad(ctr=row["ctr"], cvr=row["cvr"], value=row["order_value_minor"], fatigue=row["fatigue"])
            for row in truths
        ]
        return _AdSet(
            ads=ads,
            budget=float(node.daily_budget or 0),
            size=truths[0]["audience_size"],
            cpm=truths[0]["cpm_minor"],
            saturation=truths[0]["saturation_daily_minor"],
        )

    def _step(self, ad_set: _AdSet, hour: Hour) -> int:
        if hour.is_first:
            ad_set.spent, ad_set.demand = 0.0, math.exp(self._dice.gauss(0, 0.18) - 0.18**2 / 2)
        day = min(ad_set.demand, 1.75) * ad_set.budget
        money = min(max(day - ad_set.spent, 0.0) * hour.share / hour.rest, day * 1.5 * hour.share)
        tired = [math.exp(-0.43 * ad.fatigue * math.log1p(ad.exposures / ad_set.size)) for ad in ad_set.ads]
        pulls = [ad.ctr * factor for ad, factor in zip(ad_set.ads, tired, strict=True)]
        pressure = math.exp(0.35 * math.log1p(money / hour.share / ad_set.saturation))
        cpm = ad_set.cpm * pressure * hour.cpm * (1 + 0.06 * self._dice.gauss(0, 1))
        room = ad_set.size * 3 * hour.share / len(ad_set.ads)
        shown = 0
        for ad, factor, pull in zip(ad_set.ads, tired, pulls, strict=True):
            shown += self._deliver(ad_set, ad, hour, min(money * pull / sum(pulls) / cpm * 1_000, room), cpm, factor)
        return shown

    def _deliver(self, ad_set: _AdSet, ad: _Ad, hour: Hour, wanted: float, cpm: float, tired: float) -> int:  # noqa: PLR0917 - one ad's hour
        impressions = self._poisson(wanted)
        cost = impressions * cpm / 1_000 * (1 + 0.05 * self._dice.gauss(0, 1))
        ad_set.spent += math.floor(max(cost, 0.0) + self._dice.random())
        link = min(self._poisson(impressions * ad.ctr * tired * hour.ctr), impressions)
        self._poisson(link * 0.3)
        ad.exposures = ad.exposures * 0.5 ** (1 / (45 * 24)) + impressions
        for _ in range(min(self._poisson(link * ad.cvr * hour.cvr), link)):
            arrives = hour.start_s + self._dice.random() * 3_600 + self._delay_s()
            self._purchases.append((arrives, ad.value * math.exp(self._dice.gauss(0, 0.35))))
        return impressions

    def _delay_s(self) -> float:
        share = self._dice.random()
        at = bisect(_SHARES, share, hi=len(_SHARES) - 1)
        part = (share - _SHARES[at - 1]) / (_SHARES[at] - _SHARES[at - 1])
        return (_HOURS[at - 1] + part * (_HOURS[at] - _HOURS[at - 1])) * 3_600

    def _poisson(self, mean: float) -> int:
        if mean > 14:
            return max(0, math.floor(mean + math.sqrt(mean) * self._dice.gauss(0, 1) + 0.5))
        left, count = self._dice.random(), 0
        term = math.exp(-mean)
        while left > term and count < 80:
            left -= term
            count += 1
            term *= mean / count
        return count
