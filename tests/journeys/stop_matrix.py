"""The emergency stop over real processes with every subset of Redis, beat, Flower and the workers dead: 2^4 cells.

What is dead is killed while its supervisor is held, so that it stays so until the stop has answered; then everything
is started again, as after a bad night, and must stand still until somebody resumes. `make stop-matrix` runs all cells.
"""

import itertools
import json
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil
import structlog
from sqlalchemy import and_, func, or_, select

from domain.catalogue import RHYTHMS
from domain.health import RunState
from models.tables import runs
from tests.journeys.running import CYCLE, Machine, is_alive, machine, wait_until

PIECES: Final[Mapping[str, tuple[str, ...]]] = {
    "redis": ("redis",),
    "beat": ("beat",),
    "flower": ("flower",),
    "workers": ("worker-cycles", "worker-actions", "worker-control"),
}
CELLS: Final = tuple(
    tuple(piece for piece, is_down in zip(PIECES, down, strict=True) if is_down)
    for down in itertools.product((False, True), repeat=len(PIECES))
)
_CYCLES = {rhythm.name for rhythm in RHYTHMS}
_BACK_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """What came of one cell: the stop's times in seconds after closing, and everything that should not have been."""

    down: tuple[str, ...]
    quiet_s: float | None
    fenced_s: float | None
    paused_s: float | None
    violations: tuple[str, ...]


def try_cell(up: Machine, down: tuple[str, ...]) -> Stood:
    """Kill what is to be down, stop, start everything again, look, and resume; the machine is as before afterwards."""
    before = up.running_campaigns()
    up.advance(hours=1)  # slots are due: a knock is under way, or comes during the stop
    with killed(up, [child for piece in down for child in PIECES[piece]]):
        done = up.type("emergency-stop", "--reason", f"down: {', '.join(down) or 'nothing'}", "--json")
        stopped = json.loads(done.stdout)["stops"][0]["stop"] if done.returncode == 0 else None
        found = [f"it failed: {done.stderr[-300:]}"] if stopped is None else [*_while_stopped(up, stopped)]
        effects = len(up.effects())
    _everything_lives(up)
    up.advance(hours=1)
    if stopped is not None:
        found += _after_restart(up, stopped, effects)
    resumed = up.type("resume", "--reason", "the cell is over", "--no-health-check")
    if resumed.returncode != 0:
        found.append(f"resume failed: {resumed.stderr[-300:]}")
    if up.running_campaigns() != before:
        found.append(f"{len(up.running_campaigns() ^ before)} campaigns are not as before")
    wait_until(lambda: CYCLE in consumed(up), f"cycles are consumed again after {down}", _BACK_S)
    times = {name: _after(stopped, name) for name in ("quiet", "fenced", "paused")}
    return Stood(
        down=down, quiet_s=times["quiet"], fenced_s=times["fenced"], paused_s=times["paused"], violations=tuple(found)
    )


@contextmanager
def killed(up: Machine, children: Iterable[str]) -> Iterator[None]:
    """These are dead, with all that they started, and nobody starts them; then their supervisor does."""
    os.kill(up.process.pid, signal.SIGSTOP)
    try:
        for child in children:
            parent = psutil.Process(up.pid(child))
            family = [parent, *parent.children(recursive=True)]
            for process in family:
                process.kill()
            wait_until(lambda family=family: not any(map(is_alive, family)), f"{child} is dead")
        yield
    finally:
        os.kill(up.process.pid, signal.SIGCONT)


def consumed(up: Machine) -> set[str]:
    """Queues that a worker takes from."""
    return {row.name for row in up.look().queues if row.workers}


def begun_since(up: Machine, stopped: Any) -> int:
    """Count runs that a stop did not keep from beginning.

    A claim sees the stop and ends as stopped without a step; one that was committed just before it may have done some.
    """
    closed_at = datetime.fromisoformat(stopped["closed_at"])
    quiet_at = datetime.fromisoformat(stopped["quiet_at"]) if stopped["quiet_at"] else closed_at
    did = func.jsonb_array_length(runs.c.steps_executed) > 0
    ran = or_(runs.c.state != RunState.STOPPED, and_(did, runs.c.started_at > quiet_at))
    with up.engine.connect() as conn:
        return conn.execute(select(func.count()).where(runs.c.started_at > closed_at, ran)).scalar_one()


def main() -> int:
    """Run every cell on one machine and print the table; 1 if anything was as it should not be."""
    is_bad = False
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # a table, not a log
    with tempfile.TemporaryDirectory() as folder, machine(Path(folder) / "home") as up:
        sys.stdout.write(f"{'down':30} {'quiet':>7} {'fenced':>7} {'paused':>7} {'cell':>6}  found\n")
        for cell in CELLS:
            began_s = time.monotonic()
            stood = try_cell(up, cell)
            is_bad |= bool(stood.violations)
            sys.stdout.write(_line(stood, time.monotonic() - began_s))
            sys.stdout.flush()
    return int(is_bad)


def _while_stopped(up: Machine, stopped: Any) -> Iterator[str]:
    for name in ("quiet_at", "fenced_at", "paused_at"):
        if stopped[name] is None:
            yield f"{name} was not reached: {stopped['halted']}"
    if on := up.running_campaigns():
        yield f"{len(on)} campaigns still run"


def _after_restart(up: Machine, stopped: Any, effects: int) -> Iterator[str]:
    """Everything lives again, slots are due, and nothing begins."""
    if (status := up.look().judged.system.status) != "emergency_stop":
        yield f"status is {status}"
    if consuming := consumed(up) & _CYCLES:
        yield f"consumed while stopped: {', '.join(sorted(consuming))}"
    if begun := begun_since(up, stopped):
        yield f"{begun} runs began"
    if late := len(up.effects()) - effects:
        yield f"{late} writes reached the platform"


def _everything_lives(up: Machine) -> None:
    def look() -> bool:
        found = up.look()
        live = all(child.alive and child.ready for child in up.runtime.children)
        return live and bool(found.queues) and any(row.workers for row in found.queues)

    wait_until(look, lambda: f"everything lives: {up.look().problems}", _BACK_S)


def _after(stopped: Any, name: str) -> float | None:
    if stopped is None or stopped[f"{name}_at"] is None:
        return None
    since = datetime.fromisoformat(stopped["closed_at"])
    return (datetime.fromisoformat(stopped[f"{name}_at"]) - since).total_seconds()


def _line(stood: Stood, took_s: float) -> str:
    times = " ".join(f"{_told(at_s):>7}" for at_s in (stood.quiet_s, stood.fenced_s, stood.paused_s))
    found = "; ".join(stood.violations) or "fine"
    return f"{', '.join(stood.down) or 'nothing':30} {times} {took_s:>5.0f}s  {found}\n"


def _told(at_s: float | None) -> str:
    return "never" if at_s is None else f"{at_s:.2f} s"


if __name__ == "__main__":
    sys.exit(main())
