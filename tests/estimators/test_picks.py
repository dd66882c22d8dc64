"""Picks: posteriors against closed forms, and sane answers where nothing is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from domain.errors import BadInputError
from estimators.picks import compare, posterior, thompson_shares, within


def test_a_lead_is_shrunk_by_the_prior_of_the_house() -> None:
    """100 v 130 of 10,000 each: raw log ratio .262, noise 2 / 115 = .0174, prior .0225: about 56 % of it stays."""
    mean, _ = posterior(np.array([100.0, 130.0]), np.array([1e4, 1e4]))
    kept = (mean[1] - mean[0]) / math.log(1.3)
    assert kept == pytest.approx(0.0225 / (0.0225 + 2 / 115.25), abs=0.01)


def test_the_closed_form_of_two_arms_is_the_integral_and_what_draws_say() -> None:
    mean, sd = np.array([0.02, -0.01]), np.array([0.05, 0.04])
    found = compare(mean, sd, np.zeros((1, 2)))
    spread = math.hypot(0.05, 0.04)
    loss, _ = quad(lambda d: max(0.0, math.expm1(d)) * norm.pdf(d, -0.03, spread), -1, 1, points=[0.0])
    assert found.loss[0] == pytest.approx(loss, rel=1e-6)
    assert found.p_best[0] == pytest.approx(norm.cdf(0.03 / spread), rel=1e-9)
    normals = np.random.default_rng(1).standard_normal((40_000, 3))
    drawn = compare(np.array([0.02, -0.01, -9.0]), np.array([0.05, 0.04, 0.0]), normals)
    assert drawn.loss[0] == pytest.approx(found.loss[0], rel=0.05)
    assert drawn.p_best[0] == pytest.approx(found.p_best[0], abs=0.01)


def test_overdispersion_makes_a_pick_less_certain() -> None:
    events, exposures = np.array([100.0, 130.0]), np.array([1e4, 1e4])
    calm = compare(*posterior(events, exposures), np.zeros((1, 2))).p_best[1]
    rough = compare(*posterior(events, exposures, dispersion=3.0), np.zeros((1, 2))).p_best[1]
    assert 0.5 < rough < calm


def test_nothing_known_prefers_nobody() -> None:
    mean, sd = posterior(np.zeros(2), np.zeros(2))
    found = compare(mean, sd, np.zeros((1, 2)))
    assert found.p_best.tolist() == [0.5, 0.5]
    assert np.isfinite(found.loss).all()


def test_equal_arms_with_much_data_are_within_two_percent() -> None:
    even = np.array([100_000.0, 100_050.0])
    assert within(*posterior(even, np.array([1e7, 1e7])), 0.02) > 0.99
    assert within(*posterior(np.array([10.0, 11.0]), np.array([1e3, 1e3])), 0.02) < 0.2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**9)), min_size=2, max_size=6))
def test_posteriors_and_losses_are_finite_for_any_counts(rows: list[tuple[int, int]]) -> None:
    events = np.array([float(min(a, b)) for a, b in rows])
    mean, sd = posterior(events, np.array([float(b) for _, b in rows]))
    found = compare(mean, sd, np.random.default_rng(0).standard_normal((50, len(rows))))
    assert np.isfinite(mean).all()
    assert (sd >= 0).all()
    assert np.isfinite(found.loss).all()
    assert (found.loss >= 0).all()


def test_shares_of_traffic_keep_a_floor_and_sum_to_one() -> None:
    shares = thompson_shares(np.array([[0.999, 0.001, 0.0]]), 0.05)
    assert shares.sum() == pytest.approx(1.0)
    assert shares.min() == pytest.approx(0.05)
    assert thompson_shares(np.full((1, 40), 1 / 40), 0.05).min() == pytest.approx(1 / 40)


def test_negative_counts_are_refused() -> None:
    with pytest.raises(BadInputError):
        posterior(np.array([-1.0, 2.0]), np.array([10.0, 10.0]))
