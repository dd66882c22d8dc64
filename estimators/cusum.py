"""Overdispersed Poisson CUSUM: has a count come down to a ratio of what is expected? Day by day, or over (n, days).

S = max(0, S + (c ln r + mean (1 - r)) / (1 + noise x mean)): the log-likelihood ratio of r against 1, tempered by the
noise between days. Limits for a rate of false alarms come from the chain of Brook and Evans (Biometrika 1972).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RATIO: Final = 0.65  # the decline that it is quickest to see (facts/decisions.md §3b)
MONTH_DAYS: Final = 30
_CELLS: Final = 60  # of the chain between 0 and the limit
_MOST, _HALVINGS = 40.0, 24
_MEANS: Final = np.geomspace(0.2, 5_000, 16)  # where limits are worked out; between them they are interpolated


def increments(clicks: Floats, expected: Floats, noise: float | Floats, ratio: float) -> Floats:
    """Return what a day adds to the score; 0 where nothing is expected. Arrays of one shape."""
    told: Floats = (clicks * np.log(ratio) + expected * (1 - ratio)) / (1 + noise * expected)
    return np.where(expected > 0, told, 0.0)


def step(score: Floats, clicks: Floats, expected: Floats, noise: float | Floats, ratio: float) -> Floats:
    """Take one day, (n,): the incremental form."""
    return np.maximum(0.0, score + increments(clicks, expected, noise, ratio))


def run(clicks: Floats, expected: Floats, noise: float | Floats, ratio: float) -> Floats:
    """Return the score after each day, (n, days); `noise` is one number or (n, 1).

    S is a sum less its running minimum: no loop over days is needed.
    """
    total = np.cumsum(increments(clicks, expected, noise, ratio), axis=1)
    scores: Floats = total - np.minimum(np.minimum.accumulate(total, axis=1), 0.0)
    return scores


def began(scores: Floats) -> Ints:
    """Return by row the first day of the climb that lasts to the end, -1 where the score ends at 0."""
    days = scores.shape[1]
    if not days:
        return np.full(len(scores), -1, np.int64)
    zeros = scores <= 0
    last_zero = np.where(zeros.any(1), days - 1 - zeros[:, ::-1].argmax(1), -1)
    return np.where(last_zero == days - 1, -1, last_zero + 1).astype(np.int64)


def limits(mean: Floats, noise: float, ratio: float, false_alarms: float) -> Floats:
    """Return the score from which to alarm, for daily means (n,), so that P(false alarm in a month) is as asked.

    Exact for negative-binomial days of a known mean; a mean that was estimated itself raises more of them.
    """
    if not 0 < ratio < 1 or not 0 < false_alarms < 1:
        message = f"ratio {ratio} and false alarms {false_alarms} must lie between 0 and 1"
        raise ValueError(message)
    table = np.array([_limit(float(at), noise, ratio, false_alarms) for at in _MEANS])
    found: Floats = np.interp(np.log(np.maximum(mean, _MEANS[0])), np.log(_MEANS), table)
    return found


def _limit(mean: float, noise: float, ratio: float, false_alarms: float) -> float:
    low, high = 0.05, _MOST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _alarmed_in_a_month(mean, noise, ratio, middle) > false_alarms:
            low = middle
        else:
            high = middle
    return high


def _alarmed_in_a_month(mean: float, noise: float, ratio: float, limit: float) -> float:
    """The share of charts that pass the limit within a month if nothing changed: cells of equal width, and 0."""
    width = limit / _CELLS
    at = (np.arange(_CELLS) + 0.5) * width
    at[0] = 0.0
    scale = 1 + noise * mean
    # The score after a day is at most `edge` exactly where the count is at least `needed`.
    edge = (np.arange(_CELLS) + 1) * width
    needed = np.ceil((mean * (1 - ratio) - (edge[None, :] - at[:, None]) * scale) / -np.log(ratio))
    shape = 1 / max(noise, 1e-9)
    below = np.where(needed > 0, betainc(needed, shape, mean / (shape + mean)), 1.0)
    move = np.diff(below, axis=1, prepend=0.0)
    inside = np.zeros(_CELLS)
    inside[0] = 1.0
    return float(1 - (inside @ np.linalg.matrix_power(move, MONTH_DAYS)).sum())
