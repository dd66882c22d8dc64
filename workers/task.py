"""The one Task base class, and how a cycle's body becomes Celery tasks: one per platform on which it is built.

A message carries an id and no authority: what may happen is read from Postgres.
"""

import os
from collections.abc import Callable
from typing import ClassVar

import structlog
from celery import Celery, Task

from beat_schedule import tick_name
from domain import catalogue
from domain.catalogue import Rhythm
from domain.errors import LostClaimError
from domain.health import RunState
from domain.ids import ActionId, RunId
from workers import generation
from workers.bootstrap import House
from workers.planner import planner_of
from workers.schedule import wanted_rhythms
from workers.serve import Body, serve

_LONGEST_NAME = 50

log = structlog.get_logger(__name__)


def application_name(worker: str) -> str:
    """Return under which name a worker's connections show in Postgres, which keeps 63 bytes, a suffix among them."""
    return f"stakazo-{worker}"[:_LONGEST_NAME]


class RunFailed(Exception):  # noqa: N818 - raised only so that Flower shows the task as failed; the row says why
    """The run's outcome is recorded; this tells Celery."""


class HouseTask(Task):  # type: ignore[misc]  # celery ships no types
    """Gives a task the house of its process and the name under which it claims rows."""

    abstract = True
    ignore_result = True
    worker: ClassVar[str] = "worker"  # "cycles@host"; set in the main process before it forks its pool
    _house: ClassVar[House | None] = None
    _seen: ClassVar[tuple[int, int]] = (0, 0)  # generations, when the house was last asked for

    @classmethod
    def house(cls) -> House:
        """Return the house of this process; after a fork it opens its own connections.

        What the worker was told since the last task (`generation.py`) is done now.
        """
        told = (generation.CONNECTIONS.value(), generation.DERIVED.value())
        if HouseTask._house is None:
            HouseTask._house = House.open(name=application_name(HouseTask.worker))
        elif told[0] != HouseTask._seen[0]:
            HouseTask._house.reconnect()
        if told[1] != HouseTask._seen[1]:
            HouseTask._house.forget_derived()
        HouseTask._seen = told
        return HouseTask._house

    @property
    def owner(self) -> str:
        """Return who claims: worker, process, delivery."""
        return f"{self.request.hostname or 'here'}/{os.getpid()}/{self.request.id or '-'}"


def cycle_tasks(app: Celery, cycle: str, body: Body) -> None:
    """Register a cycle's task on every platform on which it is built: a run, by its id."""
    for rhythm in catalogue.RHYTHMS:
        if rhythm.cycle.name == cycle:
            app.task(_run_of(rhythm, body), base=HouseTask, shared=False, bind=True, name=rhythm.name)


def tick_tasks(app: Celery) -> None:
    """Register the planner's tick of every built cycle."""
    for rhythm in catalogue.RHYTHMS:
        app.task(_tick_of(rhythm), base=HouseTask, shared=False, bind=True, name=tick_name(rhythm))


def executor_tasks(app: Celery, execute: Callable[[House, ActionId, str], str]) -> None:
    """Register the executor of every built platform: an action, by its id."""
    for platform in catalogue.built_platforms():
        queue = catalogue.actions_queue(platform)
        app.task(_executor_of(execute), base=HouseTask, shared=False, bind=True, name=queue)


def _run_of(rhythm: Rhythm, body: Body) -> Callable[[HouseTask, int], str]:
    def run(self: HouseTask, run_id: int) -> str:
        house = self.house()
        rhythms = wanted_rhythms(house.settings)
        served = serve(house, RunId(run_id), body, rhythm=rhythm, rhythms=rhythms, owner=self.owner)
        if served.state is RunState.FAILED:
            raise RunFailed(served.reason)
        return str(served)

    return run


def _tick_of(rhythm: Rhythm) -> Callable[[HouseTask], str]:
    def tick(self: HouseTask) -> str:
        house = self.house()
        planned = planner_of(house).plan(rhythm.name)
        return f"planned {len(planned.runs)}"

    return tick


def _executor_of(execute: Callable[[House, ActionId, str], str]) -> Callable[[HouseTask, int], str]:
    def run(self: HouseTask, action_id: int) -> str:
        with structlog.contextvars.bound_contextvars(action=action_id):
            try:
                state = execute(self.house(), ActionId(action_id), self.owner)
            except LostClaimError as error:  # another delivery of the same row is at work, or was
                return f"left alone: {error}"
            log.info("action", state=state)
            return state

    return run
