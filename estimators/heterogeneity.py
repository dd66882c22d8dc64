"""Whether rates differ at all. Tests only: no estimate, no decision."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int64] | NDArray[np.float64]

_FEWEST = 2  # groups, and counts in all, that can differ


def differ(counts: Numbers, exposures: Numbers, groups: Ints, *, dispersion: float = 1.0) -> float:
    """Return the p-value of "all groups have one rate", from cells (n,) of counts and the group of each.

    Pearson's statistic, given the total, against a gamma of its exact first two moments under the multinomial
    (Haldane 1937), so that few counts per group do not spoil the level. `dispersion` is the variance of a count over
    its mean. Fewer than two groups, or no counts, cannot differ: 1.
    """
    size = int(groups.max(initial=-1)) + 1
    told = np.bincount(groups, weights=counts, minlength=size)
    exposed = np.bincount(groups, weights=exposures, minlength=size)
    told, exposed = told[exposed > 0], exposed[exposed > 0]
    total, many = float(told.sum()), len(told)
    if min(many, total) < _FEWEST:
        return 1.0
    share = exposed / exposed.sum()
    statistic = float(((told - total * share) ** 2 / (total * share)).sum()) / dispersion
    mean = many - 1.0
    events = total / dispersion
    variance = 2.0 * mean + (float((1.0 / share).sum()) - many**2 - 2.0 * many + 2.0) / max(events, 2.0)
    variance = max(variance, mean / 2.0)
    return float(gammaincc(mean**2 / variance, statistic * mean / variance))


def holm(p_values: Floats) -> float:
    """Return the p-value of "none of these differs": the least one times their number, at most 1."""
    return float(min(1.0, np.min(p_values, initial=1.0) * max(1, len(p_values))))
