"""Closes the fence and says what that is worth: the flag first, then the answer who may still reach the platform.

Needs Postgres alone. Who dies after the first commit leaves a closed fence; anybody may `finish` what is left to do.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from actions.timing import Timing
from domain.actions import Action, ActionState, Json
from domain.errors import InvariantError
from domain.ids import AccountId, StopId
from models import audit, fence, ledger_reads, stops
from models.engine import db_now
from models.stops import Stop

_TIMING = Timing()
_GRACE_S = 0.75  # past the send deadline, so that with its own commits a stop returns within the deadline + 1 s
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The fence is closed. `is_new` False = it was closed already by `stop`, and nothing was added."""

    stop: Stop
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a stop is to do beside closing the fence."""

    reason: str
    actor: str
    pauses: bool = False  # what spends is to be paused, by `pauses.pause_all` or by the tower
    halts: bool = False  # of all accounts only: schedulers are to stand still, `control_tower.emergency` sees to it
    alerts: bool = True


def order(engine: Engine, scopes: Sequence[AccountId | None], wanted: Order) -> tuple[tuple[StopId, bool], ...]:
    """Close the fences of these accounts (None = of all) in one commit, and return at once: (stop, whether it is new).

    From here on nothing begins to be sent, and what is left to do stands in the rows for anybody to finish.
    """
    with engine.begin() as conn:
        return order_in(conn, scopes, wanted)


def order_in(
    conn: Connection, scopes: Sequence[AccountId | None], wanted: Order
) -> tuple[tuple[StopId, bool], ...]:  # fmt: skip
    """Close them in the caller's transaction; it counts once that is committed."""
    return tuple(_close(conn, scope, wanted) for scope in sorted(scopes, key=lambda scope: scope or 0))


def close(
    engine: Engine,
    *,
    account_id: AccountId | None,
    reason: str,
    actor: str,
    pauses: bool = False,
    timing: Timing = _TIMING,
    monotonic_s: Callable[[], float] = time.monotonic,
    rest: Callable[[float], None] = time.sleep,
) -> Stopped:
    """Let nothing be sent any more for an account, or for all (None), and tell what may still arrive.

    Returns within the send deadline + 1 s. `pauses` = what spends is to be paused as well, by `pauses.pause_all`, or
    by the tower if this process dies before. While a stop of the same scope is open, the call only finishes that one.
    """
    ((stop_id, is_new),) = order(engine, (account_id,), Order(reason=reason, actor=actor, pauses=pauses))
    stop = finish(engine, stop_id, timing=timing, monotonic_s=monotonic_s, rest=rest)
    return Stopped(stop=stop, is_new=is_new)


def finish(
    engine: Engine,
    stop_id: StopId,
    *,
    timing: Timing = _TIMING,
    monotonic_s: Callable[[], float] = time.monotonic,
    rest: Callable[[float], None] = time.sleep,
) -> Stop:
    """Drain what passed the fence before it was closed, as far as it takes the send deadline + 1 s; write it down.

    Any process may do so, any number of times; a stop that is quiet or over is left as it is. One that halts is never
    called quiet here: whether workers stand still is for the control tower to see.
    """
    stop, since = look(engine, stop_id)
    if is_finished(stop):
        return stop
    is_drained = drain(engine, stop, since, timing=timing, monotonic_s=monotonic_s, rest=rest)
    return answer(engine, stop_id, since, is_quiet=is_drained and not stop.halts)


def look(engine: Engine, stop_id: StopId) -> tuple[Stop, datetime]:
    """Read a stop, and the instant (Postgres' clock) after which whoever is written ahead reads the closed flag."""
    with engine.begin() as conn:
        return stops.get(conn, stop_id), db_now(conn)


def is_finished(stop: Stop) -> bool:
    """Say whether the stop is over, or has its answer, its quiet and, if it halts, word of every worker."""
    is_answered = stop.quiet_at is not None and stop.fenced_at is not None
    return stop.opened_at is not None or (is_answered and bool(stop.halted or not stop.halts))


def drain_s(timing: Timing) -> float:
    """The longest that a stop waits before it is answered."""
    return timing.send_deadline_s + _GRACE_S


def drain(
    engine: Engine,
    stop: Stop,
    since: datetime,
    *,
    timing: Timing = _TIMING,
    monotonic_s: Callable[[], float] = time.monotonic,
    rest: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until nothing that was written ahead by `since` can begin to be sent any more; False = patience ended."""
    most_s = drain_s(timing)
    until_s = monotonic_s() + most_s
    with engine.begin() as conn:
        is_quiet = fence.drain(conn, stop.account_id, timeout_s=most_s)
    # A sender whose database connection died has lost its lock, not its socket: it may begin until its deadline.
    while is_quiet:
        with engine.begin() as conn:
            left_s = ledger_reads.longest_to_begin_s(conn, stop.account_id, since)
        if left_s <= 0:
            break
        is_quiet = monotonic_s() < until_s
        rest(min(_POLL_S, left_s))
    return is_quiet


def answer(engine: Engine, stop_id: StopId, since: datetime, *, is_quiet: bool) -> Stop:
    """Write down that whoever ordered the stop has the answer: who is in doubt, and whether it is quiet."""
    with engine.begin() as conn:
        stop = stops.get(conn, stop_id)
        unsure = ledger_reads.in_doubt(conn, stop.account_id)
        told = [_told(row) for row in unsure if row.stop_id is None and (row.sent_at is None or row.sent_at <= since)]
        return stops.note_drained(conn, stop_id, is_quiet=is_quiet, in_doubt=told)


def _close(conn: Connection, account_id: AccountId | None, wanted: Order) -> tuple[StopId, bool]:
    halts = wanted.halts and account_id is None  # workers are shared: runs of one account end at their next look
    added = stops.add(
        conn, account_id=account_id, reason=wanted.reason, actor=wanted.actor, pauses=wanted.pauses, halts=halts,
        alerts=wanted.alerts,
    )  # fmt: skip
    if added is None:
        return _add_to_open(conn, account_id, wanted, halts=halts), False
    epoch = fence.close(conn, account_id, reason=wanted.reason)
    told: dict[str, Json] = {"stop": added, "reason": wanted.reason, "epoch": epoch, "pauses": wanted.pauses}
    if halts:
        told["halts"] = True
    audit.note(conn, actor=wanted.actor, event="fence.closed", account_id=account_id, detail=told)
    return added, True


def _add_to_open(conn: Connection, account_id: AccountId | None, wanted: Order, *, halts: bool) -> StopId:
    """Let the stop that is open do what this order wants beyond it."""
    held = stops.open_of(conn, account_id)
    if held is None:
        raise InvariantError("a stop was opened again while another one was ordered; order it again")
    more = (
        ("pauses", wanted.pauses and not held.pauses, stops.want_pauses),
        ("halts", halts and not held.halts, stops.want_halts),
        ("alerts", wanted.alerts and not held.alerts, stops.want_alerts),
    )
    detail: dict[str, Json] = {"stop": held.id, "reason": wanted.reason}
    for name, is_new, want in more:
        if is_new:
            want(conn, held.id)
            audit.note(conn, actor=wanted.actor, event=f"fence.{name}_wanted", account_id=account_id, detail=detail)
    return held.id


def _told(action: Action) -> dict[str, Json]:
    is_sending = action.state is ActionState.SENT
    return {
        "action": action.id,
        "account": action.account_id,
        "kind": action.kind,
        "object_kind": action.object_kind,
        "object": action.object_id,
        "state": action.state,
        "why": "may be on its way" if is_sending else "its outcome is not known yet",
    }
