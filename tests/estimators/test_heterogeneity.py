"""Whether rates differ at all."""

import numpy as np
import pytest

from estimators.heterogeneity import differ, holm


@pytest.mark.parametrize(("total", "groups"), [(30, 6), (200, 40), (2000, 5)])
def test_equal_rates_are_told_apart_about_as_often_as_allowed(total, groups):
    rng = np.random.default_rng(11)
    share = rng.dirichlet(np.full(groups, 2.0))
    told = [differ(rng.multinomial(total, share), share, np.arange(groups)) < 0.05 for _ in range(1500)]
    assert np.mean(told) < 0.075


def test_rates_that_differ_by_a_half_are_told_apart():
    rng = np.random.default_rng(11)
    rates = np.array([100.0, 100.0, 150.0, 150.0])
    told = [differ(rng.poisson(rates), np.ones(4), np.arange(4)) < 0.05 for _ in range(200)]
    assert np.mean(told) > 0.95


def test_overdispersion_is_not_taken_for_a_difference():
    rng = np.random.default_rng(11)
    counts = [3 * rng.poisson(50.0, 10) for _ in range(800)]  # variance three times the mean
    assert np.mean([differ(row, np.ones(10), np.arange(10)) < 0.05 for row in counts]) > 0.5
    assert np.mean([differ(row, np.ones(10), np.arange(10), dispersion=3.0) < 0.05 for row in counts]) < 0.075


@pytest.mark.parametrize("counts", [[], [5], [0, 0], [1, 0]])
def test_too_little_to_differ_is_equal(counts):
    assert differ(np.array(counts, np.int64), np.ones(len(counts)), np.arange(len(counts))) == 1.0


def test_asking_more_often_costs():
    assert holm(np.array([0.01, 0.2])) == pytest.approx(0.02)
    assert holm(np.array([])) == 1.0
