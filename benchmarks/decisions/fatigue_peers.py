"""Other ways to tell that an ad tires, each from clicks and impressions of its days; first alarm by ad, -1 = none."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from scipy.special import betainc

from benchmarks.decisions.fatigue_cases import LIMIT, Case
from domain.snapshot import Bools, Floats, Ints

_WEEK: Final = 7


def classic(case: Case) -> Ints:
    """The requirements' rule: a day's click rate under 0.7 of that of the 7 days before."""
    before = _rolled(case.clicks, _WEEK) / np.maximum(_rolled(case.impressions, _WEEK), 1)
    before = np.roll(before, 1, axis=1)
    before[:, 0] = np.nan
    return first_true(case.clicks / np.maximum(case.impressions, 1) < LIMIT * before)


def pooled_days(case: Case) -> Ints:
    """Three days together against the first seven."""
    rate = _rolled(case.clicks, 3) / np.maximum(_rolled(case.impressions, 3), 1)
    return first_true(_after_first_week(rate < LIMIT * _first(case)[:, None], by=3))


def cusum(case: Case) -> Ints:
    """Plain Poisson CUSUM against the first seven days: r = 0.65, h = 5, phi = 1 + 0.03 x mean."""
    ratio, limit = 0.65, 5.0
    rate = _first(case)
    score, alarms = np.zeros(len(rate)), np.zeros(case.clicks.shape, np.bool_)
    for day in range(_WEEK, case.clicks.shape[1]):
        mean = case.impressions[:, day] * rate
        score = np.maximum(0.0, score + (case.clicks[:, day] * np.log(ratio) + mean * (1 - ratio)) / (1 + 0.03 * mean))
        alarms[:, day] = score > limit
    return first_true(alarms)


def bayes_ratio(case: Case, sure: float) -> Ints:
    """P(three days' rate < 0.8 of the first week's), with a day index of all mates and overdispersion."""
    below = 0.8
    clicks = case.clicks.astype(np.float64)
    expected = case.impressions * _first(case)[:, None]
    seen = case.impressions * _day_index(case, clicks, expected)
    late, late_seen = _rolled(clicks, 3), _rolled(seen, 3)
    early, early_seen = clicks[:, :_WEEK].sum(1), seen[:, :_WEEK].sum(1)
    phi, early_phi = 1 + 0.03 * late / 3, (1 + 0.03 * early / _WEEK)[:, None]
    a, b = late / phi + 0.5, early[:, None] / early_phi + 0.5
    share = below * (late_seen / phi) / np.maximum(below * (late_seen / phi) + early_seen[:, None] / early_phi, 1e-9)
    certain = betainc(a, np.broadcast_to(b, a.shape), np.clip(share, 0, 1))
    return first_true(_after_first_week(np.nan_to_num(certain) > sure, by=3))


PEERS: Final[Mapping[str, Callable[[Case], Ints]]] = {
    "classic: a day < 0.7 x the 7 before": classic,
    "3 days pooled < 0.7 x first 7": pooled_days,
    "plain CUSUM (r 0.65, h 5)": cusum,
    "Bayes ratio, P > 0.9": lambda case: bayes_ratio(case, 0.9),
    "Bayes ratio, P > 0.8": lambda case: bayes_ratio(case, 0.8),
}


def first_true(alarms: Bools) -> Ints:
    """Return the first day of each row that is true, -1 = none."""
    return np.where(alarms.any(1), alarms.argmax(1), -1).astype(np.int64)


def _day_index(case: Case, clicks: Floats, expected: Floats) -> Floats:
    accounts = int(case.account.max()) + 1
    got, wanted = np.zeros((accounts, clicks.shape[1])), np.zeros((accounts, clicks.shape[1]))
    np.add.at(got, case.account, clicks)
    np.add.at(wanted, case.account, expected)
    index: Floats = np.clip(got / np.maximum(wanted, 1), 0.85, 1.15)[case.account]
    return index


def _first(case: Case) -> Floats:
    rate: Floats = case.clicks[:, :_WEEK].sum(1) / np.maximum(case.impressions[:, :_WEEK].sum(1), 1)
    return rate


def _after_first_week(alarms: Bools, *, by: int) -> Bools:
    alarms[:, : _WEEK + by - 1] = False
    return alarms


def _rolled(values: Ints | Floats, days: int) -> Floats:
    total = np.cumsum(np.pad(values.astype(np.float64), ((0, 0), (1, 0))), axis=1)
    out = np.full(values.shape, np.nan)
    out[:, days - 1 :] = total[:, days:] - total[:, :-days]
    return out
