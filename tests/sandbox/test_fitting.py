"""Shrinkage: hand-computed cases, sanity, and calibration on known truths."""

import numpy as np
import pytest
from scipy.stats import gamma

from sandbox.fitting import PRIOR_SPREAD, Nesting, fit_levels, fit_rates, spread_of_siblings


def ints(*values):
    return np.array(values, dtype=np.int64)


def draw(seed, *, campaigns=10, sets=4, ads=10, mean_exposure=3_000):
    """A truth with known spreads at every level, and counts drawn from it."""
    dice = np.random.default_rng(seed)
    campaign = np.repeat(np.arange(campaigns), sets)
    ad_set = np.repeat(np.arange(campaigns * sets), ads)
    of_campaign = 0.012 * np.exp(0.4 * dice.normal(size=campaigns))
    of_set = of_campaign[campaign] * np.exp(0.3 * dice.normal(size=len(campaign)))
    truth = of_set[ad_set] * np.exp(0.35 * dice.normal(size=len(ad_set)))
    exposure = dice.poisson(mean_exposure * np.exp(dice.normal(size=len(ad_set))))
    return truth, dice.poisson(exposure * truth), exposure, Nesting(ad_set=ad_set, campaign=campaign)


def test_a_lone_ad_is_shrunk_towards_the_documented_value_by_hand():
    # One ad, so no siblings tell anything at any level: the prior is 0.013 with the relative variance 1 of the top and
    # 0.25 from each of the three levels, 1.75 in all: k = 1 / 1.75 = 0.5714.
    # Posterior: Gamma(12 + 0.5714, 1000 + 0.5714 / 0.013 = 1043.96), whose mean is 0.012042.
    # The levels' own spreads are in units of what the parent seems to be, (12 + 64) / (1000 + 64 / top) with
    # top = 13 / (1000 + 1 / 0.013) = 0.012071, that is 0.012060.
    fit = fit_rates(ints(12), ints(1_000), Nesting(ad_set=ints(0), campaign=ints(0)), typical=0.013)
    local = 76 / (1_000 + 64 / (13 / (1_000 + 1 / 0.013)))
    variance = 0.013**2 + 3 * PRIOR_SPREAD * local**2
    k = 0.013**2 / variance
    assert fit.prior[0] == pytest.approx(0.013)
    assert fit.mean[0] == pytest.approx((12 + k) / (1_000 + k / 0.013))
    assert fit.low[0] == pytest.approx(gamma.ppf(0.05, 12 + k, scale=1 / (1_000 + k / 0.013)))
    assert fit.high[0] == pytest.approx(gamma.ppf(0.95, 12 + k, scale=1 / (1_000 + k / 0.013)))


def test_the_spread_of_siblings_by_hand():
    # Two pairs, weights 100. Means 1.5 and 0.5; Q = 100 (0.25 + 0.25) + 0 = 50; E[Q] = 2 + spread (200 - 100) x 2.
    # Found: (50 - 2) / 200 = 0.24. Its weight under the prior 0.25: 2 / (2 (2 / 200 + 0.25)^2) = 14.793;
    # the prior's: 1 / 0.25^2 = 16. Smoothed: (14.793 x 0.24 + 16 x 0.25) / 30.793 = 0.245196.
    values, weights = np.array([1.0, 2.0, 0.5, 0.5]), np.full(4, 100.0)
    spread = spread_of_siblings(values, weights, ints(0, 0, 1, 1), 2, prior=0.25)
    assert spread == pytest.approx(0.245196, abs=1e-6)


def test_without_siblings_the_spread_is_the_prior():
    assert spread_of_siblings(np.array([1.0, 9.0]), np.array([5.0, 5.0]), ints(0, 1), 2, prior=0.25) == 0.25


@pytest.mark.parametrize("seed", range(5))
def test_a_posterior_lies_between_the_raw_rate_and_its_prior(seed):
    _, events, exposure, nesting = draw(seed, mean_exposure=300)
    fit = fit_rates(events, exposure, nesting, typical=0.013)
    seen = exposure > 0
    raw = events[seen] / exposure[seen]
    low, high = np.minimum(raw, fit.prior[seen]), np.maximum(raw, fit.prior[seen])
    assert (fit.mean[seen] >= low * (1 - 1e-9)).all()
    assert (fit.mean[seen] <= high * (1 + 1e-9)).all()
    assert ((fit.low < fit.mean) & (fit.mean < fit.high)).all()


@pytest.mark.parametrize("mean_exposure", [300, 3_000, 30_000])
def test_ninety_percent_intervals_hold_the_truth_nine_times_in_ten(mean_exposure):
    """2,000 ads of five known accounts of 400 each."""
    held = []
    for seed in range(5):
        truth, events, exposure, nesting = draw(seed, mean_exposure=mean_exposure)
        fit = fit_rates(events, exposure, nesting, typical=0.013)
        held.append((fit.low <= truth) & (truth <= fit.high))
    assert 0.85 <= np.mean(held) <= 0.95


def test_intervals_hold_for_purchases_after_few_clicks():
    """600 ads with about 165 clicks each: four purchases."""
    truth, events, exposure, nesting = draw(11, campaigns=20, sets=10, ads=3, mean_exposure=350)
    fit = fit_rates(events, exposure, nesting, typical=0.025)
    assert 0.85 <= np.mean((fit.low <= truth) & (truth <= fit.high)) <= 0.95


def test_shrinking_is_nearer_to_the_truth_than_raw_rates():
    truth, events, exposure, nesting = draw(3, mean_exposure=1_000)
    fit = fit_rates(events, exposure, nesting, typical=0.013)
    raw = events / np.maximum(exposure, 1)
    assert np.sqrt(np.mean((fit.mean / truth - 1) ** 2)) < 0.7 * np.sqrt(np.mean((raw / truth - 1) ** 2))


def test_an_ad_without_exposure_takes_what_its_siblings_say():
    nesting = Nesting(ad_set=ints(0, 0, 0, 1), campaign=ints(0, 0))
    fit = fit_rates(ints(300, 310, 0, 50), ints(10_000, 10_000, 0, 10_000), nesting, typical=0.013)
    assert fit.mean[2] == pytest.approx(fit.prior[2])
    assert 0.02 < fit.mean[2] < 0.031
    assert fit.high[2] - fit.low[2] > 5 * (fit.high[0] - fit.low[0])


def test_an_ad_with_much_evidence_keeps_its_own_rate():
    nesting = Nesting(ad_set=ints(0, 0, 0), campaign=ints(0))
    fit = fit_rates(ints(50_000, 10, 12), ints(1_000_000, 1_000, 1_000), nesting, typical=0.013)
    assert fit.mean[0] == pytest.approx(0.05, rel=0.01)


def test_its_own_figures_do_not_move_an_ads_prior():
    nesting = Nesting(ad_set=ints(0, 0), campaign=ints(0))
    few = fit_rates(ints(10, 20), ints(1_000, 1_000), nesting, typical=0.013)
    many = fit_rates(ints(40, 20), ints(1_000, 1_000), nesting, typical=0.013)
    assert many.prior[0] == pytest.approx(few.prior[0], rel=0.1)  # it follows the sibling's 2 %, up to the spread
    assert many.prior[1] > few.prior[1]


def test_amounts_hold_in_their_intervals_and_fall_back_on_the_typical_one():
    dice = np.random.default_rng(5)
    campaign, ad_set = np.repeat(np.arange(20), 10), np.repeat(np.arange(200), 3)
    truth = 70 * np.exp(0.3 * dice.normal(size=200)[ad_set] + 0.25 * dice.normal(size=600))
    orders = dice.poisson(4, size=600)
    variances = np.where(orders > 0, 0.35**2 / np.maximum(orders, 1), np.inf)
    noise = np.where(orders > 0, np.sqrt(0.35**2 / np.maximum(orders, 1)) * dice.normal(size=600), 0)
    nesting = Nesting(ad_set=ad_set, campaign=campaign)
    fit = fit_levels(np.log(truth) + noise, variances, nesting, typical=70, spread=0.1)
    assert 0.85 <= np.mean((fit.low <= truth) & (truth <= fit.high)) <= 0.95
    untold = fit_levels(np.zeros(600), np.full(600, np.inf), nesting, typical=70, spread=0.1)
    assert untold.mean == pytest.approx(np.full(600, 70.0))
