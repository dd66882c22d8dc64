"""Closes the fence and says what that is worth: the flag first, then the answer who may still reach the platform.

Needs Postgres alone. Who dies after the first commit leaves a closed fence; anybody may `finish` what is left to do.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

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
    with engine.begin() as conn:
        stop_id, is_new = _close(conn, account_id, reason=reason, actor=actor, pauses=pauses)
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

    Any process may do so, any number of times; a stop that is quiet or over is left as it is.
    """
    with engine.begin() as conn:
        stop, since = stops.get(conn, stop_id), db_now(conn)  # who is written ahead later reads the closed flag
    if stop.opened_at is not None or (stop.quiet_at is not None and stop.fenced_at is not None):
        return stop
    most_s = timing.send_deadline_s + _GRACE_S
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
    with engine.begin() as conn:
        unsure = ledger_reads.in_doubt(conn, stop.account_id)
        told = [_told(row) for row in unsure if row.stop_id is None and (row.sent_at is None or row.sent_at <= since)]
        return stops.note_drained(conn, stop_id, is_quiet=is_quiet, in_doubt=told)


def _close(
    conn: Connection, account_id: AccountId | None, *, reason: str, actor: str, pauses: bool
) -> tuple[StopId, bool]:
    added = stops.add(conn, account_id=account_id, reason=reason, actor=actor, pauses=pauses)
    if added is not None:
        epoch = fence.close(conn, account_id, reason=reason)
        told: dict[str, Json] = {"stop": added, "reason": reason, "epoch": epoch, "pauses": pauses}
        audit.note(conn, actor=actor, event="fence.closed", account_id=account_id, detail=told)
        return added, True
    held = stops.open_of(conn, account_id)
    if held is None:
        raise InvariantError("a stop was opened again while another one was ordered; order it again")
    if pauses and not held.pauses:
        stops.want_pauses(conn, held.id)
        detail: dict[str, Json] = {"stop": held.id, "reason": reason}
        audit.note(conn, actor=actor, event="fence.pauses_wanted", account_id=account_id, detail=detail)
    return held.id, False


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
