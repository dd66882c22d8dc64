"""The course of every ad's click rate: its own, and that of its creative or ad set where it is too small. Arrays only.

What it means in words and stages is `decisions/life_cycle.py`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.errors import BadInputError
from domain.panel import Panel
from domain.snapshot import Bools, Floats, Ints, Texts
from estimators import cusum, decay_filter
from estimators.decay_filter import State

SMALL_CLICKS: Final = 10.0  # a day: under it an ad is also judged with its mates (facts/decisions.md §3b)
_BETWEEN_DAYS: Final = 14  # assumed unseen between a first week of old and the panel's first day
_MOST_DAYS: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstWeek:
    """Sums over the first 7 days with impressions of ads whose first week lies before the panel; 0 = it does not."""

    clicks: Floats
    impressions: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """n ads over d days, and the state after the last. `pool` is the row of a mate pool, -1 = judged alone."""

    state: State
    probability: Floats  # (n, d) P(click rate under the ratio of the own first week)
    clicks: Floats  # (n, d) as counted: what contradicts itself is 0
    impressions: Floats  # (n, d)
    expected: Floats  # (n, d) clicks, had nothing changed since the first week
    score: Floats  # (n, d) CUSUM of the usual decline
    left_out: int  # ad-days whose figures contradict themselves
    pool: Ints  # (n,)
    pool_is_creative: Bools  # (n,)
    pools: State  # of the pools, after the last day
    pool_probability: Floats  # (n, d) of its pool; 0 where there is none


def follow(
    panel: Panel,
    limit: float,
    *,
    creative_id: Texts | None = None,
    first: FirstWeek | None = None,
    account: Ints | None = None,
) -> Course:
    """Follow every ad's click rate through the panel: of one account, or of those numbered in `account`, (n,).

    Days with negative counts or more clicks than impressions are left out, as if nothing had been shown.

    Raises:
        BadInputError: arrays that do not belong together.
    """
    clicks, shown, left_out = _readable(panel)
    n, days = clicks.shape
    state = decay_filter.begin(
        np.zeros(n, np.int64) if account is None else account, limit, days_between=_BETWEEN_DAYS,
        first_clicks=None if first is None else _known(first.clicks, n),
        first_seen=None if first is None else _known(first.impressions, n),
    )  # fmt: skip
    probability, score, expected = np.zeros((n, days)), np.zeros((n, days)), np.zeros((n, days))
    last = np.zeros(n)
    for day in range(days):
        expected[:, day] = expect(state, clicks[:, day], shown[:, day])
        last = score[:, day] = scored(last, state, clicks[:, day], expected[:, day])
        probability[:, day] = state.under()
    pool, is_creative = _pools(panel, state, clicks, creative_id)
    pools = _begun_pools(pool, state, limit)
    return Course(
        state=state, probability=probability, clicks=clicks, impressions=shown, expected=expected, score=score,
        left_out=left_out, pool=pool, pool_is_creative=is_creative, pools=pools,
        pool_probability=_pooled(pool, pools, clicks, expected),
    )  # fmt: skip


def expect(state: State, clicks: Floats, shown: Floats) -> Floats:
    """Take a day, and return the clicks that it would have had, had nothing changed; 0 before a first week is over."""
    was_ripe = state.is_ripe
    shock = decay_filter.step(state, clicks, shown)
    return np.where(was_ripe, shown * shock * _base(state), 0.0)


def scored(score: Floats, state: State, clicks: Floats, expected: Floats) -> Floats:
    """Return the CUSUM of the usual decline after a day."""
    return cusum.step(score, clicks, expected, state.day_noise[state.group], cusum.RATIO)


def pooled(pool: Ints, pools: State, clicks: Floats, expected: Floats) -> Floats:
    """Take a day of the pools, and return P of each ad's. Its unit is a click expected of a member's first week."""
    told, rows, count = np.zeros(len(pool)), pool >= 0, len(pools.group)
    of, is_ripe = pool[rows], expected[rows] > 0
    seen = _sums(of, np.where(is_ripe, clicks[rows], 0.0), count)
    decay_filter.step(pools, seen, _sums(of, expected[rows], count), has_shocks=False)
    told[rows] = pools.under()[of]
    return told


def readable(clicks: Ints, impressions: Ints) -> tuple[Floats, Floats, int]:
    """Return the counts without those that contradict themselves, and how many these were."""
    counted, shown = clicks.astype(np.float64), impressions.astype(np.float64)
    wrong = (counted < 0) | (shown < 0) | (counted > shown)
    counted[wrong] = shown[wrong] = 0.0
    return counted, shown, int(wrong.sum())


def _readable(panel: Panel) -> tuple[Floats, Floats, int]:
    if panel.clicks.shape != panel.impressions.shape or panel.clicks.ndim != 2 or len(panel) != len(panel.clicks):  # noqa: PLR2004 - rows and days
        raise BadInputError(
            f"clicks {panel.clicks.shape} and impressions {panel.impressions.shape} of {len(panel)} ads do not match"
        )
    if panel.clicks.shape[1] > _MOST_DAYS:
        raise BadInputError(f"{panel.clicks.shape[1]} days are more than the {_MOST_DAYS} that can be followed")
    return readable(panel.clicks, panel.impressions)


def _known(values: Floats, n: int) -> Floats:
    if values.shape != (n,):
        raise BadInputError(f"the first week has {values.shape} figures for {n} ads")
    return np.where(np.isfinite(values) & (values > 0), values, 0.0)


def _base(state: State) -> Floats:
    """The first week's click rate, the middle guess."""
    middle: Floats = state.base[len(state.base) // 2]
    return middle


def _pools(panel: Panel, state: State, clicks: Floats, creative_id: Texts | None) -> tuple[Ints, Bools]:
    """Small ads with a mate: of one creative first, else of one ad set."""
    n = len(panel)
    runs = (panel.impressions[:, -7:] > 0).any(1) if n and panel.impressions.shape[1] else np.zeros(n, np.bool_)
    active_days = np.maximum((clicks[:, -14:] > 0).sum(1), 1)
    small = state.is_ripe & runs & (clicks[:, -14:].sum(1) / active_days < SMALL_CLICKS)
    pool, is_creative = np.full(n, -1, np.int64), np.zeros(n, np.bool_)
    if creative_id is not None and n:
        names, which = np.unique(creative_id.astype(str), return_inverse=True)
        takes = small & (creative_id.astype(str) != "")
        takes &= np.bincount(which, takes, len(names))[which] > 1
        pool[takes], is_creative = which[takes], takes.copy()
    rest = small & ~is_creative & (panel.parent >= 0)
    if rest.any():
        sets = int(panel.parent.max()) + 1
        takes = rest & (np.bincount(np.maximum(panel.parent, 0), rest, sets)[np.maximum(panel.parent, 0)] > 1)
        pool[takes] = panel.parent[takes] + int(pool.max()) + 1
    found = pool >= 0
    if found.any():
        pool[found] = np.unique(pool[found], return_inverse=True)[1]
    return pool, is_creative


def _begun_pools(pool: Ints, state: State, limit: float) -> State:
    rows, count = pool >= 0, int(pool.max(initial=-1)) + 1
    of = pool[rows]
    return decay_filter.begin(
        np.zeros(count, np.int64), limit, first_clicks=_sums(of, state.first_clicks[rows], count),
        first_seen=_sums(of, (state.first_seen * _base(state))[rows], count),
    )  # fmt: skip


def _pooled(pool: Ints, pools: State, clicks: Floats, expected: Floats) -> Floats:
    told = np.zeros(clicks.shape)
    for day in range(clicks.shape[1] if len(pools.group) else 0):
        told[:, day] = pooled(pool, pools, clicks[:, day], expected[:, day])
    return told


def _sums(of: Ints, values: Floats, count: int) -> Floats:
    return np.bincount(of, values, count).astype(np.float64)
