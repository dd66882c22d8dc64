"""The workers' app for `benchmarks.scaling`: runs whose body waits, as one does that asks a platform, and counts.

The real base class: claimed, looked at and finished in Postgres. What a body did is written by the body itself, apart
from its run, so that a run done twice shows.
"""

import os
import time

from sqlalchemy import text

from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

_ASK_S = float(os.environ.get("SCALING_WAIT_S", "0.1"))


def ask_and_count(work: Work) -> None:
    """Wait as for an answer of a platform, then leave a trace."""
    with work.step("step_1_collection"):
        time.sleep(_ASK_S)
    with work.house.engine.begin() as conn:
        conn.execute(
            text("INSERT INTO scaling_bodies (run_id, machine) VALUES (:run, :machine)"),
            {"run": work.run.id, "machine": os.environ["SCALING_MACHINE"]},
        )


app.conf.include = []
cycle_tasks(app, "collector", ask_and_count)
