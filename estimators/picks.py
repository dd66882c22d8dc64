"""Which of several arms to go on with: a posterior, the loss to expect, shares of traffic. No claim is made here.

Arms' log rates are normal around their test's mean with a spread that is a prior: differences of two arms are
N(0, 0.15^2) by default, what real headlines and creatives show (facts of the house, measured).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from domain.errors import BadInputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PAIR_SD: Final = 0.15  # of the log ratio of two arms, before any data


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How arms compare, (..., k): chance to be the best, and what picking the arm loses, as a share of the rate."""

    p_best: Floats
    loss: Floats


def posterior(
    events: Floats, exposures: Floats, *, dispersion: Floats | float = 1.0, pair_sd: Floats | float = PAIR_SD
) -> tuple[Floats, Floats]:
    """Return mean and sd (..., k) of arms' log rates relative to the test's own mean, shrunk towards it.

    Half an event is added in proportion to the exposure, so that an arm without events has a rate. An arm without
    exposure stays at the prior.

    Raises:
        BadInputError: negative or non-finite figures.
    """
    events, exposures = np.asarray(events, np.float64), np.asarray(exposures, np.float64)
    if not (np.isfinite(events).all() and np.isfinite(exposures).all()) or (events < 0).any() or (exposures < 0).any():
        raise BadInputError("events or exposures of a test are negative or not finite; read them again")
    arms = events.shape[-1]
    weight = exposures / np.maximum(exposures.sum(axis=-1, keepdims=True), 1e-300)
    expected = np.maximum((events.sum(axis=-1, keepdims=True) + 0.5) * weight, 1e-12)
    pseudo = 0.5 * arms * weight
    log_ratio = np.log((events + pseudo + 1e-12) / (events.sum(axis=-1, keepdims=True) * weight + pseudo + 1e-12))
    spread = np.asarray(pair_sd, np.float64)[..., None] ** 2 / 2
    noise = np.maximum(np.asarray(dispersion, np.float64), 1.0)[..., None] / np.maximum(expected, 1e-9)
    precision = np.where(exposures > 0, 1 / (spread + noise), 0.0)
    centre = (log_ratio * precision).sum(axis=-1, keepdims=True) / np.maximum(
        precision.sum(axis=-1, keepdims=True), 1e-300
    )
    kept = np.where(exposures > 0, spread / (spread + noise), 0.0)
    mean = centre + kept * (log_ratio - centre)
    sd: Floats = np.sqrt(spread * (1 - kept))
    return mean, np.broadcast_to(sd, mean.shape)


def compare(mean: Floats, sd: Floats, normals: Floats) -> Comparison:
    """Compare arms by draws: `normals` (draws, k) are standard normal, passed in so that equal data pick equally.

    Two arms are compared in closed form, which needs no draws.
    """
    if mean.shape[-1] == 2:  # noqa: PLR2004 - a pair
        return _compare_pair(mean, sd)
    drawn = mean[..., None, :] + sd[..., None, :] * normals
    best = drawn.max(axis=-1, keepdims=True)
    loss = np.expm1(best - drawn).mean(axis=-2)
    p_best = (drawn >= best).mean(axis=-2)
    return Comparison(p_best=p_best, loss=loss)


def _compare_pair(mean: Floats, sd: Floats) -> Comparison:
    """E max(0, exp(d) - 1) for the normal difference d of the other arm."""
    lead = mean[..., ::-1] - mean
    spread = np.maximum(np.sqrt((sd**2).sum(axis=-1, keepdims=True)), 1e-12)
    gain = np.exp(lead + spread**2 / 2) * ndtr((lead + spread**2) / spread) - ndtr(lead / spread)
    return Comparison(p_best=ndtr(-lead / spread), loss=np.maximum(gain, 0.0))


def within(mean: Floats, sd: Floats, lift: float) -> Floats:
    """Return (...): the chance that no two arms of (..., k) differ by more than `lift`, bounded from below.

    1 less the chances of every pair to differ by more (Bonferroni), never under 0.
    """
    edge = math.log1p(lift)
    inside = np.ones(mean.shape[:-1])
    for first in range(mean.shape[-1]):
        for second in range(first + 1, mean.shape[-1]):
            lead = mean[..., first] - mean[..., second]
            spread = np.maximum(np.hypot(sd[..., first], sd[..., second]), 1e-12)
            inside = inside - (1 - ndtr((edge - lead) / spread) + ndtr((-edge - lead) / spread))
    found: Floats = np.maximum(inside, 0.0)
    return found


def thompson_shares(p_best: Floats, floor: float = 0.05) -> Floats:
    """Return shares of traffic (..., k): by the chance to be the best, none under `floor` (or an equal share)."""
    arms = p_best.shape[-1]
    least = min(floor, 1 / arms)
    shares: Floats = least + (1 - least * arms) * p_best / np.maximum(p_best.sum(axis=-1, keepdims=True), 1e-12)
    return shares
