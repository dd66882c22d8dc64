"""Spreads a period's totals over its days by the market's weekday rhythm; the totals are kept to the unit."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.market.rhythm import Calendar
from sandbox.report import Ints, Rows

Floats = NDArray[np.float64]
_WEEK: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekRhythm:
    """The market's own ups and downs: what a day weighs by its weekday, Monday first, and the means over a week.

    `impressions` are for the same money, `purchases` for the same people; means are weighted by what they multiply.
    """

    impressions: tuple[float, ...]
    purchases: tuple[float, ...]
    mean_cpm: float
    mean_ctr: float
    mean_cvr: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdDays:
    """One row per ad and day that had any figure, ordered by ad and day; money in minor units."""

    ad: Ints
    day: Ints
    impressions: Ints
    clicks: Ints
    link_clicks: Ints
    spend: Ints
    purchases: Ints
    value: Ints


def week_rhythm(calendar: Calendar, *, around_day: int) -> WeekRhythm:
    """Return the rhythm of the week that starts on a day."""
    impressions, clicks, purchases = [0.0] * _WEEK, [0.0] * _WEEK, [0.0] * _WEEK
    for day in range(around_day, around_day + _WEEK):
        first, end = calendar.hours_of_day(day)
        cells = [calendar.cell(hour) for hour in range(first, end)]
        weekday = (day - 1) % _WEEK  # ordinal 1 was a Monday
        impressions[weekday] = sum(cell.share / cell.cpm for cell in cells)
        clicks[weekday] = sum(cell.share / cell.cpm * cell.ctr for cell in cells)
        purchases[weekday] = sum(cell.share / cell.cpm * cell.ctr * cell.cvr for cell in cells)
    return WeekRhythm(
        impressions=tuple(impressions),
        purchases=tuple(purchases),
        mean_cpm=_WEEK / sum(impressions),
        mean_ctr=sum(clicks) / sum(impressions),
        mean_cvr=sum(purchases) / sum(clicks),
    )


def apportion(total: int, weights: Floats) -> Ints:
    """Split a whole number by weights with the largest remainders; equal remainders go to the earlier day.

    Weights must not be negative; where all are zero they count as equal. Each part is less than 1 from its exact share.
    """
    weights = weights if weights.any() else np.ones(len(weights))
    exact: Floats = weights / weights.sum() * total
    parts: Ints = np.floor(exact).astype(np.int64)
    missing = total - int(parts.sum())
    if missing:
        order = np.argsort(-(exact - parts), kind="stable")
        parts[order[:missing]] += 1
    return parts


def apportion_within(total: int, weights: Floats, room: Ints) -> Ints:
    """Split as `apportion` does, but no part above its room; what is over goes to the days with most room left.

    Raises:
        ValueError: the room does not hold the total.
    """
    if total > int(room.sum()):
        raise ValueError(f"{total} do not fit into {int(room.sum())}")
    parts: Ints = np.minimum(apportion(total, weights), room)
    missing = total - int(parts.sum())
    while missing:
        left = room - parts
        day = int(np.argmax(left))
        step = min(missing, max(1, int(left[day] // 2)))
        parts[day] += step
        missing -= step
    return parts


def spread(rows: Rows, rhythm: WeekRhythm) -> AdDays:
    """Return the rows by day: those of one day as they are, longer ones spread."""
    single = rows.first == rows.last
    parts = [
        np.stack([
            rows.ad, rows.first, rows.impressions, rows.clicks, rows.link_clicks, rows.spend, rows.purchases, rows.value
        ])[:, single]
    ]  # fmt: skip
    parts += [_spread_row(rows, index, rhythm) for index in np.nonzero(~single)[0].tolist()]
    table = np.concatenate(parts, axis=1)
    table = table[:, table[2:].any(axis=0)]
    ad, day, impressions, clicks, link_clicks, spend, purchases, value = table[:, np.lexsort((table[1], table[0]))]
    return AdDays(
        ad=ad, day=day, impressions=impressions, clicks=clicks, link_clicks=link_clicks, spend=spend,
        purchases=purchases, value=value,
    )  # fmt: skip


def _spread_row(rows: Rows, index: int, rhythm: WeekRhythm) -> Ints:
    days = np.arange(rows.first[index], rows.last[index] + 1)
    weekday = (days - 1) % _WEEK
    seen, bought = np.array(rhythm.impressions)[weekday], np.array(rhythm.purchases)[weekday]
    impressions = apportion(int(rows.impressions[index]), seen)
    clicks = _fit_into(int(rows.clicks[index]), seen, impressions)
    link_room = clicks if rows.link_clicks[index] <= rows.clicks[index] else impressions
    link_clicks = _fit_into(int(rows.link_clicks[index]), seen, link_room)
    purchases = apportion(int(rows.purchases[index]), bought)
    return np.stack([
        np.full(len(days), rows.ad[index]), days, impressions, clicks, link_clicks,
        apportion(int(rows.spend[index]), (impressions > 0).astype(np.float64)), purchases,
        apportion(int(rows.value[index]), purchases.astype(np.float64)),
    ])  # fmt: skip


def _fit_into(total: int, weights: Floats, room: Ints) -> Ints:
    """Split within the room where it holds the total; clicks that came late may be more than impressions."""
    return apportion_within(total, weights, room) if total <= int(room.sum()) else apportion(total, weights)
