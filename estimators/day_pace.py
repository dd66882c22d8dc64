"""How much of a day's spend is over by now, and where the day will end. Pure; money is plain numbers here.

A day is a gamma prior (what days were like) updated by what is spent so far, at the usual share of the day by then;
hours scatter more than counts do, by a dispersion learnt from the same hours. Days of 23 and 25 hours are measured in
real time.
"""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from scipy.special import gammaincinv

from domain.errors import BadInputError
from domain.live import HOURS_A_DAY, HourGrid
from domain.snapshot import Bools, Floats, Ints

HISTORY_DAYS = 28
OVERSPEND = 1.75  # what platforms may spend of a daily budget on a day (facts/domain.md 2a)
LOW, HIGH = 0.1, 0.9  # quantiles of the interval told: 80 %
UNDER = 0.85  # platforms leave some of a budget unspent without anything being wrong
_HALF_LIFE_DAYS = 14.0
_LEVEL_DAYS = 7
_USUAL_CV, _CV_DAYS = 0.25, 4.0  # of a day's spend where little is known, and how many days that counts for
_CV_RANGE = (0.05, 1.0)
_USUAL_DISPERSION, _DISPERSION_CELLS = 0.01, 48.0  # of a day's spend; and how many hours that counts for
_STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayProfile:
    """What days of the account are like. `dispersion` is the variance of an hour's spend over its mean, minor units."""

    share: Floats  # (24,): of a day's spend by hour, sums to 1
    day_minor: float  # a day's spend lately; 0 = not known
    cv: float  # of a day's spend from one day to the next
    dispersion: float
    days: int  # complete days with spend that it rests on


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What will have been spent at the end."""

    mean_minor: float
    variance: float
    low_minor: float
    high_minor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPaces:
    """Of n objects with daily budgets: where today will end. Over = beyond what the platform may spend on a day."""

    projected_minor: Floats
    low_minor: Floats
    high_minor: Floats
    is_over: Bools
    is_under: Bools


def profile_of(grid: HourGrid, *, today: date) -> DayProfile:
    """Learn what days are like from the complete days before `today`; without any, an even day of unknown size."""
    first = max(0, (today - grid.first_on).days - HISTORY_DAYS)
    spend = np.clip(grid.spend_minor[first : max(0, (today - grid.first_on).days)], 0.0, None)
    if not np.isfinite(spend).all():
        raise BadInputError("an hour of the account has a spend that is no number")
    totals = spend.sum(axis=1)
    spend, totals, age = spend[totals > 0], totals[totals > 0], np.arange(len(totals), 0, -1)[totals > 0]
    even = np.full(HOURS_A_DAY, 1.0 / HOURS_A_DAY)
    if not len(totals):
        return DayProfile(share=even, day_minor=0.0, cv=_USUAL_CV, dispersion=1.0, days=0)
    weight = 0.5 ** (age / _HALF_LIFE_DAYS)
    by_day = spend / totals[:, None]
    share = (weight @ by_day + even) / (weight.sum() + 1.0)
    level = float(totals[-_LEVEL_DAYS:].mean())
    return DayProfile(
        share=share, day_minor=level, cv=_cv(totals), dispersion=_dispersion(spend, totals, share), days=len(totals)
    )


def elapsed_share(profile: DayProfile, *, zone: str, day: date, as_of: datetime) -> float:
    """Return the share of the day's spend that is usual by `as_of`; a doubled hour counts twice, a missing one not."""
    tz = ZoneInfo(zone)
    start = datetime.combine(day, time(), tzinfo=tz).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=tz).astimezone(UTC)
    done = whole = 0.0
    at = start
    while at < end:  # at most 100 steps
        share = float(profile.share[at.astimezone(tz).hour])
        whole += share
        done += share * min(1.0, max(0.0, (as_of - at) / _STEP))
        at += _STEP
    return done / whole


def project_day(
    profile: DayProfile, *, spent_minor: float, elapsed: float, expected_minor: float, most_minor: float = math.inf
) -> Projection:
    """Return where the day will end; `most_minor` is what the platform will not go beyond.

    Gamma prior of mean `expected_minor` and the profile's scatter; spend of the share `elapsed` as its count.
    """
    spent, left = max(0.0, spent_minor), 1.0 - min(1.0, max(0.0, elapsed))
    if expected_minor <= 0 and spent <= 0:
        return Projection(mean_minor=0.0, variance=0.0, low_minor=0.0, high_minor=0.0)
    prior = expected_minor if expected_minor > 0 else spent / max(1.0 - left, 1.0 / HOURS_A_DAY)
    prior = max(prior, 1.0)  # no day costs less than a minor unit
    shape = 1.0 / profile.cv**2 + spent / profile.dispersion
    rate = 1.0 / (profile.cv**2 * prior) + (1.0 - left) / profile.dispersion
    day = shape / rate
    mean = left * day
    variance = left * left * shape / rate**2 + profile.dispersion * left * day
    return ending(spent, mean, variance, most_minor)


def pace_objects(spent_minor: Ints, daily_budget_minor: Ints, elapsed: float, *, cv: float = 0.4) -> ObjectPaces:
    """Say where today will end for objects with daily budgets; a budget of 0 or less has no pace.

    The prior is the budget itself, which the platform spends in full as a rule, give or take `cv`.
    """
    spent = np.clip(spent_minor.astype(np.float64), 0.0, None)
    budget = np.clip(daily_budget_minor.astype(np.float64), 0.0, None)
    has, safe = budget > 0, np.where(budget > 0, budget, 1.0)
    left = 1.0 - min(1.0, max(0.0, elapsed))
    dispersion = np.maximum(1.0, _USUAL_DISPERSION * 4.0 * safe)  # one object scatters more than an account
    shape = 1.0 / cv**2 + spent / dispersion
    rate = 1.0 / (cv**2 * safe) + (1.0 - left) / dispersion
    day = shape / rate
    mean, variance = left * day, left * left * shape / rate**2 + dispersion * left * day
    most = np.maximum(spent, OVERSPEND * budget)
    low, high = (np.minimum(spent + _gamma(mean, variance, q), most) for q in (LOW, HIGH))
    low, high = np.where(has, low, spent), np.where(has, high, spent)
    return ObjectPaces(
        projected_minor=np.where(has, np.minimum(spent + mean, most), spent),
        low_minor=low,
        high_minor=high,
        is_over=has & (spent > OVERSPEND * budget),
        is_under=has & (high < UNDER * budget),
    )


def ending(spent: float, mean: float, variance: float, most: float = math.inf) -> Projection:
    """Return the end of a span of which `mean` give or take `variance` is still to come, never beyond `most`."""
    most = max(spent, most)
    low, high = (float(_gamma(np.array([mean]), np.array([variance]), q)[0]) for q in (LOW, HIGH))
    return Projection(
        mean_minor=min(spent + mean, most),
        variance=variance,
        low_minor=min(spent + low, most),
        high_minor=min(spent + high, most),
    )


def _gamma(mean: Floats, variance: Floats, quantile: float) -> Floats:
    """Quantile of a gamma of these moments; nothing where nothing is to come."""
    has = (mean > 0) & (variance > 0)
    safe_mean, safe_variance = np.where(has, mean, 1.0), np.where(has, variance, 1.0)
    shape = safe_mean**2 / safe_variance
    found = gammaincinv(shape, quantile) * safe_variance / safe_mean
    return np.where(has, found, np.maximum(mean, 0.0))


def _cv(totals: Floats) -> float:
    """Scatter of days, drawn towards the usual where days are few."""
    n = len(totals)
    own = float(totals.var()) / float(totals.mean()) ** 2 if n > 1 else 0.0
    pooled = (own * n + _USUAL_CV**2 * _CV_DAYS) / (n + _CV_DAYS)
    return min(_CV_RANGE[1], max(_CV_RANGE[0], math.sqrt(pooled)))


def _dispersion(spend: Floats, totals: Floats, share: Floats) -> float:
    """Variance of an hour over its mean, drawn towards a hundredth of a day; at least one minor unit."""
    mean = totals[:, None] * share
    own = float(((spend - mean) ** 2 / np.maximum(mean, 1e-9)).sum())
    cells = spend.size
    return max(1.0, (own + _DISPERSION_CELLS * _USUAL_DISPERSION * float(totals.mean())) / (cells + _DISPERSION_CELLS))
