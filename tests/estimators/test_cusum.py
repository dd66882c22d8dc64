"""The CUSUM: its incremental form, its limits, and where a decline began."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators import cusum


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), mean=st.floats(0, 500), noise=st.floats(0, 0.2))
def test_day_by_day_gives_what_all_days_at_once_give(seed, mean, noise):
    clicks = np.random.default_rng(seed).poisson(mean, (3, 12)).astype(float)
    expected = np.full(clicks.shape, mean)
    at_once = cusum.run(clicks, expected, noise, 0.65)
    score = np.zeros(3)
    for day in range(clicks.shape[1]):
        score = cusum.step(score, clicks[:, day], expected[:, day], noise, 0.65)
        assert score == pytest.approx(at_once[:, day], abs=1e-7)


@pytest.mark.parametrize(("mean", "noise"), [(2.4, 0.02), (12.0, 0.02), (120.0, 0.05)])
def test_limits_keep_false_alarms_of_a_month_where_they_were_asked_to_be(mean, noise):
    """20,000 quiet months of negative-binomial days: 5 % of them, two percentage points at most beside it."""
    (limit,) = cusum.limits(np.array([mean]), noise, 0.65, 0.05)
    rng = np.random.default_rng(3)
    clicks = rng.poisson(mean * rng.gamma(1 / noise, noise, (20_000, cusum.MONTH_DAYS))).astype(float)
    scores = cusum.run(clicks, np.full(clicks.shape, mean), noise, 0.65)
    assert (scores.max(axis=1) > limit).mean() == pytest.approx(0.05, abs=0.02)


def test_fewer_false_alarms_want_a_higher_limit():
    means = np.array([1.0, 10.0, 100.0])
    assert (cusum.limits(means, 0.02, 0.65, 0.01) > cusum.limits(means, 0.02, 0.65, 0.1)).all()


@pytest.mark.parametrize(("ratio", "false_alarms"), [(1.0, 0.05), (0.0, 0.05), (0.65, 0.0), (0.65, 1.0)])
def test_limits_refuse_what_is_no_decline_and_no_chance(ratio, false_alarms):
    with pytest.raises(ValueError, match="between 0 and 1"):
        cusum.limits(np.array([5.0]), 0.02, ratio, false_alarms)


def test_a_decline_began_on_the_first_day_of_the_climb_that_lasts():
    scores = np.array([[0.0, 1.0, 0.0, 2.0, 3.0], [0.0, 1.0, 2.0, 1.0, 0.0], [1.0, 2.0, 3.0, 4.0, 5.0]])
    assert cusum.began(scores).tolist() == [3, -1, 0]


def test_days_on_which_nothing_was_expected_add_nothing():
    assert cusum.increments(np.array([3.0]), np.array([0.0]), 0.02, 0.65).tolist() == [0.0]
