"""What the coming days will bring if nothing is changed: revenue and ROAS once matured, with an interval.

Knows posteriors, daily spends and the account's own pace: how its purchases per spend drift from day to day.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from domain.evidence import RoasFrame
from domain.snapshot import Floats, Ints

LOW, HIGH = 0.10, 0.90  # the interval told
_SLOPE_SD: Final = 0.01  # prior of the drift: a hundredth a day, either way
_SLOPE_MOST: Final = 0.03
_DAY_CV: Final = 0.08  # prior of the noise of days that no single object explains
_PRIOR_DAYS: Final = 10.0
_DAY_CV_MOST: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How an account's purchases per spend move: `slope` a day on the log scale (below 0: falling), and its error."""

    slope: float
    slope_sd: float
    day_cv: float  # of whole days about that line, beyond the chance of counts


NO_PACE: Final = Pace(slope=0.0, slope_sd=0.0, day_cv=_DAY_CV)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Matured ROAS and revenue of the coming days; low and high are the ends of the middle 80 %. Rows as the frame's.

    All of a row is 0 where nothing is expected to be spent, but for its ROAS: that is what money would bring.
    """

    days: int
    spend_minor: Floats
    roas: Floats
    roas_low: Floats
    roas_high: Floats
    revenue_minor: Floats
    revenue_low_minor: Floats
    revenue_high_minor: Floats


def learn_pace(purchases: Ints, exposure: Floats, age_days: Ints) -> Pace:
    """Learn the pace from days of all objects together; `purchases` and `exposure` are (n, d), ages (d,).

    Exposure is spend times the share of purchases that has arrived. Held to no drift and a day's noise of 8 %.
    """
    counts = np.maximum(purchases, 0).sum(axis=0).astype(np.float64)
    exposed = exposure.sum(axis=0)
    is_told = (exposed > 0) & (counts > 0)
    if is_told.sum() < 3 or counts.sum() <= 0:  # noqa: PLR2004 - a line through two days tells nothing
        return Pace(slope=0.0, slope_sd=_SLOPE_SD, day_cv=_DAY_CV)
    level = np.log((counts[is_told] + 0.5) / exposed[is_told])
    age = age_days[is_told].astype(np.float64)
    chance = 1 / (counts[is_told] + 0.5)
    weight = 1 / (chance + _DAY_CV**2)
    middle, height = np.average(age, weights=weight), np.average(level, weights=weight)
    precision = float((weight * (age - middle) ** 2).sum())
    slope = -float((weight * (age - middle) * (level - height)).sum()) / (precision + 1 / _SLOPE_SD**2)
    slope = float(np.clip(slope, -_SLOPE_MOST, _SLOPE_MOST))
    left = (level - height + slope * (age - middle)) ** 2 - chance
    heavy = (_DAY_CV**2 * weight) ** 2
    noise = (float((heavy * left).sum()) + _PRIOR_DAYS * _DAY_CV**2) / (float(heavy.sum()) + _PRIOR_DAYS)
    return Pace(
        slope=slope,
        slope_sd=(precision + 1 / _SLOPE_SD**2) ** -0.5,
        day_cv=float(np.sqrt(np.clip(noise, 1e-4, _DAY_CV_MOST**2))),
    )


def forecast(
    frame: RoasFrame, daily_spend_minor: Floats, order_value_minor: Floats, *, order_cv2: float, pace: Pace,
    days: int = 7,
) -> Forecast:  # fmt: skip
    """Return what the next `days` will bring at these daily spends, the first of them being today.

    Its variance: the posterior's, the chance of so many orders of such values, the days' own noise, and the drift's
    error. The interval leaves room for no order at all; else it is a gamma distribution's of that mean and variance.
    """
    spend = np.maximum(np.nan_to_num(daily_spend_minor, posinf=0.0), 0.0) * days
    ahead = (days + 1) / 2  # days from the last known one to the middle of those to come
    mean = np.exp(frame.log_median + frame.log_sd**2 / 2 + pace.slope * ahead)
    orders = spend * mean / np.maximum(order_value_minor, 1e-9)
    common = np.minimum(np.expm1(frame.log_sd**2), 1e6) + pace.day_cv**2 / days + (pace.slope_sd * ahead) ** 2
    low, high = (mean * part for part in _ends(orders, np.maximum(common, 1e-9), order_cv2))
    return Forecast(
        days=days, spend_minor=spend, roas=mean, roas_low=low, roas_high=high, revenue_minor=mean * spend,
        revenue_low_minor=low * spend, revenue_high_minor=high * spend,
    )  # fmt: skip


def _ends(orders: Floats, common: Floats, order_cv2: float) -> tuple[Floats, Floats]:
    """Return the ends of the interval as multiples of the mean: `orders` are expected, `common` is their rate's cv^2.

    Orders are negative binomial; what some of them are worth together is taken as gamma.
    """
    is_any = orders > 0
    some_orders = np.clip(orders, 1e-6, 1e15)
    sampling = np.where(is_any, (1 + order_cv2) / some_orders, 0.0)
    none = np.where(is_any, np.exp(-np.log1p(common * some_orders) / common), 0.0)
    some = np.maximum(1 - none, 1e-12)
    variance = np.clip((1 + common + sampling) * some - 1, 1e-9, 1e6)  # of the worth of some, by its mean squared
    shape = 1 / variance
    low, high = (
        np.where(none >= p, 0.0, special.gammaincinv(shape, np.clip((p - none) / some, 0, 1)) / (shape * some))
        for p in (LOW, HIGH)
    )
    return low, high
