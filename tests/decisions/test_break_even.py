"""What an account must earn, from what its advertiser said."""

import numpy as np
import pytest

from decisions.break_even import Form, aim_of, order_value_of
from decisions.learning_price import LearningPrice, price_of
from decisions.policy import AccountLimits, MaturedPolicy
from domain.actions import ObjectKind
from domain.evidence import RoasFrame


@pytest.mark.parametrize(
    ("limits", "form", "roas", "basis"),
    [
        ({"margin": 0.4}, Form.FREE, 2.5, "margin"),
        ({"margin": 0.4, "goal_roas": 4.0}, Form.FREE, 2.5, "margin"),
        ({"goal_roas": 4.0}, Form.FREE, 4.0, "goal_roas"),
        ({"goal_cpa_minor": 2_000}, Form.FREE, 3.0, "goal_cpa"),
        ({}, Form.FIXED_TOTAL, 1.5, "policy"),
        ({"margin": 0.0}, Form.FIXED_TOTAL, 1.5, "policy"),
    ],
)
def test_the_aim_follows_the_table(limits: dict[str, float], form: Form, roas: float, basis: str) -> None:
    found = aim_of(
        MaturedPolicy(),
        AccountLimits(minimum_daily_budget_minor=1, **limits),
        order_value_minor=6_000,  # type: ignore[arg-type]
    )
    assert (found.form, found.basis) == (form, basis)
    assert found.roas == pytest.approx(roas)


def test_a_goal_cpa_without_any_order_leaves_the_total_fixed() -> None:
    limits = AccountLimits(minimum_daily_budget_minor=1, goal_cpa_minor=2_000)
    assert aim_of(MaturedPolicy(), limits).form is Form.FIXED_TOTAL


def test_the_order_value_is_revenue_by_purchases() -> None:
    one = np.ones(1)
    frame = RoasFrame(
        kind=ObjectKind.ACCOUNT, object_id=np.array(["1"]), spend_minor=one * 1_000, purchases=one * 4, maturity=one,
        now=one * 3, log_median=one, log_sd=one,
    )  # fmt: skip
    assert order_value_of({ObjectKind.ACCOUNT: frame}) == pytest.approx(750)
    assert order_value_of({}) is None


def test_a_step_over_twenty_per_cent_costs_a_learning_stage_and_one_under_it_nothing() -> None:
    before, learning = np.array([100.0, 100.0, 100.0]), np.array([False, False, True])
    cost = price_of(
        before, np.array([121.0, 120.0, 120.0]), is_learning=learning, revenue=before * 3, worth=0.5,
        price=LearningPrice(),
    )  # fmt: skip
    # 20 % of 300 x 0.5 for 3 days = 90; a twentieth of it while learning
    assert cost == pytest.approx([90.0, 0.0, 4.5])
