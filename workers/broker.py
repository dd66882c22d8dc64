"""Redis asked directly: lengths and ages of queues, how it is, dropping what waits. Only what Celery does not offer.

A client of its own with short timeouts: who asks for health or for a stop does not wait for a broker.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, urlsplit

import structlog
from kombu.exceptions import KombuError
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from domain.broker_ports import BrokerFacts

T = TypeVar("T")
RUNG_AT: Final = "rung_at"  # header of every message: when it was put there, by its sender's clock
_UNACKED: Final = "unacked"  # kombu's hash of messages taken and not acknowledged
_CONNECT_S, _ANSWER_S = 1.0, 2.0
_HUNG_S, _DEAF_S = 0.5, 3.0
_ERRORS: Final = (RedisError, KombuError, OSError)

log = structlog.get_logger(__name__)


class Hearing:
    """Asks the broker, twice where a connection from before its restart fails. Threads may share one.

    After a call that hung nobody asks for a moment: ten calls do not hang in turn while somebody orders a stop.
    """

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._deaf_until_s = float("-inf")

    def ask(self, call: Callable[[], T], what: str, *, attempts: int = 2) -> T | None:
        """Return the answer, None if there is none."""
        for _attempt in range(attempts):
            begun_s = self._monotonic_s()
            if begun_s < self._deaf_until_s:
                return None
            try:
                return call()
            except _ERRORS as error:
                log.warning("broker silent", asked=what, cause=type(error).__name__)
            if (now_s := self._monotonic_s()) - begun_s >= _HUNG_S:
                self._deaf_until_s = now_s + _DEAF_S
        return None


def within(limit_s: float, call: Callable[[], T]) -> Callable[[], T]:
    """Make a call that is waited for no longer than so, whatever it waits for in turn; then it raises TimeoutError.

    Kombu tidies up after a call over the line that hangs: each of its commands waits for a time-out of its own. What
    was given up comes to its end in a thread that nobody waits for.
    """

    def ask() -> T:
        answer: Future[T] = Future()
        threading.Thread(target=_settle, args=(answer, call), name="given time", daemon=True).start()
        return answer.result(limit_s)

    return ask


def _settle(answer: "Future[T]", call: Callable[[], T]) -> None:
    try:
        answer.set_result(call())
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        answer.set_exception(error)


class Broker:
    """Redis behind the message queues; None for an answer that it did not give. Nothing here raises."""

    def __init__(self, url: str, hearing: Hearing) -> None:
        self._hearing = hearing
        self._redis = Redis.from_url(
            _plain_address(url),
            socket_connect_timeout=_CONNECT_S,
            socket_timeout=_ANSWER_S,
            retry=Retry(NoBackoff(), 0),  # `Hearing` asks again
        )

    def close(self) -> None:
        """Let the connections go."""
        self._redis.close()

    def lengths(self, queues: Sequence[str]) -> Mapping[str, int] | None:
        """Return how many messages wait in each queue."""

        def ask() -> Mapping[str, int]:
            with self._redis.pipeline(transaction=False) as pipe:
                for queue in queues:
                    pipe.llen(queue)
                return {queue: int(length) for queue, length in zip(queues, pipe.execute(), strict=True)}

        return self._hearing.ask(ask, "lengths")

    def ages(self, queues: Sequence[str]) -> Mapping[str, float] | None:
        """Return for how many seconds the oldest message of each queue waits, where there is one and it says so."""

        def ask() -> Mapping[str, float]:
            with self._redis.pipeline(transaction=False) as pipe:
                for queue in queues:
                    pipe.lindex(queue, -1)  # kombu pushes on the left and takes from the right
                oldest = pipe.execute()
            now = datetime.now(UTC)
            ages = {queue: _age_s(message, now) for queue, message in zip(queues, oldest, strict=True)}
            return {queue: age for queue, age in ages.items() if age is not None}

        return self._hearing.ask(ask, "ages")

    def purge(self, queues: Sequence[str]) -> int | None:
        """Drop what waits in these queues, in one transaction of Redis; return how many messages."""
        if not queues:
            return 0

        def ask() -> int:
            with self._redis.pipeline(transaction=True) as pipe:
                for queue in queues:
                    pipe.llen(queue)
                pipe.unlink(*queues)
                return sum(int(length) for length in pipe.execute()[:-1])

        return self._hearing.ask(ask, "purge")

    def facts(self) -> BrokerFacts | None:
        """Return how Redis says it is."""

        def ask() -> BrokerFacts:
            self._redis.ping()  # the connection is there; the second one is timed
            begun_s = time.perf_counter()
            self._redis.ping()
            took_ms = (time.perf_counter() - begun_s) * 1000
            said: dict[str, Any] = {**self._redis.info()}
            return BrokerFacts(
                round_trip_ms=round(took_ms, 3),
                used_memory_bytes=int(said["used_memory"]),
                max_memory_bytes=int(said["maxmemory"]),
                policy=str(said["maxmemory_policy"]),
                aof_on=bool(said["aof_enabled"]),
                last_write_ok=said.get("aof_last_write_status", "ok") == "ok",
                evicted_keys=int(said["evicted_keys"]),
                clients=int(said["connected_clients"]),
                unacked=int(self._redis.hlen(_UNACKED)),
            )

        return self._hearing.ask(ask, "facts")


def stamp(headers: dict[str, Any]) -> None:
    """Write into a message's headers when it was put into its queue."""
    headers[RUNG_AT] = datetime.now(UTC).isoformat()


def _age_s(message: bytes | None, now: datetime) -> float | None:
    if message is None:
        return None
    try:
        rung_at = datetime.fromisoformat(json.loads(message)["headers"][RUNG_AT])
        return max(0.0, (now - rung_at).total_seconds())
    except (KeyError, TypeError, ValueError):  # not one of ours
        return None


def _plain_address(url: str) -> str:
    """Say kombu's "redis+socket://" in the client's own words."""
    if not url.startswith("redis+socket://"):
        return url
    parts = urlsplit(url)
    database = parse_qs(parts.query).get("virtual_host", ["0"])[0]
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return f"unix://{user}{parts.path}?db={database}"
