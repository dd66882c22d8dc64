"""Runs policies side by side on the same dice, and says how far they differ: paired, with standard errors."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import fmean, stdev

from scipy import special

from decisions.policy import AccountLimits
from sandbox.market.local import LocalMarket
from sandbox.scenario import Scenario
from twin.brains import Setting, brain
from twin.door import Caps
from twin.loop import Founded, Outcome, run
from twin.readings import Readings

START = datetime(2026, 3, 2, tzinfo=UTC)  # where a scenario names no start: a Monday without a change of the clock near
MARGIN = 0.5  # where an account has none of its own: break-even is at a ROAS of 2
_CAP = 1.5  # of the daily budgets at the start, where an account has no cap of its own
_P95 = 0.975


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One market at one instant, with what its advertiser has set; `name` says which scenario, seed and account."""

    name: str
    founded: Founded
    setting: Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """By how much one policy's profit is over another's: per case, mean and standard error (None of a single case)."""

    policy: str
    over: str
    mean_minor: float
    se_minor: float | None
    better: int  # cases in which it is
    cases: int

    @property
    def _width(self) -> float:
        """Student's, since cases are few."""
        return float(special.stdtrit(max(1, self.cases - 1), _P95))

    @property
    def low_minor(self) -> float | None:
        """The lower end of the 95 % interval."""
        return None if self.se_minor is None else self.mean_minor - self._width * self.se_minor

    @property
    def high_minor(self) -> float | None:
        """The upper end of the 95 % interval."""
        return None if self.se_minor is None else self.mean_minor + self._width * self.se_minor


def found(
    scenario: Scenario, *, seed: int | None = None, account: int = 0, margin: float | None = None
) -> Case:  # fmt: skip
    """Found a scenario's market with other dice, and look at one of its accounts; the others are left out."""
    chosen = (scenario.accounts[account],)
    seed = scenario.seed if seed is None else seed
    world = scenario.model_copy(update={"seed": seed, "accounts": chosen})
    market = LocalMarket(world, start=scenario.start or START)
    market.advance(timedelta(hours=1))
    (account_id,) = market.accounts
    name = f"{scenario.name}, seed {seed}" if len(scenario.accounts) == 1 else f"{chosen[0].name}, seed {seed}"
    return case_of(Founded(market=market, account_id=account_id), name=name, margin=margin)


def case_of(founded: Founded, *, name: str, margin: float | None, wishes: AccountLimits | None = None) -> Case:
    """Give a market its advertiser: goals and caps of their own, or the twin's."""
    readings = Readings(founded.market, founded.account_id)
    floor = readings.account.spec.min_daily_budget_minor
    wishes = wishes or AccountLimits(minimum_daily_budget_minor=floor, margin=MARGIN if margin is None else margin)
    caps = Caps(account_minor=max(floor, int(_CAP * readings.tree.running_minor())))
    return Case(name=name, founded=founded, setting=Setting(wishes=wishes, caps=caps))


def run_case(
    case: Case, policies: Sequence[str], *, days: int, told: Callable[[str, float], None] | None = None
) -> dict[str, Outcome]:
    """Run every policy on a case; `told` hears the policy and the share of it that is done."""
    found: dict[str, Outcome] = {}
    for name in policies:
        hear = None if told is None else _bound(told, name)
        found[name] = run(case.founded, brain(name, case.setting), case.setting, days=days, told=hear)
    return found


def gains(runs: Sequence[dict[str, Outcome]], *, over: str) -> Iterator[Gain]:
    """Compare every other policy with one, case by case."""
    for name in runs[0] if runs else ():
        if name != over:
            yield _gain(name, over, [row[name].profit_minor - row[over].profit_minor for row in runs])


def share_of(runs: Sequence[dict[str, Outcome]], policy: str, *, of: str) -> tuple[float, float | None]:
    """What is missing to another policy's profit, as a share of it: regret against an oracle, mean and se."""
    found = [
        (row[of].profit_minor - row[policy].profit_minor) / abs(row[of].profit_minor)
        for row in runs
        if row[of].profit_minor
    ]
    return (fmean(found) if found else 0.0), _se(found)


def _gain(name: str, over: str, differences: Sequence[int]) -> Gain:
    return Gain(
        policy=name, over=over, mean_minor=fmean(differences), se_minor=_se(differences),
        better=sum(value > 0 for value in differences), cases=len(differences),
    )  # fmt: skip


def _se(values: Sequence[float]) -> float | None:
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def _bound(told: Callable[[str, float], None], name: str) -> Callable[[float], None]:
    return lambda share: told(name, share)
