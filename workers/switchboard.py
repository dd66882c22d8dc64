"""The switchboard over Celery's remote control. Silence is never success: the caller looks again."""

from collections.abc import Mapping, Sequence

import structlog
from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

_LISTEN_S = 1.0  # shorter without a destination misses live workers (facts/celery.md §3)
_BROKER_ERRORS = (RedisError, KombuError, OSError)

log = structlog.get_logger(__name__)


class CelerySwitchboard:
    """Asks and tells workers; a broker that is away reads as nobody answering."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def consuming(self) -> Mapping[str, frozenset[str]]:
        """Return worker → queues that it consumes; those that did not answer within a second are missing."""
        for _attempt in range(2):  # a pooled connection from before a Redis restart fails once
            try:
                replies = self._app.control.inspect(timeout=_LISTEN_S).active_queues() or {}
            except _BROKER_ERRORS as error:
                log.warning("switchboard silent", cause=type(error).__name__)
                continue
            return {
                worker: frozenset(str(queue["name"]) for queue in queues)
                for worker, queues in replies.items()
                if isinstance(queues, list)
            }
        return {}

    def set_consuming(self, worker: str, queue: str, *, on: bool) -> None:
        """Tell a worker to begin or cease to consume a queue; whether it did is for `consuming` to say."""
        tell = self._app.control.add_consumer if on else self._app.control.cancel_consumer
        try:
            tell(queue, destination=[worker])
        except _BROKER_ERRORS as error:
            log.warning("switchboard silent", worker=worker, queue=queue, cause=type(error).__name__)

    def queue_lengths(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Return how many messages wait in each queue; empty if the broker is away."""
        try:
            with self._app.connection_for_read() as connection:
                client = connection.default_channel.client
                return {queue: int(client.llen(queue)) for queue in queues}
        except _BROKER_ERRORS as error:
            log.warning("switchboard silent", cause=type(error).__name__)
            return {}
