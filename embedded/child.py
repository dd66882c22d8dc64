"""One child process: how it is described, started, heard dying and ended. Restarts and order are not decided here."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from embedded.identity import CALLER, Identity
from embedded.process_mark import ProcessMark, mark_of

# Of numpy's products: processes share the cores already; more threads a process cost three times the CPU on busy ones.
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1"}
RUN_VARIABLE = "STAKAZO_SUPERVISED_RUN"  # in every child's environment, so that leftovers of a run can be told
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
LOG_LIMIT_BYTES = 32 * 1024 * 1024
_TAIL_BYTES = 2000
_TAIL_LINES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """What the supervisor must know of a child.

    `env` is added to the supervisor's own environment. `ready` gets the child's pid, is asked again and again and must
    answer within a second or so; None means ready once started. `port` and `address` are shown, never interpreted:
    no secret in them. `embedded` marks the servers that come from wheels. Neighbours
    of one `stops_with` need nothing of each other and are stopped at the same time.
    """

    name: str
    argv: tuple[str, ...]
    log_path: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready: Callable[[int], bool] | None = None
    ready_timeout_s: float = 30.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    stops_with: str = ""
    port: int | None = None
    address: str | None = None
    embedded: bool = False
    identity: Identity = CALLER


class Child:
    """A started child. It leads its own session, so Ctrl-C in the terminal reaches the supervisor alone."""

    def __init__(self, spec: ChildSpec, process: subprocess.Popen[bytes], mark: ProcessMark | None) -> None:
        self.spec = spec
        self.pid = process.pid
        self.mark = mark
        self._process = process

    def exit_status(self) -> int | None:
        """Return None while it runs, then its exit status (minus the signal's number, if one ended it)."""
        if self._process.returncode is None and self._has_ended():
            self._end_group()  # before reaping: until then the kernel gives the group's number to nobody else
            self._process.wait()
        return self._process.returncode

    def send(self, signal_number: int) -> None:
        """Signal the leader alone: it knows how to stop its own children."""
        self._process.send_signal(signal_number)

    def kill(self) -> int:
        """End the child and what it started, now; return its exit status."""
        if self._process.returncode is None:
            self._end_group()
            self._process.wait()
        return self._process.returncode

    def _has_ended(self) -> bool:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def _end_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # nobody left; macOS says the latter of a group of zombies
            return


def spawn(spec: ChildSpec, *, run_id: str) -> Child:
    """Start the child; its output goes to the end of its log.

    On Linux it gets its own stop signal when the thread that called this dies, so no supervisor leaves orphans.
    """
    spec.log_path.parent.mkdir(parents=True, exist_ok=True)
    drop = spec.identity if spec.identity.is_account else None
    with spec.log_path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the command line is the caller's own
            spec.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=spec.cwd,
            env={**_ONE_THREAD, **os.environ, **spec.env, RUN_VARIABLE: run_id},
            start_new_session=True,
            user=drop.uid if drop else None,
            group=drop.gid if drop else None,
            extra_groups=[] if drop else None,
            preexec_fn=_preparation(spec),  # noqa: PLW1509 - a few system calls, prepared before the fork
        )
    return Child(spec, process, mark_of(process.pid))


def turn_log_over(path: Path, *, limit_bytes: int = LOG_LIMIT_BYTES) -> bool:
    """Move a log that has grown past the limit to `NAME.1`, also under a living writer; say whether it was moved.

    Children append, so after the cut they write on at the start. A line written in between may be lost.
    """
    if not path.exists() or path.stat().st_size <= limit_bytes:
        return False
    shutil.copyfile(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)
    return True


def log_tail(path: Path) -> str:
    """Return the last lines of a log, for a message to a person."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-_TAIL_LINES:])


def describe_exit(status: int) -> str:
    """Say in words how a process ended."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _preparation(spec: ChildSpec) -> Callable[[], None]:
    put_face_on, parent_pid, stop_signal = spec.identity.entry(), os.getpid(), int(spec.stop_signal)

    def prepare() -> None:
        put_face_on()
        if sys.platform == "linux":  # after the change of user, which would clear it
            _LIBC.prctl(_PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)
            if os.getppid() != parent_pid:
                os._exit(1)

    return prepare
