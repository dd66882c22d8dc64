"""The switchboard over Celery's remote control and Redis itself. Silence is never success: the caller looks again."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import structlog
from celery import Celery

from domain.actions import JsonMap
from domain.broker_ports import BrokerFacts, Halted
from workers import remote
from workers.broker import Broker, Hearing, within
from workers.celery_config import CONTROLS_AT_ONCE
from workers.consumption import canary_queue, is_canary

CANARY_TASK = "control.canary"
CANARY_EXPIRES_S = 120.0  # two periods: an old canary tells nothing
_LOOK_S, _ORDER_S = 1.5, 3.0  # for the broker itself, beside the listening; an order is given up later than a look
_LISTEN_S = 1.0  # shorter without a destination misses live workers (facts/celery.md §3)

log = structlog.get_logger(__name__)
T = TypeVar("T")


class CelerySwitchboard:
    """Asks and tells workers; a broker that is away reads as nobody answering."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._hearing = Hearing()
        self._lines = threading.BoundedSemaphore(CONTROLS_AT_ONCE)  # more at once would wait for each other for ever

    @cached_property
    def _broker(self) -> Broker:
        return Broker(str(self._app.conf.broker_url), self._hearing)

    def close(self) -> None:
        """Let the connections to Redis go; the app's own are its owner's."""
        if "_broker" in self.__dict__:
            self._broker.close()

    def consuming(self, workers: Sequence[str] | None = None) -> Mapping[str, frozenset[str]]:
        """Return worker → queues that it consumes; those that did not answer within a second are missing.

        Named workers are waited for no longer than until all have answered.
        """
        if workers is not None and not workers:
            return {}
        asked = None if workers is None else list(workers)
        inspect = self._app.control.inspect(destination=asked, timeout=_LISTEN_S)
        replies = self._control(inspect.active_queues, "consuming", _LISTEN_S + _LOOK_S) or {}
        return {
            worker: frozenset(name for queue in queues if not is_canary(name := str(queue["name"])))
            for worker, queues in replies.items()
            if isinstance(queues, list)
        }

    def set_consuming(self, worker: str, queue: str, *, on: bool) -> None:
        """Tell a worker to begin or cease to consume a queue; whether it did is for `consuming` to say."""
        tell = self._app.control.add_consumer if on else self._app.control.cancel_consumer
        self._control(lambda: tell(queue, destination=[worker]), "set_consuming", _ORDER_S)

    def queue_lengths(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Return how many messages wait in each queue; empty if the broker is away."""
        return self._broker.lengths(queues) or {}

    def queue_ages(self, queues: Sequence[str]) -> Mapping[str, float]:
        """Return for how many seconds the oldest message of each queue waits, by its sender's clock and ours."""
        return self._broker.ages(queues) or {}

    def purge(self, queues: Sequence[str]) -> int | None:
        """Drop what waits, all at once; how many messages, None if the broker is away."""
        return self._broker.purge(queues)

    def halt(
        self, workers: Sequence[str], *, terminate: Sequence[str] = (), timeout_s: float = _LISTEN_S
    ) -> Mapping[str, Halted]:
        """Make these workers consume no cycle and no action any more, and end tasks of these names by force.

        The tower's own queue stays, as it carries no cycle. Rows that were ended up to 30 s ago are named again, so
        that an answer that got lost can be asked for once more.
        """
        replies = self._ask(remote.HALT, workers, timeout_s, terminate=list(terminate))
        return {
            worker: Halted(
                worker=worker,
                at_work=tuple(map(str, _listed(reply, "at_work"))),
                terminated_rows=tuple(row for row in _listed(reply, "ended") if isinstance(row, int)),
                consuming=frozenset(map(str, _listed(reply, "consuming"))),
            )
            for worker, reply in replies.items()
        }

    def apply_desired(self, workers: Sequence[str], *, timeout_s: float = _LISTEN_S) -> Mapping[str, frozenset[str]]:
        """Make these workers read the desired state and consume accordingly; worker → what it consumes now."""
        replies = self._ask(remote.APPLY_DESIRED, workers, timeout_s)
        return {worker: frozenset(map(str, _listed(reply, "consuming"))) for worker, reply in replies.items()}

    def reconnect_db(self, workers: Sequence[str], *, timeout_s: float = _LISTEN_S) -> frozenset[str]:
        """Make every process of these workers open its connections to Postgres anew; who answered."""
        return frozenset(self._ask(remote.RECONNECT_DB, workers, timeout_s))

    def clear_cache(self, workers: Sequence[str], *, timeout_s: float = _LISTEN_S) -> frozenset[str]:
        """Make every process of these workers forget what it derived and kept; who answered."""
        return frozenset(self._ask(remote.CLEAR_CACHE, workers, timeout_s))

    def send_canary(self, worker: str) -> bool:
        """Put the canary into the worker's own queue; False if the broker is away."""

        def send() -> bool:
            self._app.send_task(
                CANARY_TASK,
                args=[worker],
                queue=canary_queue(worker),
                expires=CANARY_EXPIRES_S,
                retry=False,
                ignore_result=True,
            )
            return True

        return self._hearing.ask(send, CANARY_TASK) or False

    def broker(self) -> BrokerFacts | None:
        """How the broker is, None if it does not answer."""
        return self._broker.facts()

    def _ask(self, command: str, workers: Sequence[str], timeout_s: float, **arguments: Any) -> dict[str, JsonMap]:
        """Give a command to these workers; who did not answer in time is missing, as is who answered with an error."""
        if not workers:
            return {}
        replies = self._control(
            lambda: self._app.control.broadcast(
                command, arguments=arguments, destination=list(workers), reply=True, timeout=timeout_s
            ),
            command,
            timeout_s + _ORDER_S,
        )
        return _answers(command, replies or ())

    def _control(self, call: Callable[[], T], what: str, limit_s: float) -> T | None:
        """Speak over one of the lines, and wait no longer than so."""

        def speak() -> T:
            with self._lines:
                return call()

        return self._hearing.ask(within(limit_s, speak), what)


def _answers(command: str, replies: Sequence[Any]) -> dict[str, JsonMap]:
    answers = {str(worker): reply for entry in replies for worker, reply in entry.items()}
    for worker, reply in answers.items():
        if not isinstance(reply, dict) or "error" in reply:
            log.warning("command failed", command=command, worker=worker, answer=str(reply))
    return {worker: reply for worker, reply in answers.items() if isinstance(reply, dict) and "error" not in reply}


def _listed(reply: JsonMap, key: str) -> Sequence[Any]:
    found = reply.get(key)
    return found if isinstance(found, list) else ()
