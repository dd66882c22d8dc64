"""Splits a day's figures over kinds of people or places: keyed, never stored, and the parts always sum to the total.

Each total is cut at its running shares plus one keyed fraction (systematic sampling), so that parts are whole, never
negative, sum exactly and are right on average. Shares are jittered as counts by chance would be, but parts keep to one
another: no more link clicks than impressions in a cell, no more purchases than link clicks.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.market.dice import Floats, Ints, Keys, normals_each, uniforms

_STREAM: Final = 20_000  # the streams from here on belong to breakdowns
_PER_METRIC: Final = 3_000
_LEAST_JITTER, _MOST_JITTER = 0.05, 3.0
_ORDER_SPREAD: Final = 0.35
_I, _C, _L, _S, _P, _V = range(6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tilts:
    """How the cells differ, one row per ad, shape (n, cells): shares of impressions, and factors on rates and price."""

    share: Floats
    ctr: Floats
    cvr: Floats
    cpm: Floats


def split_day(figures: Ints, keys: Keys, day: int, tilts: Tilts) -> Ints:
    """Split (6, n) impressions, clicks, link clicks, spend, purchases, value of a day into (6, n, cells).

    The same ad, day and figures give the same parts; `parts.sum(axis=2)` equals `figures`.
    """
    dice = _Dice(keys, day)
    shown = dice.share_out(figures[_I], dice.jitter(figures[_I], tilts.share, _I), _I)
    link_pull = _or(dice.jitter(figures[_L], shown * tilts.ctr, _L), shown, tilts.share)
    link = dice.share_out(figures[_L], _capped(figures[_L], link_pull, shown), _L)
    others = dice.share_out(figures[_C] - figures[_L], _or(np.maximum(shown - link, 0.0), shown, tilts.share), _C)
    spend = dice.share_out(figures[_S], _or(shown * tilts.cpm, shown, tilts.share), _S)
    buy_pull = _or(dice.jitter(figures[_P], link * tilts.cvr, _P), link, shown, tilts.share)
    bought = dice.share_out(figures[_P], _capped(figures[_P], buy_pull, link), _P)
    worth = bought * np.exp(dice.noise(bought.shape[1], _V) * _ORDER_SPREAD / np.sqrt(np.maximum(bought, 1)))
    value = dice.share_out(figures[_V], _or(worth, bought, shown, tilts.share), _V)
    return np.stack([shown, link + others, link, spend, bought, value])


def split_people(reach: Ints, shown: Ints) -> Ints:
    """Split (n,) people reached over (n, cells) by the impressions of each cell, never more people than impressions."""
    return _cut(reach, _capped(reach, shown.astype(np.float64), shown), np.full(len(reach), 0.5))


def share_under(total: Ints, weight: Floats, cap: Ints, fraction: Floats) -> Ints:
    """Split (n,) totals over (n, cells) by weight, in no cell more than its cap (as far as the caps hold the total)."""
    return _cut(total, _capped(total, _or(weight, cap, np.ones_like(weight)), cap), fraction)


class _Dice:
    """The chance of one day, by ad."""

    def __init__(self, keys: Keys, day: int) -> None:
        self._keys, self._day = keys, day

    def share_out(self, total: Ints, weight: Floats, metric: int) -> Ints:
        return _cut(total, weight, uniforms(self._keys, self._day, _STREAM + metric * _PER_METRIC + 2_500))

    def jitter(self, total: Ints, weight: Floats, metric: int) -> Floats:
        whole = weight.sum(axis=1, keepdims=True)
        share = np.divide(weight, whole, out=np.zeros_like(weight), where=whole > 0)
        expected = np.maximum(total[:, None] * share, 1.0)
        factor = 1 + self.noise(weight.shape[1], metric) / np.sqrt(expected)
        jittered: Floats = share * np.clip(factor, _LEAST_JITTER, _MOST_JITTER)
        return jittered

    def noise(self, cells: int, metric: int) -> Floats:
        stream = _STREAM + metric * _PER_METRIC
        return normals_each(self._keys, self._day, range(stream, stream + cells))


def _cut(total: Ints, weight: Floats, fraction: Floats) -> Ints:
    upto = np.cumsum(weight, axis=1)
    upto /= upto[:, -1:]  # the last becomes exactly 1
    edges = np.floor(total[:, None] * upto + fraction[:, None]).astype(np.int64)
    return np.diff(edges, axis=1, prepend=0)


def _capped(total: Ints, weight: Floats, cap: Ints) -> Floats:
    """Return the weights, or the caps as weights for an ad whose part of a cell would pass its cap."""
    whole = weight.sum(axis=1, keepdims=True)
    passes = (total[:, None] * weight > cap * whole).any(axis=1, keepdims=True)
    room = cap.sum(axis=1, keepdims=True)
    return np.where(passes & (room >= total[:, None]) & (room > 0), cap.astype(np.float64), weight)


def _or(*weights: Floats | NDArray[np.int64]) -> Floats:
    """Return the first weights that are not all zero, ad by ad."""
    found = weights[0].astype(np.float64)
    for other in weights[1:]:
        empty = found.sum(axis=1, keepdims=True) <= 0
        found = np.where(empty, other, found)
    return found
