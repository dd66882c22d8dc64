"""Evidence that may be looked at as often as one likes: e-processes for the difference of two event rates.

Given how many events a stratum (an hour, a day) had, those of one arm are binomial with its share of the exposure if
both rates are equal, whatever the rate does over the day and however delivery splits. By Ville's inequality the chance
that such evidence ever reaches 1 / alpha is alpha at most: in any stratum, at any stopping. Exact for independent
events; with a dispersion above 1 it is divided by it, which is first-order (the dispersion is itself estimated).
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.errors import BadInputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Log rate ratios that evidence is kept for, in steps of a quarter: between two of them a test loses under 2 % of its
# exponent. One state serves every horizon, since only the weights depend on it.
THETAS: Final[Floats] = 0.01 * 1.25 ** np.arange(24, dtype=np.float64)
_SHARES: Final = ((1.0, 0.70), (2.0, 0.20), (4.0, 0.10))  # of the bet, by multiples of the effect the horizon can show


def log_evidence(gained: Floats, total: Floats, share: Floats, thetas: Floats = THETAS) -> Floats:
    """Return (..., j): for each log ratio, the log of the likelihood ratio "higher by it" against "not higher".

    `gained`, `total`, `share` are (..., strata): events of the arm, of both, and the arm's share of the exposure. An
    e-value for every log ratio above 0, also where the arm is truly worse, and for the hypergeometric split that
    clicks on finite impressions have, whose moments are the smaller ones (Hoeffding 1963).

    Raises:
        BadInputError: counts that are negative, not finite or more than their total.
    """
    gained, total, share = (np.asarray(values, np.float64) for values in (gained, total, share))
    if not (np.isfinite(gained).all() and np.isfinite(total).all() and np.isfinite(share).all()):
        raise BadInputError("events or shares of a test are not finite; read them again")
    if (gained < 0).any() or (gained > total).any():
        raise BadInputError("a test's arm has less than 0 events, or more than both arms together")
    if (share < 0).any() or (share > 1).any():
        raise BadInputError("an arm's share of the exposure is outside 0..1")
    if ((total > gained) & (share >= 1)).any() or ((gained > 0) & (share <= 0)).any():
        raise BadInputError("an arm without any exposure in a stratum has events there")
    sums = gained.sum(axis=-1)
    odds = np.log1p(share[..., None, :] * np.expm1(thetas)[:, None])
    found: Floats = sums[..., None] * thetas - (odds @ total[..., None])[..., 0]
    return found


def information_of(total: Floats, share: Floats, exposed: Floats | None = None) -> Floats:
    """Return the variance of the arm's events under equal rates, summed over the last axis: what a test lives on.

    Where exposures are counts of which each has one event at most, `exposed` is their number in each stratum: the split
    is hypergeometric then, and its variance smaller by the share that had one.
    """
    variance = np.asarray(total) * share * (1.0 - np.asarray(share))
    if exposed is not None:
        variance = variance * (1.0 - np.minimum(total / np.maximum(exposed, 1.0), 1.0))
    found: Floats = variance.sum(axis=-1)
    return found


def tuned_weights(information: float, alpha: float, thetas: Floats = THETAS) -> Floats:
    """Return weights (j,), summing to 1, for a test that will have gathered about `information` by its horizon.

    A bet on theta wins at S = ln(1/alpha)/theta + theta*V/2: the lowest such line at V = information has theta =
    sqrt(2 ln(1/alpha) / information). Most weight stands there, some on twice and four times that, so that large
    effects are found early. Valid with any weights; a wrong guess of the horizon costs power only. `alpha` is the level
    of one direction of one pair.
    """
    if not (math.isfinite(information) and 0 < alpha < 1):
        raise BadInputError(f"a test with information {information!r} at level {alpha!r} makes no sense")
    target = math.sqrt(2 * math.log(1 / (alpha * _SHARES[0][1])) / max(information, 1e-9))
    weights = np.zeros(len(thetas))
    for factor, share in _SHARES:
        weights[int(np.abs(np.log(thetas / (target * factor))).argmin())] += share
    return weights


def combined(log_e: Floats, weights: Floats, dispersion: Floats | float = 1.0) -> Floats:
    """Mix the evidence of (..., j) log ratios into one log e-value (...); a power under 1 of an e-value is one, too."""
    held = weights > 0
    exponents = log_e[..., held] / np.maximum(np.asarray(dispersion, np.float64), 1.0)[..., None]
    top = exponents.max(axis=-1)
    mixed: Floats = top + np.log((weights[held] * np.exp(exponents - top[..., None])).sum(axis=-1))
    return mixed


def discoveries(log_e: Floats, alpha: float) -> Bools:
    """Tell which of n hypotheses are rejected at false-discovery rate alpha, however they depend (e-BH).

    Wang and Ramdas 2022: the m largest where the m-th is at least n / (alpha m).
    """
    flat = np.asarray(log_e, np.float64).ravel()
    if not len(flat):
        return np.zeros(np.shape(log_e), np.bool_)
    order = np.sort(flat)[::-1]
    needed = np.log(len(flat) / (alpha * np.arange(1, len(flat) + 1)))
    reached = np.flatnonzero(order >= needed - 1e-12)
    bar = order[reached[-1]] if len(reached) else np.inf
    rejected: Bools = (flat >= bar).reshape(np.shape(log_e))
    return rejected


def radius(information: float, weights: Floats, alpha: float, thetas: Floats = THETAS) -> float:
    """Return the half width of the log ratio's interval that holds at any stopping (normal approximation).

    The largest S with sum w exp(theta S - theta^2 V / 2) < 2 / alpha, over V; infinite while nothing is known.
    """
    if not information > 0:
        return math.inf
    held = weights > 0
    bets, costs = thetas[held], thetas[held] ** 2 * information / 2
    low, high = 0.0, float((math.log(2 / alpha) - np.log(weights[held]) + costs).min() / bets.min())
    high = max(high, float(((math.log(2 / alpha) - np.log(weights[held]) + costs) / bets).min()))
    few = tuple(zip(weights[held].tolist(), bets.tolist(), costs.tolist(), strict=True))  # too few for arrays to pay
    for _ in range(60):
        middle = (low + high) / 2
        top = max(bet * middle - cost for _, bet, cost in few)
        value = top + math.log(sum(weight * math.exp(bet * middle - cost - top) for weight, bet, cost in few))
        low, high = (low, middle) if value >= math.log(2 / alpha) else (middle, high)
    return high / information
