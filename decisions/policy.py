"""Policies as validated data, kept per account: every threshold that a decision compares with, and nothing else.

What REQUIREMENTS §4 does not fix but a rule needs so as not to act on nothing is a field marked "ours".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, TypeAlias

from decisions.thresholds import Bounds, Thresholds
from domain.actions import Json
from domain.errors import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """What the account itself imposes on a decision; not in the snapshot. Of the two goals at most one is set."""

    minimum_daily_budget_minor: int
    goal_roas: float | None = None
    goal_cpa_minor: int | None = None
    margin: float | None = None  # share of the revenue that stays after the cost of goods; None = not told
    month_budget_minor: int | None = None  # what may be spent in a calendar month of the account's zone

    def __post_init__(self) -> None:
        if self.goal_roas is not None and self.goal_cpa_minor is not None:
            raise BadInputError("an account has a goal ROAS or a goal CPA, not both")
        for name, goal in (("goal_roas", self.goal_roas), ("goal_cpa_minor", self.goal_cpa_minor)):
            if goal is not None and not goal > 0:
                raise BadInputError(f"{name} is {goal!r}; it must be above 0")
        if type(self.minimum_daily_budget_minor) is not int or self.minimum_daily_budget_minor < 0:
            raise BadInputError(
                f"minimum_daily_budget_minor is {self.minimum_daily_budget_minor!r}; it must be a whole number from 0"
            )

    @property
    def floor_minor(self) -> int:
        """The least daily budget that may be set: at least one minor unit, so that no target is ever 0."""
        return max(1, self.minimum_daily_budget_minor)


# Both ends belong to the range. Where REQUIREMENTS §4 gives one (the step) it is theirs; else it keeps nonsense out.
_CLASSIC: Mapping[str, Bounds] = MappingProxyType(
    {
        "window_days": Bounds(low=1, high=28, whole=True),
        "roas_high": Bounds(low=0.01, high=1000),
        "roas_low": Bounds(low=0.01, high=1000),
        "step": Bounds(low=0.20, high=0.40),
        "goal_high_factor": Bounds(low=1, high=10),
        "goal_low_factor": Bounds(low=0.05, high=1),
        "min_spend_floors": Bounds(low=0, high=1000),
        "ab_min_hours": Bounds(low=1, high=24 * 90),
        "ab_min_impressions": Bounds(low=1, high=100_000_000, whole=True),
        "spike_hours": Bounds(low=1, high=24, whole=True),
        "spike_ratio": Bounds(low=1.1, high=100),
        "spike_step_up": Bounds(low=0.01, high=0.40),
        "spike_step_down": Bounds(low=0.01, high=0.40),
        "spike_min_roas": Bounds(low=0, high=1000),
        "spike_min_usual_clicks": Bounds(low=1, high=1_000_000),
        "spike_usual_spend_share": Bounds(low=0.1, high=1),
        "spike_min_spend_floors": Bounds(low=0, high=1000),
        "fatigue_drop": Bounds(low=0.05, high=0.95),
        "fatigue_min_impressions": Bounds(low=1, high=100_000_000, whole=True),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicPolicy(Thresholds):
    """The decision table of REQUIREMENTS §4 as written: raw ratios against fixed thresholds."""

    NAME: ClassVar[str] = "classic"
    BOUNDS: ClassVar[Mapping[str, Bounds]] = _CLASSIC

    window_days: int = 7
    roas_high: float = 3.0
    roas_low: float = 1.5
    # Ours: with a goal ROAS, these times the goal stand in for roas_high and roas_low; a goal CPA is divided by them.
    goal_high_factor: float = 1.33
    goal_low_factor: float = 0.67
    step: float = 0.30  # of the present daily budget, up and down
    # Ours: a ROAS counts from a spend of this many account minimum daily budgets in the window, so that one cheap sale,
    # or the first cents without one, do not move a budget. In minimum budgets, since a minor unit is no fixed amount.
    min_spend_floors: float = 5.0
    ab_min_hours: float = 48.0  # every arm is older
    ab_min_impressions: int = 1000  # every arm has more
    spike_hours: int = 3
    spike_ratio: float = 2.0
    spike_step_up: float = 0.15
    spike_step_down: float = 0.10
    spike_min_roas: float = 2.0  # a positive spike needs more
    spike_min_usual_clicks: float = 10.0  # ours: a doubling of fewer clicks is a matter of chance
    spike_usual_spend_share: float = 0.8  # ours: from this share of the usual spend on, we pay "as usual"
    spike_min_spend_floors: float = 1.0  # ours: a spend spike is at least this many account minimum daily budgets
    fatigue_drop: float = 0.30
    # Ours, in both windows: the requirement's own count for comparing two rates. Below it a day's rate is noise
    # (facts/decisions.md §3b: 1 % precision at 200 a day).
    fatigue_min_impressions: int = 1000

    def disagreements(self) -> tuple[str, ...]:
        """The two ROAS thresholds must leave a middle."""
        return _no_middle(self.roas_low, self.roas_high)


_MATURED: Mapping[str, Bounds] = MappingProxyType(
    {
        "window_days": Bounds(low=1, high=28, whole=True),
        "spike_hours": Bounds(low=1, high=24, whole=True),
        "roas_high": Bounds(low=0.01, high=1000),
        "roas_low": Bounds(low=0.01, high=1000),
        "history_days": Bounds(low=14, high=90, whole=True),
        "half_life_days": Bounds(low=2, high=60),
        "step": Bounds(low=0.05, high=0.20),
        "min_change": Bounds(low=0, high=0.20),
        "min_gain_noise": Bounds(low=0, high=3),
        "pause_certainty": Bounds(low=0.5, high=0.999),
        "pause_min_maturity": Bounds(low=0, high=1),
        "ab_alpha": Bounds(low=0.001, high=0.2),
        "ab_loss": Bounds(low=0.0001, high=0.1),
        "ab_equal_within": Bounds(low=0.001, high=0.2),
        "ab_max_days": Bounds(low=2, high=90, whole=True),
        "spike_fdr": Bounds(low=0.001, high=0.5),
        "fatigue_ratio": Bounds(low=0.3, high=0.95),
        "fatigue_false_alarms": Bounds(low=0.001, high=1),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaturedPolicy(Thresholds):
    """The house's own: probabilities on matured figures, marginal instead of average return, stated certainty."""

    NAME: ClassVar[str] = "matured"
    BOUNDS: ClassVar[Mapping[str, Bounds]] = _MATURED

    window_days: int = 7  # of the snapshot's sums
    spike_hours: int = 3
    roas_high: float = 3.0  # what they mean without a goal or margin: facts in decisions/break_even.py
    roas_low: float = 1.5
    history_days: int = 28  # how far back figures count at all
    half_life_days: float = 14.0  # a day so old counts half
    step: float = 0.20  # the largest change of a daily budget in one edit
    min_change: float = 0.03  # a smaller one is not worth an edit
    min_gain_noise: float = 0.05  # an edit's expected gain must be so many times its own standard deviation
    pause_certainty: float = 0.95  # P(loss) from which an object is stopped
    pause_min_maturity: float = 0.6  # and the share of its purchases that must have arrived
    ab_alpha: float = 0.05  # chance of claiming a winner where there is no difference, at any stopping
    ab_loss: float = 0.0035  # a pick's expected loss, as a share of the base
    ab_equal_within: float = 0.02  # lifts smaller than that are no difference worth having
    ab_max_days: int = 28
    spike_fdr: float = 0.10  # expected share of false ones among the anomalies told
    fatigue_ratio: float = 0.7  # of the ad's own first matured week
    fatigue_false_alarms: float = 0.05  # per ad and month

    def disagreements(self) -> tuple[str, ...]:
        """The two ROAS thresholds must leave a middle."""
        return _no_middle(self.roas_low, self.roas_high)


def _no_middle(low: float, high: float) -> tuple[str, ...]:
    return (f"roas_low is {low:g}; it must be under roas_high, which is {high:g}",) if low >= high else ()


Policy: TypeAlias = ClassicPolicy | MaturedPolicy
POLICIES: Mapping[str, type[ClassicPolicy] | type[MaturedPolicy]] = MappingProxyType(
    {"classic": ClassicPolicy, "matured": MaturedPolicy}
)
DEFAULT = "matured"


def parse_policy(slug: str, values: Mapping[str, Json]) -> Policy:
    """Read a policy by the name under which an account keeps it.

    Raises:
        BadInputError: there is no policy of that name, or its values are refused.
    """
    if slug not in POLICIES:
        raise BadInputError(f'no policy "{slug}"; there are {", ".join(POLICIES)}')
    return POLICIES[slug].from_json(values)
