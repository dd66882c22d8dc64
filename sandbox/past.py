"""Puts reported days into an account's market verbatim: a day's figures are apportioned to its hours, to the unit."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sandbox.market.kernel import Market
from sandbox.scenario import HistoryRow


def first_midnight_s(rows: Sequence[HistoryRow], zone: str) -> int:
    """Return the UTC seconds at which the first reported day began."""
    on = min(row.day for row in rows)
    return int(datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone)).timestamp())


def fill_history(market: Market, rows: Sequence[HistoryRow], keys: dict[str, int], *, start_s: int) -> None:
    """Fill the hours before the start from daily rows; what they tell is settled: nothing arrives later.

    Raises:
        ValueError: a row's day has no full hour before the start.
    """
    first_open = market.calendar.hour_at(start_s)
    by_day: dict[date, list[HistoryRow]] = defaultdict(list)
    for row in rows:
        by_day[row.day].append(row)
    for day in sorted(by_day):
        first, end = market.calendar.hours_of_day(day.toordinal())
        end = min(end, first_open)
        if end <= first:
            message = f"history: the day {day.isoformat()} has no full hour before the start"
            raise ValueError(message)
        _fill_day(market, by_day[day], keys, first, end)
    market.next_hour = first_open


def _fill_day(market: Market, rows: list[HistoryRow], keys: dict[str, int], first: int, end: int) -> None:
    ads = np.array([keys[row.ad] for row in rows], dtype=np.int64)
    if len(np.unique(ads)) < len(ads):
        message = f"history: two rows for one ad on {rows[0].day.isoformat()}"
        raise ValueError(message)
    arrived_at_s = market.calendar.start_of(first)
    totals = np.array(
        [(r.impressions, r.clicks, r.link_clicks, r.spend_minor, r.purchases, r.value_minor) for r in rows],
        dtype=np.int64,
    ).T
    shares = np.array([market.calendar.cell(hour).share for hour in range(first, end)])
    upto = _apportion(totals, np.cumsum(shares) / shares.sum())
    before = np.zeros_like(totals)
    for n, hour in enumerate(range(first, end)):
        part = upto[n] - before
        counts, values = part[4], part[5]
        market.fill(hour=hour, ads=ads, values=part[:4], counts=counts, order_values=values, arrived_at_s=arrived_at_s)
        before = upto[n]


def _apportion(totals: NDArray[np.int64], cumulative: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Return running totals per hour that end at the day's total exactly."""
    running = [np.floor(totals * share + 0.5).astype(np.int64) for share in cumulative[:-1]]
    return [*running, totals]
