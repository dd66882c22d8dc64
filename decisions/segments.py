"""Which segment ad sets (geo x age x gender x placement) earn, and how to split their budget. Pure.

Module 12 (targeting) will run it; it has no task yet.
"""

from decisions.cell_shifts import SegmentPlan, ShiftRules, plan
from decisions.cells import Cells, score
from domain.snapshot import Floats, Ints
from estimators.additive_prior import fit

__all__ = ["SegmentPlan", "decide", "foresee"]


def decide(cells: Cells, *, rules: ShiftRules, break_even: float) -> SegmentPlan:
    """Score every cell and shift the fixed total from cells surely under the mean ROAS to cells surely above it.

    Where all cells are equal, something moves in at most a share `rules.alpha` of single looks; that cells differ at
    all is tested on purchases over matured spend, feature by feature and cell by cell, corrected for the asking.

    Raises:
        BadInputError: the break-even is not above 0.
    """
    return plan(cells, score(cells, break_even=break_even), rules, break_even=break_even, noun="segment")


def foresee(cells: Cells, unseen: Ints, *, order_value_minor: float) -> tuple[Floats, Floats, Floats]:
    """Return the expected ROAS of combinations (m, f) that never ran, and its 90 % interval."""
    exposed = cells.spend_minor * cells.maturity
    levels = tuple(len(names) for names in cells.level_names)
    rates = fit(cells.purchases, exposed, cells.features, levels=levels, dispersion=cells.dispersion).predict(unseen)
    low, high = rates.interval(0.9)
    return rates.mean * order_value_minor, low * order_value_minor, high * order_value_minor
