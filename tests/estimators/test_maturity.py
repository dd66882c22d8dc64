"""How purchases arrive by age: learnt from what cohorts have seen, held to the assumed curve, never broken by data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from domain.errors import BadInputError
from domain.panel import MaturityCurve
from estimators.maturity import PRIOR, learn, shares
from sandbox.market.purchases import _ARRIVED_HOURS, _ARRIVED_SHARE

AGES = 29


def cohorts(share, *, size=100_000, days=40):
    """Cohorts of equal size that arrive exactly as `share` says, read as the collector reads."""
    ages = np.arange(days, 0, -1)
    reached = np.where(ages > 1, ages, 0)
    known = np.round(size * share[None, :] * np.ones((days, 1)))
    known = np.where(np.arange(AGES)[None, :] <= np.maximum(ages, 1)[:, None], known, 0)
    arrived = np.diff(known, axis=1, prepend=0).astype(np.int64)
    arrived[:, 1] += arrived[:, 0]
    arrived[:, 0] = 0
    return np.where(np.arange(AGES)[None, :] <= np.maximum(ages, 1)[:, None], arrived, 0), reached


def test_without_cohorts_the_assumed_curve_stands():
    empty = learn(np.zeros((0, AGES), np.int64), np.zeros(0, np.int64))
    assert np.allclose(empty.share, PRIOR.share)
    assert empty.cohorts == 0
    one_day = learn(np.array([[0, 50]]), np.array([0]))
    assert np.allclose(one_day.share, PRIOR.share)


def test_the_assumed_curve_is_that_of_the_market_by_the_end_of_each_day():
    """55 % after 24 h, 75 % after 3 days, 95 % after 7: of clicks spread over the day, a little earlier each."""
    assert PRIOR.share[0] == pytest.approx(0.30, abs=0.03)
    assert PRIOR.share[1] == pytest.approx(0.59, abs=0.02)
    assert PRIOR.share[1] == PRIOR.share[2]  # older days are read once, as a new day begins
    assert PRIOR.share[8] == pytest.approx(0.95, abs=0.01)
    assert PRIOR.share[-1] == 1.0
    midday = np.interp(24 + 12, _ARRIVED_HOURS, _ARRIVED_SHARE)
    assert PRIOR.share[1] == pytest.approx(float(midday), abs=0.03)


def test_many_purchases_teach_another_curve_and_young_cohorts_help():
    quick = np.minimum(1.0, 0.8 + 0.02 * np.arange(AGES))
    found = learn(*cohorts(quick))
    assert np.allclose(found.share[1:], quick[1:], atol=0.005)
    young = learn(*cohorts(quick, days=10))  # none of them is 28 days old
    assert np.allclose(young.share[1:9] / young.share[9], quick[1:9] / quick[9], atol=0.01)


def test_few_purchases_leave_the_curve_near_the_assumed_one():
    """2 purchases a day over 40 days: 78 seen at ages 1 and 2 weigh against 200 assumed ones."""
    quick = np.ones(AGES)
    found = learn(*cohorts(quick, size=2))
    assert 0.59 < found.share[1] < 0.80
    assert learn(*cohorts(quick, size=2), strength=1.0).share[1] > 0.95


def test_purchases_taken_back_never_make_the_curve_fall_or_rise_above_one():
    arrived, reached = cohorts(PRIOR.share)
    arrived[:, 9] = -60_000
    found = learn(arrived, reached)
    assert (np.diff(found.share) >= 0).all()
    assert found.share[-1] == 1.0
    assert found.share.min() > 0


def test_yesterday_lies_between_the_day_itself_and_its_next():
    curve = MaturityCurve(share=np.array([0.2, 0.6, 0.6, 1.0]), cohorts=1.0)
    assert shares(curve, np.array([3, 2, 1]), 0.25) == pytest.approx([1.0, 0.6, 0.3])
    assert shares(curve, np.array([90, 1]), float("nan")) == pytest.approx([1.0, 0.6])


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(BadInputError, match="cohorts"):
        learn(np.zeros((3, AGES), np.int64), np.zeros(2, np.int64))


@given(
    arrived=arrays(np.int64, (6, AGES), elements=st.integers(-(10**9), 10**9)),
    reached=arrays(np.int64, (6,), elements=st.integers(0, 60)),
)
@settings(max_examples=30, deadline=None)
def test_whatever_is_reported_the_curve_is_one(arrived, reached):
    found = learn(arrived, reached)
    assert np.isfinite(found.share).all()
    assert (found.share > 0).all()
    assert (np.diff(found.share) >= 0).all()
    assert found.share[-1] == 1.0
