"""What a worker does before it consumes: read the desired state, and leave stopped modules' queues alone.

Runs at the start and again after every reconnect to the broker. If Postgres cannot be read, nothing is consumed: the
tower opens the queues again once it can.
"""

from typing import Any, ClassVar

import structlog
from celery import bootsteps
from celery.worker.consumer.mingle import Mingle
from celery.worker.consumer.tasks import Tasks
from sqlalchemy.exc import SQLAlchemyError

from control_tower.desired import closed_queues
from domain.errors import StakazoError
from models import module_states
from models.engine import make_engine
from workers import addresses
from workers.settings import read_settings

log = structlog.get_logger(__name__)


class DesiredState(bootsteps.StartStopStep):  # type: ignore[misc]  # celery ships no types
    """Chooses the queues of this worker's lane that may be consumed now."""

    requires: ClassVar[tuple[type, ...]] = (Mingle,)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._lane_queues: tuple[str, ...] | None = None

    def start(self, consumer: Any) -> None:
        """Choose, just before consuming begins."""
        queues = consumer.app.amqp.queues
        if self._lane_queues is None:  # later, what is left of them is not what the lane has
            self._lane_queues = tuple(queues.consume_from)
        closed = _closed(self._lane_queues)
        queues.deselect(list(closed))
        for name in self._lane_queues:
            if name not in closed:
                queues.select_add(queues[name])
        open_count = len(self._lane_queues) - len(closed)
        log.info("desired state applied", consumed=open_count, of=len(self._lane_queues), closed=sorted(closed))


def _closed(lane_queues: tuple[str, ...]) -> frozenset[str]:
    """Return the lane's queues that may not be consumed: all of them where Postgres does not answer."""
    try:
        engine = make_engine(addresses.database_url(read_settings()), pool_size=1, application_name="stakazo-start")
        try:
            with engine.begin() as conn:
                return closed_queues(module_states.stopped(conn)) & frozenset(lane_queues)
        finally:
            engine.dispose()
    except (SQLAlchemyError, StakazoError, OSError) as error:
        log.warning("desired state unreadable, consuming nothing", cause=type(error).__name__)
        return frozenset(lane_queues)


def install(app: Any) -> None:
    """Put the step before the one that begins to consume."""
    app.steps["consumer"].add(DesiredState)
    if DesiredState not in Tasks.requires:
        Tasks.requires = (*Tasks.requires, DesiredState)
