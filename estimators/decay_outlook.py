"""What a filtered decline means: where a rate stands, where it will be, and when it will be under the limit."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Final

import numpy as np

from estimators.decay import Bools, Chain, Floats, Ints
from estimators.decay_belief import Singles
from estimators.decay_filter import State

HORIZON_DAYS: Final = 45
_LOW, _HIGH = 0.1, 0.9  # an 80 % interval
_WEEK: Final = 7
_BLOCK: Final = 4096  # ads at a time: bounds the temporaries, which then stay in the processor's cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Arrays (n,). Ratios are to the own first week; `days_*` is -1 where it is not to be within the horizon."""

    ratio: Floats
    ratio_low: Floats
    ratio_high: Floats
    rising: Floats  # P(above the first week's level)
    falling: Floats  # P(on its way down)
    in_a_week: Floats  # P(under the limit then)
    rate: Floats  # expected over the next week
    rate_low: Floats
    rate_high: Floats
    days_left: Ints  # until it is more likely under the limit than not; 0 = it is
    days_low: Ints
    days_high: Ints


def look_ahead(state: State) -> Outlook:
    """Move the beliefs on by the chain, without new counts."""
    worth = _worth(state.chains[state.live])
    parts = [
        _of_some(state, slice(at, at + _BLOCK), worth) for at in range(0, max(len(state.group), 1), _BLOCK)
    ]  # fmt: skip
    return Outlook(**{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Outlook)})


def _worth(chains: Sequence[Chain]) -> Singles:
    """What each state of each pace will have come to, (told, paces x states): `_of_some` names them."""
    of_pace = []
    for chain in chains:
        under, ratios = (column[chain.level].astype(np.float64) for column in (chain.is_under, chain.ratios))
        lowest = len(chain.ratios) - np.arange(len(chain.ratios) + 1)  # and none of the levels
        up_to = (chain.level[:, None] >= lowest).astype(np.float64)
        midweek = np.linalg.matrix_power(chain.move, _WEEK // 2 + 1) @ up_to
        rate, is_above = _days_on(chain.move, ratios, _WEEK)[:, 1:].mean(1), ratios > 1 + 1e-9
        days = _days_on(chain.move, under, HORIZON_DAYS)
        of_pace.append(np.column_stack([days, up_to, midweek, ratios, rate, is_above, chain.falls]))
    return np.ascontiguousarray(np.concatenate(of_pace).T, dtype=np.float32)


def _of_some(state: State, ads: slice, worth: Singles) -> Outlook:
    ratios, live, belief = state.chains[0].ratios, state.live, state.belief[..., ads]
    by_pace = belief[live].sum(1)
    by_pace *= state.paces.T[live].astype(np.float32).take(state.group[ads], 1)[:, None]
    told = worth @ by_pace.reshape(worth.shape[1], -1)
    days, levels = HORIZON_DAYS + 1, len(ratios) + 1
    ratio, rate, rising, falling = told[-4:].astype(np.float64)
    (low, high), (later_low, later_high) = (
        _interval(told[at : at + levels], ratios) for at in (days, days + levels)
    )  # fmt: skip
    in_a_week = told[_WEEK].astype(np.float64)
    days_low, days_left, days_high = _first_days(told[:days], (_LOW, 0.5, _HIGH))
    nodes = np.matmul(np.ones(belief.shape[2], np.float32), belief).sum(0)
    first = (state.base[:, ads] * nodes).sum(0) / np.maximum(nodes.sum(0), 1e-9)
    return Outlook(
        ratio=ratio, ratio_low=low, ratio_high=high, rising=rising, falling=falling, in_a_week=in_a_week,
        rate=first * rate, rate_low=first * later_low, rate_high=first * later_high,
        days_low=days_low, days_left=days_left, days_high=days_high,
    )  # fmt: skip


def _days_on(move: Floats, worth: Floats, days: int) -> Floats:
    """Return what each state will be worth after 0, 1, ... days, (states, days + 1)."""
    found = [worth]
    for _ in range(days):
        found.append(move @ found[-1])
    return np.stack(found, axis=1)


def _first_days(by_day: Singles, shares: Sequence[float]) -> list[Ints]:
    """Return the first day, by ad, on which each share is reached, -1 where it is on none; changes `by_day` itself."""
    for before, here in pairwise(by_day):  # to the highest so far; eight times as fast as `accumulate`
        np.maximum(before, here, out=here)
    under = (_count(by_day < share) for share in shares)  # the days before the first
    return [np.where(days < len(by_day), days, -1) for days in under]


def _interval(up_to: Singles, ratios: Floats) -> list[Floats]:
    """80 % of the belief, up to each level from none to all, (levels + 1, n), each level spread evenly over its step.

    Ratios fall; levels are counted from the lowest.
    """
    step, logs, ads = np.log(ratios[0] / ratios[1]), np.log(ratios[::-1]), np.arange(up_to.shape[1])
    found = []
    for share in (_LOW, _HIGH):
        at = np.minimum(_count(up_to[1:] < share), len(ratios) - 1)
        before = up_to[at, ads].astype(np.float64)
        within = np.clip((share - before) / np.maximum(up_to[at + 1, ads] - before, 1e-12), 0.0, 1.0)
        found.append(np.exp(logs[at] + step * (within - 0.5)))
    return found


def _count(is_so: Bools) -> Ints:
    """Count by ad; fewer than 256 rows, in whose bytes the sum is done: six times as fast."""
    found: Ints = is_so.view(np.uint8).sum(0, dtype=np.uint8).astype(np.int64)
    return found
