"""Our remote-control commands, as a worker's main process carries them out. Short: it answers nobody meanwhile.

Each answers with what it found after doing it. Safe to be given twice: the caller repeats what it heard no answer to.
"""

import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from celery.worker import state as worker_state
from celery.worker.control import Panel
from celery.worker.request import Request

from domain.actions import Json, JsonMap
from workers import consumption, generation

HALT: Final = "stakazo_halt"
APPLY_DESIRED: Final = "stakazo_apply_desired"
RECONNECT_DB: Final = "stakazo_reconnect_db"
CLEAR_CACHE: Final = "stakazo_clear_cache"
_REMEMBERED_S: Final = 30.0  # an answer that got lost is asked for again within this

log = structlog.get_logger(__name__)
_ended: deque[tuple[float, int]] = deque(maxlen=1000)  # when, and the row of a task that was ended by force


def install() -> None:
    """Register the commands with Celery's panel."""
    for name, command in _COMMANDS.items():
        Panel.register(name=name, type="control")(command)


def halt(state: Any, terminate: Sequence[str] = (), **_: Any) -> JsonMap:
    """Consume nothing that carries work on ads, and end tasks of these names by force."""
    consumption.halt(state.consumer)
    requests = at_work(state.consumer.pool)
    names: list[Json] = [request.name for request in requests]
    now_s = time.monotonic()
    for request in requests:
        if request.name in terminate:
            _end(state, request, now_s)
    rows: list[Json] = [row for at_s, row in _ended if now_s - at_s < _REMEMBERED_S]
    still: list[Json] = [*sorted(consumption.cycle_queues(consumption.consumed(state.consumer)))]
    log.warning("halted", at_work=names, ended=rows, consuming=still)
    return {"at_work": names, "ended": rows, "consuming": still}


def apply_desired(state: Any, **_: Any) -> JsonMap:
    """Read the desired state and consume accordingly; nothing where Postgres does not answer."""
    closed = consumption.read_closed(consumption.remember_lane(state.consumer))
    consumption.change(state.consumer, closed)
    return {"consuming": [*sorted(consumption.consumed(state.consumer))]}


def reconnect_db(_state: Any, **_: Any) -> JsonMap:
    """Let every process open its connections to Postgres anew before its next task."""
    return {"generation": generation.CONNECTIONS.advance()}


def clear_cache(_state: Any, **_: Any) -> JsonMap:
    """Let every process forget before its next task what it derived and kept."""
    return {"generation": generation.DERIVED.advance()}


def at_work(pool: Any) -> tuple[Any, ...]:
    """Return the requests that the pool is at or is about to be.

    Celery forgets them when it reconnects to the broker, while its pool goes on: so the pool's own list counts too.
    """
    jobs = tuple(getattr(getattr(pool, "_pool", None), "_cache", {}).values())
    carriers = (getattr(getattr(job, "_accept_callback", None), "__self__", None) for job in jobs)
    known = {request.id: request for request in tuple(worker_state.reserved_requests)}
    return tuple({**known, **{row.id: row for row in carriers if isinstance(row, Request)}}.values())


def _end(state: Any, request: Any, now_s: float) -> None:
    """Kill the pool's process that is at it; a message that nobody has begun is dropped when it comes up."""
    worker_state.revoked.add(request.id)
    request.terminate(state.consumer.pool, signal=signal.SIGKILL)
    row = next(iter(request.args or ()), None)
    if isinstance(row, int):
        _ended.append((now_s, row))


_COMMANDS: Final[Mapping[str, Callable[..., JsonMap]]] = {
    HALT: halt,
    APPLY_DESIRED: apply_desired,
    RECONNECT_DB: reconnect_db,
    CLEAR_CACHE: clear_cache,
}
