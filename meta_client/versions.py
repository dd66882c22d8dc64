"""The Graph API version we speak, pinned in one place, and the calendar that says how long it lives."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

API_VERSION = "v26.0"
LIVES_ON: Final = timedelta(days=90)  # after its successor's release, at least (facts/meta_graph_api.md §1.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """`marketing_ends_on` is None while Meta has not announced it (at least 90 days after the successor)."""

    name: str
    released_on: date | None
    marketing_ends_on: date | None


# facts/meta_graph_api.md §1.1: a new version about every four months.
CALENDAR: tuple[Version, ...] = (
    Version(name="v26.0", released_on=date(2026, 7, 29), marketing_ends_on=None),
    Version(name="v25.0", released_on=date(2026, 2, 18), marketing_ends_on=None),
    Version(name="v24.0", released_on=date(2025, 10, 8), marketing_ends_on=date(2026, 10, 6)),
    Version(name="v23.0", released_on=None, marketing_ends_on=date(2026, 6, 9)),
    Version(name="v22.0", released_on=None, marketing_ends_on=date(2026, 2, 19)),
    Version(name="v21.0", released_on=None, marketing_ends_on=date(2025, 9, 9)),
)


def ends_on(name: str) -> date | None:
    """The day on which a version's Marketing API ends, or may end at the earliest; None while nobody can know.

    Announced by Meta, else `LIVES_ON` after the release of the version that followed.

    Raises:
        KeyError: the calendar does not hold the version.
    """
    names = [row.name for row in CALENDAR]
    if name not in names:
        raise KeyError(name)
    place = names.index(name)
    announced = CALENDAR[place].marketing_ends_on
    if announced is not None or place == 0:
        return announced
    released_on = CALENDAR[place - 1].released_on
    return None if released_on is None else released_on + LIVES_ON


def pinned() -> Version:
    """The calendar's row of the version we speak."""
    return next(row for row in CALENDAR if row.name == API_VERSION)
