"""From what the tower sees to what calls for recovery. Pure; a cut source is no symptom, but no health either."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from control_tower import thresholds
from control_tower.desired import lane_of
from control_tower.evidence import Sign
from control_tower.recovery import Symptom
from domain import catalogue
from domain.health import ModuleStatus
from domain.modules import Lane
from domain.recovery import Trigger

GONE_S: Final = 900.0  # silent for so long: taken away rather than ill; its modules' own state tells if it is missed
DATABASE, BEAT = "database", "beat"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSign:
    """How a built pair is that people want running. `status` and figures as health judged them; None = unknown."""

    slug: str
    platform: str
    status: ModuleStatus
    reasons: tuple[str, ...] = ()
    errors_24h: int | None = None
    is_consumed: bool | None = None  # whether some living worker takes from each of its queues
    is_ours_to_cure: bool = True  # False: it is offline for what only a person can mend, such as a token


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How a pair's runs ended since some instant."""

    failed: int
    succeeded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSign:
    """The last signs of one worker process; ages in seconds on Postgres' clock, None = never seen."""

    name: str  # such as "cycles@host"
    age_s: float
    canary_age_s: float | None = None  # since it processed the last one
    is_busy: bool = False  # every process of its pool is at work
    pid: int | None = None
    cache_since: datetime | None = None  # since when it may keep what it derived

    @property
    def is_there(self) -> bool:
        """Whether it gives signs of life."""
        return not _is_off("worker_silent_s", self.age_s)

    @property
    def is_stuck(self) -> bool:
        """Whether it lives and works off nothing."""
        limit = "busy_canary_age_s" if self.is_busy else "canary_age_s"
        return self.is_there and self.canary_age_s is not None and _is_off(limit, self.canary_age_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the tower sees at one look."""

    now: datetime  # Postgres' clock
    pairs: tuple[PairSign, ...] = ()
    workers: tuple[WorkerSign, ...] = ()
    beat_age_s: float | None = None
    beat_awaited_s: float | None = None  # for how long it could have given another sign; None = all the time
    is_db_healthy: bool | None = None
    db_reason: str = ""
    sources_changed_at: datetime | None = None  # when what caches derive from was changed last
    is_broker_away: bool = False  # then nobody can be asked, and nothing is worked off, however well the workers are
    is_halted: bool = False  # a stop of all stands: a person rules, and nothing is to run

    @property
    def beat_silent_s(self) -> float | None:
        """For how long beat owes a sign."""
        return Sign(age_s=self.beat_age_s, detail={}, awaited_s=self.beat_awaited_s).silent_s

    def workers_of(self, lane: Lane | None) -> tuple[str, ...]:
        """Names of the lane's workers that have not long gone; None = of all lanes."""
        return tuple(
            row.name
            for row in self.workers
            if row.age_s <= GONE_S and lane_of(row.name) is not None and lane in (None, lane_of(row.name))
        )


def symptoms(scene: Scene) -> tuple[Symptom, ...]:
    """List what calls for recovery, causes before what they cause: a pair whose workers are ill is not treated too."""
    database = _database(scene)
    if scene.is_halted or scene.is_broker_away:
        return database
    processes = (*_workers(scene), *_beat(scene))
    if database:
        return (*database, *processes)  # what the modules' figures say without it is not theirs
    ill = {lane_of(row.target) for row in processes if row.target != BEAT}
    return (*processes, *_caches(scene), *_pairs(scene, ill))


def is_still_there(trigger: Trigger, target: str, scene: Scene, since: Tally | None = None) -> bool | None:
    """Whether what called for recovery is still so; None = it cannot be seen now.

    `since` is how the pair's runs ended since the cure: errors of a whole day outlive it.
    """
    match trigger:
        case Trigger.DATABASE_UNHEALTHY:
            return None if scene.is_db_healthy is None else not scene.is_db_healthy
        case Trigger.MODULE_OFFLINE:
            return _of_pair(scene, target, _is_offline)
        case Trigger.MANY_ERRORS:
            return _still_errs(since)
        case Trigger.SCHEDULER_NOT_RUNNING:
            return _of_scheduler(scene, target)
        case Trigger.CACHE_STALE:
            return any(row.target == target for row in _caches(scene))


def _of_pair(scene: Scene, slug: str, question: Callable[[PairSign], bool | None]) -> bool | None:
    """Ask about a pair; one that people stopped meanwhile needs no cure any more."""
    if scene.is_halted or scene.is_broker_away:
        return None
    found = next((row for row in scene.pairs if row.slug == slug), None)
    return False if found is None else question(found)


def _is_offline(row: PairSign) -> bool | None:
    return None if row.status is ModuleStatus.UNKNOWN else row.status is ModuleStatus.OFFLINE and row.is_ours_to_cure


def _is_unconsumed(row: PairSign) -> bool | None:
    return None if row.is_consumed is None else not row.is_consumed


def _still_errs(since: Tally | None) -> bool | None:
    if since is None or not (since.failed or since.succeeded):
        return None
    return since.failed > 0


def _of_scheduler(scene: Scene, target: str) -> bool | None:
    if scene.is_broker_away:
        return None
    if target == BEAT:
        return _of_beat(scene)
    if "@" not in target:
        return _of_pair(scene, target, _is_unconsumed)
    found = next((row for row in scene.workers if row.name == target), None)
    return None if found is None else not found.is_there or found.is_stuck


def _of_beat(scene: Scene) -> bool | None:
    """Beat is cured by a sign, not by being so young that it owes none."""
    if scene.beat_age_s is None or scene.beat_silent_s is None:
        return None
    if not _is_silent(scene.beat_age_s):
        return False
    return True if _is_silent(scene.beat_silent_s) else None


def _is_off(name: str, value: float) -> bool:
    return thresholds.row(name).status(value) is ModuleStatus.OFFLINE


def _is_silent(silent_s: float) -> bool:
    return thresholds.row("beat_silent_s").status(silent_s) is not ModuleStatus.ONLINE


def _database(scene: Scene) -> tuple[Symptom, ...]:
    if scene.is_db_healthy is not False:
        return ()
    return (
        Symptom(
            trigger=Trigger.DATABASE_UNHEALTHY, target=DATABASE, platform=None,
            reason=scene.db_reason or "Postgres is not as it should be",
        ),
    )  # fmt: skip


def _workers(scene: Scene) -> list[Symptom]:
    found = []
    for row in scene.workers:
        if lane_of(row.name) is None or row.age_s > GONE_S or (row.is_there and not row.is_stuck):
            continue
        reason = (
            f"it has not processed its canary for {row.canary_age_s:.0f} s"
            if row.is_there
            else f"it has given no sign of life for {row.age_s:.0f} s"
        )
        evidence = {"age_s": row.age_s, "canary_age_s": row.canary_age_s, "busy": row.is_busy, "pid": row.pid}
        found.append(_process(row.name, reason, evidence))
    return found


def _beat(scene: Scene) -> list[Symptom]:
    if scene.beat_silent_s is None or not _is_silent(scene.beat_silent_s):
        return []
    return [_process(BEAT, f"it has given no sign of life for {scene.beat_age_s:.0f} s", {"age_s": scene.beat_age_s})]


def _process(name: str, reason: str, evidence: dict[str, float | bool | None]) -> Symptom:
    return Symptom(
        trigger=Trigger.SCHEDULER_NOT_RUNNING, target=name, platform=None, reason=reason, evidence={**evidence}
    )


def _caches(scene: Scene) -> list[Symptom]:
    changed = scene.sources_changed_at
    if changed is None:
        return []
    return [
        Symptom(
            trigger=Trigger.CACHE_STALE, target=row.name, platform=None,
            reason=f"it keeps figures from before {changed:%Y-%m-%d %H:%M:%S}Z, when what they derive from was changed",
        )
        for row in scene.workers
        if row.is_there and row.cache_since is not None and row.cache_since < changed
    ]  # fmt: skip


def _pairs(scene: Scene, ill: Collection[Lane | None]) -> list[Symptom]:
    found = []
    for row in scene.pairs:
        if _lanes(row.slug) & {*ill}:
            continue
        why = "; ".join(row.reasons)
        if row.is_consumed is False:
            found.append(_pair(row, Trigger.SCHEDULER_NOT_RUNNING, "no worker takes from its queue"))
        elif row.status is ModuleStatus.OFFLINE and row.is_ours_to_cure:
            found.append(_pair(row, Trigger.MODULE_OFFLINE, f"it is offline{f': {why}' if why else ''}"))
        if row.errors_24h is not None and thresholds.row("errors_24h").status(row.errors_24h) is ModuleStatus.DEGRADED:
            found.append(_pair(row, Trigger.MANY_ERRORS, f"{row.errors_24h} errors in 24 h"))
    return found


def _lanes(slug: str) -> set[Lane | None]:
    return {cycle.lane for cycle in catalogue.pair(slug).built_cycles()}


def _pair(row: PairSign, trigger: Trigger, reason: str) -> Symptom:
    evidence = {"status": row.status, "errors_24h": row.errors_24h}
    return Symptom(trigger=trigger, target=row.slug, platform=row.platform, reason=reason, evidence={**evidence})
