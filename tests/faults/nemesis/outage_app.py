"""The real Celery app and base class with bodies that take a moment, for I-23; every entry leaves a line in a file."""

import os
import time
from pathlib import Path

from celery import Celery

from domain import catalogue
from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

PROBE = "probe"
WORK_S = 0.3


def body(work: Work) -> None:
    """Leave a trace; take a while, unless this is a probe."""
    with Path(os.environ["OUTAGE_TRACE"]).open("a", encoding="ascii") as file:
        file.write(f"{work.run.id}\n")
    with work.step("step_1_collection"):
        if work.account.name != PROBE:
            time.sleep(WORK_S)


def _weaken(app: Celery, variant: str) -> None:
    """Settings that look reasonable and do not survive."""
    match variant:
        case "late acknowledgement":
            app.conf.task_acks_late = True
        case "no reconnect":
            app.conf.broker_connection_retry = False


app.conf.include = []
app.conf.beat_schedule = {}
for cycle in {rhythm.cycle.name for rhythm in catalogue.RHYTHMS}:  # every queue of the lane needs a body
    cycle_tasks(app, cycle, body)
_weaken(app, os.environ.get("OUTAGE_VARIANT", ""))
