"""The one place from which a write leaves: under the fence's shared lock, past the flag and the deadline, once.

Nothing else happens in the transaction. Every way in which a call can end is a value here; nothing is retried.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from actions import steps
from actions.request import request_of
from actions.timing import Timing
from domain.actions import Action, JsonMap
from domain.errors import (
    NeedsPersonError,
    NotSentError,
    PlatformError,
    RefusedError,
    ThrottledError,
    UnknownOutcomeError,
)
from domain.ids import PlatformAccountId
from domain.ports import PlatformWriter
from models import fence


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The platform says that it is done; read back before believing it."""

    object_id: str
    read_to_write_ms: int | None = None  # so of the two below: how long an edit by hand could have gone unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Understood and refused, without effect."""

    reason: str
    error: JsonMap
    read_to_write_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """Nothing had any effect: fence closed, deadline missed before the socket, no connection, or throttled."""

    reason: str
    wait_s: float
    is_throttled: bool = False  # then the whole account waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Bytes may have left, and no answer came that could be trusted."""

    reason: str
    error: JsonMap
    read_to_write_ms: int | None = None


Outcome: TypeAlias = Answered | Refused | Postponed | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a send needs besides the action. `monotonic_s` is a clock for durations, `begun_s` its reading at the
    write-ahead: the deadline is counted on our own clock, so that a process that slept never sends late.
    """  # noqa: D205 - the sentence needs the room

    engine: Engine
    writer: PlatformWriter
    account: PlatformAccountId
    timing: Timing
    monotonic_s: Callable[[], float]
    begun_s: float
    checkpoint: steps.Checkpoint
    read_s: float | None = None  # the same clock as the fresh reading ended


def send(sending: Sending, action: Action) -> Outcome:
    """Send the action if the fence lets it through and the deadline is not missed."""
    outcome: Outcome | None = None
    try:
        with sending.engine.begin() as conn:
            outcome = _behind_the_fence(sending, action, conn)
    except SQLAlchemyError as error:
        # The call itself happens in this block: if it has an outcome, a lost database connection does not unmake it.
        if outcome is None:
            wait_s = sending.timing.backoff_s(action.attempts)
            outcome = Postponed(reason=f"the fence could not be read: {type(error).__name__}", wait_s=wait_s)
    sending.checkpoint(steps.RELEASED)
    return outcome


def _behind_the_fence(sending: Sending, action: Action, conn: Connection) -> Outcome:
    timing = sending.timing
    left_s = timing.send_deadline_s - (sending.monotonic_s() - sending.begun_s)
    late = Postponed(reason="the send deadline was missed; nothing was sent", wait_s=timing.backoff_s(action.attempts))
    if left_s <= 0:
        return late
    if not fence.hold_shared(conn, action.account_id, timeout_s=left_s):
        return Postponed(reason="a stop holds the fence", wait_s=timing.held_wait_s)
    barrier = fence.barrier(conn, action.account_id, action.stop_id)
    if barrier is not None:
        return Postponed(reason=barrier, wait_s=timing.held_wait_s)
    sending.checkpoint(steps.FENCED)
    if sending.monotonic_s() - sending.begun_s >= timing.send_deadline_s:
        return late
    window_ms = None if sending.read_s is None else round((sending.monotonic_s() - sending.read_s) * 1000)
    outcome = _call(sending, action)
    if not isinstance(outcome, Postponed):
        outcome = replace(outcome, read_to_write_ms=window_ms)
    sending.checkpoint(steps.ANSWERED)
    return outcome


def _call(sending: Sending, action: Action) -> Outcome:
    timing = sending.timing
    try:
        object_id = sending.writer.write(sending.account, request_of(action), deadline_s=timing.client_deadline_s)
    except ThrottledError as error:
        return Postponed(
            reason=f"the platform asks for patience: {error}", wait_s=error.retry_after_s, is_throttled=True
        )
    except NotSentError as error:
        return Postponed(reason=f"nothing was sent: {error}", wait_s=timing.backoff_s(action.attempts))
    except (RefusedError, NeedsPersonError) as error:
        return Refused(reason=f"refused by the platform: {error}", error=_details(error))
    except UnknownOutcomeError as error:
        return Unknown(reason=f"no answer that can be trusted: {error}", error=_details(error))
    except Exception as error:  # noqa: BLE001 - whatever broke, bytes may have left: only reading back can tell
        return Unknown(reason=f"the client broke while sending: {type(error).__name__}", error={})
    return Answered(object_id=object_id)


def _details(error: PlatformError) -> JsonMap:
    return {
        "message": str(error),
        "code": error.code,
        "subcode": error.subcode,
        "trace_id": error.trace_id,
        "http_status": error.http_status,
    }
