"""The one place from which a write leaves: under the fence's shared lock, past the flag and the deadline, once.

Nothing else happens in the transaction. Every way in which a call can end is a value here; nothing is retried.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
from domain.ids import ActionId, PlatformAccountId
from domain.ports import PlatformWriter
from models import fence


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The platform says that it is done; read back before believing it."""

    object_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Understood and refused, without effect."""

    reason: str
    error: JsonMap


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


Outcome: TypeAlias = Answered | Refused | Postponed | Unknown


@dataclass(slots=True, kw_only=True)
class Sending:
    """What a send needs besides the actions. `monotonic_s` is a clock for durations, `begun_s` its reading at the
    write-ahead: the deadline is counted on our own clock, so that a process that slept never sends late.

    `left_s` is its reading as the call was made, None if none was.
    """  # noqa: D205 - the sentence needs the room

    engine: Engine
    writer: PlatformWriter
    account: PlatformAccountId
    timing: Timing
    monotonic_s: Callable[[], float]
    begun_s: float
    checkpoint: steps.Checkpoint
    left_s: float | None = field(default=None, init=False)

    @property
    def not_after_s(self) -> float:
        """From when on nothing may leave; the client looks at it once more, right before the first byte."""
        return self.begun_s + self.timing.send_deadline_s


def send(sending: Sending, actions: Sequence[Action]) -> Mapping[ActionId, Outcome]:
    """Send the actions of one account in one call, if the fence lets them through and the deadline is not missed."""
    outcomes: Mapping[ActionId, Outcome] | None = None
    try:
        with sending.engine.begin() as conn:
            outcomes = _behind_the_fence(sending, actions, conn)
    except SQLAlchemyError as error:
        # The call itself happens in this block: if it has an outcome, a lost database connection does not unmake it.
        if outcomes is None:
            outcomes = _none_went(sending, actions, f"the fence could not be read: {type(error).__name__}")
    sending.checkpoint(steps.RELEASED)
    return outcomes


def _behind_the_fence(sending: Sending, actions: Sequence[Action], conn: Connection) -> Mapping[ActionId, Outcome]:
    first, held_wait_s = actions[0], sending.timing.held_wait_s
    left_s = sending.not_after_s - sending.monotonic_s()
    if left_s <= 0:
        return _none_went(sending, actions, "the send deadline was missed; nothing was sent")
    if not fence.hold_shared(conn, first.account_id, timeout_s=left_s):
        return _none_went(sending, actions, "a stop holds the fence", wait_s=held_wait_s)
    barrier = fence.barrier(conn, first.account_id, first.stop_id)
    if barrier is not None:
        return _none_went(sending, actions, barrier, wait_s=held_wait_s)
    sending.checkpoint(steps.FENCED)
    sending.left_s = sending.monotonic_s()
    if sending.left_s >= sending.not_after_s:
        sending.left_s = None
        return _none_went(sending, actions, "the send deadline was missed; nothing was sent")
    outcomes = _call(sending, actions)
    sending.checkpoint(steps.ANSWERED)
    return outcomes


def _none_went(
    sending: Sending, actions: Sequence[Action], reason: str, *, wait_s: float | None = None
) -> Mapping[ActionId, Outcome]:
    backoff_s = sending.timing.backoff_s
    return {
        action.id: Postponed(reason=reason, wait_s=backoff_s(action.attempts) if wait_s is None else wait_s)
        for action in actions
    }


def _call(sending: Sending, actions: Sequence[Action]) -> Mapping[ActionId, Outcome]:
    requests = [request_of(action) for action in actions]
    limits = {"deadline_s": sending.timing.client_deadline_s, "not_after_s": sending.not_after_s}
    results: Sequence[str | Exception]
    try:
        if len(requests) == 1:
            results = [sending.writer.write(sending.account, requests[0], **limits)]
        else:
            results = sending.writer.write_many(sending.account, requests, **limits)
    except Exception as error:  # noqa: BLE001 - whatever broke, bytes may have left: only reading back can tell
        results = [error] * len(actions)
    if len(results) != len(actions):
        results = [UnknownOutcomeError(f"{len(results)} answers for {len(actions)} writes")] * len(actions)
    return {
        action.id: _outcome(sending.timing, action, result) for action, result in zip(actions, results, strict=True)
    }


def _outcome(timing: Timing, action: Action, result: str | Exception) -> Outcome:
    match result:
        case str():
            return Answered(object_id=result)
        case ThrottledError():
            reason = f"the platform asks for patience: {result}"
            return Postponed(reason=reason, wait_s=result.retry_after_s, is_throttled=result.is_of_account)
        case NotSentError():
            return Postponed(reason=f"nothing was sent: {result}", wait_s=timing.backoff_s(action.attempts))
        case RefusedError() | NeedsPersonError():
            return Refused(reason=f"refused by the platform: {result}", error=_details(result))
        case UnknownOutcomeError():
            return Unknown(reason=f"no answer that can be trusted: {result}", error=_details(result))
        case _:
            return Unknown(reason=f"the client broke while sending: {type(result).__name__}", error={})


def _details(error: PlatformError) -> JsonMap:
    return {
        "message": str(error),
        "code": error.code,
        "subcode": error.subcode,
        "trace_id": error.trace_id,
        "http_status": error.http_status,
    }
