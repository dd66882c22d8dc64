"""Runs executors as real processes that kill themselves at a step or a line: reads one JSON document, prints one.

It imports everything once and forks for each death, so that a matrix of deaths takes seconds. A job names its action,
`rounds` (how often the action is executed at most) and where to die: `step`, or `line` (0 = nowhere).
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from domain.actions import TERMINAL
from domain.ids import ActionId
from models.engine import make_engine
from tests.faults.nemesis.lines import LineCounter
from tests.faults.variants import open_executor

_ROUNDS = 100


def main() -> None:
    order = json.load(sys.stdin)
    deaths: dict[int, int] = {}
    running: dict[int, int] = {}
    for job in order["jobs"]:
        if len(running) >= order["at_once"]:
            _bury(running, deaths)
        pid = os.fork()
        if pid == 0:
            _live_and_die(order, job)
        running[pid] = job["number"]
    while running:
        _bury(running, deaths)
    json.dump({str(number): status for number, status in deaths.items()}, sys.stdout)


def _bury(running: dict[int, int], deaths: dict[int, int]) -> None:
    pid, status = os.wait()
    deaths[running.pop(pid)] = os.waitstatus_to_exitcode(status)


def _live_and_die(order: dict[str, Any], job: dict[str, Any]) -> None:
    """Execute the action until it is terminal, unless the step or the line comes first. Never returns."""

    def checkpoint(step: str) -> None:
        if step == job.get("step"):
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        engine = make_engine(order["database"], pool_size=1, application_name="victim")
        executor = open_executor(
            order["variant"], engine, graph=order["graph"], token=order["token"],
            owner=f"victim-{job['number']}", checkpoint=checkpoint,
        )  # fmt: skip
        lines = LineCounter(job.get("line", 0))
        for _ in range(job.get("rounds", _ROUNDS)):
            if "line" in job:
                lines.begin()
            state = executor.execute(ActionId(job["action"]))
            lines.end()
            if state in TERMINAL:
                break
            time.sleep(0.1)
        if "counts" in order:
            Path(order["counts"], str(job["number"])).write_text(str(lines.count), encoding="utf-8")
    except BaseException as error:  # noqa: BLE001 - a forked child must not run its parent's code
        sys.stderr.write(f"victim {job}: {type(error).__name__}: {error}\n")
        os._exit(2)
    os._exit(0)


if __name__ == "__main__":
    main()
