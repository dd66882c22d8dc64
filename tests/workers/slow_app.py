"""The real Celery app with the real base class, and bodies that only take their time: for workers under outages."""

import os
import time

from sqlalchemy import text

from models.run_history import LogEntry
from workers.celery_app import app
from workers.control import canary_task
from workers.task import cycle_tasks, tick_tasks
from workers.work import Work

SECONDS = float(os.environ.get("SLOW_APP_SECONDS", "0.6"))


def body(work: Work) -> None:
    """Take a while, then leave a trace that can be counted."""
    with work.step("step_1_collection"):
        time.sleep(SECONDS)
    with work.transaction() as conn:
        backend = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
        work.log_in(conn, [LogEntry(step="trace", action="did it", output_snapshot={"backend": backend})])


app.conf.include = []
cycle_tasks(app, "full_cycle", body)
cycle_tasks(app, "collector", body)
cycle_tasks(app, "orphan_sweep", body)
cycle_tasks(app, "api_client", body)
tick_tasks(app)
canary_task(app)
