"""Forecasts: the account's drift is learnt and damped, few orders leave room for none, and all is a number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.actions import ObjectKind
from domain.evidence import RoasFrame
from estimators.forecast import NO_PACE, Pace, forecast, learn_pace

AGES = np.arange(28, 0, -1)


def frame(median, sd, n=1):
    real = np.full(n, 1.0)
    return RoasFrame(
        kind=ObjectKind.AD_SET, object_id=np.array([str(i) for i in range(n)]), spend_minor=real, purchases=real,
        maturity=real, now=real, log_median=np.full(n, np.log(median)), log_sd=np.full(n, sd),
    )  # fmt: skip


def ahead(median, sd, spend, *, pace=NO_PACE, order=5_000.0):
    return forecast(
        frame(median, sd), np.array([spend]), np.array([order]), order_cv2=0.2, pace=pace, days=7
    )  # fmt: skip


def test_a_falling_account_is_told_as_falling_but_less_than_seen():
    exposure = np.full((1, 28), 1_000.0)
    purchases = np.round(1_000 * np.exp(0.02 * (AGES - 14))).astype(np.int64)[None, :]
    pace = learn_pace(purchases, exposure, AGES)
    assert -0.02 < pace.slope < -0.014
    flat = learn_pace(np.full((1, 28), 1_000), exposure, AGES)
    assert flat.slope == pytest.approx(0, abs=1e-6)
    assert flat.day_cv < 0.08


def test_too_few_days_tell_no_drift():
    pace = learn_pace(np.array([[3, 5]]), np.array([[100.0, 100.0]]), np.array([2, 1]))
    assert (pace.slope, pace.day_cv) == (0.0, 0.08)
    none = learn_pace(np.zeros((2, 28), np.int64), np.zeros((2, 28)), AGES)
    assert none.slope == 0.0


def test_money_brings_roas_times_spend_and_the_interval_is_wider_for_fewer_orders():
    small, large = ahead(2.0, 0.1, 5_000), ahead(2.0, 0.1, 500_000)
    for found in (small, large):
        assert found.revenue_minor == pytest.approx(found.spend_minor * found.roas)
        assert found.roas_low < found.roas < found.roas_high
    assert (small.roas_high - small.roas_low) > 1.5 * (large.roas_high - large.roas_low)
    assert large.roas[0] == pytest.approx(2.0, rel=0.02)


def test_where_an_order_is_unlikely_the_interval_begins_at_nothing():
    """7 x 100 of spend at ROAS 1 against orders of 5,000: one week in seven has one."""
    found = ahead(1.0, 0.1, 100)
    assert found.roas_low == 0
    assert found.roas_high > found.roas


def test_what_is_off_spends_and_brings_nothing():
    found = ahead(2.0, 0.1, 0.0)
    assert (found.spend_minor[0], found.revenue_minor[0], found.revenue_high_minor[0]) == (0, 0, 0)
    assert found.roas[0] > 0


def test_the_drift_moves_the_forecast():
    falling = Pace(slope=-0.02, slope_sd=0.0, day_cv=0.08)
    assert ahead(2.0, 0.1, 1e5, pace=falling).roas[0] == pytest.approx(2.0 * np.exp(0.005 - 0.08), rel=0.01)


@given(median=st.floats(1e-12, 1e12), sd=st.floats(1e-6, 12), spend=st.floats(0, 1e12), order=st.floats(0, 1e12))
@settings(max_examples=60, deadline=None)
def test_whatever_goes_in_numbers_come_out(median, sd, spend, order):
    found = ahead(median, sd, spend, order=order)
    for values in (found.roas, found.roas_low, found.roas_high, found.revenue_minor):
        assert np.isfinite(values).all()
    assert (found.roas_low >= 0).all()
    assert (found.roas_low <= found.roas_high).all()


def test_spends_that_are_no_numbers_count_as_none():
    assert ahead(2.0, 0.1, float("nan")).spend_minor[0] == 0
