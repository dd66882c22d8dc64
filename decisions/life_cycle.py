"""Where each ad stands in its life: new, rising, steady, tiring, fatigued or not to be told yet. Pure; arrays in.

An ad is fatigued once its click rate is under the policy's ratio of its own first week with enough certainty, and as
long as that is as likely as not; after that it tires. How much is enough follows from the false alarms that the policy
bears; `life_stages.py` says it in words.
"""

from typing import Final

import numpy as np

from decisions.life_course import Course, FirstWeek, follow
from decisions.life_memory import LEAST_SCORE, Memory, alarms, remember
from decisions.life_stages import CODE, STAGES, LifeCycles
from decisions.policy import MaturedPolicy
from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.evidence import Stage
from domain.panel import Panel
from domain.snapshot import Bools, Floats, Ints, Texts
from estimators.decay_outlook import Outlook, look_ahead

__all__ = ["STAGES", "FirstWeek", "LifeCycles", "certainty_for", "stages", "study", "tell"]

# Certainty from which an ad is called fatigued, by false alarms per ad and month: measured on accounts of 1, 5 and 30
# ads at 200 to 1,000 impressions a day in which nothing tires, the worst of them (benchmarks/decisions/fatigue.py).
_FALSE_ALARMS: Final = np.array([0.001, 0.002, 0.005, 0.010, 0.015, 0.025, 0.05, 0.10, 0.20])
_CERTAINTY: Final = np.array([0.97, 0.95, 0.90, 0.80, 0.70, 0.60, 0.50, 0.36, 0.25])
_AS_LIKELY_AS_NOT: Final = 0.5  # nobody is told "fatigued" of what more probably is not
_TIRING: Final = 0.4  # P(fatigued within a week)
_RISING: Final = 0.8
_SURE: Final = 1.28  # standard deviations between the limit and the first week's rate
_NODE_SD: Final = 1.732  # at which the highest guess of the first week's rate lies
_RECENT: Final = 7


def stages(
    panel: Panel,
    policy: MaturedPolicy,
    *,
    creative_id: Texts | None = None,
    audience: Floats | None = None,
    first: FirstWeek | None = None,
) -> LifeCycles:
    """Tell every ad's stage from its days; an ad's first week is its first 7 days with impressions, or `first`.

    `audience` (n,) are the people that its ad set can reach, 0 = not known: then impressions stand in for exposures.

    Raises:
        BadInputError: not a panel of ads, or arrays that do not belong together.
    """
    if panel.kind is not ObjectKind.AD:
        raise BadInputError(f"life-cycles are told of ads; the panel holds {panel.kind.value}s")
    return tell(study(panel, policy, creative_id=creative_id, first=first), parent=panel.parent, audience=audience)


def study(
    panel: Panel, policy: MaturedPolicy, *, creative_id: Texts | None = None, first: FirstWeek | None = None
) -> Memory:
    """Follow all days of the panel, and return what stands after the last."""
    course = follow(panel, policy.fatigue_ratio, creative_id=creative_id, first=first)
    return remember(course, panel, certainty_for(policy.fatigue_false_alarms))


def tell(memory: Memory, *, parent: Ints | None = None, audience: Floats | None = None) -> LifeCycles:
    """Tell stages from what stands after a day; `parent` (n,) numbers the ad sets, whose audiences are `audience`."""
    outlook = look_ahead(memory.state)
    clicks, shown = _recent(memory.clicks), _recent(memory.impressions)
    needs = _needs(memory)
    stands = memory.fatigued_on >= 0
    by_pool = stands & memory.alarmed_by_pool & ~memory.alarmed
    own = memory.probability
    believed = np.where(by_pool, np.maximum(own, memory.pool_probability), own)
    is_fatigued = stands & (believed >= _AS_LIKELY_AS_NOT)
    stage = _stage(memory, outlook, is_fatigued, stands=stands, is_unsure=needs > 0)
    per_day = _recent(memory.expected) / np.maximum(_recent(memory.impressions > 0), 1)
    declines = (stage == CODE[Stage.TIRING]) | (stage == CODE[Stage.FATIGUED])
    return LifeCycles(
        ad_id=memory.ad_id, stage=stage, probability=believed,
        certainty=memory.certainty, limit=memory.limit, first_ctr=_first_rate(memory), outlook=outlook,
        since_day=np.where(declines, memory.since, -1),
        fatigued_on=np.where(is_fatigued, memory.fatigued_on, -1),
        exposures_ratio=_exposures(memory), frequency=_frequency(memory, parent, audience),
        cpm_ratio=_cpm_ratio(memory), needs_clicks=needs,
        needs_days=np.ceil(needs / np.maximum(per_day, 0.1)).clip(0, 999).astype(np.int64),
        recent_clicks=clicks.astype(np.int64), recent_impressions=shown.astype(np.int64), by_pool=by_pool,
        score=memory.score,
    )  # fmt: skip


def certainty_for(false_alarms: float) -> float:
    """Return the certainty that keeps false alarms per ad and month under the policy's, where nothing tires at all."""
    return float(np.interp(np.log(false_alarms), np.log(_FALSE_ALARMS), _CERTAINTY))


def first_alarms(course: Course, certainty: float) -> Ints:
    """Return the first day on which each ad was called fatigued, -1 = never."""
    own, by_pool = alarms(course, certainty)
    alarmed = own | by_pool
    return np.where(alarmed.any(1), alarmed.argmax(1), -1).astype(np.int64)


def _stage(memory: Memory, outlook: Outlook, is_fatigued: Bools, *, stands: Bools, is_unsure: Bools) -> Ints:
    tiring = stands | ((outlook.in_a_week >= _TIRING) & (memory.score >= LEAST_SCORE))
    found = np.select(
        [~memory.state.is_ripe, is_fatigued, tiring, outlook.rising >= _RISING, is_unsure],
        [CODE[s] for s in (Stage.NEW, Stage.FATIGUED, Stage.TIRING, Stage.RISING, Stage.UNKNOWN)],
        CODE[Stage.STEADY],
    )
    return found.astype(np.int64)


def _needs(memory: Memory) -> Ints:
    """Expected clicks still to come until a decline to the limit could be told from none by 80 of 100 readings.

    The ratio is as uncertain as the first week's rate and the last two weeks' clicks together.
    """
    state = memory.state
    bearable = (np.log(memory.limit) / _SURE) ** 2
    first = np.log(np.maximum(state.base[-1], 1e-12) / np.maximum(state.base[len(state.base) // 2], 1e-12))
    left = np.maximum(bearable - (first / _NODE_SD) ** 2, bearable / 10)
    wanted = 1 / left - memory.expected @ np.ones(memory.expected.shape[1])
    return np.where(state.is_ripe & (wanted > 0), np.ceil(wanted), 0).astype(np.int64)


def _recent(figures: Floats | Bools) -> Floats:
    """Sum up the last days; a product, as sums along rows that are short take five times as long."""
    found: Floats = figures[:, -_RECENT:] @ np.ones(_RECENT)
    return found


def _first_rate(memory: Memory) -> Floats:
    seen = memory.state.first_seen
    return np.divide(memory.state.first_clicks, seen, out=np.zeros(len(seen)), where=seen > 0)


def _exposures(memory: Memory) -> Floats:
    """How many times the first week's impressions there were in all; 0 where that week is not over."""
    first = memory.state.first_seen
    known = (first > 0) & memory.state.is_ripe
    found: Floats = np.divide(memory.total, first, out=np.zeros(len(first)), where=known)
    return found


def _frequency(memory: Memory, parent: Ints | None, audience: Floats | None) -> Floats:
    if audience is None or parent is None or not len(memory):
        return np.zeros(len(memory))
    known = np.isfinite(audience) & (audience > 0)
    within = np.maximum(parent, 0)
    of_set = np.where(parent >= 0, np.bincount(within, memory.total)[within], memory.total)
    return np.divide(of_set, audience, out=np.zeros(len(memory)), where=known)


def _cpm_ratio(memory: Memory) -> Floats:
    """CPM of the last week by that of the first 7 days with impressions; 0 where either is not known."""
    early, early_seen = memory.early[:, 0], memory.early[:, 1]
    late, late_seen = _recent(memory.spend), _recent(memory.impressions)
    known = (early > 0) & (late_seen > 0)
    found: Floats = np.divide(late * early_seen, early * late_seen, out=np.zeros(len(memory)), where=known)
    return found
