"""An ad platform whose log is a file: any number of processes speak to it, and no death of theirs loses a line.

A line is what reached the platform; its effect begins at `at`, also when the caller is dead by then, and lists show it
from `listed_at` on. Instants are CLOCK_MONOTONIC, which all processes of a machine share.
"""

# ruff: noqa: ARG002 - the port's arguments

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

from domain.actions import CREATES
from domain.errors import (
    GoneError,
    NotSentError,
    PlatformError,
    RefusedError,
    ThrottledError,
    UnknownOutcomeError,
)
from domain.objects import Activity, ObjectState
from domain.ports import Client, WriteRequest
from tests.faults.cells import Fate

_ENDINGS: dict[Fate, PlatformError] = {
    Fate.LOST: UnknownOutcomeError("reset before the commit"),
    Fate.ANSWER_LOST: UnknownOutcomeError("reset after the commit"),
    Fate.LATE: UnknownOutcomeError("reset; the commit comes later"),
    Fate.REFUSED: RefusedError("refused by script", code=100),
    Fate.ERROR_5XX: UnknownOutcomeError("500"),
    Fate.HTML_502: UnknownOutcomeError("<html>502</html>"),
    Fate.THROTTLED: ThrottledError("slow down", retry_after_s=0.0),
}
_WITHOUT_EFFECT = (Fate.LOST, Fate.REFUSED, Fate.THROTTLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One request that reached the platform."""

    left_at: float
    at: float
    listed_at: float
    token: str
    object_id: str
    fields: dict[str, Any]
    fate: str
    has_effect: bool


@dataclass
class FilePlatform:
    """Reader and writer. The n-th write of an op token meets `fates[n]`, later ones go through."""

    path: Path
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    fates: Sequence[Fate] = ()
    latency_s: float = 0.0
    late_s: float = 0.3
    lag_s: float = 0.0
    is_punctual: bool = True  # False = a client that does not look at `not_after_s`

    @property
    def client(self) -> Client:
        return Client(reader=self, writer=self)  # type: ignore[arg-type]  # what the executor asks for

    def lines(self) -> tuple[Line, ...]:
        if not self.path.exists():
            return ()
        return tuple(Line(**json.loads(text)) for text in self.path.read_text(encoding="utf-8").splitlines())

    def effects(self, token: str | None = None) -> tuple[Line, ...]:
        return tuple(line for line in self.lines() if line.has_effect and token in {None, line.token})

    def write(self, account: Any, request: WriteRequest, *, deadline_s: float, not_after_s: float = inf) -> str:
        left_at = time.monotonic()
        if self.is_punctual and left_at >= not_after_s:
            raise NotSentError("past the last instant")
        earlier = sum(line.token == request.op_token for line in self.lines())
        fate = self.fates[earlier] if earlier < len(self.fates) else Fate.APPLIED
        at = left_at + self.latency_s + (self.late_s if fate is Fate.LATE else 0.0)
        created = f"{request.op_token}-{earlier}"
        line = {
            "left_at": left_at, "at": at, "listed_at": at + self.lag_s, "token": request.op_token,
            "object_id": created if request.kind in CREATES else request.object_id, "fields": dict(request.fields),
            "fate": fate, "has_effect": fate not in _WITHOUT_EFFECT,
        }  # fmt: skip
        with self.path.open("a", encoding="utf-8") as log:  # one short write in append mode is never torn
            log.write(json.dumps(line) + "\n")
        time.sleep(min(self.latency_s, deadline_s))
        if self.latency_s > deadline_s:
            raise UnknownOutcomeError("no answer within the deadline")
        if fate is not Fate.APPLIED:
            raise _ENDINGS[fate]
        return str(line["object_id"])

    def write_many(
        self, account: Any, requests: Sequence[WriteRequest], *, deadline_s: float, not_after_s: float = inf
    ) -> Sequence[str | PlatformError]:
        answers: list[str | PlatformError] = []
        for request in requests:
            try:
                answers.append(self.write(account, request, deadline_s=deadline_s, not_after_s=not_after_s))
            except PlatformError as error:
                answers.append(error)
        return answers

    def state(self, account: Any, kind: Any, object_id: str) -> ObjectState:
        now = time.monotonic()
        values = dict(self.objects[object_id]) if object_id in self.objects else None
        token = None
        for line in self.effects():
            if line.object_id == object_id and line.at <= now:
                token = token if values is not None else line.token
                values = {**(values or {}), **line.fields}
        if values is None:
            raise GoneError(f"no object {object_id}", code=100, subcode=33)
        return ObjectState(id=object_id, values=values, updated_at=None, op_token=token)

    def states(self, account: Any, kind: Any, object_ids: Sequence[str]) -> dict[str, ObjectState]:
        found = {}
        for object_id in object_ids:
            try:
                found[object_id] = self.state(account, kind, object_id)
            except GoneError:
                continue
        return found

    def find_by_token(self, account: Any, kind: Any, op_token: str, created_after: datetime) -> Sequence[str]:
        now = time.monotonic()
        return tuple(line.object_id for line in reversed(self.effects(op_token)) if line.listed_at <= now)

    def activities(self, account: Any, since: datetime) -> Iterator[Sequence[Activity]]:
        yield ()

    def created_since(self, *_: Any, **__: Any) -> Iterator[Sequence[Any]]:
        yield ()
