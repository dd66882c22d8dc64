"""How much the door's limits leave a plan at an instant: figures that are handed down to the decisions. Values only.

It is no permission: the door judges everything anew. What is not known here (None, or missing) holds nothing back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from domain.actions import ActionKind, ObjectKind

Key: TypeAlias = tuple[ObjectKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What keeps an object from being changed: which guardrail, and until when (None = until an event).

    With a `priority` it binds only what weighs no more.
    """

    guard: str
    until: datetime | None
    words: str
    priority: int | None = None

    @property
    def when(self) -> str:
        """Until when, in words."""
        return "there is room again" if self.until is None else f"{self.until:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Which way our last change of an object went, and until when it is not followed or turned round.

    `window_until` and `until` bind only what weighs no more than `priority`.
    """

    is_up: bool
    priority: int
    window_until: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRoom:
    """What may still be paused in these 24 hours without a person's approval."""

    objects: int
    spend_share: float  # of the account's spend over the week
    alone: float = 1.0  # an object with a larger share can never be paused without a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Leeway:
    """What the limits leave an account's plan; instants are the platform's clock."""

    actions: int | None = None  # changes that this cycle still has room for
    next_cycle_at: datetime | None = None
    stops: StopRoom | None = None
    raise_minor: int | None = None  # by which the daily budgets may still grow in all
    margin: float | None = None  # under break-even in the window nothing is raised
    incident: str | None = None  # in words, while one keeps budgets from being raised
    resting: Mapping[str, datetime] = field(default_factory=dict)  # by object id: until when its budget rests
    turned: Mapping[Key, Turn] = field(default_factory=dict)
    held: Mapping[Key, Held] = field(default_factory=dict)
    asked: frozenset[tuple[ActionKind, ObjectKind, str]] = frozenset()  # a person is asked, and has not answered
    refused: frozenset[tuple[str, str, str]] = frozenset()  # action kind, object id, rule: a person said no lately
    marked: frozenset[Key] = frozenset()  # never to be touched, nor what is under them
    above_marks: frozenset[Key] = frozenset()  # what they are part of: not to be switched


UNKNOWN = Leeway()
