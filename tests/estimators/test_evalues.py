"""Evidence under peeking: exact against sums by hand, and never above its level however often one looks."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInputError
from estimators import evalues
from estimators.evalues import THETAS, combined, discoveries, log_evidence, radius, tuned_weights


def test_log_evidence_is_the_binomial_likelihood_ratio() -> None:
    """7 of 10 events on a share of 0.4: the ratio's p is .4 r / (.6 + .4 r), binomial coefficients cancel."""
    theta = THETAS[10:11]
    ratio = math.exp(theta[0])
    p = 0.4 * ratio / (0.6 + 0.4 * ratio)
    by_hand = 7 * math.log(p / 0.4) + 3 * math.log((1 - p) / 0.6)
    found = log_evidence(np.array([7.0]), np.array([10.0]), np.array([0.4]), theta)
    assert found[0] == pytest.approx(by_hand, abs=1e-12)


def test_the_expected_evidence_is_one_where_rates_are_equal_and_less_where_the_arm_is_worse() -> None:
    """Summed over every outcome of Bin(12, q): what makes it an e-value, exactly."""
    outcomes = np.arange(13)
    evidence = np.exp(log_evidence(outcomes[:, None] * 1.0, np.full((13, 1), 12.0), np.full((13, 1), 0.3)))
    for q, most in ((0.3, 1.0), (0.2, 1.0)):
        chances = np.array([math.comb(12, k) * q**k * (1 - q) ** (12 - k) for k in outcomes])
        expected = chances @ evidence
        assert (expected <= most + 1e-9).all()
    assert chances @ evidence[:, 20] < 0.5


def test_strata_add_up_so_that_looks_can_be_cumulative() -> None:
    rng = np.random.default_rng(5)
    total = rng.poisson(20, 48).astype(float)
    gained = rng.binomial(total.astype(int), 0.5).astype(float)
    share = np.full(48, 0.5)
    whole = log_evidence(gained, total, share)
    parts = sum(log_evidence(gained[i : i + 12], total[i : i + 12], share[i : i + 12]) for i in range(0, 48, 12))
    assert np.allclose(whole, parts)


def test_peeking_every_hour_for_two_weeks_claims_falsely_in_less_than_the_level() -> None:
    """A/A, 3,000 tests, both directions, diurnal traffic: at most 5 % plus three standard errors."""
    rng = np.random.default_rng(11)
    tests, hours = 3000, 336
    mean = 4.2 * (1 + 0.6 * np.sin(np.arange(hours) / 24 * 2 * np.pi))
    one, other = (rng.poisson(mean, (tests, hours)).astype(float) for _ in range(2))
    weights = tuned_weights(float((one + other).mean(axis=0).sum()) / 4, 0.025)
    crossed = np.zeros(tests, np.bool_)
    total = one + other
    for gained in (one, other):
        held = np.flatnonzero(weights)
        steps = [gained * THETAS[j] - total * np.log1p(0.5 * np.expm1(THETAS[j])) for j in held]
        log_e = np.stack([np.cumsum(step, axis=1) for step in steps], axis=-1)
        crossed |= (combined(log_e, weights[held]) >= math.log(40)).any(axis=1)
    assert crossed.mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / tests)
    assert crossed.mean() > 0.005  # and it is a test that can claim at all


def test_a_tenth_more_at_ten_thousand_impressions_a_day_is_found_in_about_half_of_all_tests() -> None:
    """CTR 1 %, 14 days: 2,940 clicks, information 735, effect .0953 * sqrt(735) = 2.58 standard errors."""
    rng = np.random.default_rng(12)
    tests, days = 2000, 14
    better, other = rng.poisson(110, (tests, days)).astype(float), rng.poisson(100, (tests, days)).astype(float)
    weights = tuned_weights(735, 0.025)
    steps = [better * t - (better + other) * np.log1p(0.5 * np.expm1(t)) for t in THETAS.tolist()]
    log_e = combined(np.stack([np.cumsum(step, axis=1) for step in steps], axis=-1), weights)
    assert (log_e >= math.log(40)).any(axis=1).mean() > 0.46


def test_a_power_under_one_only_weakens_evidence() -> None:
    log_e = np.array([[math.log(50)] * len(THETAS)])
    weights = tuned_weights(700, 0.025)
    assert combined(log_e, weights)[0] == pytest.approx(math.log(50))
    assert combined(log_e, weights, 2.0)[0] == pytest.approx(math.log(50) / 2)


def test_e_bh_rejects_what_its_definition_says() -> None:
    """Of 4 at 5 %: 80 is needed for one, 40 for two, 26.7 for three."""
    assert discoveries(np.log([79.0, 1.0, 1.0, 1.0]), 0.05).tolist() == [False] * 4
    assert discoveries(np.log([81.0, 1.0, 1.0, 1.0]), 0.05).tolist() == [True, False, False, False]
    assert discoveries(np.log([41.0, 1.0, 1.0, 41.0]), 0.05).tolist() == [True, False, False, True]
    assert discoveries(np.zeros(0), 0.05).tolist() == []


def test_the_interval_shrinks_with_information_and_is_wider_than_a_fixed_one() -> None:
    weights = tuned_weights(700, 0.025)
    widths = [radius(v, weights, 0.05) for v in (50.0, 200.0, 700.0)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] > 1.96 / math.sqrt(700)
    assert radius(0.0, weights, 0.05) == math.inf


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(0.001, 0.999)), min_size=1, max_size=6)
)
def test_evidence_is_finite_for_any_counts(rows: list[tuple[int, int, float]]) -> None:
    gained = np.array([float(a) for a, _, _ in rows])
    total = gained + np.array([float(b) for _, b, _ in rows])
    assert np.isfinite(log_evidence(gained, total, np.array([p for _, _, p in rows]))).all()


@pytest.mark.parametrize(
    ("gained", "total", "share"),
    [(-1.0, 5.0, 0.5), (6.0, 5.0, 0.5), (float("nan"), 5.0, 0.5), (1.0, 5.0, 1.5), (1.0, 5.0, 1.0), (1.0, 5.0, 0.0)],
)
def test_impossible_counts_are_refused(gained: float, total: float, share: float) -> None:
    with pytest.raises(BadInputError):
        log_evidence(np.array([gained]), np.array([total]), np.array([share]))


def test_weights_are_a_distribution_for_any_horizon() -> None:
    for information, alpha in itertools.product((0.0, 1e-6, 30.0, 1e9), (0.05, 0.0001)):
        assert tuned_weights(information, alpha).sum() == pytest.approx(1.0)
    with pytest.raises(BadInputError):
        evalues.tuned_weights(math.nan, 0.05)
