"""Relative steps of daily budgets, exact in integers: no float ever decides a cent."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_UNIT = 10_000  # steps are kept to a hundredth of a percent


def raised(budgets: Ints, step: float) -> Ints:
    """Budgets plus the step, the change rounded down: a rounded step is never larger than the one asked for."""
    return budgets + budgets * round(step * _UNIT) // _UNIT


def lowered(budgets: Ints, step: float, floor_minor: int) -> Ints:
    """Budgets less the step, the change rounded down, but not under the floor (nor above the budget itself)."""
    cut = budgets - budgets * round(step * _UNIT) // _UNIT
    floored: Ints = np.minimum(np.maximum(cut, floor_minor), budgets)
    return floored
