"""The house's own Celery tasks: the canary, which every worker knows, and the control lane's, whose bodies come in."""

from collections.abc import Callable

import structlog
from celery import Celery

from models import canaries
from workers.bootstrap import House
from workers.switchboard import CANARY_TASK
from workers.task import HouseTask

log = structlog.get_logger(__name__)


def canary_task(app: Celery) -> None:
    """Register the canary: a process of the pool writes that it has done it."""

    def canary(self: HouseTask, worker: str) -> str:
        with self.house().engine.begin() as conn:
            canaries.done(conn, worker)
        return "done"

    app.task(canary, base=HouseTask, shared=False, bind=True, name=CANARY_TASK)


def control_task(app: Celery, name: str, do: Callable[[House], str]) -> None:
    """Register one of the house's own cycles."""

    def run(self: HouseTask) -> str:
        return do(self.house())

    app.task(run, base=HouseTask, shared=False, bind=True, name=name)
