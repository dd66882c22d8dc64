"""The doorbell over Celery: a JSON message with an id. Losing one costs latency, never work; ringing never raises."""

import time
from typing import Any

import structlog
from celery import Celery, signals

from domain.ids import ActionId, RunId
from workers import broker
from workers.celery_config import sender_config

EXPIRES_S = 120.0  # the tower rings again long before
_PAUSE_AFTER_FAILURE_S = 3.0

log = structlog.get_logger(__name__)


def sender_app(broker_url: str) -> Celery:
    """Return a Celery app that only sends: no tasks, no worker settings, not the process's current app."""
    stamp_every_message()
    app = Celery("stakazo-sender", set_as_current=False, fixups=[])
    app.conf.update(sender_config(broker_url))
    return app


def stamp_every_message() -> None:
    """Let every message that this process sends say when, whatever app sends it. Safe to call again."""
    signals.before_task_publish.connect(_stamp, weak=False, dispatch_uid="stakazo-rung-at")


def _stamp(headers: dict[str, Any], **_: object) -> None:
    broker.stamp(headers)


class CeleryDoorbell:
    """Rings over the broker. After a failure it is deaf for a moment, so that a hundred rings do not wait in turn."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._silent_until_s = 0.0

    def ring_run(self, task: str, run_id: RunId, *, about: str) -> bool:
        """Tell the cycle's worker of a run; False if the broker could not be reached."""
        return self._send(task, task, run_id, about)

    def ring_action(self, queue: str, action_id: ActionId, *, about: str) -> bool:
        """Tell the platform's executor of an action; False if the broker could not be reached."""
        return self._send(queue, queue, action_id, about)

    def _send(self, task: str, queue: str, row_id: int, about: str) -> bool:
        if time.monotonic() < self._silent_until_s:
            return False
        try:
            self._app.send_task(
                task,
                args=[row_id],
                queue=queue,
                expires=EXPIRES_S,
                retry=False,
                ignore_result=True,
                argsrepr=f"({about})",
                kwargsrepr="{}",
            )
        except Exception as error:  # noqa: BLE001 - whatever a broker does, the row is rung again later
            self._silent_until_s = time.monotonic() + _PAUSE_AFTER_FAILURE_S
            log.warning("doorbell silent", task=task, row=row_id, cause=type(error).__name__)
            return False
        return True
