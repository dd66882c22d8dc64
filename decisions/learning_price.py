"""What an edit costs by making the platform learn anew: money that an edit's gain must be worth."""

from dataclasses import dataclass

import numpy as np

from domain.snapshot import Bools, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningPrice:
    """Assumptions of ours, after what practitioners' guides say of Meta (facts/decisions.md §0.2)."""

    reset_step: float = 0.20  # a larger relative change of a budget restarts the learning stage
    loss: float = 0.20  # of the revenue, while it learns
    days: float = 3.0
    learning_share: float = 0.05  # of that price, for a smaller edit of an object that is learning: it may last longer


def price_of(
    before: Floats, after: Floats, *, is_learning: Bools, revenue: Floats, worth: float, price: LearningPrice
) -> Floats:
    """Return what each change costs in minor units, given the daily revenue (n,) and what a unit of it is worth."""
    step = np.abs(np.divide(after, before, out=np.ones_like(before), where=before > 0) - 1)
    resets = step > price.reset_step + 1e-9
    share = np.where(resets, 1.0, np.where(is_learning & (step > 0), price.learning_share, 0.0))
    cost: Floats = share * price.loss * price.days * worth * revenue
    return cost
