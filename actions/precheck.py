"""Reads the object on the platform right before a write: is it still what the decision was made on?"""

from dataclasses import dataclass, field
from typing import TypeAlias

from actions.timing import Timing
from domain.actions import CREATES, Action, ActionKind, JsonMap
from domain.errors import GoneError, NeedsPersonError, RefusedError, ThrottledError, TransientError
from domain.ids import PlatformAccountId
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
    """Somebody changed it since the decision; `present` is what it is now."""

    reason: str
    present: JsonMap = field(default_factory=dict)


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


def look(reader: PlatformReader, account: PlatformAccountId, action: Action, timing: Timing) -> Precheck:
    """Compare the platform's present values with the action's. A create has nothing to compare: its token is new."""
    if action.kind in CREATES:
        return Ready()
    thing = f"{action.object_kind} {action.object_id}"
    try:
        return _compare(reader.state(account, action.object_kind, action.object_id), action)
    except ThrottledError as error:
        return Later(reason=f"the platform asks for patience: {error}", wait_s=error.retry_after_s, is_throttled=True)
    except TransientError as error:
        return Later(reason=f"could not be read: {error}", wait_s=timing.backoff_s(action.attempts + 1))
    except GoneError as error:
        return Unreachable(reason=f"{thing} is gone: {error}")
    except (NeedsPersonError, RefusedError) as error:
        return Unreachable(reason=f"reading {thing} was refused: {error}")


def _compare(state: ObjectState, action: Action) -> Precheck:
    if not differences(state.values, action.target):
        return AlreadyDone()
    if action.kind is ActionKind.EMERGENCY_PAUSE:
        return Ready()
    found = differences(state.values, action.expected_before)
    return Differs(reason="; ".join(found), present=dict(state.values)) if found else Ready()


def differences(present: JsonMap, wanted: JsonMap) -> tuple[str, ...]:
    """Name every wanted value that is not there, in words."""
    return tuple(
        f"{key} is {present.get(key)!r} on the platform, not {value!r}"
        for key, value in wanted.items()
        if key not in present or present[key] != value
    )
