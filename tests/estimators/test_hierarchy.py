"""Rates in a tree: small objects lean on what they belong to, large ones on themselves, and chance is not a spread."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from estimators.hierarchy import shrink, spread_of
from estimators.order_values import order_values, spread_of_orders

NO_PARENTS = ()


def test_a_large_object_keeps_its_own_rate_and_a_small_one_takes_its_parents():
    counts = np.array([9_000.0, 1_000.0, 0.0])
    exposure = np.array([1_000.0, 1_000.0, 0.1])
    found = shrink(counts, exposure, (np.zeros(3, np.int64),), (0.25, 0.1))
    assert found.mean[0] == pytest.approx(9.0, rel=0.01)
    assert found.mean[1] == pytest.approx(1.0, rel=0.02)
    assert 2 < found.mean[2] < 6
    assert found.log_variance[2] > 0.2 > found.log_variance[0]


def test_an_only_child_is_not_counted_twice():
    """100 purchases of one ad alone in its account: its uncertainty is that of 100 purchases, not of twice as many."""
    one = np.zeros(1, np.int64)
    found = shrink(np.array([100.0]), np.array([10.0]), (one, one), (0.25, 0.1, 0.1))
    assert found.mean[0] == pytest.approx(10.0, rel=0.01)
    assert found.log_variance[0] == pytest.approx(1 / 100, rel=0.1)


def test_one_whose_parent_is_unknown_leans_on_the_account():
    counts, exposure = np.array([50.0, 500.0, 0.0]), np.array([50.0, 100.0, 0.0])
    found = shrink(counts, exposure, (np.array([0, 1, -1]), np.array([0, 0])), (0.1, 0.1, 0.1))
    assert found.mean[2] == pytest.approx(found.root, rel=0.01)


def test_the_posterior_covers_the_truth_as_often_as_it_says():
    """400 objects drawn from the very model: 90 % intervals hold 86 to 94 %."""
    dice = np.random.default_rng(5)
    rate = dice.gamma(4.0, 0.25, 400)
    exposure = np.exp(dice.normal(1.0, 1.0, 400))
    counts = dice.poisson(rate * exposure).astype(np.float64)
    found = shrink(counts, exposure, (), (0.25,))
    z = (np.log(rate) - found.log_mean) / np.sqrt(found.log_variance)
    assert 0.86 < np.mean(np.abs(z) < 1.645) < 0.94


def test_the_spread_is_found_and_chance_is_not_taken_for_one():
    dice, parent = np.random.default_rng(3), np.repeat(np.arange(50), 10)
    exposure = np.full(500, 40.0)
    same = spread_of(dice.poisson(exposure).astype(float), exposure, parent, 50, prior=0.25)
    differ = spread_of(dice.poisson(exposure * dice.gamma(4, 0.25, 500)).astype(float), exposure, parent, 50, prior=0.1)
    assert same < 0.02
    assert differ == pytest.approx(0.25, abs=0.06)
    assert spread_of(np.array([5.0]), np.array([2.0]), np.zeros(1, np.int64), 1, prior=0.25) == pytest.approx(0.25)
    assert spread_of(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), 0, prior=0.2) == 0.2


@given(
    counts=arrays(np.float64, 8, elements=st.floats(0, 1e9)),
    exposure=arrays(np.float64, 8, elements=st.floats(0, 1e9)),
    parent=arrays(np.int64, 8, elements=st.integers(-1, 2)),
)
@settings(max_examples=50, deadline=None)
def test_whatever_the_figures_every_posterior_is_a_number(counts, exposure, parent):
    counts = np.where(exposure > 0, counts, 0.0)
    upper = np.array([0, 1, -1])
    spread = spread_of(counts, exposure, parent, 3, prior=0.25)
    found = shrink(counts, exposure, (parent, upper), (spread, 0.1, 0.1))
    for values in (found.mean, found.log_mean, found.log_variance):
        assert np.isfinite(values).all()
    assert (found.mean > 0).all()
    assert (found.log_variance > 0).all()


def test_the_mean_order_of_a_small_object_leans_on_its_parents():
    """One order of 900 against 1,000 orders of 100: nobody believes in 900."""
    value, counts = np.array([900.0, 100_000.0]), np.array([1.0, 1_000.0])
    found = order_values(value, counts, (np.zeros(2, np.int64),), cv2=0.25, fallback_minor=1.0)
    assert 100 < found.mean_minor[0] < 320
    assert found.mean_minor[1] == pytest.approx(100, rel=0.02)
    assert found.log_variance[0] > found.log_variance[1]


def test_without_an_order_its_value_is_a_guess_that_says_so():
    none = order_values(np.zeros(2), np.zeros(2), (), cv2=0.25, fallback_minor=700.0)
    assert none.mean_minor == pytest.approx([700.0, 700.0])
    assert (none.log_variance >= 1.0).all()


def test_the_spread_of_single_orders_is_told_by_days():
    dice = np.random.default_rng(8)
    purchases = dice.poisson(6, (40, 28))
    orders = 5_000 * np.exp(0.35 * dice.standard_normal(purchases.sum()) - 0.35**2 / 2)
    owner = np.repeat(np.arange(purchases.size), purchases.ravel())
    revenue = np.bincount(owner, weights=orders, minlength=purchases.size).reshape(purchases.shape).astype(np.int64)
    assert spread_of_orders(purchases, revenue) == pytest.approx(np.expm1(0.35**2), rel=0.15)
    assert spread_of_orders(np.zeros((3, 5), np.int64), np.zeros((3, 5), np.int64)) == pytest.approx(0.25)
    assert np.isfinite(spread_of_orders(np.array([[3, -1]]), np.array([[-500, 10]])))
