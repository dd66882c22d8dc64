"""Ending the calls of other threads at once, whatever they wait for: an answer, a repeat, room for what they have read.

A thread works under a `Cut` (`under`); whoever ends it cuts. Knows sockets, but nothing of HTTP or Meta.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator


class CutError(Exception):
    """This thread's work is not wanted any more. Never leaves the thread that it ends."""


class Cut:
    """Shared by the threads of one job. Once cut it stays so."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    @property
    def is_done(self) -> bool:
        """Whether somebody has cut."""
        return self._done.is_set()

    def now(self) -> None:
        """End every call in flight: a thread that reads from its socket sees the end of it."""
        self._done.set()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)  # that of TLS would take its state away, too

    def check(self) -> None:
        """Go on, or not.

        Raises:
            CutError: somebody has cut.
        """
        if self._done.is_set():
            raise CutError

    def sleep(self, seconds: float) -> None:
        """Wait, unless somebody cuts; raises as `check`."""
        self._done.wait(seconds)
        self.check()

    def hold(self, sock: socket.socket) -> None:
        """Have the socket shut down if somebody cuts before `release`.

        Raises:
            TimeoutError: somebody has cut already; as of a call whose time is over.
        """
        with self._lock:
            self._open.add(sock)
        if self._done.is_set():  # looked at after the socket was added: whoever cuts later finds it
            raise TimeoutError("the call is not wanted any more")

    def release(self, sock: socket.socket) -> None:
        """Leave the socket alone from now on."""
        with self._lock:
            self._open.discard(sock)


class _Local(threading.local):
    cut: Cut | None = None


_LOCAL = _Local()


@contextlib.contextmanager
def under(cut: Cut) -> Iterator[None]:
    """Let every call that this thread makes within the block be ended by the cut."""
    _LOCAL.cut = cut
    try:
        yield
    finally:
        _LOCAL.cut = None


def current() -> Cut | None:
    """What may end this thread's calls, None where nothing does."""
    return _LOCAL.cut


def sleep(seconds: float) -> None:
    """Wait, under whatever may end this thread's work."""
    cut = _LOCAL.cut
    if cut is None:
        time.sleep(seconds)
    else:
        cut.sleep(seconds)
