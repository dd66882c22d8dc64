"""Rates of ads from few counts: every ad is shrunk towards its ad set, that towards its campaign, that to the account.

Hierarchical credibility with leave-one-out parents (Bühlmann & Gisler, A Course in Credibility Theory, 2005, ch. 4
and 6): an ad's prior is what its siblings, and the other branches above them, say; never its own figures twice.
Numbers in, numbers out; nothing of reports or scenarios.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_TAIL: Final = 0.05  # intervals hold 90 %
_Z: Final = 1.6448536269514722  # the normal's 95 % point
# Squared coefficient of variation among siblings where the counts do not tell: 0.25, that is +-50 %, the prior of the
# between-variance in the ablation of facts/decisions.md §3c. It weighs as one observation with +-100 % of itself.
PRIOR_SPREAD: Final = 0.25
# Events of the account that smooth an ad set's rate where it tells how noisy its ads are. With few of them a set's own
# luck weighs itself: at 2 purchases an ad, rates came out 4 % low with 1 event and 0.5 % with 64 (6 seeds x 420 ads).
_POOLED_EVENTS: Final = 64.0
_LEAST_SPREAD: Final = 0.0025  # siblings are never taken to differ by less than 5 %
_TOP_SPREAD: Final = 1.0  # how far an account may be from the documented typical value: +-100 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Nesting:
    """Where each ad belongs: `ad_set` per ad, `campaign` per ad set, both as indices."""

    ad_set: Ints
    campaign: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One value per child: the posterior mean with its 90 % interval, and the prior that it was shrunk towards.

    `spreads` are the squared coefficients of variation found among siblings, from the lowest level up.
    """

    mean: Floats
    low: Floats
    high: Floats
    prior: Floats
    spreads: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What siblings say about their parents: a weighted mean per parent, and how precise it is (1 / variance)."""

    mean: Floats
    precision: Floats


def fit_rates(events: Ints, exposure: Ints, nesting: Nesting, *, typical: float) -> Fit:
    """Fit events per exposure of each ad: clicks per impression, purchases per click.

    events_i ~ Poisson(rate_i * exposure_i), rate_i ~ Gamma with the mean and variance that the leave-one-out parents
    give; the posterior is Gamma(events + k, exposure + k / prior) with k = prior^2 / variance (facts/decisions.md
    §5.1). `typical` is the documented value around which the account itself is thought to lie.
    """
    seen, expected = events.astype(np.float64), exposure.astype(np.float64)
    top = (seen.sum() + 1.0) / (expected.sum() + 1.0 / typical)
    of_set = _smooth(seen, expected, nesting.ad_set, len(nesting.campaign), top)
    rate = np.divide(seen, expected, out=np.zeros_like(seen), where=expected > 0)
    noise = np.divide(of_set[nesting.ad_set], expected, out=np.full_like(seen, np.inf), where=expected > 0)
    prior, variance, spreads = _shrink(rate, noise, nesting, scale=of_set, typical=typical, spread=PRIOR_SPREAD)
    shape_before = prior**2 / variance
    shape, rate_of = seen + shape_before, expected + shape_before / prior
    return Fit(
        mean=shape / rate_of,
        low=gammaincinv(shape, _TAIL) / rate_of,
        high=gammaincinv(shape, 1 - _TAIL) / rate_of,
        prior=prior,
        spreads=spreads,
    )


def fit_levels(logs: Floats, variances: Floats, nesting: Nesting, *, typical: float, spread: float) -> Fit:
    """Fit positive amounts (price, order value) from their logarithms: normal within, normal between.

    `variances` are those of the logarithms, infinite where nothing was seen; `spread` is the prior between-variance of
    the logarithms, near the squared coefficient of variation. The answer is in amounts, its mean being the median.
    """
    ones = np.ones(len(nesting.campaign))
    centre = float(np.log(typical))
    centred = np.where(np.isfinite(variances), logs - centre, 0.0)
    prior, prior_variance, spreads = _shrink(centred, variances, nesting, scale=ones, typical=0.0, spread=spread)
    precision = 1 / prior_variance + 1 / variances
    mean = (prior / prior_variance + centred / variances) / precision
    reach = _Z / np.sqrt(precision)
    low, high = np.exp(centre + mean - reach), np.exp(centre + mean + reach)
    return Fit(mean=np.exp(centre + mean), low=low, high=high, prior=np.exp(centre + prior), spreads=spreads)


def spread_of_siblings(values: Floats, weights: Floats, group: Ints, groups: int, *, prior: float) -> float:
    """Estimate how much siblings differ beyond their noise, by moments, smoothed to a prior.

    With w = 1 / noise variance and Q = sum w (x - mean)^2: E[Q] = (n - 1) + spread * (sum w - sum w^2 / sum w), summed
    over the groups (DerSimonian & Laird, 1986; Bühlmann & Gisler §4.8). The estimate's own variance under the prior,
    2 / df * (df / denominator + prior)^2, weighs it against the prior, whose deviation is taken to be its own size.
    """
    total = _sum_by(weights, group, groups)
    mean = _ratio(_sum_by(weights * values, group, groups), total)
    members = _sum_by((weights > 0).astype(np.float64), group, groups)
    freedom = float(np.maximum(members - 1, 0).sum())
    squares = _ratio(_sum_by(weights**2, group, groups), total)
    denominator = float((total - squares)[members > 1].sum())
    if freedom <= 0 or denominator <= 0:
        return prior
    chi_square = float((weights * (values - mean[group]) ** 2)[members[group] > 1].sum())
    found = (chi_square - freedom) / denominator
    weight = freedom / (2 * (freedom / denominator + prior) ** 2)
    weight_before = 1 / prior**2
    return max(_LEAST_SPREAD, (weight * found + weight_before * prior) / (weight + weight_before))


def _shrink(
    values: Floats, noise: Floats, nesting: Nesting, *, scale: Floats, typical: float, spread: float
) -> tuple[Floats, Floats, tuple[float, ...]]:
    """Return each ad's leave-one-out prior mean and variance, and the spreads by level.

    `scale` is the typical value in each ad set; a parent's own turns the relative spread of its children absolute.
    """
    groups = (nesting.ad_set, nesting.campaign, np.zeros(int(nesting.campaign.max()) + 1, dtype=np.int64))
    of_campaign = _mean_by(scale, nesting.campaign)
    scales = (scale[nesting.ad_set], of_campaign[nesting.campaign], np.full(len(of_campaign), of_campaign.mean()))
    told = _Told(mean=values, precision=1 / noise)
    spreads, levels = [], []
    for group, unit in zip(groups, scales, strict=True):
        parents = int(group.max()) + 1
        relative = spread_of_siblings(told.mean / unit, told.precision * unit**2, group, parents, prior=spread)
        apart = relative * unit**2
        about_parent = _precision_with(told.precision, apart)
        levels.append((group, told.mean, about_parent, apart))
        total = _sum_by(about_parent, group, parents)
        mean = _ratio(_sum_by(about_parent * told.mean, group, parents), total)
        told = _Told(mean=mean, precision=total)
        spreads.append(relative)
    prior, variance = np.array([typical]), np.array([_TOP_SPREAD * (typical or 1.0) ** 2])
    for group, mean, precision, apart in reversed(levels):
        prior, variance = _without_self(group, mean, precision, prior, variance)
        variance = variance + apart
    return prior, variance, tuple(spreads)


def _without_self(
    group: Ints, mean: Floats, precision: Floats, above: Floats, above_variance: Floats
) -> tuple[Floats, Floats]:
    """Return what each child may expect of its parent from its siblings and from above, but not from itself."""
    parents = len(above)
    others = _sum_by(precision, group, parents)[group] - precision
    weighted = _sum_by(precision * mean, group, parents)[group] - precision * mean
    others = np.maximum(others, 0.0)
    total = others + 1 / above_variance[group]
    return (np.where(others > 0, weighted, 0.0) + above[group] / above_variance[group]) / total, 1 / total


def _precision_with(precision: Floats, apart: Floats) -> Floats:
    """Return 1 / (noise variance + spread), zero where nothing was seen."""
    return precision / (1 + precision * apart)


def _smooth(seen: Floats, expected: Floats, group: Ints, groups: int, top: float) -> Floats:
    return (_sum_by(seen, group, groups) + _POOLED_EVENTS) / (_sum_by(expected, group, groups) + _POOLED_EVENTS / top)


def _mean_by(values: Floats, group: Ints) -> Floats:
    groups = int(group.max()) + 1
    return _sum_by(values, group, groups) / _sum_by(np.ones(len(group)), group, groups)


def _sum_by(values: Floats, group: Ints, groups: int) -> Floats:
    return np.bincount(group, weights=values, minlength=groups).astype(np.float64, copy=False)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
