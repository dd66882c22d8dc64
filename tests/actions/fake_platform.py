"""An ad platform in memory: reads, writes, and a script of how the next writes and reads go. Thread-safe."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any

from domain.actions import CREATES, ObjectKind
from domain.errors import GoneError, PlatformError, UnknownOutcomeError
from domain.objects import AccountInfo, Activity, CreatedObject, ObjectState, Status
from domain.ports import Client, WriteRequest

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
_HANG_S = 120.0  # ends a test that hangs


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
    batches: list[int] = field(default_factory=list)  # how many writes each shared call held
    last_instants: list[float] = field(default_factory=list)  # `not_after_s` of each call, on the caller's clock
    history: list[Activity] = field(default_factory=list)  # oldest first; ours and people's
    clock: FakeClock | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ids: Any = field(default_factory=lambda: itertools.count(9000))

    def state(self, account, kind, object_id) -> ObjectState:  # noqa: ARG002 - the port's
        with self._lock:
            self.read_count += 1
            if self.reads:
                raise self.reads.pop(0)
            if object_id not in self.objects:
                raise GoneError(f"no object {object_id}", code=100, subcode=33)
            values = dict(self.objects[object_id])
            return ObjectState(id=object_id, values=values, updated_at=None, op_token=values.get("op_token"))

    def account(self, account) -> AccountInfo:
        """What the account's node tells; its limit is kept among the objects, as any change would leave it."""
        with self._lock:
            if self.reads:
                raise self.reads.pop(0)
            held = self.objects.get(account, {})
        return AccountInfo(
            id=account, name="Shop", currency="USD", zone="UTC", is_active=True, status_text="active",
            minimum_daily_budget_minor=100, spend_cap_minor=held.get("spend_cap_minor") or None,
            spent_minor=held.get("spent_minor"),
        )  # fmt: skip

    def activities(self, account, since: datetime) -> Iterator[Sequence[Activity]]:  # noqa: ARG002 - the port's
        with self._lock:
            if self.reads:
                raise self.reads.pop(0)
            newest_first = [row for row in reversed(self.history) if row.at >= since.replace(microsecond=0)]
        yield newest_first

    def created_since(self, account, kind: ObjectKind, since: datetime) -> Iterator[Sequence[CreatedObject]]:  # noqa: ARG002 - the port's
        with self._lock:
            if self.reads:
                raise self.reads.pop(0)
            yield [
                CreatedObject(
                    id=key, kind=kind, name=values.get("name", ""), status=Status(values.get("status", "paused")),
                    created_at=values.get("created_at", NOW), op_token=values.get("op_token"),
                )
                for key, values in self.objects.items()
                if values.get("kind", kind if "op_token" in values else None) is kind
                and values.get("created_at", NOW) >= since
            ]  # fmt: skip

    def edit_by_hand(self, object_id: str, kind: ObjectKind = ObjectKind.AD_SET, **values: Any) -> None:
        """A person changes an object; `values` are the house's words."""
        with self._lock:
            before = {name: self.objects[object_id].get(name) for name in values}
            self.objects[object_id].update(values)
            self.oracle.append(("by hand", {"id": object_id, **values}))
            self._tell(object_id, kind, before, values, actor="Marta")

    def _tell(self, object_id: str, kind: ObjectKind, before: Any, after: Any, *, actor: str | None = None) -> None:
        """Write the platform's own history, to the second, as platforms do."""
        at = (self.clock.at if self.clock else NOW).replace(microsecond=0)
        topics = {"status": "run_status", "daily_budget_minor": "budget", "name": "name"}
        for name, value in after.items():
            if before.get(name) == value or name not in topics:
                continue
            line = Activity(
                at=at, actor_id=actor or "us", actor_name=actor or "Stakazo", is_ours=actor is None,
                event=f"update_{kind}_{topics[name]}", object_kind=kind, object_id=object_id,
                before={name: before.get(name)}, after={name: value},
            )  # fmt: skip
            self.history.append(line)

    def find_by_token(self, account, kind, op_token: str, created_after: datetime) -> Sequence[str]:  # noqa: ARG002 - the port's
        with self._lock:
            if self.reads:
                raise self.reads.pop(0)
            return tuple(reversed([key for key, values in self.objects.items() if values.get("op_token") == op_token]))

    def states(self, account, kind, object_ids: Sequence[str]) -> Mapping[str, ObjectState]:  # noqa: ARG002 - the port's
        """One call: a scripted failure is that of the call."""
        with self._lock:
            self.read_count += 1
            if self.reads:
                raise self.reads.pop(0)
            found = {key: dict(self.objects[key]) for key in object_ids if key in self.objects}
        return {key: ObjectState(id=key, values=values, updated_at=None) for key, values in found.items()}

    def write(self, account, request: WriteRequest, *, deadline_s: float, not_after_s: float = inf) -> str:  # noqa: ARG002 - the port's
        self._wait(not_after_s)
        with self._lock:
            self.requests.append(request)
            way = self.writes.pop(0) if self.writes else take_effect
        return way(self, request)

    def write_many(  # the port's
        self,
        account,  # noqa: ARG002
        requests: Sequence[WriteRequest],
        *,
        deadline_s: float,  # noqa: ARG002
        not_after_s: float = inf,
    ) -> Sequence[str | PlatformError]:
        """One call; each item takes the next scripted way."""
        assert len(requests) <= 50
        self._wait(not_after_s)
        with self._lock:
            self.requests.extend(requests)
            self.batches.append(len(requests))
            ways = [self.writes.pop(0) if self.writes else take_effect for _ in requests]
        results: list[str | PlatformError] = []
        for way, request in zip(ways, requests, strict=True):
            try:
                results.append(way(self, request))
            except PlatformError as error:
                results.append(error)
        return results

    def _wait(self, not_after_s: float) -> None:
        self.last_instants.append(not_after_s)
        time.sleep(self.write_seconds)

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
            before = {name: platform.objects[object_id].get(name) for name in fields}
            platform.objects[object_id].update(fields)
            platform._tell(object_id, request.object_kind, before, fields)
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


class HeldCall:
    """A call in mid-air: it has arrived, and does as told once it is let go. For tests that play an order of events."""

    def __init__(self) -> None:
        self.has_arrived = threading.Event()
        self.may_go_on = threading.Event()

    def __call__(self, platform: FakePlatform, request: WriteRequest) -> str:
        self.has_arrived.set()
        assert self.may_go_on.wait(_HANG_S)
        return take_effect(platform, request)


def create_twice(platform: FakePlatform, request: WriteRequest) -> str:
    """Make the object two times, as a platform's own retry does."""
    take_effect(platform, request)
    return take_effect(platform, request)
