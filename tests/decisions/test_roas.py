"""ROAS steps: small tables of ad sets against the change that the classic table asks for."""

import pytest

from decisions import roas
from decisions.policy import AccountLimits, ClassicPolicy
from domain.actions import ActionKind, ObjectKind, Priority
from tests.decisions.frames import ad_set, snapshot

POLICY = ClassicPolicy()
LIMITS = AccountLimits(minimum_daily_budget_minor=500)  # 5.00 EUR; a ROAS counts from 5 x 5.00 = 25.00 EUR spent

TABLE = [
    # budget, spend, revenue → kind, new budget           # arithmetic
    (4000, 10000, 30001, "set_daily_budget", 5200),  # 3.0001 > 3; 40.00 + 30 %
    (4000, 10000, 30000, None, None),  # exactly 3.00 is not above it
    (4000, 10000, 15000, None, None),  # exactly 1.50 is not below it
    (4000, 10000, 14999, "set_daily_budget", 2800),  # 1.4999 < 1.5; 40.00 - 30 %
    (4000, 10000, 7500, "set_daily_budget", 2800),  # exactly half of 1.5: still a cut
    (4000, 10000, 7499, "pause", None),  # under half of 1.5
    (4000, 10000, 0, "pause", None),  # no revenue is ROAS 0
    (500, 10000, 14000, "pause", None),  # at the floor a cut is not possible
    (600, 10000, 14000, "set_daily_budget", 500),  # 6.00 - 30 % = 4.20, held at 5.00
    (333, 10000, 40000, "set_daily_budget", 432),  # 30 % of 333 = 99.9, rounded down to 99
    (999, 10000, 14000, "set_daily_budget", 700),  # 30 % of 999 = 299.7, rounded down to 299
    (3, 10000, 40000, None, None),  # 30 % of 3 is under one minor unit
    (-1, 10000, 40000, None, None),  # no budget of its own to raise
    (-1, 10000, 14000, None, None),  # nor to cut
    (-1, 10000, 7000, "pause", None),  # but it can be paused
    (4000, 2499, 0, None, None),  # spent under 25.00: too little to tell
    (4000, 2500, 0, "pause", None),
    (4000, 0, 0, None, None),  # nothing spent has no ROAS
]


@pytest.mark.parametrize(("budget", "spend", "revenue", "kind", "target"), TABLE)
def test_an_ad_set_gets_the_change_that_its_roas_asks_for(budget, spend, revenue, kind, target):
    rows = [ad_set(daily_budget_minor=budget, spend_window=spend, revenue_window=revenue)]
    found = roas.decide(snapshot(rows), POLICY, LIMITS)
    if kind is None:
        assert found == ()
        return
    (proposal,) = found
    wanted = {"status": "paused"} if kind == "pause" else {"daily_budget_minor": target}
    before = {"status": "active"} if kind == "pause" else {"daily_budget_minor": budget}
    assert (proposal.kind, proposal.target, proposal.expected_before) == (ActionKind(kind), wanted, before)
    assert (proposal.object_kind, proposal.object_id, proposal.priority) == (ObjectKind.AD_SET, "s1", Priority.ROAS)


def test_an_ad_set_that_does_not_run_is_left_alone():
    rows = [ad_set(is_active=False, spend_window=10000, revenue_window=revenue) for revenue in (0, 10000, 90000)]
    assert roas.decide(snapshot(rows), POLICY, LIMITS) == ()


def test_a_raise_tells_its_figures_in_the_accounts_currency():
    rows = [ad_set(spend_window=81240, revenue_window=277810, purchases_window=31)]
    (proposal,) = roas.decide(snapshot(rows), POLICY, LIMITS)
    assert proposal.reason == (
        "ROAS 3.42 over 7 days (spend 812.40 EUR, revenue 2,778.10 EUR) is above 3.00: budget +30 %: 40.00 → 52.00 EUR"
    )
    assert proposal.evidence["purchases"] == 31
    assert proposal.evidence["roas_high"] == 3.0
    assert proposal.evidence["insights_age_s"] == 60


def test_a_pause_says_why_a_cut_was_not_enough():
    rows = [
        ad_set(spend_window=10000, revenue_window=5000),
        ad_set(spend_window=10000, revenue_window=14000, daily_budget_minor=500),
    ]
    reasons = [proposal.reason for proposal in roas.decide(snapshot(rows), POLICY, LIMITS)]
    assert reasons == [
        "ROAS 0.50 over 7 days (spend 100.00 EUR, revenue 50.00 EUR) is below 0.75, half of 1.50: pause",
        (
            "ROAS 1.40 over 7 days (spend 100.00 EUR, revenue 140.00 EUR) is below 1.50,"
            " and its budget 5.00 EUR is at the floor of 5.00: pause"
        ),
    ]


def test_a_name_is_carried_but_never_worded():
    """Names are other people's text: escape codes in one must not reach a sentence."""
    rows = [ad_set(name="\x1b[31m=cmd()\n", spend_window=10000, revenue_window=90000)]
    (proposal,) = roas.decide(snapshot(rows), POLICY, LIMITS)
    assert proposal.object_name == "\x1b[31m=cmd()\n"
    assert "cmd" not in proposal.reason


def test_amounts_without_decimals_are_written_without_decimals():
    rows = [ad_set(daily_budget_minor=4000, spend_window=812400, revenue_window=2778100)]
    (proposal,) = roas.decide(snapshot(rows, currency="JPY"), POLICY, LIMITS)
    assert "spend 812,400 JPY" in proposal.reason
    assert proposal.reason.endswith("4,000 → 5,200 JPY")


def test_a_step_of_the_policy_is_the_step_taken():
    rows = [ad_set(spend_window=10000, revenue_window=90000)]
    (proposal,) = roas.decide(snapshot(rows), ClassicPolicy(step=0.2), LIMITS)
    assert proposal.target == {"daily_budget_minor": 4800}  # 40.00 + 20 %


def test_a_cut_under_one_minor_unit_is_no_change():
    """Without a minimum, 3 yen less 30 % are 3 yen."""
    rows = [ad_set(daily_budget_minor=3, spend_window=10000, revenue_window=14000)]
    assert roas.decide(snapshot(rows, currency="JPY"), POLICY, AccountLimits(minimum_daily_budget_minor=0)) == ()
