"""Curves learnt from an account's own days: their level, their bend, and odd input."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.evidence import RoasFrame
from domain.panel import Panel
from estimators.maturity import PRIOR
from estimators.response import Response, find, fit, revenue_at

DAYS = 28


def panel(*, kappa: float, bend: float = 0.5, objects: int = 20, spread: float = 0.6, seed: int = 1) -> Panel:
    """Objects whose spend varies by day, and whose clicks follow R(s) with that kappa; a purchase per 40 clicks."""
    rng = np.random.default_rng(seed)
    spend = np.exp(np.log(10_000) + spread * rng.standard_normal((objects, DAYS)))
    clicks = rng.poisson(revenue_at(spend, np.full((1, 1), 0.05), np.full((1, 1), kappa), np.full((1, 1), bend)))
    bought = rng.poisson(clicks / 40)
    return made(spend.astype(np.int64), clicks, bought)


def made(spend: Any, clicks: Any, bought: Any, **over: Any) -> Panel:
    n, days = np.shape(spend)
    values: dict[str, Any] = {
        "kind": ObjectKind.AD_SET, "currency": "EUR", "first_day": date(2026, 3, 1),
        "object_id": np.array([f"{row:03d}" for row in range(n)], dtype=object), "parent": np.full(n, -1),
        "age_days": np.arange(days, 0, -1), "impressions": np.asarray(clicks) * 50, "clicks": np.asarray(clicks),
        "spend_minor": np.asarray(spend), "purchases": np.asarray(bought), "revenue_minor": np.asarray(bought) * 5_000,
    }  # fmt: skip
    return Panel(**(values | over))


def frame(of: Panel, roas: float = 2.0) -> RoasFrame:
    n = len(of)
    return RoasFrame(
        kind=of.kind, object_id=of.object_id, spend_minor=np.full(n, 1e5), purchases=np.full(n, 30.0),
        maturity=np.full(n, 0.9), now=np.full(n, roas), log_median=np.full(n, np.log(roas)), log_sd=np.full(n, 0.1),
    )  # fmt: skip


def learn(of: Panel) -> Response:
    return fit(of, PRIOR, frame(of), half_life_days=14.0)


def elasticity(of: Response, spend: float) -> float:
    at = np.full(len(of), spend)
    return float((of.marginal(at) * at / of.revenue(at)).mean())


@pytest.mark.parametrize("kappa", [2_500.0, 10_000.0, 80_000.0])
def test_the_share_of_the_next_money_is_learnt_from_changes_of_spend(kappa: float) -> None:
    ratio = 10_000 / kappa
    true = 1 - 0.5 * ratio / (1 + ratio)
    assert elasticity(learn(panel(kappa=kappa)), 10_000.0) == pytest.approx(true, abs=0.06)


def test_the_level_is_the_posterior_s_at_the_spends_it_was_earned_at() -> None:
    """The mean of a log-normal with median 2 and sd 0.1 is 2.01; so much do the curves bring on the days themselves."""
    seen = panel(kappa=10_000.0)
    found = learn(seen)
    spend = seen.spend_minor.astype(np.float64)
    weight = np.exp2(-seen.age_days / 14.0) * PRIOR.at(seen.age_days)
    brought = np.array([(found.revenue(spend[:, day]) * weight[day]).sum() for day in range(DAYS)]).sum()
    assert brought / (spend @ weight).sum() == pytest.approx(2 * np.exp(0.005), rel=1e-3)


def test_without_changes_of_spend_the_prior_speaks() -> None:
    flat = panel(kappa=10_000.0, spread=0.0)
    assert 0.6 < elasticity(learn(flat), 10_000.0) < 0.95


def test_an_object_without_spend_or_posterior_is_not_known() -> None:
    seen = panel(kappa=10_000.0, objects=3)
    spend = seen.spend_minor.copy()
    spend[1] = 0
    silent = made(spend, np.where(spend > 0, seen.clicks, 0), np.where(spend > 0, seen.purchases, 0))
    two = RoasFrame(**{
        name: getattr(frame(silent), name)[:2] if name != "kind" else silent.kind for name in RoasFrame.__slots__
    })  # fmt: skip
    found = fit(silent, PRIOR, two, half_life_days=14.0)
    assert found.is_known.tolist() == [True, False, False]
    assert found.revenue(np.full(3, 100.0))[1:].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "odd",
    [
        made(np.zeros((0, 28), np.int64), np.zeros((0, 28), np.int64), np.zeros((0, 28), np.int64)),
        made(np.zeros((2, 28), np.int64), np.zeros((2, 28), np.int64), np.zeros((2, 28), np.int64)),
        made(np.full((1, 28), 10**9), np.full((1, 28), 10**7), np.full((1, 28), 10**5)),
        made(np.full((2, 1), 500), np.zeros((2, 1), np.int64), np.zeros((2, 1), np.int64)),
    ],
    ids=["no object", "no spend", "one huge object", "one day without a click"],
)
def test_odd_accounts_give_finite_curves(odd: Panel) -> None:
    found = learn(odd)
    for spend in (0.0, 1.0, 1e9):
        at = np.full(len(odd), spend)
        assert np.isfinite(found.revenue(at)).all()
        assert np.isfinite(found.marginal(at)).all()
    assert np.isfinite(found.relative_sd).all()


@pytest.mark.parametrize("name", ["clicks", "spend_minor", "purchases"])
def test_a_day_restated_below_nothing_counts_as_none(name: str) -> None:
    """One such day would else stop the optimizer of the whole account for as long as it is in the history."""
    seen = panel(kappa=10_000.0, objects=2)
    bad, none = getattr(seen, name).copy(), getattr(seen, name).copy()
    bad[0, 0], none[0, 0] = -7, 0
    found, plain = learn(replace(seen, **{name: bad})), learn(replace(seen, **{name: none}))
    assert found.kappa_minor == pytest.approx(plain.kappa_minor)
    assert found.purchases == pytest.approx(plain.purchases)


def test_clicks_on_yesterdays_impressions_are_no_reason_to_refuse() -> None:
    seen = panel(kappa=10_000.0, objects=2)
    assert learn(replace(seen, impressions=seen.clicks - 1)).is_known.all()


def test_a_posterior_of_another_kind_is_refused() -> None:
    seen = panel(kappa=10_000.0, objects=2)
    with pytest.raises(BadInputError, match="ask for one kind"):
        fit(seen, PRIOR, replace(frame(seen), kind=ObjectKind.AD), half_life_days=14.0)


@pytest.mark.parametrize("kind", [object, np.dtypes.StringDType(), str])
@pytest.mark.parametrize("missing", range(5))
def test_an_id_as_long_as_a_platforms_is_found_where_others_are_missing(missing: int, kind: Any) -> None:
    known = np.array([str(120_000_000_000_000_010 + row) for row in range(5)], dtype=kind)
    wanted = np.append(np.delete(known, missing), np.array(["120"], dtype=kind))
    place, is_there = find(wanted, known)
    assert known[place[:-1]].tolist() == wanted[:-1].tolist()
    assert is_there.tolist() == [True] * 4 + [False]
