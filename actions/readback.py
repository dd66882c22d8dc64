"""Reads the platform after a write: is the effect there? The only witness that makes an action applied."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from actions.precheck import differences
from actions.request import CREATED_KINDS
from actions.timing import Timing
from domain.actions import CREATES, Action
from domain.errors import GoneError, PlatformError, ThrottledError
from domain.ids import PlatformAccountId
from domain.ports import PlatformReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The effect is there, at `object_id`; `others` are further objects with our token, which should not exist."""

    object_id: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSeen:
    """It could be read, and the effect is not there."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """It could not be read: nothing is known yet."""

    reason: str
    wait_s: float


ReadBack: TypeAlias = Seen | NotSeen | Unreadable


def read_back(
    reader: PlatformReader, account: PlatformAccountId, action: Action, *, created_after: datetime, timing: Timing
) -> ReadBack:
    """Look for the action's effect. `action.result_object_id` is what the platform answered, where it did.

    `created_after` is on the platform's clock.
    """
    try:
        if action.kind in CREATES:
            return _find_created(reader, account, action, created_after)
        return _compare(reader, account, action)
    except ThrottledError as error:
        return Unreadable(reason=f"the platform asks for patience: {error}", wait_s=error.retry_after_s)
    except PlatformError as error:
        return Unreadable(reason=f"could not be read back: {error}", wait_s=timing.backoff_s(action.attempts))


def _compare(reader: PlatformReader, account: PlatformAccountId, action: Action) -> ReadBack:
    try:
        state = reader.state(account, action.object_kind, action.object_id)
    except GoneError as error:
        return NotSeen(reason=f"{action.object_kind} {action.object_id} is gone: {error}")
    found = differences(state.values, action.target)
    return NotSeen(reason="; ".join(found)) if found else Seen(object_id=action.object_id)


def _find_created(
    reader: PlatformReader, account: PlatformAccountId, action: Action, created_after: datetime
) -> ReadBack:
    kind = CREATED_KINDS[action.kind]
    newest_first = tuple(reader.find_by_token(account, kind, action.op_token, created_after))
    if newest_first:
        *others, oldest = newest_first
        return Seen(object_id=oldest, others=tuple(reversed(others)))
    if action.result_object_id is not None:  # lists lag behind; the id that was answered does not
        try:
            return Seen(object_id=reader.state(account, kind, action.result_object_id).id)
        except GoneError:
            pass
    return NotSeen(reason=f"no {kind.replace('_', ' ')} carries its token")
