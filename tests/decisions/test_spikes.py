"""Spikes: the last hours against their usual figures, as the docstring of `spikes.decide` defines them."""

import pytest

from decisions import spikes
from decisions.policy import AccountLimits, ClassicPolicy
from domain.actions import ActionKind, Priority
from tests.decisions.frames import ad_set, snapshot

POLICY = ClassicPolicy()
LIMITS = AccountLimits(minimum_daily_budget_minor=500)

# usual of these hours: 30.00 spend, 40 clicks, 90.00 revenue; window: 100.00 spent, so that revenue 25000 is ROAS 2.5
USUAL = {"usual_spend": 3000.0, "usual_clicks": 40.0, "usual_revenue": 9000.0, "spend_window": 10000}

TABLE = [
    # spend, clicks, revenue of the hours, revenue of the window, budget → target
    (3000, 80, 9000, 25000, 4000, 4600),  # 80 = 2 x 40, ROAS 2.5 > 2: 40.00 + 15 %
    (3000, 79, 9000, 25000, 4000, None),  # not twice the usual
    (3000, 80, 9000, 20000, 4000, None),  # ROAS exactly 2 is not above it
    (3000, 80, 9000, 25000, -1, None),  # no budget of its own
    (3000, 20, 9000, 25000, 4000, 3600),  # as usual for half the clicks: 40.00 - 10 %
    (2400, 20, 9000, 25000, 4000, 3600),  # 24.00 = 0.8 x 30.00 is "as usual"
    (2399, 20, 9000, 25000, 4000, None),  # spends less, gets less: no spike
    (3000, 21, 9000, 25000, 4000, None),  # more than half the clicks
    (6000, 40, 9000, 25000, 4000, 3600),  # twice the spend, half the revenue per unit: 90/60 = 1.5 = 3.0/2
    (6000, 40, 9001, 25000, 4000, None),  # revenue keeps up just enough
    (5999, 40, 0, 25000, 4000, None),  # not twice the spend
    (6000, 80, 9000, 25000, 4000, 3600),  # positive and negative at once is negative
    (3000, 20, 9000, 25000, 500, "paused"),  # at the floor
    (3000, 20, 9000, 25000, 550, 500),  # 5.50 - 10 % = 4.95, held at the floor of 5.00
    (3000, 20, 0, 7499, 4000, "paused"),  # nothing earned, and ROAS 0.7499 under half of 1.5
    (3000, 20, 0, 7500, 4000, 3600),  # ROAS 0.75 is not under it
    (3000, 20, 0, 7499, -1, "paused"),  # a pause needs no budget
    (3000, 20, 9000, 25000, -1, None),  # a cut does
]


@pytest.mark.parametrize("case", TABLE)
def test_hours_are_compared_with_the_same_hours_of_the_week_before(case):
    spend, clicks, revenue, window, budget, target = case
    row = ad_set(
        **USUAL, recent_spend=spend, recent_clicks=clicks, recent_revenue=revenue, revenue_window=window,
        daily_budget_minor=budget,
    )  # fmt: skip
    found = spikes.decide(snapshot([row]), POLICY, LIMITS)
    values = [next(iter(proposal.target.values())) for proposal in found]
    assert values == ([] if target is None else [target])


def test_few_usual_clicks_are_no_basis_for_a_spike():
    low = {**USUAL, "usual_clicks": 9.9}
    rows = [
        ad_set(**low, recent_spend=3000, recent_clicks=200, revenue_window=50000),
        ad_set(**low, recent_spend=3000, recent_clicks=0, recent_revenue=9000),
    ]
    assert spikes.decide(snapshot(rows), POLICY, LIMITS) == ()


def test_the_minimums_themselves_are_enough():
    """Exactly 10 usual clicks, exactly 5 x 5.00 spent in the window."""
    least = {**USUAL, "usual_clicks": 10.0, "spend_window": 2500}
    rows = [ad_set(**least, recent_spend=3000, recent_clicks=20, recent_revenue=9000, revenue_window=5001)]
    (proposal,) = spikes.decide(snapshot(rows), POLICY, LIMITS)
    assert proposal.rule == spikes.POSITIVE


def test_a_step_under_one_minor_unit_is_no_change():
    """15 % of 5 yen and 10 % of 5 yen are under one yen."""
    usual = {**USUAL, "daily_budget_minor": 5, "revenue_window": 25000}
    rows = [
        ad_set(**usual, recent_spend=3000, recent_clicks=80, recent_revenue=9000),
        ad_set(**usual, recent_spend=3000, recent_clicks=20, recent_revenue=9000),
    ]
    assert spikes.decide(snapshot(rows, currency="JPY"), POLICY, AccountLimits(minimum_daily_budget_minor=0)) == ()


def test_hours_without_a_known_usual_are_no_spike():
    rows = [ad_set(spend_window=10000, revenue_window=50000, recent_spend=90000, recent_clicks=9000)]
    assert spikes.decide(snapshot(rows), POLICY, LIMITS) == ()


def test_a_paused_ad_set_has_no_spike():
    rows = [ad_set(**USUAL, is_active=False, recent_spend=9000, recent_clicks=0)]
    assert spikes.decide(snapshot(rows), POLICY, LIMITS) == ()


def test_a_small_overspend_is_left_alone_until_it_costs_a_minimum_budget():
    """Twice almost nothing is still almost nothing: 4.00 EUR is under the account minimum of 5.00 EUR."""
    usual = {"usual_spend": 100.0, "usual_clicks": 40.0, "usual_revenue": 300.0}
    rows = [ad_set(**usual, recent_spend=spend, recent_clicks=40) for spend in (400, 500)]
    assert [proposal.object_id for proposal in spikes.decide(snapshot(rows), POLICY, LIMITS)] == ["s2"]


def test_a_negative_spike_goes_before_roas_and_tells_what_was_paid_for_what():
    rows = [ad_set(**USUAL, recent_spend=3100, recent_clicks=12, recent_revenue=4000, revenue_window=25000)]
    (proposal,) = spikes.decide(snapshot(rows), POLICY, LIMITS)
    assert proposal.priority == Priority.NEGATIVE_SPIKE > Priority.ROAS
    assert proposal.reason == (
        "spend 31.00 EUR in the last 3 h (usual 30.00 EUR) brought 12 clicks instead of the usual 40:"
        " budget -10 %: 40.00 → 36.00 EUR"
    )


def test_a_positive_spike_tells_clicks_and_roas():
    rows = [ad_set(**USUAL, recent_spend=3000, recent_clicks=95, recent_revenue=9000, revenue_window=25000)]
    (proposal,) = spikes.decide(snapshot(rows), POLICY, LIMITS)
    assert (proposal.kind, proposal.priority) == (ActionKind.SET_DAILY_BUDGET, Priority.POSITIVE_SPIKE)
    assert proposal.reason == (
        "95 clicks in the last 3 h instead of the usual 40, with ROAS 2.50 over 7 days above 2.00:"
        " budget +15 %: 40.00 → 46.00 EUR"
    )
