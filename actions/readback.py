"""Reads the platform after a write: is the effect there? The only witness that makes an action applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from actions.precheck import differences
from actions.request import CREATED_KINDS
from actions.timing import Timing
from domain.actions import CREATES, Action
from domain.errors import GoneError, PlatformError, ThrottledError
from domain.ids import ActionId, PlatformAccountId
from domain.objects import ObjectState
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
    reader: PlatformReader,
    account: PlatformAccountId,
    actions: Sequence[Action],
    *,
    created_after: datetime,
    timing: Timing,
) -> Mapping[ActionId, ReadBack]:
    """Look for the effect of each; several updates of one kind of object are read in one call.

    An action's `result_object_id` is what the platform answered, where it did. `created_after` is on the platform's
    clock.
    """
    try:
        if len(actions) > 1:
            states = reader.states(account, actions[0].object_kind, [action.object_id for action in actions])
            return {action.id: _compare(states.get(action.object_id), action) for action in actions}
        return {action.id: _look_for(reader, account, action, created_after) for action in actions}
    except ThrottledError as error:
        found = Unreadable(reason=f"the platform asks for patience: {error}", wait_s=error.retry_after_s)
        return dict.fromkeys([action.id for action in actions], found)
    except PlatformError as error:
        return {
            # The epoch grows with each look, so that what a lost permission keeps unreadable does not eat up the quota.
            action.id: Unreadable(reason=f"could not be read back: {error}", wait_s=timing.backoff_s(action.epoch))
            for action in actions
        }


def _look_for(reader: PlatformReader, account: PlatformAccountId, action: Action, created_after: datetime) -> ReadBack:
    if action.kind in CREATES:
        return _find_created(reader, account, action, created_after)
    try:
        return _compare(reader.state(account, action.object_kind, action.object_id), action)
    except GoneError:
        return _compare(None, action)


def _compare(state: ObjectState | None, action: Action) -> ReadBack:
    if state is None:
        return NotSeen(reason=f"{action.object_kind} {action.object_id} is gone")
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
            state = reader.state(account, kind, action.result_object_id)
        except GoneError:
            state = None
        if state is not None and state.op_token == action.op_token:  # a wrong id may have been answered
            return Seen(object_id=state.id)
    return NotSeen(reason=f"no {kind.replace('_', ' ')} carries its token")
