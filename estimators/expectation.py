"""What is usual for many counts at once, hour by hour: a level per series times a profile that all series share.

A count of m kinds and n series is expected to be exposure x exp(level + hour of day + hour of week). Level and profile
are tracked by a diagonal Kalman filter on the log scale with clipped innovations: a sparse series learns little from an
hour, and an hour of the week that was seen once leans on its hour of the day, which leans on a flat day. Counts vary as
negative binomials; the overdispersion is learnt for each kind. State and result are values, changed by nobody.
"""

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.errors import BadInputError
from domain.snapshot import Bools, Floats

HOURS_OF_WEEK = 168
HOURS_OF_DAY = 24
CLIP = 3.0  # standard deviations: more of an innovation is not learnt from
FAR = 5.0  # beyond that ever less is: if it stays, the level has moved, which is not told by one hour
LARGE = 10.0  # expected counts from which innovations are taken on the log scale
_LEVEL_PRIOR_SD = 1.0
_MOST_VARIANCE = 1.0
_DISPERSION_RANGE = (1e-4, 0.5)
_CLIPPED_SQUARE = 0.973  # mean of min(z^2, 9) of a standard normal z
Whole: TypeAlias = NDArray[np.int64]
Singles: TypeAlias = NDArray[Any]  # of float32: half the memory of what is kept for 10^5 series


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What is taken for granted of each kind of count: arrays of length m, on the log scale."""

    drift: Floats  # standard deviation by which a level moves in an hour
    turn: Floats  # the same at midnight, when platforms plan a new day
    day_sd: Floats  # of the profile over a day, before anything was seen
    week_sd: Floats  # of what an hour of the week differs from its hour of the day
    dispersion: Floats  # variance of the true count around the expected one, to begin with
    common: Floats  # standard deviation of what an hour does to all series at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The state: `level` and `variance` (m, n), profiles (m, 24) and (m, 168), `dispersion` (m,), `known` (m, n)."""

    level: Singles
    variance: Singles
    known: Bools  # a level was seen; else it is the mean of the others
    day: Floats
    day_variance: Floats
    week: Floats
    week_variance: Floats
    dispersion: Floats

    @property
    def series(self) -> int:
        """How many series there are."""
        return int(self.level.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What an hour should bring, (m, n): the mean, and the relative variances of it: of the hour, and of the level."""

    mean: Singles
    grain: Singles  # the variance of a small count per unit of it: 1, or what one event costs where money is counted
    of_hour: Floats  # (m,) overdispersion: new in every hour
    of_level: Singles  # (m, n) the same in neighbouring hours

    @property
    def variance(self) -> Singles:
        """Of the count of this one hour."""
        total: Singles = self.mean * self.grain + (self.of_hour[:, None] + self.of_level) * self.mean**2
        return total


def begin(nature: Nature, series: int) -> Expectation:
    """Return a state that has seen nothing."""
    kinds = len(nature.drift)
    return Expectation(
        level=np.zeros((kinds, series), np.float32),
        variance=np.full((kinds, series), _LEVEL_PRIOR_SD**2, np.float32),
        known=np.zeros((kinds, series), np.bool_),
        day=np.zeros((kinds, HOURS_OF_DAY)),
        day_variance=np.repeat(nature.day_sd[:, None] ** 2, HOURS_OF_DAY, axis=1),
        week=np.zeros((kinds, HOURS_OF_WEEK)),
        week_variance=np.repeat(nature.week_sd[:, None] ** 2, HOURS_OF_WEEK, axis=1),
        dispersion=nature.dispersion.copy(),
    )


def take(state: Expectation, rows: Whole) -> Expectation:
    """Return the state with other series in its columns: `rows` are columns of the old ones, -1 = a new one."""
    at, is_new = np.maximum(rows, 0), rows < 0
    if not state.series:
        at, is_new = np.zeros(0, np.int64), np.ones(len(rows), np.bool_)
        kinds = len(state.dispersion)
        blank = np.zeros((kinds, len(rows)), np.float32)
        return replace(state, level=blank, variance=blank + _LEVEL_PRIOR_SD**2, known=blank > 0)
    return replace(
        state,
        level=np.where(is_new, np.float32(0), state.level[:, at]),
        variance=np.where(is_new, np.float32(_LEVEL_PRIOR_SD**2), state.variance[:, at]),
        known=np.where(is_new, False, state.known[:, at]),
    )


def forecast(state: Expectation, exposure: Floats, hour_of_week: int, grain: Floats | None = None) -> Forecast:
    """Say what the hour should bring with these exposures (m, n); none where an exposure is 0.

    Raises:
        BadInputError: there is no such hour, or an exposure is negative or not finite.
    """
    if not 0 <= hour_of_week < HOURS_OF_WEEK:
        raise BadInputError(f"hour of the week is {hour_of_week}; it must be from 0 (Monday 0:00) to 167")
    exposure = _counts("exposure", exposure)
    hour = hour_of_week % HOURS_OF_DAY
    profile = (state.day[:, hour] + state.week[:, hour_of_week])[:, None].astype(np.float32)
    unsure = (state.day_variance[:, hour] + state.week_variance[:, hour_of_week])[:, None].astype(np.float32)
    mean = exposure * np.exp(np.clip(_levels(state) + profile, -60, 60))
    one = np.ones_like(mean) if grain is None else np.asarray(grain, np.float32)
    return Forecast(mean=mean, grain=one, of_hour=state.dispersion, of_level=state.variance + unsure)


def learn(
    state: Expectation, nature: Nature, told: Forecast, counts: Floats, hour_of_week: int, *, learns: Bools,
    trust: Floats | None = None,
) -> Expectation:  # fmt: skip
    """Take an hour in: levels, profile, overdispersion. Rows where `learns` is False only grow less sure.

    `trust` 0..1 slows the learning of levels down where an hour is suspect.

    Raises:
        BadInputError: a count is negative or not finite.
    """
    counts = _counts("count", counts)
    hour, mean = hour_of_week % HOURS_OF_DAY, told.mean
    used = learns & (mean > 0)
    safe = np.where(used, mean, 1)
    noise = told.grain / safe + told.of_hour[:, None].astype(np.float32)
    total = told.of_level + noise
    gap = _innovation(counts / told.grain, safe / told.grain, np.sqrt(total)) * used
    first = used & ~state.known & (counts > 0)
    turned = nature.turn**2 * (hour == HOURS_OF_DAY - 1)
    drift = (nature.drift**2 + turned)[:, None].astype(np.float32)
    gain = np.where(used, state.variance / total, 0) * (1 if trust is None else trust)
    level = _levels(state) + gain * gap
    # The first event of all was waited for: its hour had more than usual, and no other series says so.
    waited = told.grain / 2 * ~state.known.any(axis=1, keepdims=True)
    start = np.maximum(np.maximum(counts - waited, counts / 2), 1e-6)
    level = np.where(first, _levels(state) + np.log(start / safe), level)
    # What is known of a level by one event is little, whatever was expected.
    own = np.maximum(noise, told.grain / np.maximum(counts, told.grain) + told.of_hour[:, None])
    variance = np.where(first, own, state.variance * (1 - gain))  # the profile has its own
    variance = np.minimum(variance + drift, _MOST_VARIANCE)
    weight = np.where(used & state.known, 1 / (noise + state.variance), 0)
    day, day_variance, week, week_variance = _profile(state, nature, gap, weight, hour_of_week)
    return replace(
        state,
        level=level.astype(np.float32),
        variance=variance.astype(np.float32),
        known=state.known | first,
        day=_put(state.day, hour, day),
        day_variance=_put(state.day_variance, hour, day_variance),
        week=_put(state.week, hour_of_week, week),
        week_variance=_put(state.week_variance, hour_of_week, week_variance),
        dispersion=_dispersion(state, told, gap, total, used & state.known),
    )


def loosen(state: Expectation, moved: Bools, variance: float = 0.5) -> Expectation:
    """Let levels that have moved for good be learnt anew within hours."""
    found: Singles = np.where(moved, np.maximum(state.variance, np.float32(variance)), state.variance)
    return replace(state, variance=found)


def _levels(state: Expectation) -> Singles:
    """Levels, of unknown series the mean of the known ones."""
    weight = state.known.sum(axis=1, keepdims=True)
    mean = (state.level * state.known).sum(axis=1, keepdims=True) / np.maximum(weight, 1)
    found: Singles = np.where(state.known, state.level, mean.astype(np.float32))
    return found


def _innovation(counts: Singles, mean: Singles, sd: Singles) -> Singles:
    linear = (counts - mean) / mean
    log = np.log((counts + 0.5) / (mean + 0.5))
    gap = np.where(mean >= LARGE, log, linear) / sd
    trust = np.minimum(1.0, FAR / np.maximum(np.abs(gap), FAR)) ** 2
    found: Singles = np.clip(gap, -CLIP, CLIP) * trust * sd
    return found


def _profile(
    state: Expectation, nature: Nature, gap: Singles, weight: Singles, hour_of_week: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Move the profile by what all series saw together, as far as they agree beyond an hour's common chance."""
    hour = hour_of_week % HOURS_OF_DAY
    sums = weight.sum(axis=1, dtype=np.float64)
    pooled = (weight * gap).sum(axis=1, dtype=np.float64) / np.maximum(sums, 1e-12)
    chance = nature.common**2 + 1 / np.maximum(sums, 1e-12)
    of_day, of_week = state.day_variance[:, hour], state.week_variance[:, hour_of_week]
    total = of_day + of_week + chance
    seen = sums > 0
    day_gain, week_gain = np.where(seen, of_day / total, 0), np.where(seen, of_week / total, 0)
    floor_day, floor_week = (nature.day_sd * 0.05) ** 2, (nature.week_sd * 0.1) ** 2
    return (
        state.day[:, hour] + day_gain * pooled,
        np.maximum(of_day * (1 - day_gain), floor_day),
        state.week[:, hour_of_week] + week_gain * pooled,
        np.maximum(of_week * (1 - week_gain), floor_week),
    )


def _dispersion(state: Expectation, told: Forecast, gap: Singles, total: Singles, used: Bools) -> Floats:
    """Follow the overdispersion by how large clipped innovations are, weighted by how much of them it is."""
    share = told.of_hour[:, None] / total
    weight = np.where(used, share, 0)
    sums = weight.sum(axis=1, dtype=np.float64)
    square = np.minimum(gap**2 / total, CLIP**2)
    excess = (weight * square).sum(axis=1, dtype=np.float64) / np.maximum(sums, 1e-12) - _CLIPPED_SQUARE
    rate = 0.05 * np.minimum(sums, 4.0) / 4.0 + 0.01 * (sums > 0)
    moved = np.log(state.dispersion) + rate * np.clip(excess, -1, 3)
    found: Floats = np.clip(np.exp(moved), *_DISPERSION_RANGE)
    return found


def _put(table: Floats, column: int, values: Floats) -> Floats:
    found = table.copy()
    found[:, column] = values
    return found


def _counts(name: str, values: Floats) -> Singles:
    found = np.asarray(values, dtype=np.float32)
    if not np.isfinite(found).all() or (found < 0).any():
        raise BadInputError(f"at least one {name} is negative or not a number; figures must be 0 or more")
    return found
