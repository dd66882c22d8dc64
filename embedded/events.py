"""What the supervisor tells: one event, one line for a person."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from embedded.child import describe_exit


class EventKind(StrEnum):
    """What happened to a child."""

    STARTED = "started"
    READY = "ready"
    DIED = "died"
    UNSTARTABLE = "unstartable"
    STUCK = "stuck"
    STOPPED = "stopped"
    KILLED = "killed"
    LEFTOVER_STOPPED = "leftover_stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    `status` is the exit status (minus the signal's number), `delay_s` the pause before the restart, `limit_s` the limit
    that was passed.
    """

    kind: EventKind
    child: str
    pid: int
    status: int | None = None
    delay_s: float | None = None
    restarts: int = 0
    port: int | None = None
    limit_s: float | None = None

    @property
    def line(self) -> str:
        """Say it in one line."""
        limit, delay = f"{self.limit_s or 0:g} s", f"{self.delay_s or 0:g} s"
        match self.kind:
            case EventKind.STARTED:
                said = f"{'restarted' if self.restarts else 'started'} (pid {self.pid})"
            case EventKind.READY:
                said = f"is ready on port {self.port}" if self.port else "is ready"
            case EventKind.DIED:
                said = f"died ({describe_exit(self.status or 0)}), restarting in {delay}"
            case EventKind.UNSTARTABLE:
                said = f"could not be started, trying again in {delay}"
            case EventKind.STUCK:
                said = f"was not ready after {limit}, killing it"
            case EventKind.STOPPED:
                said = "stopped"
            case EventKind.KILLED:
                said = f"did not stop in {limit} and was killed"
            case EventKind.LEFTOVER_STOPPED:
                said = f"(pid {self.pid}) was left over from an earlier run and is stopped"
            case _ as never:
                assert_never(never)
        return f"{self.child} {said}"
