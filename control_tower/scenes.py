"""From a look at health to what recovery sees: only pairs that are judged, and signs that health has no use for."""

from datetime import datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy import Connection

from control_tower import house
from control_tower.evidence import Consumers, Evidence, Known, Reading, Unknown, WorkerFacts
from control_tower.health import Checked
from control_tower.judging import ModuleHealth, Standing
from control_tower.symptoms import PairSign, Scene, WorkerSign
from domain import catalogue
from domain.health import ModuleStatus
from models import heartbeats, secrets
from models.heartbeats import Heartbeat, ProcessKind

T = TypeVar("T")
_RUN_OUT: Final = ("db_connections", ModuleStatus.DEGRADED)

_FOR_A_PERSON: Final = frozenset({"token"})  # no restart makes a token valid


def scene_of(conn: Connection, checked: Checked) -> Scene:
    """Build the scene of a look that has just been taken."""
    evidence = checked.evidence
    signs = {row.process: row for row in heartbeats.listing(conn, ProcessKind.WORKER)}
    judged = [row for row in checked.modules if row.standing is Standing.JUDGED]
    is_db_healthy, db_reason = _database(evidence)
    return Scene(
        now=evidence.at,
        pairs=tuple(_pair(row, evidence) for row in judged if row.status is not None),
        workers=tuple(_worker(row, signs.get(row.name)) for row in _known(evidence.workers, ())),
        beat_age_s=evidence.beat.value.age_s if isinstance(evidence.beat, Known) else None,
        beat_awaited_s=evidence.beat.value.awaited_s if isinstance(evidence.beat, Known) else None,
        is_db_healthy=is_db_healthy,
        db_reason=db_reason,
        sources_changed_at=secrets.changed_at(conn),
        is_broker_away=isinstance(evidence.broker, Unknown),
        is_halted=any(stop.account_id is None for stop in _known(evidence.stops, ())),
    )


def _pair(row: ModuleHealth, evidence: Evidence) -> PairSign:
    return PairSign(
        slug=row.pair.slug,
        platform=row.pair.platform.slug,
        status=row.status or ModuleStatus.UNKNOWN,
        reasons=tuple(reason.text for reason in row.reasons if reason.status is ModuleStatus.OFFLINE),
        errors_24h=row.error_count_24h,
        is_consumed=_is_consumed(row, evidence.consumers),
        is_ours_to_cure=any(
            reason.status is ModuleStatus.OFFLINE and reason.name not in _FOR_A_PERSON for reason in row.reasons
        ),
    )


def _is_consumed(row: ModuleHealth, consumers: Reading[Consumers]) -> bool | None:
    """Whether every queue of the pair has a worker; unknown while one that may have it did not answer."""
    if not isinstance(consumers, Known):
        return None
    queues = [rhythm.name for rhythm in catalogue.RHYTHMS if rhythm.pair == row.pair]
    if not queues or all(consumers.value.of_queue.get(queue) for queue in queues):
        return True
    return None if consumers.value.silent else False


def _worker(row: WorkerFacts, sign: Heartbeat | None) -> WorkerSign:
    pid = None if sign is None else sign.detail.get("pid")
    return WorkerSign(
        name=row.name,
        age_s=row.age_s,
        canary_age_s=row.canary_age_s,
        is_busy=row.is_busy,
        pid=pid if isinstance(pid, int) else None,
        cache_since=_cache_since(sign),
    )


def _cache_since(sign: Heartbeat | None) -> datetime | None:
    """On Postgres' clock, from an age that the worker took on its own monotonic one."""
    age_s = None if sign is None else sign.detail.get("cache_age_s")
    if sign is None or not isinstance(age_s, int | float):
        return None
    return sign.seen_at - timedelta(seconds=age_s)


def _database(evidence: Evidence) -> tuple[bool | None, str]:
    """Slow reads alone are no reason to open connections anew; connections that run out are."""
    found = house.database(evidence)
    if any(row.status is ModuleStatus.UNKNOWN for row in found):
        return None, ""
    ill = [row for row in found if row.status is ModuleStatus.OFFLINE or (row.name, row.status) == _RUN_OUT]
    return not ill, "; ".join(row.text for row in ill)


def _known(reading: Reading[T], otherwise: T) -> T:
    return reading.value if isinstance(reading, Known) else otherwise
