"""The real Celery app and base class with bodies that do harm, as the account's name says; for I-22.

Every entry into a body leaves a line in a file, so that runs are counted by what happened and not by what rows say.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

INNOCENT_S = float(os.environ["POISON_INNOCENT_S"])
_STEP = 32 * 1024 * 1024
_HOARD = 64  # steps: 2 GB, far over the bound that the experiment sets


def body(work: Work) -> None:
    """Leave a trace, then do what the account's name says."""
    kind = work.account.name.partition(" ")[0]
    _trace(f"{work.run.id} {kind}")
    match kind:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            _hang()
        case "raise":
            raise RuntimeError("poison")
        case "memory":
            _hoard()
        case _:
            with work.step("step_1_collection"):
                time.sleep(INNOCENT_S)


def _trace(line: str) -> None:
    with Path(os.environ["POISON_TRACE"]).open("a", encoding="ascii") as file:
        file.write(f"{line}\n")


def _hang() -> None:
    """Heed no soft limit, as a call into C would not."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    while True:
        with suppress(Exception):
            time.sleep(60.0)


def _hoard() -> None:
    """Take memory; who is not stopped by a bound ends as the kernel's killer would end it."""
    held = [bytearray(_STEP) for _ in range(_HOARD)]
    os.kill(os.getpid(), signal.SIGKILL if held else signal.SIGTERM)


app.conf.include = []
app.conf.beat_schedule = {}
app.conf.task_time_limit = float(
    os.environ["POISON_LIMIT_S"]
)  # 10 min in the house: everything here is many times faster
app.conf.task_soft_time_limit = app.conf.task_time_limit * 0.95
app.conf.worker_lost_wait = 0.2  # 1 s in the house
cycle_tasks(app, "full_cycle", body)
