"""The 18 modules: one frozen row each, with their cycles. The catalogue derives everything else from these rows."""

from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum

from domain.actions import ActionKind, Priority
from domain.health import CommandType
from domain.platforms import Feed


class Role(StrEnum):
    """Evidence modules write what is known, acting modules propose, the tower watches and commands."""

    EVIDENCE = "evidence"
    ACTS = "acts"
    WATCHES = "watches"


class Lane(StrEnum):
    """Queues of one lane share workers; a lane is a promise on waiting time."""

    FAST = "fast"  # minutes matter
    CYCLES = "cycles"  # the half-hourly and daily work
    ACTIONS = "actions"  # the door: executors only
    CONTROL = "control"  # the tower's second trigger, and the watch on the tower


class CatchUp(StrEnum):
    """What becomes of slots that passed unserved."""

    LATEST = "latest"  # run the newest only, record the others as skipped
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One rhythm of a module. Cadences from 12 h up stand at `at` in the account's zone, shorter ones on UTC's grid."""

    name: str  # the queue and task name is "<platform>.<name>"
    every: timedelta
    at: time = time(4, 0)
    after: tuple[str, ...] = ()  # names of cycles whose slot of the same instant must be closed first
    lane: Lane = Lane.CYCLES
    freshness: timedelta = timedelta(hours=1)  # how old its input may be before it collects or declines
    catch_up: CatchUp = CatchUp.LATEST
    built_on: frozenset[str] = frozenset()  # platform slugs; empty = planned
    per_account: bool = True  # False = the house's own: no slots and no run rows, `control_tower_runs` instead
    part_of: frozenset[CommandType] = frozenset()  # commands that run it, behind whatever it comes after


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One of the 17 modules, or the tower."""

    number: int
    slug: str
    title: str
    role: Role
    job: str
    cycles: tuple[Cycle, ...]
    reads: frozenset[Feed] = frozenset({Feed.TREE, Feed.DAILY_INSIGHTS})
    may_propose: frozenset[ActionKind] = frozenset()
    priority: Priority = Priority.ROAS


_H = timedelta(hours=1)
_DAY = timedelta(hours=24)
_META = frozenset({"meta"})
_K = ActionKind
_BUDGETS = frozenset({_K.SET_DAILY_BUDGET, _K.PAUSE, _K.ACTIVATE})
_SYNC, _OPTIMIZE = frozenset({CommandType.SYNC_DATA}), frozenset({CommandType.OPTIMIZE})
_CREATES = frozenset({_K.CREATE_CAMPAIGN, _K.CREATE_AD_SET, _K.CREATE_CREATIVE, _K.CREATE_AD})

MODULES: tuple[Module, ...] = (
    Module(
        number=1,
        slug="data_layer",
        title="Models",
        role=Role.EVIDENCE,
        job="integrity, partitions, retention",
        cycles=(Cycle(name="data_layer", every=_DAY),),
    ),
    Module(
        number=2,
        slug="api_client",
        title="API Client",
        role=Role.EVIDENCE,
        job="token, scopes, version life, quota, round trip, drift between mirror and platform",
        cycles=(
            Cycle(name="api_client", every=_H, built_on=_META),
            Cycle(name="orphan_sweep", every=_H, built_on=_META),
        ),
        reads=frozenset({Feed.TOKEN, Feed.TREE}),
    ),
    Module(
        number=3,
        slug="orchestrator",
        title="Orchestrator",
        role=Role.ACTS,
        job="builds campaign, ad set, creative and ad from a clip; carries out requested changes",
        cycles=(Cycle(name="orchestrator", every=_DAY),),
        may_propose=_CREATES | _BUDGETS,
        priority=Priority.PERSON,
    ),
    Module(
        number=4,
        slug="ab_testing",
        title="A/B Testing",
        role=Role.EVIDENCE,
        job="experiments, arms, always-valid verdicts",
        cycles=(Cycle(name="ab_testing", every=6 * _H, after=("collector",), built_on=_META),),
    ),
    Module(
        number=5,
        slug="roas_engine",
        title="ROAS Engine",
        role=Role.EVIDENCE,
        job="posterior of matured ROAS per ad, ad set, campaign; forecasts",
        cycles=(Cycle(name="roas_engine", every=_DAY, after=("collector",), built_on=_META),),
    ),
    Module(
        number=6,
        slug="optimization",
        title="Optimization Loop",
        role=Role.ACTS,
        job="reallocates budget across ad sets; tracks predicted against realised gain",
        cycles=(Cycle(name="optimization", every=_DAY, after=("roas_engine",), part_of=_OPTIMIZE, built_on=_META),),
        may_propose=_BUDGETS,
    ),
    Module(
        number=7,
        slug="autonomy",
        title="Autonomous System",
        role=Role.EVIDENCE,
        job="collected insights; levels of autonomy, promotion and demotion of modules",
        cycles=(
            Cycle(name="collector", every=_H / 2, freshness=_H / 2, built_on=_META, part_of=_SYNC),
            Cycle(name="autonomy", every=_DAY, after=("roas_engine",), built_on=_META),
        ),
        reads=frozenset({Feed.TREE, Feed.DAILY_INSIGHTS, Feed.HOURLY_INSIGHTS}),
    ),
    Module(
        number=8,
        slug="auto_publisher",
        title="Auto-Publisher",
        role=Role.ACTS,
        job="publishes drafts with their A/B flow, follows review and delivery, activates",
        cycles=(Cycle(name="auto_publisher", every=_DAY),),
        may_propose=_CREATES | frozenset({_K.ACTIVATE, _K.PAUSE}),
    ),
    Module(
        number=9,
        slug="budget_spikes",
        title="Budget Spike Manager",
        role=Role.EVIDENCE,
        job="anomalies in spend, CPM, CPC, CTR; own fault or platform incident",
        cycles=(Cycle(name="budget_spikes", every=12 * _H, after=("collector",), built_on=_META),),
        reads=frozenset({Feed.HOURLY_INSIGHTS}),
    ),
    Module(
        number=10,
        slug="creative_variants",
        title="Creative Variants",
        role=Role.EVIDENCE,
        job="variant recipes (fragments, titles, music)",
        cycles=(Cycle(name="creative_variants", every=_DAY),),
    ),
    Module(
        number=11,
        slug="full_cycle",
        title="Full Autonomous Cycle",
        role=Role.ACTS,
        job="one end-to-end pass on all evidence: A/B winners, ROAS steps, spikes, fatigue",
        cycles=(
            Cycle(
                name="full_cycle",
                every=_H / 2,
                after=("collector",),
                freshness=_H / 2,
                built_on=_META,
                part_of=_OPTIMIZE,
            ),
        ),
        reads=frozenset({Feed.TREE, Feed.DAILY_INSIGHTS, Feed.HOURLY_INSIGHTS}),
        may_propose=_BUDGETS | frozenset({_K.MARK_FATIGUED, _K.PROPOSE_VARIANT}),
    ),
    Module(
        number=12,
        slug="targeting",
        title="Targeting Optimizer",
        role=Role.ACTS,
        job="audience builder, geo allocator, scoring, audience tests",
        cycles=(Cycle(name="targeting", every=_DAY, after=("roas_engine",), part_of=_OPTIMIZE),),
        may_propose=_BUDGETS | frozenset({_K.CREATE_AD_SET}),
    ),
    Module(
        number=13,
        slug="creative_intelligence",
        title="Creative Intelligence",
        role=Role.EVIDENCE,
        job="life-cycle stage, fatigue score, performance prediction",
        cycles=(Cycle(name="creative_intelligence", every=_DAY, after=("collector",), built_on=_META),),
    ),
    Module(
        number=14,
        slug="real_time",
        title="Real-Time Performance",
        role=Role.ACTS,
        job="pacing, live metrics, instant alerts, the protective actions that cannot wait",
        cycles=(Cycle(name="real_time", every=timedelta(minutes=5), lane=Lane.FAST, built_on=_META),),
        reads=frozenset({Feed.HOURLY_INSIGHTS}),
        may_propose=frozenset({_K.PAUSE}),
        priority=Priority.SAFETY,
    ),
    Module(
        number=15,
        slug="creative_analyzer",
        title="Creative Analyzer",
        role=Role.EVIDENCE,
        job="which element earns; what to recombine",
        cycles=(Cycle(name="creative_analyzer", every=_DAY, after=("creative_intelligence",)),),
    ),
    Module(
        number=16,
        slug="creative_optimizer",
        title="Creative Optimizer",
        role=Role.ACTS,
        job="promote, keep, replace, retire creatives; briefs the orchestrator",
        cycles=(Cycle(name="creative_optimizer", every=12 * _H, after=("creative_intelligence",), part_of=_OPTIMIZE),),
        may_propose=frozenset({_K.PAUSE, _K.ACTIVATE, _K.PROPOSE_VARIANT}),
        priority=Priority.FATIGUE,
    ),
    Module(
        number=17,
        slug="creative_production",
        title="Creative Production",
        role=Role.ACTS,
        job="renders 5-15 real video variants per creative in 3 narrative structures, uploads, schedules promotion",
        cycles=(Cycle(name="creative_production", every=12 * _H, after=("creative_analyzer",)),),
        may_propose=frozenset({_K.CREATE_CREATIVE, _K.CREATE_AD}),
        priority=Priority.FATIGUE,
    ),
    Module(
        number=18,
        slug="control_tower",
        title="Master Control Tower",
        role=Role.WATCHES,
        job="watches and commands the other 17, on every platform",
        cycles=(
            Cycle(name="health", every=_H, lane=Lane.CONTROL, built_on=_META, per_account=False),
            Cycle(name="watch", every=timedelta(minutes=1), lane=Lane.CONTROL, built_on=_META, per_account=False),
        ),
        reads=frozenset(),
    ),
)
