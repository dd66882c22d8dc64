"""Slots: the instants that a cycle belongs to. Pure arithmetic on the platform's clock; ticks are not slots.

Cadences under 12 h stand on the UTC grid (so that daylight saving changes nothing); 12 h and 24 h slots stand at
the cycle's wall-clock time in the account's zone, so that a day may have 23 or 25 hours between its slots.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.clock import require_aware
from domain.modules import Cycle

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HALF_DAY = timedelta(hours=12)
_MOST = 10_000  # a year of half-hours is 17,520


def latest_slot(cycle: Cycle, zone: str, now: datetime) -> datetime:
    """The newest slot at or before `now`, as an aware UTC instant."""
    now = require_aware("now", now)
    if cycle.every < _HALF_DAY:
        return _EPOCH + (now - _EPOCH) // cycle.every * cycle.every
    return max(slot for slot in _wall_slots(cycle, zone, now, days_back=2) if slot <= now)


def next_slot(cycle: Cycle, zone: str, now: datetime) -> datetime:
    """The first slot after `now`, as an aware UTC instant."""
    now = require_aware("now", now)
    if cycle.every < _HALF_DAY:
        return latest_slot(cycle, zone, now) + cycle.every
    return min(slot for slot in _wall_slots(cycle, zone, now, days_back=1) if slot > now)


def due_slots(cycle: Cycle, zone: str, since: datetime, now: datetime) -> tuple[datetime, ...]:
    """Slots in (since, now], oldest first; at most 10,000, the newest kept."""
    found: list[datetime] = []
    slot = latest_slot(cycle, zone, now)
    while slot > since and len(found) < _MOST:
        found.append(slot)
        slot = latest_slot(cycle, zone, slot - timedelta(microseconds=1))
    return tuple(reversed(found))


def _wall_slots(cycle: Cycle, zone: str, now: datetime, *, days_back: int) -> Iterator[datetime]:
    """Slots of the days around `now`. A wall time that a spring change skips is read as the hour after it (fold=0)."""
    tz = ZoneInfo(zone)
    today = now.astimezone(tz).date()
    steps = 2 if cycle.every == _HALF_DAY else 1
    for offset in range(-days_back, 3):
        for step in range(steps):
            day = today + timedelta(days=offset)
            wall = datetime.combine(day, cycle.at, tzinfo=tz) + step * _HALF_DAY
            yield wall.astimezone(UTC)
