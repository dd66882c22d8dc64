"""What an account calls good: a ROAS by the policy's thresholds or by its own goal, or its goal cost per purchase.

`Measure.value` is larger where things go better, so that rules compare one way: a ROAS, or the goal CPA divided by the
cost per purchase.
"""

from dataclasses import dataclass

from decisions.budget_changes import Frame
from decisions.policy import AccountLimits, ClassicPolicy
from decisions.wording import amounts
from domain.actions import Json
from domain.snapshot import Floats, Snapshot
from estimators.rates import rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How each row of a frame does over the window (NaN where nothing was spent), and what that is compared with."""

    value: Floats
    high: float  # above it budgets rise
    low: float  # below it they fall; below half of it, a pause
    spike_min: float  # a positive spike needs more
    goal: float | None  # as set: a ROAS, or minor units
    is_cpa: bool

    def of(self, snapshot: Snapshot, frame: Frame, row: int) -> str:
        """Such as "ROAS 3.42", "cost per purchase 12.40 EUR", "no purchase"."""
        if not self.is_cpa:
            return f"ROAS {self.value.item(row):.2f}"
        purchases, spend = frame.purchases_window.item(row), frame.spend_window.item(row)
        return f"cost per purchase {_money(snapshot, spend / purchases)}" if purchases else "no purchase"

    def above(self, snapshot: Snapshot, bound: float) -> str:
        """Such as "above 3.00", "under 13.53 EUR"."""
        return f"under {self._cost(snapshot, bound)}" if self.is_cpa else f"above {bound:.2f}"

    def below(self, snapshot: Snapshot, bound: float) -> str:
        """Such as "below 1.50", "over 26.87 EUR"."""
        return f"over {self._cost(snapshot, bound)}" if self.is_cpa else f"below {bound:.2f}"

    def below_half(self, snapshot: Snapshot) -> str:
        """Such as "below 0.75, half of 1.50"."""
        of_what = f"twice {self._cost(snapshot, self.low)}" if self.is_cpa else f"half of {self.low:.2f}"
        return f"{self.below(snapshot, self.low / 2)}, {of_what}"

    def wish(self, snapshot: Snapshot) -> str:
        """The goal in brackets, or nothing where the policy's own thresholds hold."""
        if self.goal is None:
            return ""
        return f" (goal {_money(snapshot, self.goal) if self.is_cpa else f'{self.goal:.2f}'})"

    def evidence(self) -> dict[str, Json]:
        """The thresholds that were compared with."""
        if self.goal is None:
            return {"roas_high": self.high, "roas_low": self.low}
        if not self.is_cpa:
            return {"roas_high": self.high, "roas_low": self.low, "goal_roas": self.goal}
        return {
            "goal_cpa_minor": self.goal,
            "cpa_raise_under_minor": round(self.goal / self.high, 2),
            "cpa_cut_over_minor": round(self.goal / self.low, 2),
        }

    def _cost(self, snapshot: Snapshot, bound: float) -> str:
        return _money(snapshot, (self.goal or 0) / bound)


def measure(frame: Frame, policy: ClassicPolicy, limits: AccountLimits) -> Measure:
    """Take the account's goal, or the policy's thresholds where it set none.

    | goal | budgets rise | budgets fall | pause |
    |---|---|---|---|
    | none | ROAS > `roas_high` | ROAS < `roas_low` | ROAS < half of `roas_low` |
    | ROAS g | ROAS > g x `goal_high_factor` | ROAS < g x `goal_low_factor` | ROAS < half of that |
    | CPA g | cost < g / `goal_high_factor` | cost > g / `goal_low_factor` | cost > twice that |
    """
    roas = rate(frame.revenue_window, frame.spend_window)
    if limits.goal_cpa_minor is not None:
        per_cost = limits.goal_cpa_minor * rate(frame.purchases_window, frame.spend_window)
        return Measure(
            value=per_cost,
            high=policy.goal_high_factor,
            low=policy.goal_low_factor,
            spike_min=1.0,
            goal=limits.goal_cpa_minor,
            is_cpa=True,
        )
    goal = limits.goal_roas
    if goal is None:
        high, low, spike_min = policy.roas_high, policy.roas_low, policy.spike_min_roas
    else:
        high, low, spike_min = goal * policy.goal_high_factor, goal * policy.goal_low_factor, goal
    return Measure(value=roas, high=high, low=low, spike_min=spike_min, goal=goal, is_cpa=False)


def _money(snapshot: Snapshot, minor: float) -> str:
    return f"{amounts(snapshot.currency)(round(minor))} {snapshot.currency}"
