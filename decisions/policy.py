"""Policies as validated data, kept per account: every threshold that a decision compares with, and nothing else.

What REQUIREMENTS §4 does not fix but a rule needs so as not to act on nothing is a field marked "ours".
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Self

from domain.actions import Json
from domain.errors import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """What the account itself imposes on a decision; not in the snapshot. Of the two goals at most one is set."""

    minimum_daily_budget_minor: int
    goal_roas: float | None = None
    goal_cpa_minor: int | None = None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The closed range in which a field of a policy makes sense."""

    low: float
    high: float
    whole: bool = False


# Both ends belong to the range. Where REQUIREMENTS §4 gives one (the step) it is theirs; else it keeps nonsense out.
BOUNDS: Mapping[str, Bounds] = MappingProxyType(
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
class ClassicPolicy:
    """The decision table of REQUIREMENTS §4 as written: raw ratios against fixed thresholds."""

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

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Refuse nonsense.

        Raises:
            BadInputError: names every field that is out of range, its value and the range.
        """
        problems = [problem for row in fields(self) if (problem := _problem(row.name, getattr(self, row.name)))]
        if not problems and self.roas_low >= self.roas_high:
            problems.append(f"roas_low is {self.roas_low:g}; it must be under roas_high, which is {self.roas_high:g}")
        if problems:
            raise BadInputError("\n".join(problems))

    @classmethod
    def from_json(cls, values: Mapping[str, Json]) -> Self:
        """Read stored or typed values; fields not named keep their defaults.

        Raises:
            BadInputError: an unknown field, or a value out of its range.
        """
        unknown = sorted(set(values) - set(BOUNDS))
        if unknown:
            raise BadInputError(f"policy classic has no field {', '.join(unknown)}; it has {', '.join(BOUNDS)}")
        problems = [problem for name, value in values.items() if (problem := _problem(name, value))]
        if problems:
            raise BadInputError("\n".join(problems))
        return cls(**{name: _number(name, value) for name, value in values.items()})  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Json]:
        """All fields, so that a change of a default does not change a stored policy."""
        return asdict(self)


def _problem(name: str, value: object) -> str | None:
    bounds = BOUNDS[name]
    kind = "a whole number" if bounds.whole else "a number"
    wanted = f"{name} is {value!r}; it must be {kind} from {bounds.low:g} to {bounds.high:g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return wanted
    if bounds.whole and isinstance(value, float) and not value.is_integer():
        return wanted
    return None if bounds.low <= value <= bounds.high else wanted


def _number(name: str, value: Json) -> int | float:
    if not isinstance(value, int | float):
        raise BadInputError(f"{name} is {value!r}; it must be a number")
    return int(value) if BOUNDS[name].whole else float(value)


POLICIES: Mapping[str, type[ClassicPolicy]] = MappingProxyType({"classic": ClassicPolicy})


def parse_policy(slug: str, values: Mapping[str, Json]) -> ClassicPolicy:
    """Read a policy by the name under which an account keeps it.

    Raises:
        BadInputError: there is no policy of that name, or its values are refused.
    """
    if slug not in POLICIES:
        raise BadInputError(f'no policy "{slug}"; there are {", ".join(POLICIES)}')
    return POLICIES[slug].from_json(values)
