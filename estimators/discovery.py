"""False discoveries among many tests at once, and how the allowance of a day is spent over its looks."""

import numpy as np

from domain.snapshot import Bools, Floats

LOOKS_A_DAY = 6  # independent ones: of 24 hourly looks at windows of hours, neighbours see much the same


def q_values(p_values: Floats, tests: int | None = None) -> Floats:
    """Return for each test the smallest false-discovery rate at which it would be told (Benjamini and Hochberg 1995).

    `tests` may count more than are given, where those left out are known to have p = 1.
    """
    p = np.clip(np.nan_to_num(np.asarray(p_values, dtype=np.float64), nan=1.0), 0.0, 1.0)
    total = max(tests or 0, p.size)
    if not p.size:
        return p
    order = np.argsort(p, kind="stable")
    raw = p[order] * total / np.arange(1, p.size + 1)
    found = np.empty_like(p)
    found[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return found


def discoveries(p_values: Floats, rate: float, tests: int | None = None) -> Bools:
    """Return which tests are told so that at most `rate` of the told ones are expected to be false."""
    told: Bools = q_values(p_values, tests) <= rate
    return told


def rate_of_a_look(rate_of_a_day: float, looks: int = LOOKS_A_DAY) -> float:
    """Return the rate of each of a day's looks, so that a day without any anomaly stays silent with about 1 - its rate.

    Where nothing is wrong every discovery is false, and looks add up: the day's allowance is divided among them. How
    many count is an assumption, so that the day's rate is measured (benchmarks/decisions/anomalies.py), not guaranteed.
    """
    return rate_of_a_day / max(1, looks)
