"""Many independent ad accounts in one kernel of the market, a day at a time, with what only the market knows."""

import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from sandbox.market.kernel import Market
from sandbox.market.response import CONCAVITY, FATIGUE_EXPONENT
from sandbox.market.rhythm import Calendar
from sandbox.market.truth import Appeal, Audience, Change, ChangeKind, deal_appeal, deal_audience

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
AD_SETS, CAMPAIGNS = 20, 4  # of a market; an ad each
MARGIN: Final = 0.5
_START: Final = datetime(2026, 3, 2, tzinfo=UTC)
_CPM_MINOR: Final = 800.0
_FLOOR_MINOR: Final = 500
_LIVELY: Final = 1.5  # purchases per click against what the sandbox deals, so that a market's mean ROAS is about 2
_USUAL_ORDER_MINOR: Final = 5_000


@dataclass(slots=True)
class Bank:
    """`markets` accounts side by side; row i belongs to market i // 20. Copies go their own ways with the same luck."""

    markets: int
    order_value_minor: int
    kernel: Market
    day: int
    first_day: int
    budget: Ints
    truth: dict[str, Floats]

    @classmethod
    def open(cls, markets: int, *, order_value_minor: int, seed: int) -> Self:
        """Found the accounts: their truths differ by account, campaign and ad set."""
        calendar = Calendar("UTC", around_s=int(_START.timestamp()))
        first = calendar.hour_at(_START.timestamp())
        kernel = Market(seed=seed, calendar=calendar, first_hour=first)
        rng = np.random.default_rng([seed, 7])
        size = markets * AD_SETS
        market = np.exp(0.15 * rng.standard_normal(markets))
        campaign = np.exp(0.15 * rng.standard_normal(markets * CAMPAIGNS))
        skill = np.repeat(market, AD_SETS) * np.repeat(campaign, AD_SETS // CAMPAIGNS)
        budget = np.exp(rng.uniform(np.log(6_000), np.log(24_000), size)).astype(np.int64)
        rows = []
        thin = _LIVELY * _USUAL_ORDER_MINOR / order_value_minor  # dear things are bought less often
        for row in range(size):
            audience = deal_audience(seed, row, cpm_minor=_CPM_MINOR)
            dealt = deal_appeal(seed, row, order_value_minor=order_value_minor)
            cvr = dealt.cvr * thin * float(skill[row])
            appeal = Appeal(ctr=dealt.ctr, cvr=cvr, order_value_minor=order_value_minor, fatigue=dealt.fatigue)
            _found(kernel, row, int(budget[row]), audience, appeal, calendar.start_of(first))
            rows.append((audience, appeal))
        day = calendar.day_at(calendar.start_of(first))
        return cls(markets, order_value_minor, kernel, day, day, budget, _truth(rows))

    @property
    def group(self) -> Ints:
        """The market of each ad set."""
        return np.repeat(np.arange(self.markets), AD_SETS)

    @property
    def floor(self) -> int:
        """The least daily budget."""
        return _FLOOR_MINOR

    def copy(self) -> "Bank":
        """Return the same world, to be steered otherwise from here on."""
        return copy.deepcopy(self)

    def set(self, budget: Ints) -> None:
        """Change budgets now, at the start of a day; a change over the platform's step restarts learning."""
        at_s = float(self.kernel.calendar.start_of(self.kernel.next_hour))
        step = np.abs(budget / self.budget - 1)
        for row in np.flatnonzero(budget != self.budget).tolist():
            self.kernel.change(Change(at_s=at_s, kind=ChangeKind.BUDGET, index=row, value=int(budget[row])))
            if step[row] > self.kernel.rules.budget_step + 1e-9:
                self.kernel.change(Change(at_s=at_s, kind=ChangeKind.EDIT, index=row))
        self.budget = budget.copy()

    def pass_day(self) -> tuple[Floats, Floats]:
        """Live through the day; return what each ad set spent, and the revenue to be expected of its clicks."""
        first, end = self.kernel.calendar.hours_of_day(self.day)
        skill = self.kernel.learning.efficiency().copy()
        self.kernel.advance_to(self.kernel.calendar.start_of(end))
        skill = (skill + self.kernel.learning.efficiency()) / 2
        _, _, links, spend = self.kernel.grid.sums(first, end, ads=self.kernel.ads)
        self.day += 1
        worth = links * self.truth["cvr"] * self.truth["value"] * skill * self._rhythm(self.day - 1)[1]
        return spend.astype(np.float64), worth

    def history(self, days: int) -> dict[str, Ints]:
        """Return the last complete days as reports tell them now, each (n, days), oldest first."""
        first = max(self.first_day, self.day - days)
        calendar = self.kernel.calendar
        now_s = calendar.start_of(self.kernel.next_hour)
        names = ("impressions", "clicks", "links", "spend_minor", "purchases", "revenue_minor")
        found = np.zeros((len(names), self.kernel.ads, self.day - first), np.int64)
        for column, day in enumerate(range(first, self.day)):
            hours = calendar.hours_of_day(day)
            found[:4, :, column] = self.kernel.grid.sums(*hours, ads=self.kernel.ads)
            found[4:, :, column] = self.kernel.purchases.arrived(*hours, cutoff_s=now_s, ads=self.kernel.ads)
        return dict(zip(names, found, strict=True))

    def true_top(self) -> Floats:
        """Return the revenue that the first unit of money of today would bring each ad set: only the oracle may ask."""
        exposures = self.kernel._ad.floats("exposures")  # noqa: SLF001 - the market's secret, for the oracle alone
        tired = np.exp(-FATIGUE_EXPONENT * self.truth["fatigue"] * np.log1p(exposures / self.truth["size"]))
        per_mille = 1_000 * self.truth["ctr"] * self.truth["cvr"] * self.truth["value"] / self.truth["cpm"]
        return per_mille * tired * self.kernel.learning.efficiency() * self._rhythm(self.day)[0]

    def _rhythm(self, day: int) -> tuple[float, float]:
        """Revenue per spend, and purchases per click, of a day against the mean."""
        cells = [self.kernel.calendar.cell(hour) for hour in range(*self.kernel.calendar.hours_of_day(day))]
        clicks = sum(cell.share * cell.ctr / cell.cpm for cell in cells)
        bought = sum(cell.share * cell.ctr * cell.cvr / cell.cpm for cell in cells)
        return bought, bought / clicks


def true_revenue(bank: Bank, top: Floats, spend: Floats) -> Floats:
    """Return what the market's own law lets a day's spend bring."""
    return top * spend * (1 + spend / bank.truth["saturation"]) ** -CONCAVITY


def true_marginal(bank: Bank, top: Floats, spend: Floats) -> Floats:
    """Return the derivative of `true_revenue`."""
    ratio = spend / bank.truth["saturation"]
    return top * (1 + ratio) ** -CONCAVITY * (1 - CONCAVITY * ratio / (1 + ratio))


def _found(  # noqa: PLR0917 - what an ad set is made of
    kernel: Market, row: int, budget: int, audience: Audience, appeal: Appeal, since_s: float
) -> None:
    campaign = kernel.caps.add() if row % (AD_SETS // CAMPAIGNS) == 0 else row // (AD_SETS // CAMPAIGNS) + 1
    index = kernel.add_budget(budget, object_id=row)
    ad_set = kernel.add_ad_set(object_id=row, campaign=campaign, audience=audience, budget=index, since_s=since_s)
    ad = kernel.add_ad(object_id=row, ad_set=ad_set, appeal=appeal)
    kernel.change(Change(at_s=since_s, kind=ChangeKind.LIVE, index=ad, value=1))


def _truth(rows: list[tuple[Audience, Appeal]]) -> dict[str, Any]:
    return {
        "ctr": np.array([appeal.ctr * audience.ctr_factor for audience, appeal in rows]),
        "cvr": np.array([appeal.cvr * audience.cvr_factor for audience, appeal in rows]),
        "value": np.array([float(appeal.order_value_minor) for _, appeal in rows]),
        "fatigue": np.array([appeal.fatigue for _, appeal in rows]),
        "size": np.array([float(audience.size) for audience, _ in rows]),
        "cpm": np.array([audience.cpm_minor for audience, _ in rows]),
        "saturation": np.array([audience.saturation_daily_minor for audience, _ in rows]),
    }
