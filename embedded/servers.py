"""What the embedded servers share: a server ready to be supervised, and one that runs on its own (for tests)."""

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from embedded.child import Child, ChildSpec, describe_exit, log_tail, spawn
from embedded.errors import ChildFailed, ServerAlreadyRunning
from embedded.ports import PortBook
from embedded.process_mark import ProcessMark, is_alive, mark_of

_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedServer:
    """A server whose files and port are ready. The url carries its password: never log or show it."""

    url: str
    port: int
    spec: ChildSpec

    def __repr__(self) -> str:
        return f"PreparedServer(name={self.spec.name!r}, port={self.port})"


class RunningServer:
    """A server started without a supervisor; the calling thread's end is its end too. `stop` it, or use `with`."""

    def __init__(self, prepared: PreparedServer, ports: PortBook) -> None:
        self.url = prepared.url
        self.port = prepared.port
        self._spec = prepared.spec
        self._ports = ports
        try:
            self._child = _start_and_wait(prepared.spec)
        except BaseException:
            ports.close()
            raise

    @property
    def pid(self) -> int:
        """The pid of the server's first process."""
        return self._child.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the server in its own way, and kill it if it does not; idempotent."""
        if self._child.exit_status() is None:
            self._child.send(self._spec.stop_signal)
        deadline = time.monotonic() + self._spec.stop_timeout_s
        while self._child.exit_status() is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        self._child.kill()
        self._ports.close()


def refuse_if_running(name: str, folder: Path, mark: ProcessMark | None) -> None:
    """Refuse a folder on which a server still works.

    Raises:
        ServerAlreadyRunning: with that server's pid.
    """
    if mark is not None and is_alive(mark):
        raise ServerAlreadyRunning(name=name, pid=mark.pid, folder=folder)


def process_at_work_in(folder: Path, pid: int) -> ProcessMark | None:
    """Return the mark of a process if it is alive and works in this folder, as both servers do."""
    mark = mark_of(pid)
    return mark if mark is not None and _works_in(folder, pid) else None


def _works_in(folder: Path, pid: int) -> bool:
    try:
        return Path(psutil.Process(pid).cwd()) == folder.resolve()
    except psutil.Error:
        return False


def _start_and_wait(spec: ChildSpec) -> Child:
    child = spawn(spec, run_id="")
    deadline = time.monotonic() + spec.ready_timeout_s
    while spec.ready is not None and not spec.ready(child.pid):
        status = child.exit_status()
        if status is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            continue
        child.kill()
        reason = "did not become ready" if status is None else f"died while starting ({describe_exit(status)})"
        raise ChildFailed(name=spec.name, reason=reason, log_path=spec.log_path, log_tail=log_tail(spec.log_path))
    return child
