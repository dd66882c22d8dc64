"""The worker's app for `benchmarks.task_overhead`: a run with an empty body, a bare Celery task, and a stopwatch."""

import os
import time
from pathlib import Path

from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work


def do_nothing(_work: Work) -> None:
    """The body of a run that has nothing to do."""


def bare() -> None:
    """A Celery task as one would write it first."""


def mark(name: str) -> None:
    """Note when the worker came here; with one process and one queue, all that was sent before is done."""
    Path(os.environ["STAKAZO_MARKS"], name).write_text(repr(time.time()))


app.conf.include = []
cycle_tasks(app, "collector", do_nothing)
app.task(bare, name="bare", ignore_result=True)
app.task(mark, name="mark", ignore_result=True)
