"""When an account spends far above its usual hour. Pure: sums of hours in, spikes out.

Rule (facts/reliability.md §5.3): over three times the median of the same hour of 14 days, and over three times what
the daily cap allows an hour. Days without delivery count as nothing spent: an account that was still is no excuse.

Beside `decisions/anomalies.py`, which defines what is unusual: this one needs no state, no module and no worker, and
stands where all of those are stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

from domain.ids import AccountId
from domain.money import Money
from models.alert_reads import HourSpend

DAYS: Final = 14
TIMES: Final = 3
HOURS_A_DAY: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Spike:
    """What an account spent in one hour of its zone, what is usual there, and the floor under which nobody minds."""

    account_id: AccountId
    account: str
    day: date
    hour: int
    spent: Money
    usual: Money
    floor: Money


def hours_to_look_at(now: datetime, zone: str) -> tuple[tuple[date, int], ...]:
    """The hour under way on the platform's clock, in the account's zone, and the one before it."""
    local = now.astimezone(ZoneInfo(zone))
    before = (now - timedelta(hours=1)).astimezone(ZoneInfo(zone))
    return ((local.date(), local.hour), (before.date(), before.hour))


def floor_minor(daily_cap_minor: int) -> int:
    """Three times an even hour of the daily cap."""
    return TIMES * daily_cap_minor // HOURS_A_DAY


def usual_minor(day: date, past: Sequence[HourSpend]) -> int:
    """The median of the hour over the 14 days before `day`."""
    spent: Mapping[date, int] = {row.day: row.spend_minor for row in past}
    return round(median(spent.get(day - timedelta(days=back), 0) for back in range(1, DAYS + 1)))


def is_spike(spent_minor: int, usual: int, floor: int) -> bool:
    """Whether the hour is remarkable."""
    return spent_minor > TIMES * usual and spent_minor > floor
