"""Keeps one machine's processes alive: starts them in order, restarts the dead, stops them in reverse order.

It knows command lines, ports and signals; what the processes do is none of its business.
"""

import secrets
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Self

from embedded.child import ChildSpec, describe_exit, log_tail, turn_log_over
from embedded.errors import ChildFailed
from embedded.events import Event, EventKind
from embedded.leftovers import Leftover, find_leftovers, stop_leftovers
from embedded.lock import InstanceLock
from embedded.process_mark import own_mark
from embedded.runtime import Runtime, now_utc, read_runtime, write_runtime
from embedded.stop_signals import StopSignals
from embedded.supervised import Supervised

_POLL_S = 0.2
_EAGER_POLL_S = 0.05  # while a person waits for a start or a stop
_DEATHS_AT_START = 3
_LOG_ROUND_S = 30.0


class Supervisor:
    """The processes of one data folder; hold it as a context manager in the main thread.

    Entering takes the folder's lock, ends leftovers of a killed run and catches the stop signals; leaving stops every
    child. Work happens only inside its methods, in the calling thread. Between two of them a stop signal raises
    StopRequested in the caller's own code: catch it around the whole block. Prepare servers inside the block, once the
    leftovers are gone.
    """

    def __init__(
        self,
        *,
        folder: Path,
        on_event: Callable[[Event], None] = lambda _event: None,
        external: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._folder = folder
        self._on_event = on_event
        self._external = tuple(external)
        self._children: list[Supervised] = []
        self._signals = StopSignals()
        self._held = ExitStack()
        self._run_id = secrets.token_hex(16)
        self._started_at = now_utc()
        self._logs_due_s = 0.0

    def __enter__(self) -> Self:
        """Take the folder.

        Raises:
            AlreadyRunning: if another supervisor works on it.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(InstanceLock(self._folder))
            earlier = read_runtime(self._folder)
            if earlier is not None:
                stop_leftovers(find_leftovers(earlier), on_stopped=self._tell_leftover)
            stack.enter_context(self._signals)
            write_runtime(self._folder, self.runtime())  # a folder that cannot be written is told now
            self._held = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._signals.deferred(), self._held:
            self.stop()

    def start(self, spec: ChildSpec) -> None:
        """Start a child and wait until it is ready, keeping the others alive meanwhile.

        Raises:
            ChildFailed: if it died three times or was not ready within its limit.
            StopRequested: if a stop signal arrives.
        """
        with self._signals.deferred():
            self._signals.raise_if_requested()
            child = Supervised(spec, run_id=self._run_id, tell=self._tell)
            self._start_first(child)
            self._write()
            deadline = time.monotonic() + spec.ready_timeout_s
            while not child.ready:
                self._step()
                self._give_up_if_hopeless(child, deadline)
                if not child.ready:
                    time.sleep(_EAGER_POLL_S)

    def start_all(self, specs: Iterable[ChildSpec]) -> None:
        """Start children one after the other, each once the one before is ready; raises as `start` does."""
        for spec in specs:
            self.start(spec)

    def wait(self, condition: Callable[[], bool], *, timeout_s: float, poll_s: float = _POLL_S) -> bool:
        """Keep the children alive until the condition holds; say whether it did within the timeout.

        The condition is asked every `poll_s` seconds.

        Raises:
            StopRequested: if a stop signal arrives.
        """
        deadline = time.monotonic() + timeout_s
        with self._signals.deferred():
            while not condition():
                if time.monotonic() >= deadline:
                    return False
                self._step()
                time.sleep(poll_s)
        return True

    def run_until_stopped(self) -> int:
        """Keep the children alive until a stop signal or `request_stop`; stop them; return the signal's number."""
        with self._signals.deferred():
            while self._signals.last is None:
                self._step(patient=True)
                time.sleep(_POLL_S)
            number = self._signals.last
            self.stop()
        return number

    def request_stop(self) -> None:
        """Ask from inside, for instance from `on_event`, for what Ctrl-C asks from outside."""
        self._signals.request()

    def stop(self) -> None:
        """Stop every child in reverse order, neighbours with one `stops_with` at once.

        A second stop signal while this runs kills the rest at once.
        """
        with self._signals.deferred():
            signals_before = max(self._signals.count, 1)
            for _, neighbours in groupby(reversed(self._children), _company):
                leaving = list(neighbours)
                for child in leaving:
                    child.ask_to_stop()
                while leaving:
                    hurried = self._signals.count > signals_before
                    leaving = [child for child in leaving if not child.leave(hurried=hurried)]
                    if leaving:
                        time.sleep(_EAGER_POLL_S)
                self._write()
            self._signals.last = None

    def runtime(self) -> Runtime:
        """Return what runtime.json says now."""
        return Runtime(
            run_id=self._run_id,
            supervisor=own_mark(),
            started_at=self._started_at,
            external=self._external,
            children=tuple(child.record() for child in self._children),
            alive=True,
        )

    def _step(self, *, patient: bool = False) -> None:
        if not patient:
            self._signals.raise_if_requested()
        changes = [child.step() for child in self._children]
        if any(changes):
            self._write()
        self._look_after_logs()

    def _look_after_logs(self) -> None:
        if time.monotonic() < self._logs_due_s:
            return
        self._logs_due_s = time.monotonic() + _LOG_ROUND_S
        with suppress(OSError):  # a full disk: nothing to be copied, and nothing to end the children for
            for child in self._children:
                turn_log_over(child.spec.log_path)

    def _give_up_if_hopeless(self, child: Supervised, deadline: float) -> None:
        spec = child.spec
        if child.ready:
            return
        if child.deaths_in_a_row >= _DEATHS_AT_START and child.last_exit is not None:
            reason = f"died {child.deaths_in_a_row} times while starting ({describe_exit(child.last_exit)})"
        elif time.monotonic() >= deadline:
            why = f" ({child.probe_error})" if child.probe_error else ""
            reason = f"was not ready after {spec.ready_timeout_s:g} s{why}"
        else:
            return
        raise ChildFailed(name=spec.name, reason=reason, log_path=spec.log_path, log_tail=log_tail(spec.log_path))

    def _start_first(self, child: Supervised) -> None:
        spec = child.spec
        try:
            child.start()
        except (OSError, subprocess.SubprocessError) as error:
            reason = f"could not be started ({error})"
            raise ChildFailed(name=spec.name, reason=reason, log_path=spec.log_path, log_tail="") from error
        self._children.append(child)

    def _write(self) -> None:
        with suppress(OSError):  # a full disk costs the file its freshness; the children must live on
            write_runtime(self._folder, self.runtime())

    def _tell(self, event: Event) -> None:
        with suppress(OSError, ValueError):  # a closed terminal or pipe must not end what runs
            self._on_event(event)

    def _tell_leftover(self, leftover: Leftover) -> None:
        self._tell(Event(kind=EventKind.LEFTOVER_STOPPED, child=leftover.name, pid=leftover.mark.pid))


def _company(child: Supervised) -> str:
    return child.spec.stops_with or child.spec.name
