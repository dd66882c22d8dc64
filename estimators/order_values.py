"""What an order is worth, of objects with few orders: their own mean, held to that of what they belong to."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.snapshot import Floats, Ints
from estimators.hierarchy import summed

_PRIOR_CV2: Final = 0.25  # of single orders about their mean: half of the mean
_PRIOR_ORDERS: Final = 50.0
_BETWEEN_CV2: Final = 0.03  # of objects' mean orders about their parent's
_PRIOR_OBJECTS: Final = 6.0
_FAR: Final = 3.0  # standard deviations: one freak order says no more than that of how objects differ
_CV2_BOUNDS: Final = (0.0, 25.0)
_BETWEEN_BOUNDS: Final = (0.0005, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderValues:
    """Posterior of each object's mean order: minor units, and the variance of its logarithm."""

    mean_minor: Floats
    log_variance: Floats


def spread_of_orders(purchases: Ints, revenue_minor: Ints) -> float:
    """Return the cv^2 of single orders, told by how days' revenue differs from its purchases' worth; shape (n, d).

    Smoothed to a prior of 0.25 worth fifty days with orders. Days with negative figures are left out.
    """
    is_sound = (purchases > 0) & (revenue_minor >= 0)
    counts = np.where(is_sound, purchases, 0).astype(np.float64)
    values = np.where(is_sound, revenue_minor, 0).astype(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    mean = np.divide(values.sum(axis=1, keepdims=True), total, out=np.zeros_like(total), where=total > 0)
    ratio = np.divide(values, counts * mean, out=np.ones_like(values), where=(counts > 0) & (mean > 0))
    squares = float((counts * (ratio - 1) ** 2).sum())
    free = float(np.maximum(is_sound.sum(axis=1) - 1, 0).sum())
    return float(np.clip((squares + _PRIOR_ORDERS * _PRIOR_CV2) / (free + _PRIOR_ORDERS), *_CV2_BOUNDS))


def order_values(
    value: Floats, counts: Floats, parents: tuple[Ints, ...], *, cv2: float, fallback_minor: float
) -> OrderValues:
    """Return the posterior of the leaves' mean order value: `value` minor units came from `counts` orders.

    `parents` lead up to one root as in `hierarchy.shrink`. An account without an order has `fallback_minor`, which is
    then a guess: its variance says so (1.0 on the log scale).
    """
    chain = [np.where(parent < 0, _top(parents, depth), parent) for depth, parent in enumerate(parents)]
    sums = [(value, counts)]
    for depth, parent in enumerate(chain):
        size = _top(parents, depth) + 1
        above = sums[-1]
        padded = parent if depth == 0 else np.append(parent, size - 1)
        sums.append((summed(padded, above[0], size), summed(padded, above[1], size)))
        chain[depth] = padded
    orders = float(counts.sum())
    worth = float(value.sum())
    is_known = orders > 0 and worth > 0
    mean = np.full(1, worth / orders if is_known else max(fallback_minor, 1.0))
    variance = np.full(1, cv2 / orders if is_known else 1.0)
    for depth in range(len(sums) - 1, -1, -1):
        node_value, node_counts = sums[depth]
        is_top = depth == len(sums) - 1
        prior, prior_variance = (mean, variance) if is_top else (mean[chain[depth]], variance[chain[depth]])
        k = cv2 / _between(node_value, node_counts, np.broadcast_to(prior, node_counts.shape), cv2)
        mean = (node_value + k * prior) / (node_counts + k)
        variance = cv2 / (node_counts + k) + (k / (node_counts + k)) ** 2 * prior_variance
    return OrderValues(mean_minor=np.maximum(mean, 1e-9), log_variance=variance)


def _between(value: Floats, counts: Floats, prior: Floats, cv2: float) -> float:
    """Return the cv^2 of objects' mean orders about their parents', by moments, smoothed to the prior."""
    has = counts > 0
    if not has.any():
        return _BETWEEN_CV2
    chance = cv2 / counts[has]
    weight = (_BETWEEN_CV2 / (_BETWEEN_CV2 + chance)) ** 2
    squares = (value[has] / (counts[has] * prior[has]) - 1) ** 2
    told = weight * (np.minimum(squares, _FAR**2 * (chance + _BETWEEN_CV2)) - chance)
    found = (float(told.sum()) + _PRIOR_OBJECTS * _BETWEEN_CV2) / (float(weight.sum()) + _PRIOR_OBJECTS)
    return float(np.clip(found, *_BETWEEN_BOUNDS))


def _top(parents: tuple[Ints, ...], depth: int) -> int:
    """The index of the extra node, above what is at `depth`, of those that belong to nobody known."""
    return len(parents[depth + 1]) if depth + 1 < len(parents) else int(parents[depth].max(initial=-1)) + 1
