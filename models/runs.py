"""Run rows: the slot that was claimed, who works on it, how it ended. The queue of record; messages only ring.

Leases and ring times are on Postgres' clock, slots on the platform's. Functions never commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.actions import JsonMap, Level, Mode
from domain.errors import LostClaimError
from domain.health import OPEN_RUN_STATES, RunState
from domain.ids import AccountId, RunId
from models.cleaning import clean_json, clean_text
from models.tables import runs

SCHEDULE = "schedule"
MOST_ATTEMPTS = 3
LEASE_S = 90.0  # renewed at every step and page; says when another may try, while `hold` says whose writes count
RING_AGAIN_S = 30.0
_LOOK_AGAIN_S = 10.0
_LONGEST_WAIT_S = 600.0  # for a predecessor's slot; then the run goes on without it
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One cycle of one account at one slot."""

    id: RunId
    task: str
    account_id: AccountId
    slot_at: datetime
    now_at: datetime
    mode: Mode
    level: Level
    triggered_by: str
    state: RunState
    reason: str
    attempts: int
    lease_owner: str | None
    worker: str | None  # who took it last, such as "cycles@host"
    lease_until: datetime | None
    ring_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: int | None
    steps_executed: Sequence[Mapping[str, Any]]
    errors: Sequence[Mapping[str, Any]]
    stats_snapshot: Mapping[str, Any]


class Refusal(StrEnum):
    """Why a run cannot be claimed now; none of them is an error."""

    CLOSED = "closed"  # it has ended, or never was
    BUSY = "busy"  # another worker holds it, or another run of the same cycle and account
    WAITING = "waiting"  # a cycle that comes before it is still open
    EXHAUSTED = "exhausted"  # its workers died too often; it is recorded as failed


def as_run(row: Row[Any]) -> Run:
    """Turn a row of the table into the value."""
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way
    fields |= {"mode": Mode(fields["mode"]), "level": Level(fields["level"]), "state": RunState(fields["state"])}
    return Run(**fields)


def about(account_name: str, slot_at: datetime) -> str:
    """Say which run it is, for people."""
    return f"{account_name}, slot {slot_at:%Y-%m-%d %H:%M}Z"


def plan(
    conn: Connection,
    *,
    task: str,
    account_id: AccountId,
    mode: Mode,
    level: Level,
    slot_at: datetime,
    now_at: datetime,
    triggered_by: str = SCHEDULE,
) -> RunId | None:
    """Claim a slot; None if it is taken. `now_at` is the platform's instant that the whole run goes by."""
    statement = (
        insert(runs)
        .values(
            task=task,
            account_id=account_id,
            slot_at=slot_at,
            now_at=now_at,
            mode=mode,
            level=level,
            triggered_by=triggered_by,
            state=RunState.PLANNED,
            ring_at=from_now(RING_AGAIN_S),
        )
        .on_conflict_do_nothing()
        .returning(runs.c.id)
    )
    found = conn.execute(statement).scalar()
    return None if found is None else RunId(found)


def plan_asked(
    conn: Connection, *, task: str, account_id: AccountId, mode: Mode, level: Level, now_at: datetime, asked_by: str
) -> RunId:
    """Plan a run that a person asked for, beside the slots: at `now_at`, or the first free microsecond after it.

    Raises:
        LostClaimError: somebody else asked at the same moment.
    """
    is_later = and_(runs.c.task == task, runs.c.account_id == account_id, runs.c.slot_at >= now_at)
    latest = conn.execute(select(func.max(runs.c.slot_at)).where(is_later)).scalar()
    found = plan(
        conn,
        task=task,
        account_id=account_id,
        mode=mode,
        level=level,
        slot_at=now_at if latest is None else latest + _MICROSECOND,
        now_at=now_at,
        triggered_by=asked_by,
    )
    if found is None:
        raise LostClaimError(f"another run of {task} was asked for at the same moment; ask again")
    return found


def record_skipped(
    conn: Connection,
    *,
    task: str,
    account_id: AccountId,
    mode: Mode,
    level: Level,
    slots: Sequence[datetime],
    now_at: datetime,
    reason: str,
) -> None:
    """Write down slots that passed unserved; those already claimed stay as they are."""
    if not slots:
        return
    fixed = {"task": task, "account_id": account_id, "mode": mode, "level": level, "now_at": now_at, "reason": reason}
    rows = [{**fixed, "slot_at": slot} for slot in slots]
    closed = insert(runs).values(
        triggered_by=SCHEDULE, state=RunState.SKIPPED, finished_at=func.clock_timestamp()
    )  # fmt: skip
    conn.execute(closed.on_conflict_do_nothing(), rows)


def supersede(conn: Connection, *, task: str, account_id: AccountId, slot_at: datetime) -> int:
    """Skip scheduled runs of older slots that nobody has begun; returns how many there were."""
    statement = (
        update(runs)
        .where(
            runs.c.task == task,
            runs.c.account_id == account_id,
            runs.c.slot_at < slot_at,
            runs.c.triggered_by == SCHEDULE,
            runs.c.state == RunState.PLANNED,
        )
        .values(
            state=RunState.SKIPPED,
            reason=f"not begun before the next slot, {slot_at:%Y-%m-%d %H:%M}Z",
            finished_at=func.clock_timestamp(),
        )
    )
    return conn.execute(statement).rowcount


def last_slot(conn: Connection, task: str, account_id: AccountId) -> datetime | None:
    """Return the newest scheduled slot that has a row, whatever became of it."""
    mine = and_(runs.c.task == task, runs.c.account_id == account_id, runs.c.triggered_by == SCHEDULE)
    return conn.execute(select(func.max(runs.c.slot_at)).where(mine)).scalar()


def claim(
    conn: Connection, run_id: RunId, owner: str, lease_s: float = LEASE_S, *, after: Sequence[str] = ()
) -> Run | Refusal:
    """Take the run for `owner`, or say why not.

    `after` names tasks whose runs must have ended: at the same slot, or at a later one up to the run's own instant (a
    daily slot that is served at noon waits for the collector's noon). Of one cycle and account only one run is worked
    on at a time. Each claim is an attempt; past the third the run is recorded as failed.
    """
    row = conn.execute(select(runs).where(runs.c.id == run_id).with_for_update()).one_or_none()
    if row is None or row.state not in OPEN_RUN_STATES:
        return Refusal.CLOSED
    run = as_run(row)
    conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"run {run.task} {run.account_id}", 0))))
    if _is_held(conn, run):
        return Refusal.BUSY
    if run.attempts >= MOST_ATTEMPTS:
        reason = f"given up after {run.attempts} attempts that ended without a word (their worker died, or lost us)"
        _close(conn, run_id, state=RunState.FAILED, reason=reason)
        return Refusal.EXHAUSTED
    if after and _must_wait(conn, run, after):
        conn.execute(update(runs).where(runs.c.id == run_id).values(ring_at=from_now(_LOOK_AGAIN_S)))
        return Refusal.WAITING
    taken = update(runs).where(runs.c.id == run_id).values(
        state=RunState.RUNNING,
        reason="",
        attempts=runs.c.attempts + 1,
        lease_owner=owner,
        worker=owner.partition("/")[0],
        lease_until=from_now(lease_s),
        ring_at=from_now(lease_s),
        started_at=func.coalesce(runs.c.started_at, func.clock_timestamp()),
    )  # fmt: skip
    return as_run(conn.execute(taken.returning(runs)).one())


def extend(conn: Connection, run_id: RunId, owner: str, lease_s: float = LEASE_S) -> None:
    """Keep the claim for longer; holds the row until the transaction ends, so that what it writes is the owner's.

    Raises:
        LostClaimError: the run is no longer the owner's.
    """
    mine = update(runs).where(_is_owned(run_id, owner)).values(lease_until=from_now(lease_s), ring_at=from_now(lease_s))
    if conn.execute(mine).rowcount == 0:
        raise LostClaimError(f"run {run_id} is no longer ours")


def note_step(conn: Connection, run_id: RunId, owner: str, step: JsonMap) -> None:
    """Append a step to `steps_executed`.

    Raises:
        LostClaimError: the run is no longer the owner's.
    """
    added = (
        update(runs).where(_is_owned(run_id, owner)).values(steps_executed=runs.c.steps_executed.concat([dict(step)]))
    )
    if conn.execute(added).rowcount == 0:
        raise LostClaimError(f"run {run_id} is no longer ours")


def put_back(conn: Connection, run_id: RunId, owner: str, *, delay_s: float, reason: str, counts: bool = True) -> None:
    """Let another attempt begin in `delay_s`; `counts=False` for a busy platform, which is no fault of the run.

    Raises:
        LostClaimError: the run is no longer the owner's.
    """
    back = update(runs).where(_is_owned(run_id, owner)).values(
        state=RunState.PLANNED,
        reason=clean_text(reason),
        attempts=runs.c.attempts - (0 if counts else 1),
        lease_owner=None,
        lease_until=None,
        ring_at=from_now(delay_s),
    )  # fmt: skip
    if conn.execute(back).rowcount == 0:
        raise LostClaimError(f"run {run_id} is no longer ours")


def finish(
    conn: Connection,
    run_id: RunId,
    owner: str,
    *,
    state: RunState,
    reason: str = "",
    stats: JsonMap | None = None,
    errors: Sequence[JsonMap] = (),
) -> None:
    """Record how the run ended.

    Raises:
        LostClaimError: the run is no longer the owner's.
    """
    ended = {"stats_snapshot": clean_json(dict(stats or {})), "errors": clean_json([dict(error) for error in errors])}
    if not _close(conn, run_id, state=state, reason=reason, owner=owner, **ended):
        raise LostClaimError(f"run {run_id} is no longer ours")


def from_now(seconds: float) -> ColumnElement[Any]:
    """Postgres' instant so many seconds ahead."""
    return func.clock_timestamp() + timedelta(seconds=seconds)


def _is_owned(run_id: RunId, owner: str) -> ColumnElement[bool]:
    return and_(runs.c.id == run_id, runs.c.lease_owner == owner, runs.c.state == RunState.RUNNING)


def _is_held(conn: Connection, run: Run) -> bool:
    held = and_(
        runs.c.task == run.task,
        runs.c.account_id == run.account_id,
        runs.c.state == RunState.RUNNING,
        runs.c.lease_until > func.clock_timestamp(),
    )
    return conn.execute(select(runs.c.id).where(held).limit(1)).first() is not None


def _must_wait(conn: Connection, run: Run, after: Sequence[str]) -> bool:
    earlier = and_(
        runs.c.task.in_(after),
        runs.c.account_id == run.account_id,
        runs.c.slot_at.between(run.slot_at, run.now_at),
        or_(
            runs.c.state == RunState.PLANNED,
            and_(runs.c.state == RunState.RUNNING, runs.c.lease_until > func.clock_timestamp()),
        ),
    )
    patience = func.clock_timestamp() < run.created_at + timedelta(seconds=_LONGEST_WAIT_S)
    return conn.execute(select(runs.c.id).where(earlier, patience).limit(1)).first() is not None


def _close(
    conn: Connection, run_id: RunId, *, state: RunState, reason: str, owner: str | None = None, **values: object
) -> bool:
    took_s = func.extract("epoch", func.clock_timestamp() - runs.c.started_at)
    ended = update(runs).where(runs.c.id == run_id if owner is None else _is_owned(run_id, owner)).values(
        state=state,
        reason=clean_text(reason),
        lease_owner=None,
        lease_until=None,
        finished_at=func.clock_timestamp(),
        duration_ms=func.round(took_s * 1000),
        **values,
    )  # fmt: skip
    return conn.execute(ended).rowcount == 1
