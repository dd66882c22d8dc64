"""What can go wrong with local servers and children; the supervisor's caller turns these into one line each.

EmbeddedError
├── AlreadyRunning         another instance owns the data folder: do not start a second one
├── ServerAlreadyRunning   a server still runs on this server folder: stop that process first
├── ServerUnavailable      a server cannot be prepared here: the message says what to change
└── ChildFailed            a child did not become ready: its last log lines are in the message
StopRequested              Ctrl-C or a stop signal: leave, the supervisor's exit stops every child
"""

from pathlib import Path


class EmbeddedError(Exception):
    """Base of everything this room raises on purpose."""


class AlreadyRunning(EmbeddedError):  # noqa: N818 - reads as the fact it states
    """Another live instance holds the lock of this data folder."""

    def __init__(self, *, pid: int | None, folder: Path) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"{who} already runs on {folder}; stop it first or use another folder")
        self.pid = pid
        self.folder = folder


class ServerAlreadyRunning(EmbeddedError):  # noqa: N818 - reads as the fact it states
    """A server process nobody here supervises still works on this server folder."""

    def __init__(self, *, name: str, pid: int, folder: Path) -> None:
        super().__init__(f"{name} already runs on {folder} as process {pid}; stop that process first")
        self.name = name
        self.pid = pid
        self.folder = folder


class ServerUnavailable(EmbeddedError):  # noqa: N818 - reads as the fact it states
    """The server cannot be prepared on this machine or in this folder."""


class ChildFailed(EmbeddedError):  # noqa: N818 - reads as the fact it states
    """A child exited, or stayed unready past its limit, while it was being started."""

    def __init__(self, *, name: str, reason: str, log_path: Path, log_tail: str) -> None:
        tail = f"\n{log_tail}" if log_tail else ""
        super().__init__(f"{name} {reason}; its log is {log_path}{tail}")
        self.name = name
        self.reason = reason
        self.log_path = log_path


class StopRequested(KeyboardInterrupt):
    """Ctrl-C or a stop signal arrived; a request, not an error, so no `except Exception` swallows it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stop requested by signal {signal_number}")
        self.signal_number = signal_number
