"""Reads objects on the platform right before a write: are they still what the decisions were made on?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from actions.timing import Timing
from domain.actions import CREATES, Action, ActionKind, JsonMap
from domain.errors import GoneError, NeedsPersonError, PlatformError, RefusedError, ThrottledError, TransientError
from domain.ids import ActionId, PlatformAccountId
from domain.objects import ObjectState
from domain.ports import PlatformReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """It is as expected: the write may go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyDone:
    """It already is as wanted: nothing needs to be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differs:
    """Somebody changed it since the decision; `present` are the values that are there now."""

    reason: str
    present: JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """It is gone, or only a person can make it readable."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """It could not be read just now."""

    reason: str
    wait_s: float
    is_throttled: bool = False  # then the whole account waits


Precheck: TypeAlias = Ready | AlreadyDone | Differs | Unreachable | Later


def look(
    reader: PlatformReader, account: PlatformAccountId, actions: Sequence[Action], timing: Timing
) -> Mapping[ActionId, Precheck]:
    """Compare the platform's present values with each action's; several of one kind of object are read in one call.

    A create has nothing to compare: its token is new.
    """
    if len(actions) == 1:
        return {actions[0].id: _look_at(reader, account, actions[0], timing)}
    ids = [action.object_id for action in actions]
    try:
        states = reader.states(account, actions[0].object_kind, ids)
    except ThrottledError as error:
        return {action.id: _throttled(error) for action in actions}
    except PlatformError as error:  # perhaps of one object only: the first goes on alone, the others try without it
        later = Later(reason=f"could not be read along with {len(ids) - 1} others: {error}", wait_s=0.0)
        return {action.id: later for action in actions} | {actions[0].id: _look_at(reader, account, actions[0], timing)}
    return {action.id: _compare(states.get(action.object_id), action) for action in actions}


def _look_at(reader: PlatformReader, account: PlatformAccountId, action: Action, timing: Timing) -> Precheck:
    if action.kind in CREATES:
        return Ready()
    try:
        return _compare(reader.state(account, action.object_kind, action.object_id), action)
    except ThrottledError as error:
        return _throttled(error)
    except TransientError as error:
        return Later(reason=f"could not be read: {error}", wait_s=timing.backoff_s(action.attempts + 1))
    except GoneError as error:
        return Unreachable(reason=f"{_name(action)} is gone: {error}")
    except (NeedsPersonError, RefusedError) as error:
        return Unreachable(reason=f"reading {_name(action)} was refused: {error}")


def _throttled(error: ThrottledError) -> Later:
    reason = f"the platform asks for patience: {error}"
    return Later(reason=reason, wait_s=error.retry_after_s, is_throttled=error.is_of_account)


def _compare(state: ObjectState | None, action: Action) -> Precheck:
    if state is None:
        return Unreachable(reason=f"{_name(action)} is gone")
    if not differences(state.values, action.target):
        return AlreadyDone()
    if action.kind is ActionKind.EMERGENCY_PAUSE:
        return Ready()
    found = differences(state.values, action.expected_before)
    return Differs(reason="; ".join(found), present=dict(state.values)) if found else Ready()


def _name(action: Action) -> str:
    return f"{action.object_kind} {action.object_id}"


def differences(present: JsonMap, wanted: JsonMap) -> tuple[str, ...]:
    """Name every wanted value that is not there, in words."""
    return tuple(
        f"{key} is {present.get(key)!r} on the platform, not {value!r}"
        for key, value in wanted.items()
        if key not in present or present[key] != value
    )
