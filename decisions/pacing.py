"""Where the account's spend stands against its day, week and month, and where each of them will end. Pure.

That a platform spends up to 1.75 times a daily budget on a day is normal; seven times in a Sunday-Saturday week is not
exceeded (facts/domain.md 2a). What is set: active daily budgets, and the account's month budget.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.live import HourGrid
from estimators.day_pace import OVERSPEND, UNDER, DayProfile, Projection, elapsed_share, ending, project_day

UNDER_MONTH = 0.90
_DAY = timedelta(days=1)
_FEW_DAYS = 3
_LEVEL_DAYS = 7
_TODAYS_WEIGHT = 0.3  # of today in what the days after it are expected to be, once today is over

Amount = Callable[[int], str]  # minor units as people read them, without the currency


class Pace(StrEnum):
    """How a span goes."""

    UNDER = "under"
    ON = "on"
    OVER = "over"
    NO_TARGET = "no target"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanPace:
    """One span: `target_minor` None = none is set. `words` are a sentence without a full stop."""

    name: str  # "day", "week", "month"
    begins_on: date
    ends_on: date
    target_minor: int | None
    spent_minor: int
    expected_minor: int | None  # by now, at an even pace of the account's own days
    projected_minor: int
    low_minor: int
    high_minor: int
    pace: Pace
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The account as it stands: spend is as arrived by `as_of`, targets are the sums of active daily budgets."""

    day: date
    zone: str
    as_of: datetime
    grid: HourGrid
    daily_budgets_minor: int  # 0 = none is known
    day_targets: Mapping[date, int]  # of earlier days, as far as they were noted
    month_budget_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What all spans are made of."""

    standing: Standing
    profile: DayProfile
    elapsed: float
    today: Projection
    after_minor: float  # what a day after today is expected to cost
    amount: Amount


def expected_day(profile: DayProfile, standing: Standing) -> float:
    """Return what a day is expected to cost: days lately, moved as the budgets were; without days, the budgets."""
    budgets = float(standing.daily_budgets_minor)
    if profile.day_minor <= 0:
        return budgets
    known = [standing.day_targets.get(standing.day - n * _DAY, 0) for n in range(1, _LEVEL_DAYS + 1)]
    known = [target for target in known if target > 0]
    moved = min(2.0, max(0.5, budgets * len(known) / sum(known))) if len(known) >= _FEW_DAYS and budgets > 0 else 1.0
    level = profile.day_minor * moved
    return min(level, OVERSPEND * budgets) if budgets > 0 else level


def spans(standing: Standing, profile: DayProfile, *, amount: Amount) -> tuple[SpanPace, ...]:
    """Say of day, Sunday-Saturday week and calendar month what is spent, what was expected, and where they will end."""
    elapsed = elapsed_share(profile, zone=standing.zone, day=standing.day, as_of=standing.as_of)
    budgets, level = standing.daily_budgets_minor, expected_day(profile, standing)
    spent = _spent(standing, standing.day, standing.day)
    most = OVERSPEND * budgets if budgets > 0 else math.inf
    today = project_day(profile, spent_minor=spent, elapsed=elapsed, expected_minor=level, most_minor=most)
    after = level + _TODAYS_WEIGHT * elapsed * (today.mean_minor - level)
    after = min(after, budgets) if budgets > 0 else after  # days beyond their budget are made up for within the week
    parts = _Parts(standing=standing, profile=profile, elapsed=elapsed, today=today, after_minor=after, amount=amount)
    sunday = standing.day - timedelta(days=(standing.day.weekday() + 1) % 7)
    first = standing.day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - _DAY
    return (
        _span(parts, "day", standing.day, standing.day),
        _span(parts, "week", sunday, sunday + 6 * _DAY),
        _span(parts, "month", first, last),
    )


def _span(parts: _Parts, name: str, begins_on: date, ends_on: date) -> SpanPace:
    standing, day = parts.standing, parts.standing.day
    before = _spent(standing, begins_on, day - _DAY)
    spent = before + _spent(standing, day, day)
    coming = (ends_on - day).days
    end = _end(parts, before, coming)
    target, expected = _target(parts, name, begins_on, ends_on)
    span = SpanPace(
        name=name,
        begins_on=begins_on,
        ends_on=ends_on,
        target_minor=target,
        spent_minor=round(spent),
        expected_minor=None if expected is None else round(expected),
        projected_minor=round(end.mean_minor),
        low_minor=round(end.low_minor),
        high_minor=round(end.high_minor),
        pace=_pace(name, target, end),
        words="",
    )
    return replace(span, words=_words(parts, span, coming))


def _end(parts: _Parts, before: float, coming: int) -> Projection:
    """Add the days to come to today's end: each scatters, and how large they are is not known for certain either."""
    if coming <= 0 and before <= 0:
        return parts.today
    today, profile = parts.today, parts.profile
    spent = before + _spent(parts.standing, parts.standing.day, parts.standing.day)
    rest = max(0.0, before + today.mean_minor - spent) + coming * parts.after_minor
    own = (profile.cv * parts.after_minor) ** 2
    variance = today.variance + coming * own + coming**2 * own / (min(profile.days, _LEVEL_DAYS) + 1)
    return ending(spent, rest, variance)


def _target(parts: _Parts, name: str, begins_on: date, ends_on: date) -> tuple[int | None, float | None]:
    """Return what may be spent in the span, and how much of it an even pace has spent by now."""
    standing, budgets = parts.standing, parts.standing.daily_budgets_minor
    gone = (standing.day - begins_on).days
    if name == "month":
        budget = standing.month_budget_minor
        days = (ends_on - begins_on).days + 1
        return budget, None if budget is None else budget * (gone + parts.elapsed) / days
    if budgets <= 0:
        return None, None
    passed = [_target_of(standing, begins_on + n * _DAY) for n in range(gone)]
    coming = (ends_on - standing.day).days
    return sum(passed) + budgets * (1 + coming), sum(passed) + budgets * parts.elapsed


def _target_of(standing: Standing, day: date) -> int:
    """Return what budgets were on a day before; where nobody noted them, no less than what was spent."""
    known = standing.day_targets.get(day, 0)
    return known or max(standing.daily_budgets_minor, round(_spent(standing, day, day)))


def _pace(name: str, target: int | None, end: Projection) -> Pace:
    """Over and under only where the whole interval says so; a day may be 1.75 times its budget."""
    if target is None:
        return Pace.NO_TARGET
    most = OVERSPEND * target if name == "day" else target
    if end.low_minor > most:
        return Pace.OVER
    return Pace.UNDER if end.high_minor < (UNDER_MONTH if name == "month" else UNDER) * target else Pace.ON


def _words(parts: _Parts, span: SpanPace, coming: int) -> str:
    amount, when = parts.amount, {"day": "today", "week": "this week", "month": "this month"}[span.name]
    ends = f"{amount(span.projected_minor)} ({amount(span.low_minor)} to {amount(span.high_minor)})"
    told, target = f"{amount(span.spent_minor)} spent {when}, likely {ends} at its end", span.target_minor
    if target is None:
        return f"{told}; no {'month budget' if span.name == 'month' else 'daily budget'} is set"
    told = f"{told}, against {amount(target)}"
    if span.name == "day" and span.pace is Pace.ON and span.projected_minor > target:
        return f"{told}; above the budgets, as the platform may on a day: up to {OVERSPEND:g} times, 7 times a week"
    if span.name == "month" and span.pace is not Pace.ON:
        left = max(0, target - span.spent_minor) / (coming + 1 - min(parts.elapsed, 0.99))
        return f"{told}: {span.pace} pace; {amount(round(left))} a day from here on would meet it"
    return f"{told}: {span.pace} pace"


def _spent(standing: Standing, since: date, until: date) -> float:
    first = max(0, (since - standing.grid.first_on).days)
    last = (until - standing.grid.first_on).days + 1
    if last <= first:
        return 0.0
    return max(0.0, float(standing.grid.spend_minor[first:last].sum()))
