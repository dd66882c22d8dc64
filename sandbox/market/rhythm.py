"""Hours and days of an account's zone, and how people's attention goes up and down in them.

The grid: hour `h` starts at `h * 3600 + offset` UTC seconds, where offset aligns it with the zone's full hours. A
local day is 23, 24 or 25 such hours. Zones whose offset shifts by a part of an hour (Lord Howe) are refused.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sandbox.market.rules import Season

HOUR_S: Final = 3_600

# People online by hour of day: the share of the daily budget that is paced into it. Editable priors (domain.md §2b).
_ATTENTION: Final = (
    2.2, 1.4, 1.0, 0.8, 0.8, 1.1, 2.0, 3.2, 4.2, 4.8, 5.0, 5.2,
    5.6, 5.6, 5.2, 5.0, 5.0, 5.2, 5.6, 6.2, 6.8, 6.8, 5.6, 3.7,
)  # fmt: skip
_CTR_BY_HOUR: Final = (
    0.94, 0.92, 0.90, 0.90, 0.90, 0.92, 0.95, 0.98, 1.00, 1.02, 1.02, 1.03,
    1.05, 1.08, 1.08, 1.06, 1.04, 1.02, 1.01, 1.01, 1.01, 1.00, 0.98, 0.96,
)  # fmt: skip
_CVR_BY_HOUR: Final = (
    0.90, 0.86, 0.84, 0.84, 0.84, 0.86, 0.90, 0.94, 0.97, 0.98, 0.99, 1.00,
    1.00, 0.99, 0.98, 0.98, 1.00, 1.02, 1.06, 1.12, 1.14, 1.12, 1.04, 0.96,
)  # fmt: skip
_CPM_BY_HOUR: Final = (
    1.02, 1.04, 1.06, 1.08, 1.08, 1.05, 1.02, 1.00, 0.98, 0.97, 0.97, 0.98,
    0.99, 1.00, 1.00, 1.00, 1.00, 1.01, 1.02, 1.03, 1.03, 1.02, 1.00, 1.00,
)  # fmt: skip
_CPM_BY_WEEKDAY: Final = (1.02, 1.02, 1.03, 1.03, 1.02, 0.92, 0.90)
_CVR_BY_WEEKDAY: Final = (1.03, 1.02, 1.01, 1.00, 0.98, 0.95, 0.97)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One cell of the grid, in the account's zone. `share` is of the day's budget, `rest` the shares from it on."""

    index: int
    start_s: int
    day: int  # proleptic ordinal of the local date
    of_day: int
    is_first: bool
    share: float
    rest: float
    ctr: float
    cvr: float
    cpm: float


class Calendar:
    """The grid of one time zone; days are worked out once and kept."""

    def __init__(self, zone_name: str, *, around_s: int, season: Season | None = None) -> None:
        self._season = season or Season()
        self.zone = ZoneInfo(zone_name)
        offsets = {
            datetime.fromtimestamp(around_s + month * 30 * 86_400, self.zone).utcoffset() for month in range(-13, 14)
        }
        parts = {int(offset.total_seconds()) % HOUR_S for offset in offsets if offset is not None}
        if len(parts) != 1:
            message = f"time zone {zone_name} shifts by a part of an hour; the market's grid cannot follow it"
            raise ValueError(message)
        self._offset_s = (-parts.pop()) % HOUR_S
        self._days: dict[int, tuple[Hour, ...]] = {}

    def hour_at(self, at_s: float) -> int:
        """Return the index of the hour that holds an instant."""
        return int((at_s - self._offset_s) // HOUR_S)

    def start_of(self, hour: int) -> int:
        """Return the UTC seconds at which an hour starts."""
        return hour * HOUR_S + self._offset_s

    def day_at(self, at_s: float) -> int:
        """Return the ordinal of the local date of an instant."""
        return datetime.fromtimestamp(at_s, self.zone).toordinal()

    def hours_of_day(self, day: int) -> tuple[int, int]:
        """Return the first hour of a local day and the first of the next."""
        return self.hour_at(self._midnight_s(day)), self.hour_at(self._midnight_s(day + 1))

    def cell(self, hour: int) -> Hour:
        """Return an hour with its rhythm."""
        day = self.day_at(self.start_of(hour))
        cells = self._days.get(day)
        if cells is None:
            cells = self._days[day] = self._cells_of(day)
        return cells[hour - cells[0].index]

    def _midnight_s(self, day: int) -> int:
        on = date.fromordinal(day)
        return int(datetime(on.year, on.month, on.day, tzinfo=self.zone).astimezone(UTC).timestamp())

    def _cells_of(self, day: int) -> tuple[Hour, ...]:
        first, end = self.hours_of_day(day)
        starts = [self.start_of(hour) for hour in range(first, end)]
        local = [datetime.fromtimestamp(start, self.zone).hour for start in starts]
        total = sum(_ATTENTION[of_day] for of_day in local)
        shares = [_ATTENTION[of_day] / total for of_day in local]
        on = date.fromordinal(day)
        weekday, season = on.weekday(), self._season
        cpm, ctr, cvr = (factors[on.month - 1] for factors in (season.cpm, season.ctr, season.cvr))
        return tuple(
            Hour(
                index=first + n,
                start_s=starts[n],
                day=day,
                of_day=of_day,
                is_first=n == 0,
                share=shares[n],
                rest=sum(shares[n:]),
                ctr=_CTR_BY_HOUR[of_day] * ctr,
                cvr=_CVR_BY_HOUR[of_day] * _CVR_BY_WEEKDAY[weekday] * cvr,
                cpm=_CPM_BY_HOUR[of_day] * _CPM_BY_WEEKDAY[weekday] * cpm,
            )
            for n, of_day in enumerate(local)
        )


def days_ago(at_s: float, days: float) -> int:
    """Return an instant some days earlier, as whole seconds."""
    return int((datetime.fromtimestamp(at_s, UTC) - timedelta(days=days)).timestamp())
