"""What is kept of a planned change, so that what was expected can be held against what came. A value only."""

from dataclasses import dataclass

from domain.actions import ObjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One change of a plan, with what it was expected to bring: kept, so that it can be held against what came."""

    object_kind: ObjectKind
    object_id: str
    budget_minor: int
    target_minor: int
    revenue_minor: float  # expected a day at the present budget, matured
    target_revenue_minor: float
    worth: float  # of a unit of revenue
    price: float  # what a unit of money must bring in that worth
    gain_minor: float  # a day
    noise_minor: float
