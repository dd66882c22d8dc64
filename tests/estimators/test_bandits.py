"""Whom to try next: the chance of being best, what a wrong pick costs, and shares."""

import numpy as np
import pytest

from estimators.additive_prior import Rates
from estimators.bandits import (
    best_probability,
    choose_top_two,
    draw_rates,
    expected_loss,
    top_two_shares,
    with_floor,
)


def test_equal_arms_are_each_the_best_as_often():
    draws = draw_rates(np.random.default_rng(1), Rates(np.full(4, 20.0), np.full(4, 100.0)), 40_000)
    np.testing.assert_allclose(best_probability(draws), 0.25, atol=0.01)


def test_the_loss_of_the_better_arm_is_smaller_and_no_loss_is_negative():
    loss = expected_loss(draw_rates(np.random.default_rng(1), Rates(np.array([50.0, 100.0]), np.full(2, 100.0)), 4000))
    assert loss[0] > 10 * loss[1] >= 0


def test_equal_seeds_give_equal_draws():
    rates = Rates(np.array([3.0, 4.0]), np.array([10.0, 10.0]))
    one, other = (draw_rates(np.random.default_rng(7), rates, 10) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_shares_by_formula_are_those_that_sampling_gives():
    rates, rng = Rates(np.array([40.0, 46.0, 30.0]), np.full(3, 1000.0)), np.random.default_rng(5)
    shares = top_two_shares(best_probability(draw_rates(rng, rates, 40_000)))
    played = np.bincount([choose_top_two(rng, rates) for _ in range(6000)], minlength=3) / 6000
    np.testing.assert_allclose(shares, played, atol=0.03)


def test_an_arm_that_always_wins_gets_half_and_its_challengers_the_rest():
    np.testing.assert_allclose(top_two_shares(np.array([1.0, 0.0, 0.0])), [0.5, 0.25, 0.25])


@pytest.mark.parametrize("best", [[1.0], [0.5, 0.5], [0.0, 1.0], [0.2, 0.3, 0.5], [0.0, 0.0]])
def test_shares_add_up_and_the_floor_holds(best):
    shares = with_floor(top_two_shares(np.array(best)), 0.1)
    assert shares.sum() == pytest.approx(1.0)
    assert (shares >= 0.1 / len(best) - 1e-12).all()
