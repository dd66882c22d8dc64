"""Processes of a run whose supervisor was killed: found by what it wrote down and by the mark in their environment."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

from embedded.child import RUN_VARIABLE
from embedded.process_mark import ProcessMark, is_alive, mark_of
from embedded.runtime import Runtime

_GRACE_S = 5.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A process that outlived its supervisor."""

    name: str
    mark: ProcessMark
    stop_signal: int


def find_leftovers(run: Runtime) -> tuple[Leftover, ...]:
    """Return the living processes of a run: its recorded children, and whatever those started."""
    recorded = [
        Leftover(name=child.name, mark=child.mark, stop_signal=child.stop_signal)
        for child in run.children
        if child.mark is not None and child.alive
    ]
    known = {leftover.mark for leftover in recorded}
    offspring = (leftover for leftover in _marked_processes(run.run_id) if leftover.mark not in known)
    return (*recorded, *offspring)


def stop_leftovers(leftovers: tuple[Leftover, ...], *, on_stopped: Callable[[Leftover], None]) -> None:
    """Ask each to stop in its own way, last started first; kill what has not gone within five seconds."""
    for leftover in reversed(leftovers):
        _signal(leftover, leftover.stop_signal)
    deadline = time.monotonic() + _GRACE_S
    while time.monotonic() < deadline and any(is_alive(leftover.mark) for leftover in leftovers):
        time.sleep(_POLL_S)
    for leftover in leftovers:
        _signal(leftover, signal.SIGKILL)
        on_stopped(leftover)


def _marked_processes(run_id: str) -> Iterator[Leftover]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_VARIABLE) != run_id or process.pid == os.getpid():
                continue
            name = process.name()
        except psutil.Error:
            continue
        if (mark := mark_of(process.pid)) is not None:
            yield Leftover(name=name, mark=mark, stop_signal=signal.SIGTERM)


def _signal(leftover: Leftover, signal_number: int) -> None:
    if not is_alive(leftover.mark):
        return
    try:
        os.kill(leftover.mark.pid, signal_number)
    except ProcessLookupError:  # gone between the look and the signal
        return
