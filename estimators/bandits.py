"""Whom to try next among arms with uncertain rates: draws, the chance of being best, what a wrong pick costs, shares.

Every draw comes from the generator that is passed in: equal seeds give equal answers.
"""

import numpy as np
from numpy.typing import NDArray

from estimators.additive_prior import Rates

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def draw_rates(rng: np.random.Generator, rates: Rates, draws: int) -> Floats:
    """Return (draws, k) draws of k gamma beliefs."""
    drawn: Floats = rng.standard_gamma(rates.shape, size=(draws, len(rates.shape))) / rates.rate
    return drawn


def best_probability(draws: Floats) -> Floats:
    """Return each arm's chance of being the best of all, from draws (s, k); ties share."""
    if not draws.size:
        return np.zeros(draws.shape[1])
    tops = draws == draws.max(axis=1, keepdims=True)
    chance: Floats = (tops / tops.sum(axis=1, keepdims=True)).mean(axis=0)
    return chance


def expected_loss(draws: Floats) -> Floats:
    """Return what going on with each arm alone is expected to miss against the best, in the unit of the draws."""
    if not draws.size:
        return np.zeros(draws.shape[1])
    missed: Floats = (draws.max(axis=1, keepdims=True) - draws).mean(axis=0)
    return missed


def top_two_shares(best: Floats, *, leader: float = 0.5) -> Floats:
    """Return the shares in which top-two Thompson sampling (Russo 2016) plays arms of these chances of being best.

    A draw's best arm is played with probability `leader`, else the best of a further draw in which another one wins.
    """
    if len(best) == 1:
        return np.ones(1)
    other = np.divide(best, 1.0 - best, out=np.zeros_like(best), where=best < 1.0)
    shares = best * (leader + (1.0 - leader) * (other.sum() - other))
    sure = np.flatnonzero(best >= 1.0)
    if len(sure):  # nothing ever beats it in a draw: the challengers' turns go to all others alike
        shares = np.full(len(best), (1.0 - leader) / (len(best) - 1))
        shares[sure[0]] = leader
    total = shares.sum()
    return shares / total if total > 0 else np.full(len(best), 1.0 / max(1, len(best)))


def with_floor(shares: Floats, floor: float) -> Floats:
    """Return shares of which the part `floor` is spread over all arms alike."""
    if not len(shares):
        return shares
    whole = shares.sum()
    fair = shares / whole if whole > 0 else np.full(len(shares), 1.0 / len(shares))
    lifted: Floats = (1.0 - floor) * fair + floor / len(shares)
    return lifted


def choose_top_two(rng: np.random.Generator, rates: Rates, *, leader: float = 0.5, tries: int = 50) -> int:
    """Return the arm to play now: the best of a draw, or its challenger, the best of a draw that it does not win."""
    first = int(np.argmax(draw_rates(rng, rates, 1)))
    if len(rates.shape) == 1 or rng.random() < leader:
        return first
    winners = draw_rates(rng, rates, tries).argmax(axis=1)
    others = winners[winners != first]
    if len(others):
        return int(others[0])
    means = np.where(np.arange(len(rates.shape)) == first, -np.inf, rates.mean)
    return int(np.argmax(means))
