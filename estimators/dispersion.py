"""How much more arms differ from day to day than their counts explain: ad-days have whims of their own.

A whim of variance s2 in the log rate turns the variance of m daily events into m (1 + m s2) (two alike arms). One test
of two weeks can hardly tell s2; an account's other ads can, so that it is learnt there and taken as a prior here.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ALONE: Final = 20.0  # independent comparisons that a prior is worth which nobody has measured
_BEYOND: Final = 1.645


def day_dispersion(
    events: Floats, exposures: Floats, least: float = 1.0, noise: float = 0.0, weight: float = _ALONE
) -> Floats:
    """Return (...): the variance of arms' daily events (..., k, d) over what counts alone would have; `least` or more.

    `noise` is the variance of ad-days' own log rate as known from elsewhere, `weight` how many comparisons that is
    worth. Days on which an arm was not shown, or less than one event was expected, say nothing.
    """
    pearson, freedom, mean = _pearson(events, exposures)
    prior = least + mean * noise
    found: Floats = np.maximum((pearson + weight * prior) / (freedom + weight), least)
    return found


def day_noise(events: Floats, exposures: Floats) -> tuple[float, float]:
    """Return the variance of ad-days' own log rate, pooled over groups (n, k, d), and the comparisons it rests on.

    0 unless it is beyond chance (one-sided 5 %): else every calm account would pay for the luck of its estimate.
    """
    pearson, freedom, mean = _pearson(events, exposures)
    excess, reach = float((pearson - freedom).sum()), float((freedom * mean).sum())
    is_beyond = excess > _BEYOND * float(np.sqrt(2 * freedom.sum()))
    return (excess / reach if reach > 0 and is_beyond else 0.0), float(freedom.sum())


def _pearson(events: Floats, exposures: Floats) -> tuple[Floats, Floats, Floats]:
    """Pearson's statistic around arms' own levels given each day's total, its freedom, an arm's mean daily events."""
    used = exposures.min(axis=-2) > 0
    counted, shown = events * used[..., None, :], exposures * used[..., None, :]
    rate = counted.sum(axis=-1, keepdims=True) / np.maximum(shown.sum(axis=-1, keepdims=True), 1e-12)
    expected = shown * rate
    scale = counted.sum(axis=-2) / np.maximum(expected.sum(axis=-2), 1e-12)
    expected = expected * scale[..., None, :]
    full = used & (expected.min(axis=-2) >= 1.0)
    squares = ((counted - expected) ** 2 / np.maximum(expected, 1e-12)).sum(axis=-2)
    days = full.sum(axis=-1)
    freedom = (events.shape[-2] - 1) * np.maximum(days - 1.0, 0.0)
    mean = np.where(full, counted.mean(axis=-2), 0.0).sum(axis=-1) / np.maximum(days, 1)
    return np.where(full, squares, 0.0).sum(axis=-1) * (freedom > 0), freedom, mean
