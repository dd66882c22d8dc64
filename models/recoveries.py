"""The store of recoveries: what was recommended, done and found, on Postgres' clock. Functions never commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from domain.actions import Json, JsonMap
from domain.errors import BadInputError, LostClaimError
from domain.health import RunState
from domain.recovery import RecoveryAction, RecoveryState, Trigger
from models.cleaning import clean_json, clean_text
from models.tables import Instant, recoveries, runs

_NOW: Final = func.clock_timestamp(type_=Instant)
_KEPT: Final = timedelta(days=90)  # as the logs of health
_CARRIED_OUT: Final = (RecoveryState.RUNNING, RecoveryState.CURED, RecoveryState.FAILED)
_TRIED = recoveries.c.action != RecoveryAction.ALERT_ADMIN
_OPEN = recoveries.c.ended_at.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One procedure: recommended, or carried out and watched. An `alert_admin` row stands while a person is needed."""

    id: int
    trigger: Trigger
    action: RecoveryAction
    platform: str | None
    target: str
    confidence: float
    state: RecoveryState
    reason: str
    evidence: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]
    begun_at: datetime
    verify_until: datetime | None
    ended_at: datetime | None
    outcome: str

    @property
    def noticed_at(self) -> datetime:
        """When what it is to cure was first seen: failed attempts before it are part of the time to recover."""
        told = self.evidence.get("noticed_at")
        return datetime.fromisoformat(told) if isinstance(told, str) else self.begun_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How recovery did since an instant. Ratios and times are None where nothing has ended."""

    begun: int  # carried out, by itself or by a person
    cured: int
    failed: int
    recommended: int  # still wait for a person
    told: int  # times that a person was told
    success_rate: float | None  # 0..1
    mean_time_to_recover_s: float | None  # from the first sight of it to its cure


def now(conn: Connection) -> datetime:
    """Postgres' instant."""
    at: datetime = conn.execute(select(_NOW)).scalar_one()
    return at


def add(
    conn: Connection,
    *,
    trigger: Trigger,
    action: RecoveryAction,
    platform: str | None,
    target: str,
    confidence: float,
    state: RecoveryState,
    reason: str,
    evidence: JsonMap,
    verify_within: timedelta | None = None,
) -> Recovery:
    """Write a procedure down, before anything of it is done: who dies in the midst of it leaves it to be judged."""
    values = {
        "trigger": trigger, "action": action, "platform": platform, "target": target, "confidence": confidence,
        "state": state, "reason": clean_text(reason), "evidence": clean_json(dict(evidence)),
        "verify_until": None if verify_within is None else _NOW + verify_within,
    }  # fmt: skip
    return _recovery(conn.execute(insert(recoveries).values(**values).returning(*recoveries.c)).one())


def begin_recommended(conn: Connection, recovery_id: int, *, by: str, verify_within: timedelta) -> Recovery:
    """Let a recommendation be carried out, as a person asks.

    Raises:
        BadInputError: there is none of that id.
        LostClaimError: it waits no more: somebody has had it carried out, or it is over.
    """
    found = get(conn, recovery_id)
    begun = update(recoveries).where(recoveries.c.id == recovery_id, recoveries.c.state == RecoveryState.RECOMMENDED,
                                     _OPEN).values(
        state=RecoveryState.RUNNING, begun_at=_NOW, verify_until=_NOW + verify_within,
        evidence=recoveries.c.evidence.concat({"run_by": by, "noticed_at": found.noticed_at.isoformat()}),
    )  # fmt: skip
    row = conn.execute(begun.returning(*recoveries.c)).one_or_none()
    if row is None:
        raise LostClaimError(f"recovery {recovery_id} is {found.state}; only one that is recommended can be run")
    return _recovery(row)


def note_steps(conn: Connection, recovery_id: int, steps: Sequence[JsonMap]) -> None:
    """Write down what was done, behind what was done before."""
    told: list[Json] = [dict(step) for step in steps]
    change = update(recoveries).where(recoveries.c.id == recovery_id)
    conn.execute(change.values(steps=recoveries.c.steps.concat(clean_json(told))))


def end(conn: Connection, recovery_id: int, state: RecoveryState, outcome: str) -> bool:
    """Write the outcome down; False if it had one already."""
    ended = update(recoveries).where(recoveries.c.id == recovery_id, _OPEN)
    return conn.execute(ended.values(state=state, ended_at=_NOW, outcome=clean_text(outcome))).rowcount == 1


def get(conn: Connection, recovery_id: int) -> Recovery:
    """Read one.

    Raises:
        BadInputError: there is none of that id.
    """
    row = conn.execute(select(recoveries).where(recoveries.c.id == recovery_id)).one_or_none()
    if row is None:
        raise BadInputError(f"no recovery {recovery_id}; `stakazo recovery list` shows them")
    return _recovery(row)


def open_(conn: Connection) -> tuple[Recovery, ...]:
    """What is not over, the oldest first: watched, recommended, or told to a person."""
    return tuple(_recovery(row) for row in conn.execute(select(recoveries).where(_OPEN).order_by(recoveries.c.id)))


def attempts(conn: Connection, target: str, *, within: timedelta) -> tuple[Recovery, ...]:
    """What was carried out on a target lately, or still is; recommendations and alerts are no attempts."""
    lately = or_(recoveries.c.begun_at > _NOW - within, recoveries.c.ended_at > _NOW - within, _OPEN)
    chosen = and_(recoveries.c.target == target, recoveries.c.state.in_(_CARRIED_OUT), _TRIED, lately)
    return tuple(_recovery(row) for row in conn.execute(select(recoveries).where(chosen).order_by(recoveries.c.id)))


def listing(
    conn: Connection, *, target: str | None = None, only_open: bool = False, limit: int = 50
) -> tuple[Recovery, ...]:
    """Read recoveries, the newest first."""
    query = select(recoveries).order_by(recoveries.c.id.desc()).limit(limit)
    if target is not None:
        query = query.where(recoveries.c.target == target)
    if only_open:
        query = query.where(_OPEN)
    return tuple(_recovery(row) for row in conn.execute(query))


def summary(conn: Connection, since: datetime) -> Summary:
    """Count what came of procedures that were begun, recommended or told since then."""
    chosen = select(recoveries).where(recoveries.c.begun_at >= since)
    rows = [_recovery(row) for row in conn.execute(chosen)]
    tried = [row for row in rows if row.action is not RecoveryAction.ALERT_ADMIN and row.state in _CARRIED_OUT]
    cured = [row for row in tried if row.state is RecoveryState.CURED]
    failed = sum(row.state is RecoveryState.FAILED for row in tried)
    took_s = [(row.ended_at - row.noticed_at).total_seconds() for row in cured if row.ended_at is not None]
    return Summary(
        begun=len(tried),
        cured=len(cured),
        failed=failed,
        recommended=sum(row.state is RecoveryState.RECOMMENDED and row.ended_at is None for row in rows),
        told=sum(row.action is RecoveryAction.ALERT_ADMIN for row in rows),
        success_rate=len(cured) / (len(cured) + failed) if cured or failed else None,
        mean_time_to_recover_s=sum(took_s) / len(took_s) if took_s else None,
    )


def runs_since(conn: Connection, tasks: Sequence[str], since: datetime) -> tuple[int, int]:
    """Count runs of these tasks that ended since then: failed, and well."""
    ended = and_(runs.c.task.in_(tasks), runs.c.finished_at > since)
    failed = func.count().filter(runs.c.state == RunState.FAILED)
    well = func.count().filter(runs.c.state.in_((RunState.SUCCEEDED, RunState.PARTIAL)))
    row = conn.execute(select(failed, well).where(ended)).one()
    return int(row[0]), int(row[1])


def forget_old(conn: Connection) -> int:
    """Drop those that ended over 90 days ago; what stands open stays."""
    return conn.execute(delete(recoveries).where(recoveries.c.ended_at < _NOW - _KEPT)).rowcount


def _recovery(row: Row[Any]) -> Recovery:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    words = {
        "trigger": Trigger(values["trigger"]), "action": RecoveryAction(values["action"]),
        "state": RecoveryState(values["state"]), "steps": tuple(values["steps"]),
    }  # fmt: skip
    return Recovery(**{**values, **words})
