"""Which days an insights call asks about, in the account's zone, and how they are cut into periods."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.request import GraphCall

_RETENTION_MONTHS: Final = 37
_MAX_INCREMENT: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days of one row, both included."""

    first: date
    last: date


def month_start(day: date, back: int = 0) -> date:
    """Return the first day of a month, or of one some months back."""
    months = day.year * 12 + day.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)


def _quarter_start(day: date, back: int = 0) -> date:
    return month_start(day, (day.month - 1) % 3 + 3 * back)


def _last(days: int) -> Callable[[date], tuple[date, date]]:
    return lambda today: (today - timedelta(days=days), today - timedelta(days=1))


def _week(today: date, starts_on: int, *, back: bool) -> tuple[date, date]:
    first = today - timedelta(days=(today.weekday() - starts_on) % 7)
    return (first - timedelta(days=7), first - timedelta(days=1)) if back else (first, today)


def oldest_day(today: date) -> date:
    """Return the first day that reports still hold: 37 months back."""
    return month_start(today, _RETENTION_MONTHS).replace(day=min(today.day, 28))


_PRESETS: Final[dict[str, Callable[[date], tuple[date, date]]]] = {
    "today": lambda today: (today, today),
    "yesterday": lambda today: (today - timedelta(days=1), today - timedelta(days=1)),
    "last_3d": _last(3), "last_7d": _last(7), "last_14d": _last(14), "last_28d": _last(28), "last_30d": _last(30),
    "last_90d": _last(90),
    "this_month": lambda today: (month_start(today), today),
    "last_month": lambda today: (month_start(today, 1), month_start(today) - timedelta(days=1)),
    "this_quarter": lambda today: (_quarter_start(today), today),
    "last_quarter": lambda today: (_quarter_start(today, 1), _quarter_start(today) - timedelta(days=1)),
    "this_year": lambda today: (date(today.year, 1, 1), today),
    "last_year": lambda today: (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    "this_week_mon_today": lambda today: _week(today, 0, back=False),
    "this_week_sun_today": lambda today: _week(today, 6, back=False),
    "last_week_mon_sun": lambda today: _week(today, 0, back=True),
    "last_week_sun_sat": lambda today: _week(today, 6, back=True),
    "maximum": lambda today: (oldest_day(today), today),
    "data_maximum": lambda today: (oldest_day(today), today),
}  # fmt: skip


def periods_of(call: GraphCall, account: Account, *, now_s: float) -> list[Period]:
    """Return the periods that the call's rows are about, oldest first.

    Raises:
        GraphError: 100 for a malformed range, 3018 for one that starts beyond 37 months.
    """
    today = datetime.fromtimestamp(now_s, account.calendar.zone).date()
    found: list[Period] = []
    for first, last in _ranges(call, today):
        if first < oldest_day(today):
            text = "(#3018) The start date of the time range cannot be beyond 37 months from the current date"
            raise GraphError(3018, text)
        born = datetime.fromtimestamp(account.calendar.start_of(account.market.grid.first_hour), account.calendar.zone)
        found.extend(_cut(call, first, last, born=born.date(), today=today))
    return found


def _ranges(call: GraphCall, today: date) -> list[tuple[date, date]]:
    several, one = call.get("time_ranges"), call.get("time_range")
    if isinstance(several, list):
        return [_range(row) for row in several]
    if one is not None:
        return [_range(one)]
    preset = call.params.get("date_preset", "last_30d").strip('"')
    if preset not in _PRESETS:
        raise parameter(f'Param date_preset must be one of {{{", ".join(sorted(_PRESETS))}}} - got "{preset[:40]}".')
    return [_PRESETS[preset](today)]


def _range(row: Any) -> tuple[date, date]:
    try:
        first, last = date.fromisoformat(str(row["since"])), date.fromisoformat(str(row["until"]))
    except (KeyError, TypeError, ValueError) as error:
        raise parameter("Must be a valid time_range: {'since':'YYYY-MM-DD','until':'YYYY-MM-DD'}") from error
    if last < first:
        raise parameter("The start date must not be after the end date of the time_range")
    return first, last


def _cut(call: GraphCall, first: date, last: date, *, born: date, today: date) -> list[Period]:
    text = call.params.get("time_increment", "all_days").strip('"')
    if text == "all_days":
        return [Period(first=first, last=last)]
    if text == "monthly":
        return _months(max(first, month_start(born)), last, today=today)
    try:
        step = int(text)
    except ValueError:
        step = 0
    if not 1 <= step <= _MAX_INCREMENT:
        raise parameter("Param time_increment must be 1..90, monthly or all_days")
    periods = []
    first += timedelta(days=max(0, (born - first).days) // step * step)  # whole periods before it was born hold nothing
    while first <= min(last, today):  # later days hold nothing yet, and there may be millions of them
        periods.append(Period(first=first, last=min(last, first + timedelta(days=step - 1))))
        first += timedelta(days=step)
    return periods


def _months(first: date, last: date, *, today: date) -> list[Period]:
    periods = []
    while first <= min(last, today):
        end = min(last, month_start(first, -1) - timedelta(days=1))
        periods.append(Period(first=first, last=end))
        first = end + timedelta(days=1)
    return periods
