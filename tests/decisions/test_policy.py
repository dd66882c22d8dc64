"""The classic policy as data: its defaults are the requirements, and nonsense is refused by name."""

import json
from dataclasses import fields

import pytest

from decisions.policy import POLICIES, AccountLimits, ClassicPolicy, parse_policy
from domain.errors import BadInputError


def test_the_defaults_are_the_decision_table_of_the_requirements():
    policy = ClassicPolicy()
    assert (policy.roas_high, policy.roas_low, policy.step) == (3.0, 1.5, 0.30)
    assert (policy.ab_min_hours, policy.ab_min_impressions) == (48, 1000)
    assert (policy.spike_step_up, policy.spike_step_down, policy.spike_min_roas) == (0.15, 0.10, 2.0)
    assert (policy.fatigue_drop, policy.window_days) == (0.30, 7)


def test_every_field_has_bounds_and_every_bound_a_field():
    assert set(ClassicPolicy.BOUNDS) == {row.name for row in fields(ClassicPolicy)}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"step": 0.5}, "step is 0.5; it must be a number from 0.2 to 0.4"),
        ({"step": 0.19}, "step is 0.19; it must be a number from 0.2 to 0.4"),
        ({"window_days": 7.5}, "window_days is 7.5; it must be a whole number from 1 to 28"),
        ({"window_days": True}, "window_days is True; it must be a whole number from 1 to 28"),
        ({"window_days": 10**400}, "it must be a whole number from 1 to 28"),
        ({"roas_high": "3"}, "roas_high is '3'; it must be a number from 0.01 to 1000"),
        ({"roas_high": float("nan")}, "roas_high is nan; it must be a number from 0.01 to 1000"),
        ({"ab_min_impressions": float("inf")}, "ab_min_impressions is inf"),
        ({"roas_low": None}, "roas_low is None; it must be a number from 0.01 to 1000"),
        ({"roas_low": 3.0}, "roas_low is 3; it must be under roas_high, which is 3"),
        ({"roas_hihg": 3.0}, "policy classic has no field roas_hihg; it has window_days, roas_high"),
    ],
)
def test_nonsense_is_refused_with_field_value_and_range(values, said):
    with pytest.raises(BadInputError) as refusal:
        ClassicPolicy.from_json(values)
    assert said in str(refusal.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(BadInputError) as refusal:
        ClassicPolicy.from_json({"step": 9, "fatigue_drop": 0})
    assert len(str(refusal.value).splitlines()) == 2


def test_a_policy_made_in_code_is_checked_too():
    with pytest.raises(BadInputError, match=r"step is 0\.9"):
        ClassicPolicy(step=0.9)


def test_a_stored_policy_comes_back_as_it_was():
    policy = ClassicPolicy(step=0.25, window_days=14)
    assert parse_policy("classic", json.loads(json.dumps(policy.to_json()))) == policy


def test_fields_that_are_not_named_keep_their_defaults():
    assert ClassicPolicy.from_json({"roas_high": 4}) == ClassicPolicy(roas_high=4.0)


def test_a_policy_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(BadInputError, match='no policy "best"; there are classic, matured'):
        parse_policy("best", {})
    assert set(POLICIES) == {"classic", "matured"}


@pytest.mark.parametrize("minimum", [-1, 2.5, True])
def test_a_minimum_budget_is_whole_and_not_negative(minimum):
    with pytest.raises(BadInputError, match="minimum_daily_budget_minor"):
        AccountLimits(minimum_daily_budget_minor=minimum)
