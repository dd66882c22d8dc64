"""Water-filling: equal to a convex solver on small cases, and its laws on any."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize

from decisions.allocation_solver import Curves, fill_nested, fill_price, fill_total
from estimators.response import revenue_at

Floats = NDArray[np.float64]


def case(seed: int, n: int = 5) -> tuple[Curves, Floats]:
    rng = np.random.default_rng(seed)
    curves = Curves(
        top=np.exp(rng.normal(1, 0.5, n)), kappa=rng.uniform(0.5, 4, n), bend=np.full(n, rng.uniform(0.2, 1))
    )
    return curves, rng.uniform(0.5, 3, n)


def best(curves: Curves, low: Floats, high: Floats, *constraints: dict[str, Any], price: float = 0.0) -> Floats:
    def loss(spend: Floats) -> float:
        return -float(revenue_at(spend, curves.top, curves.kappa, curves.bend).sum() - price * spend.sum())

    def slope(spend: Floats) -> Floats:
        return price - np.exp(curves.log_marginal(spend))

    found = minimize(
        loss, (low + high) / 2, jac=slope, method="SLSQP", bounds=list(zip(low, high, strict=True)),
        constraints=constraints, options={"ftol": 1e-15, "maxiter": 500},
    )  # fmt: skip
    return np.asarray(found.x)


@pytest.mark.parametrize("seed", range(6))
def test_a_fixed_total_is_shared_as_a_convex_solver_shares_it(seed: int) -> None:
    curves, spend = case(seed)
    low, high = 0.8 * spend, 1.2 * spend
    mine = fill_total(curves, low, high, np.array([spend.sum()])).spend
    theirs = best(curves, low, high, {"type": "eq", "fun": lambda s: s.sum() - spend.sum()})
    assert mine == pytest.approx(theirs, abs=2e-5)
    value = [revenue_at(s, curves.top, curves.kappa, curves.bend).sum() for s in (mine, theirs)]
    assert value[0] == pytest.approx(value[1], abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_a_free_budget_with_caps_is_what_a_convex_solver_finds(seed: int) -> None:
    curves, spend = case(seed, n=6)
    low, high, group = 0.2 * spend, 3 * spend, np.array([0, 0, 0, 1, 1, 1])
    caps, total = np.array([spend[:3].sum(), np.inf]), float(1.6 * spend.sum())
    mine = fill_price(curves, low, high, float(np.log(0.7)), group=group, caps=caps, total=total).spend
    theirs = best(
        curves, low, high, {"type": "ineq", "fun": lambda s: caps[0] - s[:3].sum()},
        {"type": "ineq", "fun": lambda s: total - s.sum()}, price=0.7,
    )  # fmt: skip
    value = [float(revenue_at(s, curves.top, curves.kappa, curves.bend).sum() - 0.7 * s.sum()) for s in (mine, theirs)]
    assert value[0] == pytest.approx(value[1], abs=1e-6)
    assert mine[:3].sum() <= caps[0] + 1e-9
    assert mine.sum() <= total + 1e-9


def test_a_total_over_campaigns_with_caps_is_spent_where_there_is_room() -> None:
    curves, spend = case(3, n=4)
    group, caps = np.array([0, 0, 1, 1]), np.array([float(spend[:2].sum()) * 0.9, np.inf])
    mine = fill_nested(curves, 0.5 * spend, 2 * spend, float(spend.sum()), group=group, caps=caps).spend
    assert mine[:2].sum() <= caps[0] + 1e-9
    assert mine.sum() == pytest.approx(spend.sum())


def test_groups_are_shared_each_by_itself() -> None:
    one, two = case(1), case(2)
    together = Curves(
        top=np.concatenate([one[0].top, two[0].top]), kappa=np.concatenate([one[0].kappa, two[0].kappa]),
        bend=np.concatenate([one[0].bend, two[0].bend]),
    )  # fmt: skip
    spend, group = np.concatenate([one[1], two[1]]), np.repeat([0, 1], 5)
    both = fill_total(together, 0.8 * spend, 1.2 * spend, np.bincount(group, weights=spend), group=group).spend
    for (curves, own), part in ((one, both[:5]), (two, both[5:])):
        alone = fill_total(curves, 0.8 * own, 1.2 * own, np.array([own.sum()])).spend
        assert part == pytest.approx(alone, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(1e-6, 1e6), st.floats(1e-3, 1e9), st.floats(1, 1e8)), min_size=1, max_size=8),
    st.floats(0.1, 1.0),
    st.floats(0.0, 3.0),
)
def test_any_total_is_spent_within_the_bounds(
    rows: list[tuple[float, float, float]], bend: float, share: float
) -> None:
    top, kappa, spend = (np.array(column) for column in zip(*rows, strict=True))
    low, high = 0.8 * spend, 1.2 * spend
    curves = Curves(top=top, kappa=kappa, bend=np.full(len(top), bend))
    found = fill_total(curves, low, high, np.array([share * spend.sum()])).spend
    assert ((found >= low) & (found <= high)).all()
    wanted = np.clip(share * spend.sum(), low.sum(), high.sum())
    assert found.sum() == pytest.approx(wanted, rel=1e-6)
