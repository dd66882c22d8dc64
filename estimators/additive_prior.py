"""Rates of cells under a log-linear prior over their features: shrunk where they are seen, predicted where not.

counts_i ~ Poisson(exposure_i * rate_i), rate_i ~ Gamma around exp(intercept + one effect per feature). The effects are
normal with a spread per feature; the cells' own deviation (interaction) has a spread too: all are learnt from the data.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int64] | NDArray[np.float64]

_ROUNDS = 60
_SETTLED, _SETTLED_SPREAD = 1e-4, 1e-2
_LEAST_VARIANCE, _MOST_VARIANCE = 1e-6, 4.0
_INTERCEPT_VARIANCE = 100.0  # around the rate of all cells together: as good as free


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed before the data: variances on the log scale, and how many cells or levels that is worth."""

    between: float = 0.04  # of a cell around its additive prediction
    between_cells: float = 3.0
    effect: float = 0.04  # of a level around its feature's mean
    effect_levels: float = 1.0


@dataclass(frozen=True)
class Rates:
    """Gamma beliefs about rates: mean `shape / rate`, per unit of exposure; arrays of one length."""

    shape: Floats
    rate: Floats

    @property
    def mean(self) -> Floats:
        """The expected rate."""
        return self.shape / self.rate

    @property
    def cv2(self) -> Floats:
        """Squared coefficient of variation: about the variance of the log rate."""
        return 1.0 / self.shape

    def interval(self, level: float = 0.9) -> tuple[Floats, Floats]:
        """Return the equal-tailed interval that holds the rate with a probability."""
        tail = (1.0 - level) / 2.0
        low: Floats = gammaincinv(self.shape, tail) / self.rate
        high: Floats = gammaincinv(self.shape, 1.0 - tail) / self.rate
        return low, high

    def above(self, threshold: float | Floats) -> Floats:
        """Return P(rate > threshold)."""
        tail: Floats = 1.0 - gammainc(self.shape, np.maximum(threshold, 0.0) * self.rate)
        return tail


@dataclass(frozen=True)
class AdditiveFit:
    """Effects on the log rate: the intercept, then every level of every feature in turn."""

    levels: tuple[int, ...]
    effects: Floats  # (1 + sum(levels),)
    covariance: Floats
    feature_variance: Floats  # (f,) of the levels of a feature around their mean
    between: float  # variance of a cell's log rate around its additive prediction
    dispersion: float  # variance of a count over its mean, given its cell's rate

    @cached_property
    def offsets(self) -> Ints:
        """Where each feature's effects begin."""
        return _offsets(self.levels)

    def log_mean(self, features: Ints) -> Floats:
        """Return the additive prediction of each combination (n, f)."""
        columns = _columns(features, self.levels, self.offsets)
        total: Floats = self.effects[0] + self.effects[columns].sum(axis=1)
        return total

    def log_variance(self, features: Ints) -> Floats:
        """Return how unsure the additive prediction itself is."""
        columns = _columns(features, self.levels, self.offsets)
        every = np.concatenate([np.zeros((len(columns), 1), np.int64), columns], axis=1)
        total = np.zeros(len(columns))
        for one in range(every.shape[1]):
            for other in range(every.shape[1]):
                total += self.covariance[every[:, one], every[:, other]]
        return np.maximum(total, 0.0)

    def predict(self, features: Ints) -> Rates:
        """Return what is believed of combinations without any figures of their own."""
        unsure = self.between + self.log_variance(features)
        shape = 1.0 / np.maximum(unsure, _LEAST_VARIANCE)
        return Rates(shape, shape / np.exp(self.log_mean(features)))

    def posterior(self, counts: Numbers, exposures: Numbers, features: Ints) -> Rates:
        """Return what is believed of the cells that the fit has seen, their own figures included.

        The cell's own share is weighed by the gamma prior around its prediction; what the prediction itself is unsure
        of is added in the part that the cell leans on it.
        """
        prior = 1.0 / max(self.between, _LEAST_VARIANCE)
        expected, exposed = np.exp(self.log_mean(features)), np.asarray(exposures, np.float64) / self.dispersion
        told = np.where(exposed > 0, counts, 0.0) / self.dispersion
        shape = prior + told
        mean = shape / (prior / expected + exposed)
        leaning = prior / (prior + expected * exposed)
        cv2 = 1.0 / shape + leaning**2 * self.log_variance(features)
        return Rates(1.0 / cv2, 1.0 / (cv2 * mean))


def fit(
    counts: Numbers,
    exposures: Numbers,
    features: Ints,
    *,
    levels: tuple[int, ...] | None = None,
    dispersion: float = 1.0,
    prior: Prior = Prior(),
) -> AdditiveFit:
    """Learn effects and spreads from cells (n,) with features (n, f) coded 0..levels - 1.

    Penalised iteratively reweighted least squares; the spread of a feature's effects by its marginal likelihood
    (the fixed point of MacKay and of Fellner and Schall), that of the cells by their Pearson statistic. Cells without
    exposure tell nothing. No cells, or no counts, give the prior around a rate near 0.

    Raises:
        ValueError: shapes differ, or a figure is negative or not finite, or a code is out of its levels.
    """
    told, exposed, codes = _checked(counts, exposures, features, dispersion)
    levels = levels if levels is not None else tuple((codes.max(axis=0, initial=-1) + 1).tolist())
    offsets = _offsets(levels)
    columns = _columns(codes, levels, offsets)
    keep = exposed > 0
    design = _Design(columns[keep], 1 + sum(levels))
    return _learn(
        design, told[keep] / dispersion, exposed[keep] / dispersion, levels, dispersion=dispersion, prior=prior
    )


def dispersion_by_day(counts: Numbers, exposures: Numbers) -> float:
    """Return the variance of daily counts (n, d) over their mean, given each row's own rate; never under 1.

    Days that one row has beside nothing else tell nothing. At most 10, so that one broken day cannot blind a fit.
    """
    told, exposed = np.asarray(counts, np.float64), np.asarray(exposures, np.float64)
    whole = exposed.sum(axis=1, keepdims=True)
    rate = np.divide(told.sum(axis=1, keepdims=True), whole, out=np.zeros_like(whole), where=whole > 0)
    expected = rate * exposed
    share = np.divide(exposed, whole, out=np.ones_like(exposed), where=whole > 0)
    # A day's own count has moved its expectation: (1 - share) of the variance is left.
    left = (expected * (1.0 - share)).sum()
    return float(np.clip(((told - expected) ** 2).sum() / left, 1.0, 10.0)) if left > 0 else 1.0


class _Design:
    """The one-hot design, kept as column numbers: its products are sums by column."""

    def __init__(self, columns: Ints, size: int) -> None:
        self.columns, self.size = columns, size

    def product(self, effects: Floats) -> Floats:
        total: Floats = effects[0] + effects[self.columns].sum(axis=1)
        return total

    def transposed(self, values: Floats) -> Floats:
        total = np.zeros(self.size)
        total[0] = values.sum()
        for feature in range(self.columns.shape[1]):
            total += np.bincount(self.columns[:, feature], weights=values, minlength=self.size)
        return total

    def gram(self, weights: Floats) -> Floats:
        """Return X' W X."""
        size = self.size
        total = np.zeros((size, size))
        total[0, 0] = weights.sum()
        count = self.columns.shape[1]
        for one in range(count):
            here = np.bincount(self.columns[:, one], weights=weights, minlength=size)
            total[0] += here
            total[:, 0] += here
            total += np.diag(here)
            for other in range(one + 1, count):
                pair = self.columns[:, one] * size + self.columns[:, other]
                cross = np.bincount(pair, weights=weights, minlength=size * size).reshape(size, size)
                total += cross + cross.T
        return total


def _learn(
    design: _Design, told: Floats, exposed: Floats, levels: tuple[int, ...], *, dispersion: float, prior: Prior
) -> AdditiveFit:
    start = float(np.log((told.sum() + 0.5) / max(float(exposed.sum()), 1.0)))
    base, effects = np.log(exposed) + start, np.zeros(design.size)
    spread, between = np.full(len(levels), prior.effect), prior.between
    covariance: Floats = np.diag(_variances(spread, levels))
    for _ in range(_ROUNDS):
        fitted = design.product(effects)
        mean = np.exp(np.clip(base + fitted, -30.0, 30.0))
        damped = 1.0 / (1.0 + between * mean)
        gram = design.gram(mean * damped)
        covariance = np.asarray(np.linalg.inv(gram + np.diag(1.0 / _variances(spread, levels))), np.float64)
        step = covariance @ design.transposed(mean * damped * fitted + (told - mean) * damped) - effects
        largest = float(np.abs(step).max())
        effects = effects + step * min(1.0, 2.0 / max(largest, 1e-9))
        was = (between, *spread)
        spread = _feature_spread(effects, covariance, spread, levels, prior)
        mean = np.exp(np.clip(base + design.product(effects), -30.0, 30.0))
        between = _between(told, mean, float((covariance * gram).sum()), prior)
        moved = max(abs(new - old) / (old + 1e-3) for new, old in zip((between, *spread), was, strict=True))
        if largest < _SETTLED and moved < _SETTLED_SPREAD:
            break
    effects[0] += start
    return AdditiveFit(levels, effects, covariance, spread, between, dispersion)


def _feature_spread(
    effects: Floats, covariance: Floats, spread: Floats, levels: tuple[int, ...], prior: Prior
) -> Floats:
    """Take one step towards the marginal likelihood's spread: squares over the levels that the data determined."""
    found, start = np.zeros(len(levels)), 1
    for feature, count in enumerate(levels):
        here = slice(start, start + count)
        told = max(count - float(np.diag(covariance)[here].sum()) / spread[feature], 0.0)
        squares = float((effects[here] ** 2).sum())
        found[feature] = (squares + prior.effect_levels * prior.effect) / (told + prior.effect_levels)
        start += count
    return np.clip(found, _LEAST_VARIANCE, _MOST_VARIANCE)


def _between(told: Floats, mean: Floats, parameters: float, prior: Prior) -> float:
    """Solve Pearson's statistic for the variance that explains it, with the prior as so many cells.

    Three cells less count than there are: of few, the likeliest spread is under the expected one, and intervals made
    from it are too narrow.
    """
    excess, squares, free = (told - mean) ** 2, mean**2, len(told) - parameters - 3.0
    room = np.empty_like(mean)

    def surplus(variance: float) -> float:
        np.multiply(squares, variance, out=room)
        np.add(mean, room, out=room)
        own = float(np.divide(excess, room, out=room).sum()) - free
        return own + prior.between_cells * (prior.between - variance) / (prior.between + variance)

    low, high = 0.0, _MOST_VARIANCE
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if surplus(middle) > 0 else (low, middle)
    return max((low + high) / 2.0, _LEAST_VARIANCE)


def _variances(spread: Floats, levels: tuple[int, ...]) -> Floats:
    return np.concatenate([[_INTERCEPT_VARIANCE], np.repeat(spread, levels)])


def _offsets(levels: tuple[int, ...]) -> Ints:
    return np.cumsum((1, *levels), dtype=np.int64)[:-1]


def _columns(features: Ints, levels: tuple[int, ...], offsets: Ints) -> Ints:
    codes = np.asarray(features, np.int64)
    if len(codes) and ((codes < 0) | (codes >= np.asarray(levels, np.int64))).any():
        raise ValueError(f"a feature's code is out of its levels {levels}")
    return codes + offsets


def _checked(counts: Numbers, exposures: Numbers, features: Ints, dispersion: float) -> tuple[Floats, Floats, Ints]:
    told, exposed = np.asarray(counts, np.float64), np.asarray(exposures, np.float64)
    codes = np.asarray(features, np.int64)
    if not (told.shape == exposed.shape == codes.shape[:1] and codes.ndim == told.ndim + 1):
        raise ValueError(f"cells are (n,) and features (n, f), not {told.shape}, {exposed.shape} and {codes.shape}")
    if not (np.isfinite(told).all() and np.isfinite(exposed).all()) or (told < 0).any() or (exposed < 0).any():
        raise ValueError("counts and exposures of cells are finite and from 0")
    if not dispersion >= 1.0:
        raise ValueError(f"dispersion is {dispersion!r}; it is from 1")
    return told, exposed, codes
