"""The two clocks. The platform's clock rules the business; Postgres' clock (asked for in SQL) rules the machinery.

Nothing here tells the time: implementations are passed in (`workers/clock.py`), values carry their instant.
"""

from datetime import UTC, datetime
from typing import Protocol


class PlatformClock(Protocol):
    """The clock that slots, windows, ages, cooldowns and edit limits are counted on."""

    def now(self) -> datetime:
        """Aware UTC instant on the platform; raises NotReadyError where it cannot be read."""
        ...

    def speed(self) -> float:
        """Platform seconds per real second: 1.0 in LIVE, 0.0 where the sandbox stands still."""
        ...


def require_aware(name: str, instant: datetime) -> datetime:
    """Return the instant in UTC; a naive one is refused, since its zone would be a guess."""
    if instant.tzinfo is None:
        raise ValueError(f"{name} must be an aware instant, got {instant.isoformat()} without a zone")
    return instant.astimezone(UTC)
