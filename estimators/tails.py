"""How unlikely a count is, of an hour and of the last hours together, under an expectation that is itself unsure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from domain.snapshot import Bools, Floats
from estimators.expectation import Forecast, Singles

UNREMARKABLE = 2.0  # standard deviations: nearer than that nobody asks how likely it was
_LEAST_P = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Counts of the last hours, each hour weighing less than the next, and what was expected; (w, m, n).

    `hours` (w, m) is about how many hours count; `own` is the variance that is new in every hour.
    """

    hours: Floats
    seen: Singles
    mean: Singles
    own: Singles


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """(m, n): the two-sided p of the most surprising window, which window that was, its ratio; z of the hour."""

    p: Floats
    window: NDArray[np.int64]
    seen: Singles  # in that window
    ratio: Singles  # the same over what was expected
    z: Singles


def begin(hours: Floats, series: int) -> Sums:
    """Return sums of nothing; `hours` (w, m), the first row 1: the hour itself."""
    shape = (*hours.shape, series)
    return Sums(hours=hours, seen=np.zeros(shape, np.float32), mean=np.zeros(shape, np.float32),
                own=np.zeros(shape, np.float32))  # fmt: skip


def add(sums: Sums, told: Forecast, counts: Singles, used: Bools) -> Sums:
    """Take an hour in; hours without exposure age the others all the same."""
    keep = (1 - 1 / sums.hours)[:, :, None].astype(np.float32)
    mean = np.where(used, told.mean, 0)
    own = np.where(used, told.mean * told.grain + told.of_hour[:, None].astype(np.float32) * told.mean**2, 0)
    return Sums(
        hours=sums.hours,
        seen=sums.seen * keep + np.where(used, counts, 0).astype(np.float32),
        mean=sums.mean * keep + mean,
        own=(sums.own * keep**2 + own).astype(np.float32),
    )


def forget(sums: Sums, which: Bools) -> Sums:
    """Begin anew where `which` (m, n) is set."""
    kept = ~which
    return Sums(hours=sums.hours, seen=sums.seen * kept, mean=sums.mean * kept, own=sums.own * kept)


def surprise(sums: Sums, told: Forecast, tested: Bools) -> Surprise:
    """Say how unlikely the windows are; p is 1 where nothing is remarkable, and adjusted for the number of windows."""
    variance = sums.own + told.of_level[None] * sums.mean**2
    z = np.where(variance > 0, (sums.seen - sums.mean) / np.sqrt(np.maximum(variance, 1e-12)), 0)
    p = np.ones(z.shape)
    worth = tested[None] & (np.abs(z) > UNREMARKABLE)
    grain = np.broadcast_to(told.grain[None], z.shape)[worth]
    p[worth] = tail(sums.seen[worth], sums.mean[worth], variance[worth], grain)
    window = p.argmin(axis=0)
    taken = window[None]
    seen, mean = (np.take_along_axis(part, taken, axis=0)[0] for part in (sums.seen, sums.mean))
    ratio = np.where(mean > 0, seen / np.maximum(mean, 1e-12), 1)
    best = np.take_along_axis(p, taken, axis=0)[0]
    return Surprise(
        p=np.minimum(best * len(z), 1.0),
        window=window,
        seen=seen,
        ratio=ratio.astype(np.float32),
        z=z[0].astype(np.float32),
    )


def tail(seen: Singles, mean: Singles, variance: Singles, grain: Singles | float = 1.0) -> Floats:
    """Return the two-sided p of counts whose variance is not their mean: those of a Poisson in units of their ratio.

    A unit is never much smaller than the grain: two events do not become four by weighing less than whole hours.
    """
    unit = np.maximum(np.asarray(variance, np.float64) / np.maximum(np.asarray(mean, np.float64), 1e-12), 0.85 * grain)
    count, expected = np.asarray(seen, np.float64) / unit, np.asarray(mean, np.float64) / unit
    above = np.where(count > 0, special.gammainc(np.maximum(count, 1e-12), expected), 1.0)
    below = special.gammaincc(count + 1, expected)
    found: Floats = np.clip(2 * np.minimum(above, below), _LEAST_P, 1.0)
    return found
