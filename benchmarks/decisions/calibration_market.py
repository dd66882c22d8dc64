"""Accounts on the market kernel whose true ROAS is known: what reports say of them now, and what was to come.

Many accounts share one kernel (they do not touch one another), so that its hours are computed once for all. Each has
4 campaigns of 5 ad sets of 3 ads; sizes, prices, orders and ages are drawn; some ads start late, are paused or tire.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final

import numpy as np

from domain.actions import ObjectKind
from domain.panel import Panel
from domain.snapshot import Floats, Ints
from sandbox.market.grid import CLICKS, IMPRESSIONS, SPEND
from sandbox.market.kernel import Market
from sandbox.market.response import CONCAVITY
from sandbox.market.rhythm import HOUR_S, Calendar
from sandbox.market.truth import Change, ChangeKind, deal_appeal, deal_audience

CAMPAIGNS: Final = 4
SETS: Final = 5
ADS: Final = 3
_WARM_DAYS, HISTORY_DAYS, AHEAD_DAYS = 14, 28, 7
_READ_AT_HOUR: Final = 4
_START: Final = datetime(2026, 3, 2, tzinfo=UTC)
_AGES: Final = 28
_DAYS: Final = _WARM_DAYS + HISTORY_DAYS
_CHANGED: Final = 0.4  # of the ad sets, once in that time
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One account at its reading: panels, cohorts for the maturity curve, and the truth by kind (rows as the panels').

    `true_roas` is what a unit of money brings under the conditions of the reading; `coming_*` what the next 7 days
    really brought, once all had arrived. 0 where an object is switched off.
    """

    account_id: str
    panels: dict[ObjectKind, Panel]
    arrived: Ints
    reached: Ints
    true_roas: dict[ObjectKind, Floats]
    coming_spend: dict[ObjectKind, Floats]
    coming_revenue: dict[ObjectKind, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    market: Market
    ad_set_of_ad: Ints
    budget: Floats
    read_day: int


def observe(*, accounts: int, seed: int) -> tuple[Seen, ...]:
    """Run the market and look at every account at 04:00 of the day of the reading."""
    built = _build(accounts, seed)
    calendar = built.market.calendar
    read_s = calendar.start_of(calendar.hours_of_day(built.read_day)[0]) + _READ_AT_HOUR * HOUR_S
    built.market.advance_to(read_s)
    truth = _truth(built)
    built.market.advance_to(calendar.start_of(calendar.hours_of_day(built.read_day + AHEAD_DAYS)[0]))
    history = range(built.read_day - HISTORY_DAYS, built.read_day)
    figures = np.stack([_day(built.market, day, cutoff_s=_cutoff(calendar, day, built.read_day)) for day in history])
    week = range(built.read_day, built.read_day + AHEAD_DAYS)
    coming = np.stack([_day(built.market, day, cutoff_s=np.inf) for day in week]).sum(axis=0)
    cohorts = _cohorts(built)
    width = CAMPAIGNS * SETS * ADS
    return tuple(
        _seen(number, figures[..., number * width :][..., :width], coming[:, number * width :][:, :width],
              truth=truth[:, number * width :][:, :width], cohorts=cohorts[..., number * width :][..., :width],
              read_day=built.read_day)
        for number in range(accounts)
    )  # fmt: skip


def _build(accounts: int, seed: int) -> _Built:
    dice = np.random.default_rng(seed)
    calendar = Calendar("UTC", around_s=int(_START.timestamp()))
    first = calendar.hour_at(_START.timestamp())
    market = Market(seed=seed, calendar=calendar, first_hour=first)
    draft = _Draft(market=market, dice=dice, seed=seed, begins_s=float(calendar.start_of(first)))
    for _ in range(accounts):
        draft.add_account()
    for change in sorted(draft.changes, key=lambda change: change.at_s):
        market.change(change)
    return _Built(
        market=market, ad_set_of_ad=np.array(draft.ad_set_of_ad), budget=np.array(draft.budgets, dtype=np.float64),
        read_day=calendar.day_at(_START.timestamp()) + _DAYS,
    )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A market as it is being drawn."""

    market: Market
    dice: np.random.Generator
    seed: int
    begins_s: float
    ad_set_of_ad: list[int] = field(default_factory=list)
    budgets: list[int] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    _since_s: float = 0.0  # of the ad set added last

    def add_account(self) -> None:
        """Add an account of its own size, prices, orders and pull."""
        order_minor, scale = int(self._about(8_000, 0.6)), self._about(4_000, 0.9)
        cpm, pull = self._about(1_200, 0.3), self._about(1, 0.3)
        for _ in range(CAMPAIGNS):
            cap, taste = self.market.caps.add(), pull * self._about(1, 0.2)
            for _ in range(SETS):
                self._add_ad_set(cap, cpm=cpm, taste=taste, minor=max(500, int(self._about(scale, 0.6))))
                for _ in range(ADS):
                    self._add_ad(order_minor)

    def _add_ad_set(self, cap: int, *, cpm: float, taste: float, minor: int) -> None:
        number = len(self.budgets)
        self._since_s = self.begins_s + _later(self.dice, _DAYS, share=0.2) * _DAY_S
        audience = deal_audience(self.seed, 10_000 + number, cpm_minor=cpm)
        audience = replace(audience, cvr_factor=audience.cvr_factor * taste)
        fund = self.market.add_budget(minor, object_id=500_000 + number)
        self.market.add_ad_set(
            object_id=number + 1, campaign=cap, audience=audience, budget=fund, since_s=self._since_s
        )  # fmt: skip
        if self.dice.random() < _CHANGED:
            minor = int(minor * self.dice.choice([0.8, 1.2]))
            at_s = self.begins_s + (self.dice.integers(3, _DAYS) + 0.5) * _DAY_S
            self.changes.append(Change(at_s=at_s, kind=ChangeKind.BUDGET, index=fund, value=minor))
        self.budgets.append(minor)

    def _add_ad(self, order_minor: int) -> None:
        number, ad_set = len(self.ad_set_of_ad), len(self.budgets) - 1
        appeal = deal_appeal(self.seed, 900_000 + number, order_value_minor=order_minor)
        ad = self.market.add_ad(object_id=2_000_000 + number, ad_set=ad_set, appeal=appeal)
        at_s = self._since_s + _later(self.dice, _DAYS - 3, share=0.25) * _DAY_S
        self.changes.append(Change(at_s=at_s, kind=ChangeKind.LIVE, index=ad, value=1))
        self.ad_set_of_ad.append(ad_set)

    def _about(self, middle: float, spread: float) -> float:
        return float(middle * np.exp(self.dice.normal(0, spread)))


def _later(dice: np.random.Generator, days: int, *, share: float) -> float:
    """Most start at once, some on a day in the midst."""
    return float(dice.integers(5, days - 2)) if dice.random() < share else 0.0


def _truth(built: _Built) -> Floats:
    """Return (2, ads): what an ad is to be given of a day's money, and the revenue each minor unit of it brings."""
    market, calendar = built.market, built.market.calendar
    told = [market.truth(ad) for ad in range(market.ads)]
    names = ("ctr_now", "cvr", "order_value_minor", "cpm_minor", "saturation_daily_minor", "learning_efficiency")
    ctr, cvr, value, cpm, saturation, skill = (np.array([row[name] for row in told]) for name in names)
    budget = built.budget[built.ad_set_of_ad]
    total = np.bincount(built.ad_set_of_ad, weights=ctr)[built.ad_set_of_ad]
    pressure = np.exp(CONCAVITY * np.log1p(budget / saturation))
    hours = [
        calendar.cell(hour)
        for hour in range(calendar.hours_of_day(built.read_day)[0], calendar.hours_of_day(built.read_day + 7)[0])
    ]
    rhythm = sum(hour.share * hour.ctr * hour.cvr / hour.cpm for hour in hours) / sum(hour.share for hour in hours)
    return np.stack([budget * ctr / total, 1_000 * value * ctr * cvr * skill * rhythm / (cpm * pressure)])


def _cutoff(calendar: Calendar, day: int, read_day: int) -> float:
    """Yesterday was read at the reading, what is older as the day began."""
    begun_s = calendar.start_of(calendar.hours_of_day(read_day)[0])
    return float(begun_s + (_READ_AT_HOUR * HOUR_S if day == read_day - 1 else 900))


def _day(market: Market, day: int, *, cutoff_s: float) -> Ints:
    """Return (5, ads): impressions, clicks, spend, purchases, revenue."""
    hours = market.calendar.hours_of_day(day)
    sums = market.grid.sums(*hours, ads=market.ads)
    bought = market.purchases.arrived(*hours, cutoff_s=cutoff_s, ads=market.ads)
    return np.concatenate([sums[[IMPRESSIONS, CLICKS, SPEND]], bought])


def _cohorts(built: _Built) -> Ints:
    """Return (days, ages + 1, ads): what each age's reading added, as the collector would have kept it."""
    market, calendar, read_day = built.market, built.market.calendar, built.read_day
    found = np.zeros((HISTORY_DAYS, _AGES + 1, market.ads), np.int64)
    for row in range(HISTORY_DAYS):
        day = read_day - HISTORY_DAYS + row
        hours, before = calendar.hours_of_day(day), np.zeros(market.ads, np.int64)
        for age in range(1, min(_AGES, read_day - day) + 1):
            ends_at = calendar.start_of(calendar.hours_of_day(day + max(age, 2))[0]) + 900
            now = market.purchases.arrived(*hours, cutoff_s=ends_at, ads=market.ads)[0]
            found[row, age], before = now - before, now
    return found


def _seen(number: int, figures: Ints, coming: Ints, *, truth: Floats, cohorts: Ints, read_day: int) -> Seen:
    days, width = len(figures), figures.shape[-1]
    ads = _panel(ObjectKind.AD, figures, np.arange(width) // ADS, read_day)
    panels, truths, spends, revenues = {ObjectKind.AD: ads}, {}, {}, {}
    sizes = (
        (ObjectKind.AD, 1),
        (ObjectKind.AD_SET, ADS),
        (ObjectKind.CAMPAIGN, ADS * SETS),
        (ObjectKind.ACCOUNT, width),
    )
    for kind, size in sizes:
        if kind in (ObjectKind.AD_SET, ObjectKind.CAMPAIGN):
            summed = figures.reshape(days, 5, width // size, size).sum(axis=-1)
            parent = np.arange(width // size) // (SETS if kind is ObjectKind.AD_SET else width)
            parent = parent if kind is ObjectKind.AD_SET else np.full(width // size, -1)
            panels[kind] = _panel(kind, summed, parent, read_day)
        money, brings = truth[0].reshape(-1, size), truth[1].reshape(-1, size)
        truths[kind] = (money * brings).sum(axis=1) / money.sum(axis=1)
        spends[kind] = coming[2].reshape(-1, size).sum(axis=1).astype(np.float64)
        revenues[kind] = coming[4].reshape(-1, size).sum(axis=1).astype(np.float64)
    ages = np.arange(HISTORY_DAYS, 0, -1)
    reached = np.where(ages > 1, ages, 0)  # yesterday's own is still filling
    return Seen(
        account_id=f"act_{number}", panels=panels, arrived=cohorts.sum(axis=-1), reached=reached, true_roas=truths,
        coming_spend=spends, coming_revenue=revenues,
    )  # fmt: skip


def _panel(kind: ObjectKind, figures: Ints, parent: Ints, read_day: int) -> Panel:
    impressions, clicks, spend, purchases, revenue = (np.ascontiguousarray(figures[:, n].T) for n in range(5))
    return Panel(
        kind=kind, currency="USD", first_day=date.fromordinal(read_day - len(figures)),
        object_id=np.array([f"{kind}{n:04d}" for n in range(len(parent))], dtype=object), parent=parent.astype("i8"),
        age_days=np.arange(len(figures), 0, -1), impressions=impressions, clicks=clicks, spend_minor=spend,
        purchases=purchases, revenue_minor=revenue, day_share=_READ_AT_HOUR / 24,
    )  # fmt: skip
