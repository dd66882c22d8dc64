"""What is kept of ads from one day to the next, so that a day costs one step of the filter and no history is read.

Stepped day by day it is what following all days at once leaves. Only pools of mates are chosen when all is followed.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from decisions.life_course import Course, expect, pooled, readable, scored
from domain.panel import Panel
from domain.snapshot import Bools, Floats, Ints, Texts
from estimators import cusum, decay_filter
from estimators.decay_filter import State

KEPT_DAYS: Final = 14
FIRST_DAYS: Final = 7
ARRAYS: Final = (
    "pool", "probability", "pool_probability", "score", "since", "fatigued_on", "alarmed", "alarmed_by_pool", "clicks",
    "impressions", "expected", "spend", "total", "early",
)  # fmt: skip
_DAYS: Final = ("pool", "since", "fatigued_on")
RESTATED: Final = 0.02  # of the clicks or impressions of the days kept
LEAST_SCORE: Final = 1.0  # of the CUSUM: the prior alone never calls an ad fatigued


@dataclass(slots=True, kw_only=True)
class Memory:
    """What stands of n ads after the day `upto`; changed in place by `advance`. Days are ordinals, -1 = none.

    Arrays of (n, 14) hold the last days, oldest first.
    """

    ad_id: Texts
    upto: int
    certainty: float  # from which an ad is called fatigued
    state: State
    pools: State
    pool: Ints  # row of `pools`, -1 = judged alone
    probability: Floats
    pool_probability: Floats
    score: Floats  # CUSUM of the usual decline
    since: Ints  # the day its climb began
    fatigued_on: Ints  # the day of the alarm that stands
    alarmed: Bools  # ever, by its own clicks
    alarmed_by_pool: Bools
    clicks: Floats  # (n, 14)
    impressions: Floats  # (n, 14)
    expected: Floats  # (n, 14) clicks, had nothing changed since the first week
    spend: Floats  # (n, 14)
    total: Floats  # impressions of all days
    early: Floats  # (n, 3) spend, impressions and number of the first days with impressions

    def __len__(self) -> int:
        return len(self.ad_id)

    @property
    def limit(self) -> float:
        """The ratio to its own first week under which an ad is tired."""
        return self.state.chains[0].limit


def remember(course: Course, panel: Panel, certainty: float) -> Memory:
    """Keep what is needed of days that were followed all at once."""
    n, days = course.clicks.shape
    start = panel.first_day.toordinal()
    own, by_pool = alarms(course, certainty)
    since = cusum.began(course.score)
    ran = course.impressions > 0
    is_first = ran & (np.cumsum(ran, axis=1) <= FIRST_DAYS)
    spend = _spend(panel.spend_minor)
    fatigued = _held(own | by_pool, np.maximum(course.probability, course.pool_probability), certainty)
    last = course.probability[:, -1] if days else np.zeros(n)
    return Memory(
        ad_id=panel.object_id, upto=start + days - 1, certainty=certainty, state=course.state, pools=course.pools,
        pool=course.pool, probability=last, pool_probability=course.pool_probability[:, -1] if days else last,
        score=course.score[:, -1] if days else np.zeros(n), since=np.where(since >= 0, since + start, -1),
        fatigued_on=np.where(fatigued >= 0, fatigued + start, -1),
        alarmed=np.asarray(own.any(axis=1)), alarmed_by_pool=np.asarray(by_pool.any(axis=1)),
        clicks=_latest(course.clicks), impressions=_latest(course.impressions), expected=_latest(course.expected),
        spend=_latest(spend), total=course.impressions.sum(1),
        early=np.stack([(spend * is_first).sum(1), (course.impressions * is_first).sum(1), is_first.sum(1)], axis=1),
    )  # fmt: skip


def advance(memory: Memory, clicks: Ints, impressions: Ints, spend_minor: Ints) -> None:
    """Take the figures, (n,), of the day after `upto`."""
    counted, shown, _ = readable(clicks, impressions)
    spent = _spend(spend_minor)
    memory.upto += 1
    expected = expect(memory.state, counted, shown)
    memory.score = scored(memory.score, memory.state, counted, expected)
    memory.probability = memory.state.under()
    if len(memory.pools.group):
        memory.pool_probability = pooled(memory.pool, memory.pools, counted, expected)
    climbs = memory.score > 0
    memory.since = np.where(climbs, np.where(memory.since >= 0, memory.since, memory.upto), -1)
    _alarm(memory)
    for kept, new in (
        (memory.clicks, counted), (memory.impressions, shown), (memory.expected, expected), (memory.spend, spent),
    ):  # fmt: skip
        flat = kept.reshape(-1, copy=False)  # a row's first day moves into the row before, and is overwritten there
        flat[:-1] = flat[1:]
        kept[:, -1] = new
    memory.total += shown
    is_first = (shown > 0) & (memory.early[:, 2] < FIRST_DAYS)
    memory.early += np.where(is_first[:, None], np.stack([spent, shown, np.ones(len(memory))], axis=1), 0.0)


def admit(memory: Memory, ad_id: Texts) -> Memory:
    """Return the memory with ads of which nothing is known yet; until all is followed again they have no mates."""
    count, fresh = len(ad_id), decay_filter.begin(np.zeros(len(ad_id), np.int64), memory.limit)
    grown: dict[str, Any] = {"ad_id": np.concatenate([memory.ad_id, ad_id])}
    for name in ARRAYS:
        known = getattr(memory, name)
        empty = np.full((count, *known.shape[1:]), -1 if name in _DAYS else 0, known.dtype)
        grown[name] = np.concatenate([known, empty])
    return replace(memory, state=decay_filter.together(memory.state, fresh), **grown)


def alarms(course: Course, certainty: float) -> tuple[Bools, Bools]:
    """Return by ad and day whether its own clicks raised the alarm, and whether its pool did."""
    return (
        _own_alarm(course.probability, course.score, certainty),
        _pool_alarm(course.pool_probability, course.probability, course.score, certainty),
    )


def _own_alarm(probability: Floats, score: Floats, certainty: float) -> Bools:
    found: Bools = (probability >= certainty) & (score >= LEAST_SCORE)
    return found


def _pool_alarm(pooled_probability: Floats, probability: Floats, score: Floats, certainty: float) -> Bools:
    """Of mates that began under suspicion of nothing, as one."""
    found: Bools = (pooled_probability >= certainty) & (probability >= certainty / 2) & (score > 0)
    return found


def without(memory: Memory, gone: Bools) -> Memory:
    """Return the memory of the other ads."""
    kept: dict[str, Any] = {name: getattr(memory, name)[~gone] for name in ("ad_id", *ARRAYS)}
    return replace(memory, state=decay_filter.of(memory.state, ~gone), **kept) if gone.any() else memory


def was_restated(memory: Memory, clicks: Ints, impressions: Ints) -> bool:
    """Whether days that were taken read otherwise by now, (n, days) up to `upto`, by more than a fiftieth in all."""
    days = min(KEPT_DAYS, clicks.shape[1])
    if not days:
        return False
    pairs = zip(readable(clicks, impressions)[:2], (memory.clicks, memory.impressions), strict=True)
    return any(
        float(np.abs(now[:, -days:] - then[:, -days:]).sum()) > RESTATED * float(then[:, -days:].sum())
        for now, then in pairs
    )


def _alarm(memory: Memory) -> None:
    certainty = memory.certainty
    own = _own_alarm(memory.probability, memory.score, certainty)
    by_pool = _pool_alarm(memory.pool_probability, memory.probability, memory.score, certainty)
    memory.alarmed, memory.alarmed_by_pool = memory.alarmed | own, memory.alarmed_by_pool | by_pool
    fell = np.maximum(memory.probability, memory.pool_probability) < certainty / 2
    began = np.where(memory.fatigued_on >= 0, memory.fatigued_on, np.where(own | by_pool, memory.upto, -1))
    memory.fatigued_on = np.where(fell, -1, began)


def _held(alarmed: Bools, probability: Floats, certainty: float) -> Ints:
    """The first day of an alarm that still stands: it falls when the probability is under half of the certainty."""
    n, days = alarmed.shape
    if not days:
        return np.full(n, -1, np.int64)
    day = np.arange(days)
    fell = np.where(probability < certainty / 2, day, -1).max(1)
    stands = alarmed & (day > fell[:, None])
    return np.where(stands.any(1), stands.argmax(1), -1).astype(np.int64)


def _latest(figures: Floats) -> Floats:
    kept = np.zeros((len(figures), KEPT_DAYS))
    last = figures[:, -KEPT_DAYS:]
    kept[:, KEPT_DAYS - last.shape[1] :] = last
    return kept


def _spend(spend_minor: Ints) -> Floats:
    return np.maximum(spend_minor, 0).astype(np.float64)
