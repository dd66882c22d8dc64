"""A process named for good: its pid and the instant it was born, so that a reused pid is never taken for it.

On Linux the birth is (boot id, clock ticks since boot), which a stepped wall clock cannot move; elsewhere psutil's.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATE, _START_TICKS = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted after the command's closing bracket


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMark:
    """One process of this machine, over all time."""

    pid: int
    born: str


def mark_of(pid: int) -> ProcessMark | None:
    """Return the mark of a living process, or None if there is none; a zombie is not living."""
    if _BOOT_ID.exists():
        return _mark_from_proc(pid)
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return ProcessMark(pid=pid, born=f"{process.create_time():.2f}")
    except psutil.Error:
        return None


def is_alive(mark: ProcessMark | None) -> bool:
    """Say whether that very process, not a later one with its pid, still lives."""
    return mark is not None and mark_of(mark.pid) == mark


def own_mark() -> ProcessMark:
    """Return the mark of the calling process."""
    mark = mark_of(os.getpid())
    assert mark is not None  # noqa: S101 - the caller is alive
    return mark


def _mark_from_proc(pid: int) -> ProcessMark | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[_STATE] in "ZX":
        return None
    return ProcessMark(pid=pid, born=f"{_BOOT_ID.read_text().strip()}:{fields[_START_TICKS]}")
