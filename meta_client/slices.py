"""How a reading of insights is cut into parts that are fetched side by side: by days, then by campaigns. Pure.

A cursor is opaque and leads to one page after the other, so only parts with cursors of their own can go together.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

HOURS_WITH_ROWS = 12  # of the 24, in which an ad of average size delivers; an estimate for planning only


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How hard to read. A part of fewer than `least_pages` is not worth its own call for a first page.

    From `report_days` days and `report_rows` rows on a report is ordered instead, in parts of `report_part_rows`.
    `most_campaigns` of a filter fit into an address (27 characters each).
    """

    degree: int = 8
    page: int = 500
    least_pages: int = 4
    heavy_pages: int = 20  # a part longer than that is cut by campaigns where days are too few to keep all threads busy
    report_days: int = 14
    report_rows: int = 120_000
    report_part_rows: int = 30_000
    most_campaigns: int = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Days, both included; `campaigns` are ids, none = all."""

    since: date
    until: date
    campaigns: tuple[str, ...] = ()

    @property
    def days(self) -> int:
        """How many."""
        return (self.until - self.since).days + 1

    def __str__(self) -> str:
        only = f" of {len(self.campaigns)} campaigns" if self.campaigns else ""
        return f"{self.since} to {self.until}{only}"


def expected_rows(whole: Slice, ads: int, *, hourly: bool) -> int:
    """How many rows at most, where each ad delivered every day."""
    return ads * whole.days * (HOURS_WITH_ROWS if hourly else 1)


def wants_report(whole: Slice, rows: int, pace: Pace) -> bool:
    """Whether a reading is so large that Meta should work it out in its own time."""
    return whole.days >= pace.report_days and rows >= pace.report_rows


def by_days(whole: Slice, rows: int, pace: Pace, *, part_rows: int | None = None) -> tuple[Slice, ...]:
    """Cut into even runs of days of about `part_rows` each (default: as many parts as are worth it)."""
    wanted = math.ceil(rows / (part_rows or pace.least_pages * pace.page))
    parts = max(1, min(whole.days, wanted))
    first = [whole.since + timedelta(days=whole.days * n // parts) for n in range(parts)]
    last = [day - timedelta(days=1) for day in first[1:]] + [whole.until]
    return tuple(
        Slice(since=since, until=until, campaigns=whole.campaigns) for since, until in zip(first, last, strict=True)
    )


def needs_campaigns(slices: Sequence[Slice], rows: int, pace: Pace) -> bool:
    """Whether days alone would leave threads idle for long."""
    return len(slices) < pace.degree and rows / len(slices) > pace.heavy_pages * pace.page


def by_campaigns(one: Slice, ids: Sequence[str], pace: Pace, *, parts: int) -> tuple[Slice, ...]:
    """Cut one run of days into at least `parts` groups of campaigns, dealt out in turn so that they are alike."""
    groups = max(1, min(len(ids), max(parts, math.ceil(len(ids) / pace.most_campaigns))))
    return tuple(Slice(since=one.since, until=one.until, campaigns=tuple(ids[n::groups])) for n in range(groups))


def halves(one: Slice) -> Iterator[Slice]:
    """Two smaller parts: of its days, else of its campaigns; none where it has one of each."""
    if one.days > 1:
        middle = one.since + timedelta(days=(one.days - 1) // 2)
        yield Slice(since=one.since, until=middle, campaigns=one.campaigns)
        yield Slice(since=middle + timedelta(days=1), until=one.until, campaigns=one.campaigns)
    elif len(one.campaigns) > 1:
        middle_id = len(one.campaigns) // 2
        for ids in (one.campaigns[:middle_id], one.campaigns[middle_id:]):
            yield Slice(since=one.since, until=one.until, campaigns=ids)
