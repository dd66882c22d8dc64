"""The workers' app for `benchmarks.stop`: every cycle of every pair, with a busy body; each start leaves a mark."""

import os
import time
from pathlib import Path

from celery.signals import task_prerun

from benchmarks import stop_catalogue  # first: what is imported below derives from it
from domain import catalogue
from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

__all__ = ["app", "stop_catalogue"]

_BUSY_S = 300.0


def busy(work: Work) -> None:
    """A step that takes longer than anybody waits."""
    with work.step("busy"):
        time.sleep(_BUSY_S)


@task_prerun.connect  # type: ignore[untyped-decorator]  # celery ships no types
def _mark(**_: object) -> None:
    with Path(os.environ["STOP_MARKS"]).open("a") as marks:
        marks.write(f"{time.time()!r}\n")


app.conf.include = []
for _name in sorted({rhythm.cycle.name for rhythm in catalogue.RHYTHMS}):
    cycle_tasks(app, _name, busy)
