"""The days and clock hours that a snapshot looks at, in an account's zone. Pure arithmetic; no queries."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_HOUR: Final = timedelta(hours=1)
_MOST_STEPS: Final = 24 * 14
USUAL_DAYS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`today` is the day that still fills; `recent` are the last complete clock hours, newest first."""

    today: date
    since: date
    recent: tuple[tuple[date, int], ...]

    @property
    def last_day(self) -> date:
        """The last complete day."""
        return self.today - timedelta(days=1)

    @property
    def week_since(self) -> date:
        """The first of the 7 complete days before the last complete day."""
        return self.last_day - timedelta(days=USUAL_DAYS)

    @property
    def usual(self) -> tuple[tuple[date, int], ...]:
        """The same clock hours on the 7 days before each recent hour."""
        return tuple(
            (day - timedelta(days=back), hour) for day, hour in self.recent for back in range(1, USUAL_DAYS + 1)
        )


def window(*, zone: str, now: datetime, read_at: datetime | None, window_days: int, spike_hours: int) -> Window:
    """Count days and hours back from the instant up to which figures are in: the reading's, or `now` if earlier.

    An hour is complete once that instant is past its end on the account's clock. Where the clock is set back, the
    hour that it shows twice is one bucket, complete once its second round is over; an hour that is skipped in spring
    is passed over.
    """
    tz = ZoneInfo(zone)
    until = (now if read_at is None else min(now, read_at)).astimezone(tz)
    return Window(
        today=until.date(),
        since=until.date() - timedelta(days=window_days),
        recent=_complete_hours(until, spike_hours),
    )


def _complete_hours(until: datetime, wanted: int) -> tuple[tuple[date, int], ...]:
    filling = (until.date(), until.hour)
    found: dict[tuple[date, int], None] = {}
    instant = until.astimezone(UTC)
    for _ in range(_MOST_STEPS):
        if len(found) >= wanted:
            break
        instant -= _HOUR
        local = instant.astimezone(until.tzinfo)
        label = (local.date(), local.hour)
        if label != filling:
            found[label] = None
    return tuple(found)
