"""Planned looks: boundaries equal published tables, and spend what they may."""

import math

import numpy as np
import pytest

from domain.errors import BadInputError
from estimators.group_sequential import boundaries, obf_constant, spent
from estimators.test_power import continuous_power, daily_power, information_needed


@pytest.mark.parametrize(
    ("looks", "constant"), [(1, 1.960), (2, 1.977), (3, 2.004), (5, 2.040), (10, 2.087), (15, 2.110)]
)
def test_obriens_and_flemings_constants_are_the_published_ones(looks: int, constant: float) -> None:
    """Jennison and Turnbull, table 2.3 (two-sided, 5 %)."""
    assert obf_constant(looks) == pytest.approx(constant, abs=6e-4)


def test_fourteen_looks_take_2_104_as_measured_by_monte_carlo() -> None:
    """The house's facts say 2.104, by simulation; exact is 2.107."""
    assert obf_constant(14) == pytest.approx(2.104, abs=4e-3)


def test_spending_boundaries_of_five_looks_are_the_published_ones() -> None:
    """Lan and DeMets 1983 with O'Brien-Fleming's curve, two-sided 5 %: 4.877, 3.357, 2.680, 2.290, 2.031."""
    found = boundaries((0.2, 0.4, 0.6, 0.8, 1.0), (1.0, 2.0, 3.0, 4.0, 5.0), 0.05)
    assert np.allclose(found, [4.877, 3.357, 2.680, 2.290, 2.031], atol=1.5e-3)


def test_unequal_information_spends_alpha_in_all() -> None:
    """40,000 walks with uneven steps: crossings are 5 %, within three standard errors."""
    rng = np.random.default_rng(3)
    steps = np.array([3.0, 0.5, 0.0, 4.0, 1.0, 6.0])
    information = np.cumsum(steps)
    bounds = boundaries(tuple((np.arange(6) + 1) / 6), tuple(information.tolist()), 0.05)
    assert bounds[2] == math.inf  # a look that added nothing
    walks = np.cumsum(rng.standard_normal((40_000, 6)) * np.sqrt(steps), axis=1) / np.sqrt(information)
    assert (np.abs(walks) >= bounds).any(axis=1).mean() == pytest.approx(0.05, abs=3 * 0.0011)


@pytest.mark.parametrize("gain", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8])
def test_days_that_add_next_to_nothing_lower_no_bound(gain: float) -> None:
    """An ad all but stopped for the second week: no bound may fall under a fixed test's 1.96."""
    steps = [1.0] * 7 + [7 * gain] * 7
    information = tuple(np.cumsum(steps).tolist())
    fractions = tuple(((np.arange(14) + 1) / 14).tolist())
    assert (boundaries(fractions, information, 0.05) >= 1.95).all()


def test_spending_begins_at_nothing_and_ends_at_alpha() -> None:
    assert spent(0.0, 0.05) == 0
    assert spent(1.0, 0.05) == pytest.approx(0.05)
    assert spent(2.0, 0.05) == pytest.approx(0.05)
    assert spent(0.2, 0.05) < 1e-5


@pytest.mark.parametrize(
    ("fractions", "information", "alpha"),
    [((0.5, 0.2), (1.0, 2.0), 0.05), ((0.2, 0.5), (2.0, 1.0), 0.05), ((0.5,), (1.0, 2.0), 0.05), ((0.5,), (1.0,), 1.5)],
)
def test_looks_that_cannot_be_are_refused(
    fractions: tuple[float, ...], information: tuple[float, ...], alpha: float
) -> None:
    with pytest.raises(BadInputError):
        boundaries(fractions, information, alpha)


def test_power_is_that_of_a_fixed_test_less_what_looking_costs() -> None:
    """log 1.1 with information 735 is 2.584 standard errors: fixed Phi(.624) = 73.4 %, daily 72 %, continuous 54 %."""
    effect = math.log(1.1)
    assert daily_power(effect, 735, 0.025) == pytest.approx(0.72, abs=0.01)
    assert continuous_power(effect, 735, 0.025) == pytest.approx(0.53, abs=0.02)
    needed = information_needed(effect, 0.025, power=0.8, is_daily=True)
    assert daily_power(effect, needed, 0.025) == pytest.approx(0.8, abs=1e-3)
    assert information_needed(0.0, 0.025, power=0.8, is_daily=False) == math.inf
