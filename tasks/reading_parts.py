"""In which parts the collector reads figures that are many: each part is kept once it is in. Pure.

A reading that needs more calls than the account has room for is put back in the middle. What it brought in by then
stays, and whoever goes on within a day of its last part begins behind it. Today and yesterday always come last,
together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Self

from domain.actions import JsonMap

ROWS_PER_POINT: Final = 150  # of the account's score: half of the 60 % that a collector may use, at 500 rows a call
HOURS_WITH_ROWS: Final = 12  # of the 24, in which an ad of average size delivers; an estimate for planning only
GOES_ON_WITHIN: Final = timedelta(days=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days of the account's zone to read, both included."""

    since: date
    until: date

    @property
    def days(self) -> int:
        """How many; 0 or less = none."""
        return (self.until - self.since).days + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is read and kept together. Both empty parts never happen."""

    days: Span | None = None
    hours: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """How far a reading has come that is not done: which days are in, as days and as hours."""

    kept_at: datetime  # the last part
    days_until: date | None = None
    hours_until: date | None = None

    @classmethod
    def read(cls, held: Mapping[str, str | None] | None, now: datetime) -> Self:
        """Take up what an account's row holds; a reading of its own where there is nothing, or too old a one."""
        if not held or not held["kept_at"]:
            return cls(kept_at=now)
        kept_at = datetime.fromisoformat(held["kept_at"])
        if not timedelta(0) <= now - kept_at < GOES_ON_WITHIN:
            return cls(kept_at=now)
        return cls(kept_at=kept_at, days_until=_date(held["days_until"]), hours_until=_date(held["hours_until"]))

    def after(self, part: Part, now: datetime) -> Self:
        """How far it is once that part is in."""
        days = part.days.until if part.days else self.days_until
        hours = part.hours.until if part.hours else self.hours_until
        return type(self)(kept_at=now, days_until=days, hours_until=hours)

    def as_json(self) -> JsonMap:
        """Return it as the account's row holds it."""
        return {
            "kept_at": self.kept_at.isoformat(),
            "days_until": None if self.days_until is None else self.days_until.isoformat(),
            "hours_until": None if self.hours_until is None else self.hours_until.isoformat(),
        }


def most_rows(points: float) -> int:
    """How many rows one part may bring, by the points of the account's score."""
    return max(1, round(points * ROWS_PER_POINT))


def parts(days: Span, hours: Span, *, ads: int, most_rows: int, done: Unfinished) -> Iterator[Part]:
    """Cut a reading: all at once where that is few rows, else the older days, their hours, and the last two days.

    The two last days are one part whatever they bring, since decisions go by them together.
    """
    rows_an_hourly_day = ads * HOURS_WITH_ROWS
    if days.days * ads + hours.days * rows_an_hourly_day <= most_rows:
        yield Part(days=days, hours=hours)
        return
    fresh = days.until - _DAY
    for span in _cut(_behind(days, done.days_until), fresh, most_rows // max(1, ads)):
        yield Part(days=span)
    for span in _cut(_behind(hours, done.hours_until), fresh, most_rows // max(1, rows_an_hourly_day)):
        yield Part(hours=span)
    yield Part(
        days=Span(since=max(fresh, days.since), until=days.until),
        hours=Span(since=max(fresh, hours.since), until=hours.until),
    )


def _behind(span: Span, done: date | None) -> date:
    return span.since if done is None else max(span.since, done + _DAY)


def _cut(since: date, before: date, size: int) -> Iterator[Span]:
    """Runs of at most `size` days, at least one, from the oldest on."""
    step = timedelta(days=max(1, size))
    while since < before:
        yield Span(since=since, until=min(since + step, before) - _DAY)
        since += step


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
