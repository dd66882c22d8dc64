"""This machine's processes as the supervisor wrote them down: whether they live, and ending one that hangs.

Only a process whose pid *and* birth are in the record is ever signalled; its supervisor starts it again.
"""

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import psutil
import structlog

from domain.ports import ProcessState
from embedded.process_mark import ProcessMark, is_alive
from embedded.runtime import ChildRecord, read_runtime

log = structlog.get_logger(__name__)


class MachineProcesses:
    """The children of the supervisor on this data folder; nobody's, where none runs here."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def state(self, name: str) -> ProcessState:
        """Return whether the supervisor's child of this name lives."""
        child = self._child(name)
        if child is None:
            return ProcessState.ELSEWHERE
        return ProcessState.ALIVE if child.alive else ProcessState.DEAD

    def up_s(self, name: str) -> float | None:
        """Return for how long the supervisor's child of this name runs, None where it does not."""
        child = self._child(name)
        if child is None or child.mark is None or not child.alive:
            return None
        with suppress(psutil.NoSuchProcess):
            return max(0.0, time.time() - psutil.Process(child.mark.pid).create_time())
        return None

    def name_of_worker(self, worker: str) -> str | None:
        """Return "worker-cycles" for "cycles@host", None where that is no child of this machine's supervisor."""
        lane, _, host = worker.partition("@")
        name = f"worker-{lane}"
        return name if host == socket.gethostname() and self._child(name) is not None else None

    def end(self, name: str, *, hard: bool) -> bool:
        """Ask it to end as its supervisor would, or kill it and all that it started; False = it is not there."""
        child = self._child(name)
        if child is None or child.mark is None or not child.alive:
            return False
        log.warning("ending a process", process=name, pid=child.mark.pid, hard=hard)
        return _kill(child.mark) if hard else _signal(child.mark, child.stop_signal)

    def _child(self, name: str) -> ChildRecord | None:
        runtime = read_runtime(self._home)
        return None if runtime is None or not runtime.alive else runtime.child(name)


def child_name(home: Path, pid: int) -> str | None:
    """Return the supervisor's name for the process of this pid, None where it is not its child."""
    runtime = read_runtime(home)
    if runtime is None or not runtime.alive:
        return None
    return next(
        (child.name for child in runtime.children if child.alive and child.mark and child.mark.pid == pid), None
    )


def _kill(mark: ProcessMark) -> bool:
    """Kill the parent first, so that it replaces no child, then its children: those would finish their task."""
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(mark.pid).children(recursive=True)
        if not _signal(mark, signal.SIGKILL):
            return False
        for child in family:
            with suppress(psutil.NoSuchProcess):  # psutil looks at the birth as well
                child.kill()
        return True
    return False


def _signal(mark: ProcessMark, number: int) -> bool:
    if not is_alive(mark):
        return False
    try:
        os.kill(mark.pid, number)
    except ProcessLookupError:
        return False
    return True
