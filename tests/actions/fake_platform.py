"""An ad platform in memory: reads, writes, and a script of how the next writes and reads go. Thread-safe."""

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from domain.actions import CREATES
from domain.errors import GoneError, UnknownOutcomeError
from domain.objects import ObjectState
from domain.ports import Client, WriteRequest

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class FakeClock:
    """A platform's clock that stands where it is set."""

    def __init__(self, now: datetime = NOW) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at

    def speed(self) -> float:
        return 0.0


@dataclass
class FakePlatform:
    """Objects by id; `oracle` has one line per effect. Each write takes the next scripted way, or simply succeeds."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    oracle: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    requests: list[WriteRequest] = field(default_factory=list)
    writes: list[Callable[["FakePlatform", WriteRequest], str]] = field(default_factory=list)
    reads: list[Exception] = field(default_factory=list)
    read_count: int = 0
    write_seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ids: Any = field(default_factory=lambda: itertools.count(9000))

    def state(self, account, kind, object_id) -> ObjectState:  # noqa: ARG002 - the port's
        with self._lock:
            self.read_count += 1
            if self.reads:
                raise self.reads.pop(0)
            if object_id not in self.objects:
                raise GoneError(f"no object {object_id}", code=100, subcode=33)
            return ObjectState(id=object_id, values=dict(self.objects[object_id]), updated_at=None)

    def states(self, account, kind, object_ids: Sequence[str]) -> dict[str, ObjectState]:  # noqa: ARG002 - the port's
        with self._lock:
            if self.reads:
                raise self.reads.pop(0)
            self.read_count += 1
            return {
                key: ObjectState(id=key, values=dict(self.objects[key]), updated_at=None)
                for key in object_ids
                if key in self.objects
            }

    def find_by_token(self, account, kind, op_token: str, created_after: datetime) -> Sequence[str]:  # noqa: ARG002 - the port's
        with self._lock:
            if self.reads:
                raise self.reads.pop(0)
            return tuple(reversed([key for key, values in self.objects.items() if values.get("op_token") == op_token]))

    def write(self, account, request: WriteRequest, *, deadline_s: float) -> str:  # noqa: ARG002 - the port's
        time.sleep(self.write_seconds)
        with self._lock:
            self.requests.append(request)
            way = self.writes.pop(0) if self.writes else take_effect
        return way(self, request)

    @property
    def client(self) -> Client:
        return Client(reader=self, writer=self)


def take_effect(platform: FakePlatform, request: WriteRequest) -> str:
    """Do as told."""
    with platform._lock:
        fields = dict(request.fields)
        if request.kind in CREATES:
            object_id = str(next(platform._ids))
            platform.objects[object_id] = {**fields, "op_token": request.op_token}
        else:
            object_id = request.object_id or ""
            platform.objects[object_id].update(fields)
        platform.oracle.append((request.op_token, fields))
    return object_id


def fail(error: Exception):
    """Have no effect, and say so by raising."""

    def way(platform: FakePlatform, request: WriteRequest) -> str:
        raise error

    return way


def take_effect_then_fail(platform: FakePlatform, request: WriteRequest) -> str:
    """The effect is there, the answer lost."""
    take_effect(platform, request)
    raise UnknownOutcomeError("connection reset after the request was sent")


def say_done_only(platform: FakePlatform, request: WriteRequest) -> str:
    """Answer as done without an effect."""
    return request.object_id or "9999"


def create_twice(platform: FakePlatform, request: WriteRequest) -> str:
    """Make the object two times, as a platform's own retry does."""
    take_effect(platform, request)
    return take_effect(platform, request)
