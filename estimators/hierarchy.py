"""Rates of many small objects, held to those of what they belong to: a gamma-Poisson tree, in a few array passes.

Knows counts, exposures and who belongs to whom; not ads. A leaf's rate is spread about its parent's as a gamma
distribution of shape k = 1 / cv^2, that one's about its own parent's, up to one root. Counts are Poisson about rate
times exposure. Messages go up the tree once and down once, which is exact but for taking each spread as log-normal.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.snapshot import Floats, Ints

_ROOT_COUNT: Final = 0.5  # half a purchase stands in for what is known of a root that has none
_PRIOR_OBJECTS: Final = 6.0  # well-measured objects that the prior spread is worth
_CV2_BOUNDS: Final = (0.005, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Posterior of every leaf: `mean` of the rate, mean and variance of its logarithm; and the root's rate."""

    mean: Floats
    log_mean: Floats
    log_variance: Floats
    root: float


def shrink(counts: Floats, exposure: Floats, parents: tuple[Ints, ...], spreads: tuple[float, ...]) -> Rates:
    """Return the posterior of the leaves' rates.

    `parents[0]` (n,) points from each leaf into its level above, `parents[1]` from those on, and so on; the last level
    belongs to the root. -1 = not known: such an object is held to the level above that. `spreads` are the cv^2 of the
    leaves about their parents, of the parents about theirs, and so on up to the root: one more than `parents`.
    """
    up_counts, up_exposure, levels = counts, exposure, [(counts, exposure)]
    total = max(float(exposure.sum()), np.finfo(float).tiny)
    overall = (float(counts.sum()) + _ROOT_COUNT) / total
    chain = _closed(parents)
    for parent, size, spread in zip(chain, _sizes(parents), spreads, strict=False):
        trust = 1 / (1 + overall * up_exposure * spread)  # k / (expected + k): a large child is one opinion, not many
        up_counts = summed(parent, up_counts * trust, size)
        up_exposure = summed(parent, up_exposure * trust, size)
        levels.append((up_counts, up_exposure))
    trust = 1 / (1 + overall * up_exposure * spreads[-1])
    root_counts = float((up_counts * trust).sum()) + _ROOT_COUNT
    root = root_counts / max(float((up_exposure * trust).sum()), np.finfo(float).tiny)
    return _down(levels, chain, spreads, root=root, root_variance=1 / root_counts)


def _down(
    levels: list[tuple[Floats, Floats]], chain: tuple[Ints, ...], spreads: tuple[float, ...], *, root: float,
    root_variance: float,
) -> Rates:  # fmt: skip
    mean, variance = np.full(1, root), np.full(1, root_variance)
    for depth in range(len(levels) - 1, -1, -1):
        level_counts, level_exposure = levels[depth]
        is_top = depth == len(levels) - 1
        prior = mean if is_top else mean[chain[depth]]
        prior_variance = variance if is_top else variance[chain[depth]]
        k = 1 / spreads[depth]
        shape = level_counts + k
        mean = shape / (level_exposure + k / prior)
        own = 1 / shape + 0.5 / shape**2
        variance = own + (k / (mean * level_exposure + k)) ** 2 * prior_variance
    shape = levels[0][0] + 1 / spreads[0]
    log_mean = np.log(mean) - 0.5 / shape - 1 / (12 * shape**2)  # digamma, to 1e-3 from shape 1 on
    return Rates(mean=mean, log_mean=log_mean, log_variance=variance, root=root)


def spread_of(counts: Floats, exposure: Floats, parent: Ints, size: int, *, prior: float) -> float:
    """Return the cv^2 of rates about their parents' by moments, smoothed to a prior worth six well-measured objects.

    An object weighs by how well its own deviation can be told from chance; one alone under its parent tells nothing.
    """
    if len(counts) == 0 or exposure.sum() <= 0:
        return prior
    parent = np.where(parent < 0, size, parent)
    of_parent = summed(parent, counts, size + 1)
    exposed = summed(parent, exposure, size + 1)
    part = exposure / np.maximum(exposed[parent], np.finfo(float).tiny)
    expected = part * of_parent[parent]
    squares = summed(parent, part**2, size + 1)[parent]
    seen = np.clip(1 - 2 * part + squares, 0, None)  # the part of its deviation that is left against a mean it is in
    chance = expected * (1 - part)
    scale = prior / (1 + expected * prior)
    told = scale**2 * ((counts - expected) ** 2 - chance)
    weight = (expected * scale) ** 2 * seen
    found = (float(told.sum()) + _PRIOR_OBJECTS * prior) / (float(weight.sum()) + _PRIOR_OBJECTS)
    return float(np.clip(found, *_CV2_BOUNDS))


def summed(owner: Ints, values: Floats, size: int) -> Floats:
    """Sum values by owner; (size,)."""
    sums: Floats = np.bincount(owner, weights=values, minlength=size).astype(np.float64, copy=False)
    return sums


def _sizes(parents: tuple[Ints, ...]) -> tuple[int, ...]:
    """How many nodes each level above the leaves has, with one more for those that belong to nobody known."""
    if not parents:
        return ()
    sizes = [len(parent) for parent in parents[1:]]
    top = int(parents[-1].max(initial=-1)) + 1
    return tuple(size + 1 for size in (*sizes, top))


def _closed(parents: tuple[Ints, ...]) -> tuple[Ints, ...]:
    """Point those without a known parent at the extra node of the level above, and extra nodes at one another."""
    sizes = _sizes(parents)
    closed = [np.where(parent < 0, size - 1, parent) for parent, size in zip(parents, sizes, strict=True)]
    for depth in range(1, len(closed)):
        closed[depth] = np.append(closed[depth], sizes[depth] - 1)
    return tuple(closed)
