"""Tests that are looked at on planned days: O'Brien-Fleming boundaries, and spending where information is unequal.

Two-sided, for a score statistic with independent increments (Armitage, McPherson and Rowe 1969): the density of paths
that have not crossed is carried from look to look on a grid.
"""

import math
from functools import lru_cache, partial
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from domain.errors import BadInputError
from estimators.roots import root

Floats = NDArray[np.float64]

_POINTS: Final = 401
_WIDEST: Final = 8.0  # in standard deviations: nothing lies beyond
_LEAST_GAIN: Final = 1e-3  # of information: the grid cannot carry less, and bounds would come out far too low


def spent(fraction: float, alpha: float) -> float:
    """Return how much of alpha may be used up by a fraction of the horizon: Lan and DeMets' curve, half a side."""
    if fraction <= 0:
        return 0.0
    return min(alpha, float(4 * ndtr(-ndtri(1 - alpha / 4) / math.sqrt(min(fraction, 1.0)))))


def boundaries(fractions: tuple[float, ...], information: tuple[float, ...], alpha: float) -> Floats:
    """Return |z| (looks,) from which a difference may be claimed at each look.

    `fractions` of the horizon say how much alpha is spent by each look (days over days: no guess of the traffic);
    `information` is what had been gathered by then, which rules how looks depend. A look that adds less than a
    thousandth to what the last one with a bound knew may claim nothing; what it might have spent is kept.

    Raises:
        BadInputError: looks that go back in time, information that shrinks, or an alpha outside 0..1.
    """
    if not 0 < alpha < 1 or len(fractions) != len(information):
        raise BadInputError(f"{len(fractions)} looks with {len(information)} amounts of information at alpha {alpha}")
    if any(later < earlier for series in (fractions, information) for earlier, later in pairwise(series)):
        raise BadInputError("looks of a test must go forward in time and may not lose information")
    found, carried, known, used = [], None, 0.0, 0.0
    for fraction, reached in zip(fractions, information, strict=True):
        allowed = spent(fraction, alpha) - used
        if reached <= known * (1 + _LEAST_GAIN) or allowed <= 1e-12:  # noqa: PLR2004 - below what the grid can tell
            found.append(math.inf)
            continue
        if carried is None:
            bound = float(ndtri(1 - allowed / 2))
            carried = _first(reached, bound)
        else:
            bound = root(partial(_beyond, carried, reached, allowed), 0.01, _WIDEST)
            carried = _carry(carried, reached, bound)
        found.append(bound)
        known, used = reached, used + allowed
    return np.array(found)


@lru_cache(maxsize=64)
def obf_constant(looks: int, alpha: float = 0.05) -> float:
    """Return c of O'Brien and Fleming's |z_k| >= c sqrt(K / k) for K equally informative looks."""
    if looks < 1:
        raise BadInputError(f"a test of {looks} looks cannot be; it needs at least one")
    return root(lambda c: _total(looks, c) - alpha, 1.0, 6.0, within=1e-5)


def _total(looks: int, constant: float) -> float:
    """Chance that any of the looks crosses."""
    carried = _first(1.0, constant * math.sqrt(looks))
    used = float(2 * ndtr(-constant * math.sqrt(looks)))
    for look in range(2, looks + 1):
        bound = constant * math.sqrt(looks / look)
        used += _crossing(carried, float(look), bound)
        carried = _carry(carried, float(look), bound)
    return used


_Carried = tuple[float, Floats, Floats]  # information, scores on a grid, their probability masses


def _grid(reached: float, bound: float) -> tuple[Floats, Floats]:
    """Scores within the bound and Simpson's weights."""
    edge = min(bound, _WIDEST) * math.sqrt(reached)
    scores = np.linspace(-edge, edge, _POINTS)
    weights = np.ones(_POINTS)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    return scores, weights * (scores[1] - scores[0]) / 3


def _first(reached: float, bound: float) -> _Carried:
    scores, weights = _grid(reached, bound)
    return reached, scores, weights * _density(scores, reached)


def _carry(carried: _Carried, reached: float, bound: float) -> _Carried:
    known, before, masses = carried
    scores, weights = _grid(reached, bound)
    moved = _density(scores[:, None] - before[None, :], reached - known) @ masses
    return reached, scores, weights * moved


def _crossing(carried: _Carried, reached: float, bound: float) -> float:
    known, before, masses = carried
    edge, step = bound * math.sqrt(reached), math.sqrt(reached - known)
    outside = ndtr((before - edge) / step) + ndtr((-edge - before) / step)
    return float(outside @ masses)


def _beyond(carried: _Carried, reached: float, allowed: float, bound: float) -> float:
    """By how much the chance of crossing there is over what is allowed."""
    return _crossing(carried, reached, bound) - allowed


def _density(scores: Floats, variance: float) -> Floats:
    found: Floats = np.exp(-(scores**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    return found
