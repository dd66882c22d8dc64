"""Whims of days: seen where they are, not paid for where they are not."""

import numpy as np
import pytest

from estimators.dispersion import day_dispersion, day_noise


def drawn(noise: float, pairs: int = 80, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    clicks = rng.poisson(100 * np.exp(rng.normal(0, noise, (pairs, 2, 21)))).astype(float)
    return clicks, np.full(clicks.shape, 10_000.0)


def test_calm_days_cost_nothing() -> None:
    assert day_noise(*drawn(0.0, seed=5)) == (0.0, 80.0 * 20)


def test_days_that_differ_by_a_tenth_double_the_variance_of_a_hundred_events() -> None:
    """1 + m s2 = 1 + 100 * .01."""
    noise, weight = day_noise(*drawn(0.1))
    assert noise == pytest.approx(0.01, rel=0.25)
    clicks, shown = drawn(0.1, pairs=1, seed=9)
    assert day_dispersion(clicks[0], shown[0], 1.0, noise, weight) == pytest.approx(2.0, rel=0.25)


def test_nothing_known_is_no_dispersion() -> None:
    empty = np.zeros((2, 0))
    assert day_dispersion(empty, empty) == 1.0
    assert day_noise(np.zeros((3, 2, 5)), np.zeros((3, 2, 5))) == (0.0, 0.0)


def test_an_arm_that_is_better_every_day_alike_is_not_dispersed() -> None:
    clicks = np.array([[100.0] * 10, [150.0] * 10])
    assert day_dispersion(clicks, np.full((2, 10), 1e4)) == 1.0
