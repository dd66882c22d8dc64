"""One child over time: started, ready, dead, waiting to be restarted. The pauses between restarts are decided here."""

import subprocess
import time
from collections.abc import Callable
from datetime import datetime

from embedded.child import Child, ChildSpec, spawn
from embedded.events import Event, EventKind
from embedded.runtime import ChildRecord, now_utc

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STABLE_AFTER_S = 60.0


def pause_before_restart_s(deaths_in_a_row: int) -> float:
    """Return the pause after the n-th death in a row (from 1): 0.5 s, doubled each time, at most 30 s."""
    return float(min(FIRST_PAUSE_S * 2.0 ** min(deaths_in_a_row - 1, 10), LONGEST_PAUSE_S))


class Supervised:
    """A child under supervision. `step` looks once, acts at most once, and never waits."""

    def __init__(self, spec: ChildSpec, *, run_id: str, tell: Callable[[Event], None]) -> None:
        self.spec = spec
        self.child: Child | None = None
        self.ready = False
        self.restarts = 0
        self.deaths_in_a_row = 0
        self.last_exit: int | None = None
        self.probe_error = ""
        self._run_id = run_id
        self._tell = tell
        self._started_at: datetime | None = None
        self._started_s = 0.0
        self._restart_due_s = 0.0
        self._leaving: Child | None = None
        self._leave_by_s = 0.0

    def start(self) -> None:
        """Start the process."""
        self.child = spawn(self.spec, run_id=self._run_id)
        self.ready = False
        self._started_at, self._started_s = now_utc(), time.monotonic()
        self._tell(self._event(EventKind.STARTED))

    def step(self) -> bool:
        """Notice a death, restart what is due, ask whether it is ready; say whether anything changed."""
        if self.child is None:
            return self._restart_if_due()
        if (status := self.child.exit_status()) is not None:
            self._note_death(status)
            return True
        return not self.ready and self._check_readiness(self.child)

    def record(self) -> ChildRecord:
        """Return what runtime.json says of it."""
        return ChildRecord(
            name=self.spec.name,
            mark=self.child.mark if self.child else None,
            started_at=self._started_at,
            restarts=self.restarts,
            ready=self.ready,
            port=self.spec.port,
            address=self.spec.address,
            embedded=self.spec.embedded,
            log_path=self.spec.log_path,
            stop_signal=int(self.spec.stop_signal),
        )

    def ask_to_stop(self) -> None:
        """Send its stop signal; `leave` sees it out."""
        self._leaving, self.child, self.ready = self.child, None, False
        self._leave_by_s = time.monotonic() + self.spec.stop_timeout_s
        if self._leaving is not None and self._leaving.exit_status() is None:
            self._leaving.send(self.spec.stop_signal)

    def leave(self, *, hurried: bool) -> bool:
        """Look once whether it has ended, and say so; past its own limit (at once where `hurried`) it is killed."""
        child = self._leaving
        if child is None:
            return True
        if child.exit_status() is not None:
            kind = EventKind.STOPPED
        elif hurried or time.monotonic() >= self._leave_by_s:
            child.kill()
            kind = EventKind.KILLED
        else:
            return False
        self._leaving = None
        self._tell(self._event(kind, child=child))
        return True

    def _restart_if_due(self) -> bool:
        if time.monotonic() < self._restart_due_s:
            return False
        self.restarts += 1
        try:
            self.start()
        except (OSError, subprocess.SubprocessError):  # no memory, a full disk: it passes, and the others must live on
            pause_s = self._pause()
            self._tell(self._event(EventKind.UNSTARTABLE, delay_s=pause_s))
        return True

    def _pause(self) -> float:
        self.deaths_in_a_row += 1
        pause_s = pause_before_restart_s(self.deaths_in_a_row)
        self._restart_due_s = time.monotonic() + pause_s
        return pause_s

    def _note_death(self, status: int) -> None:
        if time.monotonic() - self._started_s >= STABLE_AFTER_S:
            self.deaths_in_a_row = 0
        self.last_exit = status
        event = self._event(EventKind.DIED, status=status, delay_s=self._pause())
        self.child, self.ready = None, False
        self._tell(event)

    def _check_readiness(self, child: Child) -> bool:
        if self._answers(child):
            self.ready = True
            self._tell(self._event(EventKind.READY))
            return True
        if time.monotonic() - self._started_s > self.spec.ready_timeout_s:
            self._tell(self._event(EventKind.STUCK))
            child.kill()
            return True
        return False

    def _answers(self, child: Child) -> bool:
        if self.spec.ready is None:
            return True
        try:
            return self.spec.ready(child.pid)
        except Exception as error:  # noqa: BLE001 - a faulty probe means "not ready"; it must not end the supervisor
            self.probe_error = f"{type(error).__name__}: {error}"
            return False

    def _event(
        self, kind: EventKind, *, child: Child | None = None, status: int | None = None, delay_s: float | None = None
    ) -> Event:
        subject = child or self.child
        limit_s = {EventKind.STUCK: self.spec.ready_timeout_s, EventKind.KILLED: self.spec.stop_timeout_s}.get(kind)
        return Event(
            kind=kind,
            child=self.spec.name,
            pid=subject.pid if subject else 0,
            status=status,
            delay_s=delay_s,
            restarts=self.restarts,
            port=self.spec.port,
            limit_s=limit_s,
        )
