"""The platform's clock: (platform instant, real instant, speed), monotonic, standing while the process is down.

A lease a little ahead of the present is kept on disk; no instant beyond it is ever told before the lease has moved.
A process that was killed goes on from the lease, so that its clock never goes back.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from sandbox.journal import Journal

FASTEST: Final = 1_000_000  # platform seconds per real second; a bound against slips of the finger
_LEASE_REAL_S: Final = 1.0
_SETTING: Final = "clock"


class _Kept(msgspec.Struct):
    platform_us: int
    speed: float


def to_us(at: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970."""
    delta = at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_us(at_us: int) -> datetime:
    """Return microseconds since 1970 as an aware UTC instant."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(microsecond=at_us % 1_000_000)


class PlatformClock:
    """Tells the platform's time; `real` is a monotonic source of seconds, handed in by tests.

    `speed` takes the place of the one that was left, from the first moment on.
    """

    def __init__(
        self, journal: Journal, *, speed: float | None = None, real: Callable[[], float] = time.monotonic
    ) -> None:
        self._journal = journal
        self._real = real
        kept = msgspec.json.decode(journal.setting(_SETTING) or "null", type=_Kept | None)
        if kept is None:
            message = "this folder's clock was never started"
            raise ValueError(message)
        self.speed = kept.speed if speed is None else speed
        self._anchor_us = self._lease_us = self._last_us = kept.platform_us
        self._anchor_real = real()
        if self.speed != kept.speed:
            self._anchor(kept.platform_us)

    @staticmethod
    def start(journal: Journal, *, at_us: int, speed: float) -> None:
        """Set the clock of a new folder."""
        journal.set(_SETTING, msgspec.json.encode(_Kept(platform_us=at_us, speed=speed)).decode())

    def now_us(self) -> int:
        """Return the platform's present, never earlier than told before."""
        elapsed_us = int((self._real() - self._anchor_real) * self.speed * 1_000_000)
        self._last_us = max(self._last_us, self._anchor_us + elapsed_us)
        if self._last_us > self._lease_us:
            self._keep(self._last_us + int(_LEASE_REAL_S * self.speed * 1_000_000))
        return self._last_us

    def now_s(self) -> float:
        """Return the platform's present in seconds since 1970."""
        return self.now_us() / 1_000_000

    def advance_to(self, at_us: int) -> None:
        """Jump forward; the clock goes on from there at its speed.

        Raises:
            ValueError: the instant is not ahead.
        """
        now = self.now_us()
        if at_us < now:
            message = f"the platform's clock never goes back: it is {from_us(now).isoformat()}"
            raise ValueError(message)
        self._anchor(at_us)

    def set_speed(self, speed: float) -> None:
        """Change how many platform seconds pass in a real one; 0 freezes the clock."""
        now = self.now_us()
        self.speed = speed
        self._anchor(now)

    def stand(self) -> None:
        """Keep the exact present, for an orderly stop."""
        self._keep(self.now_us())

    def _anchor(self, at_us: int) -> None:
        self._anchor_us = self._last_us = at_us
        self._anchor_real = self._real()
        self._keep(at_us + int(_LEASE_REAL_S * self.speed * 1_000_000))

    def _keep(self, at_us: int) -> None:
        self._lease_us = at_us
        self._journal.set(_SETTING, msgspec.json.encode(_Kept(platform_us=at_us, speed=self.speed)).decode())
