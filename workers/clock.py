"""The platform's clock as workers read it: the real one in LIVE, the sandbox's in STUB."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import requests

from domain.clock import PlatformClock, require_aware
from domain.errors import NotReadyError

_FRESH_S = 1.0
_TIMEOUT_S = (2.0, 5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at the sandbox's clock, and when we took it on our own monotonic clock."""

    platform_at: datetime
    speed: float
    taken_s: float


def read_sandbox(admin_url: str) -> Reading:
    """Ask the sandbox for its time.

    Raises:
        NotReadyError: it does not answer, or not with a time.
    """
    try:
        response = requests.get(f"{admin_url.rstrip('/')}/clock", timeout=_TIMEOUT_S)
        response.raise_for_status()
        body = response.json()
        taken_s = time.monotonic()
        return Reading(
            platform_at=require_aware("platform_at", datetime.fromisoformat(str(body["platform_at"]))),
            speed=float(body["speed"]),
            taken_s=taken_s,
        )
    except (requests.RequestException, KeyError, TypeError, ValueError) as error:
        raise NotReadyError(
            f"the sandbox at {admin_url} does not tell the time ({type(error).__name__}); is it running?"
        ) from None


class RealClock:
    """The clock of LIVE accounts."""

    def now(self) -> datetime:
        """Return this machine's time."""
        return datetime.now(UTC)

    def speed(self) -> float:
        """Real time passes as real time."""
        return 1.0


class SandboxClock:
    """The sandbox's clock. A reading serves for a second, carried on at its speed; it never goes back.

    A sandbox that stands still is moved by jumps, which nobody can carry on: it is asked each time.
    Threads may share one. `read` and `monotonic_s` are given so that a test can hold time still.
    """

    def __init__(self, read: Callable[[], Reading], *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._reading: Reading | None = None
        self._latest = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """Return the platform's instant.

        Raises:
            NotReadyError: the sandbox does not answer; its time is then unknown, not ours.
        """
        with self._lock:
            reading = self._current()
            passed = timedelta(seconds=(self._monotonic_s() - reading.taken_s) * reading.speed)
            self._latest = max(self._latest, reading.platform_at + passed)
            return self._latest

    def speed(self) -> float:
        """Return platform seconds per real second; 0 while it stands still.

        Raises:
            NotReadyError: the sandbox does not answer.
        """
        with self._lock:
            return self._current().speed

    def _current(self) -> Reading:
        known = self._reading
        if known is None or known.speed == 0 or self._monotonic_s() - known.taken_s > _FRESH_S:
            self._reading = None
            known = self._reading = self._read()
        return known


def sandbox_clock(admin_url: str) -> PlatformClock:
    """Return the clock of the sandbox at this admin address."""
    return SandboxClock(lambda: read_sandbox(admin_url))
