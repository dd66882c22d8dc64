"""What this worker consumes, from inside its main process: its lane's queues as desired, and its own canary's always.

Used before it begins to consume (`bootsteps.py`) and while it does (`remote.py`). Where Postgres cannot be read,
everything of the lane is closed.
"""

from collections.abc import Collection, Iterable
from typing import Any, Final

import structlog
from kombu.entity import Exchange, Queue
from sqlalchemy.exc import SQLAlchemyError

from control_tower.desired import closed_queues
from domain import catalogue
from domain.errors import StakazoError
from models import module_states
from models.engine import make_engine
from workers import addresses
from workers.settings import read_settings

_UNTOUCHED: Final = frozenset({catalogue.CONTROL_QUEUE})  # carries no cycle: a halt leaves the watch on the tower alone
_SHORT: Final = {"statement_timeout": "2s", "lock_timeout": "1s"}  # the main process answers nobody meanwhile

log = structlog.get_logger(__name__)


def canary_queue(worker: str) -> Queue:
    """Return the queue that this one worker consumes beside its lane's, whatever is stopped."""
    name = catalogue.canary_queue(worker)
    return Queue(name, Exchange(""), routing_key=name)  # type: ignore[no-untyped-call]  # kombu is half typed


def is_canary(queue: str) -> bool:
    """Whether a queue is some worker's canary's."""
    return queue.startswith(catalogue.CANARY_PREFIX)


def cycle_queues(queues: Iterable[str]) -> frozenset[str]:
    """Leave out canaries and the tower's own queue: those carry no work on anybody's ads."""
    return frozenset(queue for queue in queues if not is_canary(queue) and queue not in _UNTOUCHED)


def read_closed(lane_queues: Collection[str]) -> frozenset[str]:
    """Return the lane's queues that may not be consumed: all of them where Postgres does not answer."""
    try:
        url = addresses.database_url(read_settings())
        engine = make_engine(url, pool_size=1, application_name="stakazo-start", session=_SHORT)
        try:
            with engine.begin() as conn:
                return closed_queues(module_states.stopped(conn)) & frozenset(lane_queues)
        finally:
            engine.dispose()
    except (SQLAlchemyError, StakazoError, OSError) as error:
        log.warning("desired state unreadable, consuming nothing", cause=type(error).__name__)
        return frozenset(lane_queues)


def remember_lane(consumer: Any) -> tuple[str, ...]:
    """Return the queues that this worker was started for: later, what is left of them is not what the lane has."""
    known: tuple[str, ...] | None = getattr(consumer, "stakazo_lane_queues", None)
    if known is None:
        known = tuple(queue for queue in consumer.app.amqp.queues.consume_from if not is_canary(queue))
        consumer.stakazo_lane_queues = known
    return known


def choose(consumer: Any, closed: Collection[str]) -> None:
    """Set, before consuming begins, what it will begin with."""
    queues = consumer.app.amqp.queues
    queues.deselect(list(closed))
    for name in remember_lane(consumer):
        if name not in closed:
            queues.select_add(queues[name])
    queues.select_add(canary_queue(consumer.hostname))


def change(consumer: Any, closed: Collection[str]) -> None:
    """Cease and begin to consume, now, while it runs; without a broker only what it will begin with changes."""
    if consumer.task_consumer is None:
        choose(consumer, closed)
        return
    for name in remember_lane(consumer):
        if name in closed:
            consumer.cancel_task_queue(name)
        else:
            consumer.add_task_queue(name)


def halt(consumer: Any) -> None:
    """Cease to consume everything that carries work on ads."""
    for name in cycle_queues(remember_lane(consumer)):
        consumer.app.amqp.queues.deselect([name])
        if consumer.task_consumer is not None:
            consumer.cancel_task_queue(name)


def consumed(consumer: Any) -> frozenset[str]:
    """Return what of the catalogue it consumes now."""
    if consumer.task_consumer is None:
        return frozenset()
    return frozenset(queue.name for queue in consumer.task_consumer.queues if not is_canary(queue.name))
