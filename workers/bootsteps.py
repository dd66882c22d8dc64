"""What a worker does before it consumes: read the desired state, and leave stopped modules' queues alone.

Runs at the start and again after every reconnect to the broker. If Postgres cannot be read, nothing is consumed: the
tower opens the queues again once it can.
"""

from typing import Any, ClassVar

import structlog
from celery import bootsteps
from celery.worker.consumer.mingle import Mingle
from celery.worker.consumer.tasks import Tasks

from workers import consumption, remote

log = structlog.get_logger(__name__)


class DesiredState(bootsteps.StartStopStep):  # type: ignore[misc]  # celery ships no types
    """Chooses the queues of this worker's lane that may be consumed now."""

    requires: ClassVar[tuple[type, ...]] = (Mingle,)

    def start(self, consumer: Any) -> None:
        """Choose, just before consuming begins."""
        lane_queues = consumption.remember_lane(consumer)
        closed = consumption.read_closed(lane_queues)
        consumption.choose(consumer, closed)
        open_count = len(lane_queues) - len(closed)
        log.info("desired state applied", consumed=open_count, of=len(lane_queues), closed=sorted(closed))


def install(app: Any) -> None:
    """Put the step before the one that begins to consume, and teach the worker our remote-control commands."""
    app.steps["consumer"].add(DesiredState)
    if DesiredState not in Tasks.requires:
        Tasks.requires = (*Tasks.requires, DesiredState)
    remote.install()
