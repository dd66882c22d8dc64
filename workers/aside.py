"""Work beside the tower's rounds: what waits for others (mail servers, long walks) must not hold up a stop."""

import threading
from collections.abc import Callable


class Aside:
    """Does one thing in a thread of its own, never twice at once; a call while it is at it does nothing.

    What it failed with is raised by the next call, so that the duty counts as failing.
    """

    def __init__(self, name: str, do: Callable[[], object]) -> None:
        self._name = name
        self._do = do
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def __call__(self) -> bool:
        """Begin, unless it is still at it; says whether it began.

        Raises:
            Exception: the time before failed so; the next call tries again.
        """
        if self._thread is not None and self._thread.is_alive():
            return False
        error, self._error = self._error, None
        if error is not None:
            raise error
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()
        return True

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has ended; False if it has not by then."""
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._do()
        except Exception as error:  # noqa: BLE001 - kept for the next call, in the thread that sees to failures
            self._error = error
