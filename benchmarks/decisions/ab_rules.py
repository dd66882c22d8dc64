"""Rules that claim: the hour at which each claims for either arm. Ours are the very estimators that `look` calls.

A rule maps traffic of n tests to (n, 2) hours, `HOURS` = never. Peers are re-implemented from their published formulas
where calling them once an hour and test would take days, and take their constants from the package itself.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.decisions.ab_market import DAYS, HOURS, Traffic
from benchmarks.decisions.peers import peer
from estimators import evalues, group_sequential
from estimators.dispersion import day_dispersion

Floats = NDArray[np.float64]
Rule = Callable[[Traffic], NDArray[np.int64]]

ALPHA: Final = 0.05
_START: Final = 48  # hours: no rule but those that say so looks before
_FIXED_Z: Final = 1.959964


def first(crossed: NDArray[np.bool_], start: int = 0) -> NDArray[np.int64]:
    """Return the first hour from `start` on, counted from 1, along the last axis."""
    held = crossed.copy()
    held[..., :start] = False
    return np.where(held.any(axis=-1), held.argmax(axis=-1) + 1, HOURS + 1)


def z_scores(traffic: Traffic) -> tuple[Floats, Floats, Floats]:
    """Return (n, hours): z of the second arm's proportion over the first's, their difference, its standard error."""
    events, exposures = traffic.events.cumsum(axis=2), np.maximum(traffic.exposures.cumsum(axis=2), 1)
    rates = events / exposures
    pooled = events.sum(axis=1) / exposures.sum(axis=1)
    error = np.sqrt(np.maximum(pooled * (1 - pooled) * (1 / exposures).sum(axis=1), 1e-30))
    difference = rates[:, 1] - rates[:, 0]
    return difference / error, difference, error


def naive_z(traffic: Traffic) -> NDArray[np.int64]:
    """A fixed-sample test at 5 %, looked at every hour after two days."""
    z, _, _ = z_scores(traffic)
    return _two_sided(z, np.full(HOURS, _FIXED_Z), _START)


def fixed_horizon(traffic: Traffic) -> NDArray[np.int64]:
    """The same, looked at once."""
    z, _, _ = z_scores(traffic)
    return _two_sided(z, np.where(np.arange(HOURS) == HOURS - 1, _FIXED_Z, np.inf))


def obf_daily(traffic: Traffic) -> NDArray[np.int64]:
    """O'Brien and Fleming, 14 daily looks."""
    z, _, _ = z_scores(traffic)
    constant = group_sequential.obf_constant(DAYS, ALPHA)
    return _two_sided(z, _daily(constant * np.sqrt(DAYS / np.arange(1, DAYS + 1))))


def spotify_daily(traffic: Traffic) -> NDArray[np.int64] | None:
    """spotify-confidence: its own bounds (power-family spending, exponent 2), 14 daily looks."""
    solver = peer("spotify_confidence.analysis.frequentist.sequential_bound_solver")
    if solver is None:
        return None
    found: Any = solver.bounds(np.arange(1, DAYS + 1) / DAYS, ALPHA, 2, 8, 2)
    z, _, _ = z_scores(traffic)
    return _two_sided(z, _daily(np.asarray(found.bounds, np.float64)))


def gbstats_bayes(traffic: Traffic) -> NDArray[np.int64] | None:
    """Gbstats' chance to win above 95 %, its flat prior, every hour after two days; its own posterior moments."""
    dists = peer("gbstats.bayesian.dists")
    if dists is None:
        return None
    events, exposures = traffic.events.cumsum(axis=2), np.maximum(traffic.exposures.cumsum(axis=2), 1)
    means, variances = [], []
    for arm in range(2):
        alpha, beta = dists.Beta.posterior((1, 1), [events[:, arm], exposures[:, arm]])
        mean, variance = dists.Beta.moments(alpha, beta, log=True)
        means.append(mean)
        variances.append(variance)
    z = (means[1] - means[0]) / np.sqrt(variances[0] + variances[1])
    return _two_sided(z, np.full(HOURS, 1.644854), _START)


def growthbook_sequential(traffic: Traffic) -> NDArray[np.int64]:
    """GrowthBook's asymptotic confidence sequence, by its documentation, tuned to 5,000."""
    _, difference, error = z_scores(traffic)
    n = np.maximum(traffic.exposures.cumsum(axis=2).sum(axis=1), 1)
    rho2 = (-2 * math.log(ALPHA) + math.log(-2 * math.log(ALPHA) + 1)) / 5000
    width = np.sqrt(2 * (n * rho2 + 1) / (n * rho2) * np.log(np.sqrt(n * rho2 + 1) / ALPHA))
    return _two_sided(difference / error / width, np.ones(HOURS))


def msprt(traffic: Traffic) -> NDArray[np.int64]:
    """Mixture SPRT, normal with 15 % of the base rate (the truth's: generous), every hour."""
    _, difference, error = z_scores(traffic)
    base = traffic.events.sum() / traffic.exposures.sum()
    tau2, variance = (0.15 * base) ** 2, error**2
    log_ratio = 0.5 * np.log(variance / (variance + tau2)) + difference**2 * tau2 / (2 * variance * (variance + tau2))
    is_claimed = log_ratio >= math.log(1 / ALPHA)
    return np.stack([first(is_claimed & (difference < 0)), first(is_claimed & (difference > 0))], axis=1)


def wide_mixture(traffic: Traffic) -> NDArray[np.int64]:
    """The e-process that the house began with: two-sided N(0, .2^2) mixture, conditional Poisson."""
    thetas = np.linspace(-0.7, 0.7, 57)
    weights = np.exp(-(thetas**2) / (2 * 0.2**2))
    log_e = _log_e(traffic, 1, thetas[weights > 0], weights / weights.sum())
    _, difference, _ = z_scores(traffic)
    is_claimed = log_e >= math.log(1 / ALPHA)
    return np.stack([first(is_claimed & (difference < 0)), first(is_claimed & (difference > 0))], axis=1)


def ours_continuous(traffic: Traffic) -> NDArray[np.int64]:
    """Claims at any look: each bet tuned by its own test's first day, evidence divided by the days' dispersion."""
    totals = traffic.events[:, :, :24].sum(axis=(1, 2))
    bets = np.array([evalues.tuned_weights(total * DAYS / 4, ALPHA / 2) for total in totals.tolist()])
    over = _dispersion_by_hour(traffic)
    found = np.zeros((len(totals), 2), np.int64)
    kinds, kind = np.unique(bets, axis=0, return_inverse=True)
    for number, weights in enumerate(kinds):
        rows, held = np.flatnonzero(kind.ravel() == number), weights > 0
        part = replace(traffic, events=traffic.events[rows], exposures=traffic.exposures[rows])
        for arm in range(2):
            log_e = _log_e(part, arm, evalues.THETAS[held], weights[held], over[rows])
            found[rows, arm] = first(log_e >= math.log(2 / ALPHA), _START)
    return found


def ours_daily(traffic: Traffic) -> NDArray[np.int64]:
    """Claims at one look a day: spending by days, information as gathered (the cell's mean), dispersion as above."""
    gained, total, share = _conditional(traffic, 1)
    had_none = 1 - total / np.maximum(traffic.exposures.sum(axis=1), 1)
    variance = np.maximum((total * share * (1 - share) * had_none).cumsum(axis=1), 1e-12)
    z = (gained - total * share).cumsum(axis=1) / np.sqrt(variance * _dispersion_by_hour(traffic, whole_days=True))
    reached = variance.mean(axis=0)[23::24]
    fractions = tuple((np.arange(DAYS) + 1.0) / DAYS)
    bounds = group_sequential.boundaries(fractions, tuple(reached.tolist()), ALPHA)
    bounds[0] = np.inf  # nothing is claimed of a single day
    return _two_sided(z, _daily(bounds))


def _conditional(traffic: Traffic, arm: int) -> tuple[Floats, Floats, Floats]:
    shown = traffic.exposures.sum(axis=1)
    is_both = traffic.exposures.min(axis=1) > 0
    share = traffic.exposures[:, arm] / np.maximum(shown, 1)
    return traffic.events[:, arm] * is_both, traffic.events.sum(axis=1) * is_both, share * is_both


def _log_e(traffic: Traffic, arm: int, thetas: Floats, weights: Floats, over: Floats | None = None) -> Floats:
    gained, total, share = _conditional(traffic, arm)
    found = np.full(total.shape, -np.inf)
    for theta, weight in zip(thetas.tolist(), weights.tolist(), strict=True):
        steps = gained * theta - total * np.log1p(share * math.expm1(theta))
        log_e = steps.cumsum(axis=1)
        found = np.logaddexp(found, math.log(weight) + (log_e if over is None else log_e / over))
    return found


def _dispersion_by_hour(traffic: Traffic, *, whole_days: bool = False) -> Floats:
    """Of the days that are over at each hour, (n, hours); `whole_days` = as seen at the end of the hour's own day."""
    by_day = [counts.reshape(*counts.shape[:2], DAYS, 24).sum(axis=3) for counts in (traffic.events, traffic.exposures)]
    found = np.ones((len(traffic.events), HOURS))
    for days in range(2, DAYS + 1):
        value = day_dispersion(
            by_day[0][:, :, :days], by_day[1][:, :, :days], 1.0, traffic.noise[0], min(traffic.noise[1], 200.0)
        )
        begin = (days - 1 if whole_days else days) * 24
        found[:, begin : begin + 24] = value[:, None]
    return found


def _two_sided(z: Floats, bounds: Floats, start: int = 0) -> NDArray[np.int64]:
    return np.stack([first(z <= -bounds, start), first(z >= bounds, start)], axis=1)


def _daily(bounds: Floats) -> Floats:
    found = np.full(HOURS, np.inf)
    found[23::24] = bounds
    return found


CLAIMS: Final[dict[str, Callable[[Traffic], NDArray[np.int64] | None]]] = {
    "naive z, hourly after 48 h": naive_z,
    "Bayes P > 95 % (gbstats)": gbstats_bayes,
    "fixed horizon, one look": fixed_horizon,
    "OBF, daily looks": obf_daily,
    "spotify-confidence, daily looks": spotify_daily,
    "Stakazo daily": ours_daily,
    "mSPRT": msprt,
    "GrowthBook sequential (formula)": growthbook_sequential,
    "e-process, N(0, .2²) mixture": wide_mixture,
    "Stakazo continuous": ours_continuous,
}
