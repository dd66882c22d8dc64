"""Segment cells as decisions see them: checked counts, and what is believed of each cell's ROAS and profit.

Shared by `segments.py` and `geo.py`; what follows from it is in `cell_shifts.py`.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.snapshot import Floats, Ints, Texts
from estimators.additive_prior import Rates, fit
from estimators.heterogeneity import differ, holm

_ORDER_VALUE_CV2 = 0.25  # squared spread of single orders where it is not told: an assumption on the safe side
_PRIOR_ORDERS = 10.0  # of the account's mean order value, in a cell's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Segment ad sets of one account: figures of the same days, one row each. Money in minor units of `currency`.

    `features` (n, f) are codes into `level_names[f]`; `maturity` (n,) is the share of the purchases expected to have
    arrived; `budget_minor` (n,) is today's daily budget. No two rows need to have different features.

    Raises:
        BadInputError: shapes differ, a count is negative or not finite, more than one currency, a code without a name.
    """

    object_kind: ObjectKind
    object_id: Texts
    features: Ints
    feature_names: tuple[str, ...]
    level_names: tuple[tuple[str, ...], ...]
    purchases: Ints
    spend_minor: Ints
    revenue_minor: Ints
    maturity: Floats
    budget_minor: Ints
    currency: str | tuple[str, ...]
    days: float  # that the figures are of
    order_value_cv2: float = _ORDER_VALUE_CV2
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.currency, str):
            raise BadInputError(f"cells are in {len(self.currency)} currencies; shift within one currency at a time")
        shape = (len(self.object_id), len(self.feature_names))
        if self.features.shape != shape or len(self.level_names) != shape[1]:
            raise BadInputError(f"features have shape {self.features.shape}; they must be {shape}")
        for name in ("purchases", "spend_minor", "revenue_minor", "maturity", "budget_minor"):
            values = np.asarray(getattr(self, name))
            if values.shape != shape[:1] or not np.isfinite(values).all() or (values < 0).any():
                raise BadInputError(f"{name} must be {shape[0]} finite numbers from 0; read the figures anew")
        if (self.maturity > 1).any() or not self.days > 0 or not self.dispersion >= 1:
            raise BadInputError("maturity is 0..1, days are above 0 and dispersion is from 1")
        tops = np.asarray([len(names) for names in self.level_names], np.int64)
        if len(self) and ((self.features < 0) | (self.features >= tops)).any():
            raise BadInputError("a feature's code has no name; code levels from 0 and name each")

    def __len__(self) -> int:
        return len(self.object_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellScores:
    """What is believed of each cell's matured ROAS (log-normal) and of its profit; arrays of one length."""

    log_median: Floats
    log_sd: Floats
    above_break_even: Floats  # P(ROAS > break-even)
    above_mean: Floats  # P(ROAS > that of all cells together)
    profit_minor: Floats  # expected a day at today's budget, at the break-even's margin
    equal_p: float  # p-value of "all cells are equal"

    @property
    def mean(self) -> Floats:
        """The expected ROAS."""
        expected: Floats = np.exp(self.log_median + self.log_sd**2 / 2)
        return expected


def score(cells: Cells, *, break_even: float) -> CellScores:
    """Believe each cell's ROAS: purchases per matured spend under an additive prior, times a shrunk order value.

    Raises:
        BadInputError: the break-even is not above 0.
    """
    if not (math.isfinite(break_even) and break_even > 0):
        raise BadInputError(f"the break-even ROAS is {break_even!r}; it must be above 0")
    exposed = np.asarray(cells.spend_minor, np.float64) * cells.maturity
    levels = tuple(len(names) for names in cells.level_names)
    found = fit(cells.purchases, exposed, cells.features, levels=levels, dispersion=cells.dispersion)
    rates = found.posterior(cells.purchases, exposed, cells.features)
    value, value_cv2 = _order_values(cells)
    log_sd = np.sqrt(np.log1p(rates.cv2 + value_cv2))
    log_median = np.log(rates.mean * value) - log_sd**2 / 2
    centre = _log_mean(rates, value, exposed)
    mean = np.exp(log_median + log_sd**2 / 2)
    return CellScores(
        log_median=log_median,
        log_sd=log_sd,
        above_break_even=ndtr((log_median - math.log(break_even)) / log_sd),
        above_mean=ndtr((log_median - centre) / log_sd),
        profit_minor=cells.budget_minor * (mean / break_even - 1.0),
        equal_p=_equal(cells, exposed),
    )


def _order_values(cells: Cells) -> tuple[Floats, Floats]:
    orders = np.asarray(cells.purchases, np.float64)
    revenue = np.asarray(cells.revenue_minor, np.float64)
    known = np.where(orders > 0, revenue, 0.0)
    usual = known.sum() / orders.sum() if orders.sum() > 0 and known.sum() > 0 else 1.0
    weight = orders + _PRIOR_ORDERS
    return (known + _PRIOR_ORDERS * usual) / weight, cells.order_value_cv2 / weight


def _log_mean(rates: Rates, value: Floats, exposed: Floats) -> float:
    """Return the log ROAS of all cells together, as believed."""
    weight = exposed if exposed.sum() > 0 else np.ones_like(exposed)
    return math.log(float(np.average(rates.mean * value, weights=weight))) if len(value) else 0.0


def _equal(cells: Cells, exposed: Floats) -> float:
    """Return the p-value of equality, asked of every feature and of the cells one by one, corrected for the asking."""
    rows = np.arange(len(cells), dtype=np.int64)
    groupings = [cells.features[:, column] for column in range(cells.features.shape[1])]
    asked = [differ(cells.purchases, exposed, group, dispersion=cells.dispersion) for group in (*groupings, rows)]
    return holm(np.asarray(asked))
