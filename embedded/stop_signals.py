"""Ctrl-C, SIGTERM and SIGHUP as a wish that the supervisor grants between two steps, never in the middle of one."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

from embedded.errors import StopRequested

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Catches the stop signals while held as a context manager in the main thread; in any other it catches none.

    Inside `deferred` the wish is noted; outside, in the caller's own code, it is raised where it arrives.
    """

    def __init__(self) -> None:
        self.count = 0
        self.last: int | None = None
        self._deferring = 0
        self._former: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _STOPPING:
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)  # type: ignore[arg-type]  # what signal.signal gave, it takes back
        self._former.clear()

    def deferred(self) -> "Deferral":
        """Return a context manager inside which the wish is only noted."""
        return Deferral(self)

    def raise_if_requested(self) -> None:
        """Raise the wish, if there is one.

        Raises:
            StopRequested: once a stop signal has arrived.
        """
        if self.last is not None:
            raise StopRequested(self.last)

    def request(self, number: int = signal.SIGTERM) -> None:
        """Wish it from code."""
        self.count += 1
        self.last = number

    def defer(self, step: int) -> None:
        """Enter (+1) or leave (-1) a stretch that must not be interrupted."""
        self._deferring += step

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.request(number)
        if not self._deferring:
            raise StopRequested(number)


class Deferral:
    """A stretch of code that a stop signal must not interrupt."""

    def __init__(self, signals: StopSignals) -> None:
        self._signals = signals

    def __enter__(self) -> None:
        self._signals.defer(+1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._signals.defer(-1)
