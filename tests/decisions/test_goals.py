"""Goals of the account in place of the policy's thresholds: ROAS 2.50, or 18.00 EUR per purchase."""

from datetime import timedelta

import pytest

from decisions import roas, spikes
from decisions.policy import AccountLimits, ClassicPolicy
from decisions.registry import decide
from domain.errors import BadInputError
from tests.decisions.frames import ad_set, snapshot

POLICY = ClassicPolicy()
GOAL_ROAS = AccountLimits(minimum_daily_budget_minor=500, goal_roas=2.5)
GOAL_CPA = AccountLimits(minimum_daily_budget_minor=500, goal_cpa_minor=1800)

ROAS_TABLE = [
    # revenue for 100.00 spent → change
    (33251, "set_daily_budget", 5200),  # 3.3251 > 2.5 x 1.33 = 3.325; 40.00 + 30 %
    (33250, None, None),  # not above it
    (16751, None, None),  # 1.6751 > 2.5 x 0.67 = 1.675
    (16749, "set_daily_budget", 2800),
    (8370, "pause", None),  # 0.8370 < 0.8375, half of that
]


@pytest.mark.parametrize(("revenue", "kind", "target"), ROAS_TABLE)
def test_a_goal_roas_stands_in_for_the_thresholds(revenue, kind, target):
    rows = [ad_set(spend_window=10000, revenue_window=revenue)]
    found = [(row.kind, row.target.get("daily_budget_minor")) for row in roas.decide(snapshot(rows), POLICY, GOAL_ROAS)]
    assert found == ([] if kind is None else [(kind, target)])


CPA_TABLE = [
    # purchases for 1,000.00 spent → change; goal 18.00
    (74, "set_daily_budget", 5200),  # 13.51 < 18.00 / 1.33 = 13.53
    (73, None, None),  # 13.70
    (38, None, None),  # 26.32 < 18.00 / 0.67 = 26.87
    (37, "set_daily_budget", 2800),  # 27.03
    (18, "pause", None),  # 55.56 > 53.73, twice that
    (0, "pause", None),
]


@pytest.mark.parametrize(("purchases", "kind", "target"), CPA_TABLE)
def test_a_goal_cpa_is_compared_inversely_and_revenue_does_not_count(purchases, kind, target):
    for revenue in (0, 10**7):
        rows = [ad_set(spend_window=100000, purchases_window=purchases, revenue_window=revenue)]
        proposals = roas.decide(snapshot(rows), POLICY, GOAL_CPA)
        found = [(row.kind, row.target.get("daily_budget_minor")) for row in proposals]
        assert found == ([] if kind is None else [(kind, target)])


def test_reasons_name_the_goal():
    rows = [
        ad_set(spend_window=100000, purchases_window=74),
        ad_set(spend_window=100000, purchases_window=37),
        ad_set(spend_window=100000, purchases_window=0),
    ]
    assert [row.reason for row in roas.decide(snapshot(rows), POLICY, GOAL_CPA)] == [
        (
            "cost per purchase 13.51 EUR over 7 days (spend 1,000.00 EUR, 74 purchases) is under 13.53 EUR"
            " (goal 18.00 EUR): budget +30 %: 40.00 → 52.00 EUR"
        ),
        (
            "cost per purchase 27.03 EUR over 7 days (spend 1,000.00 EUR, 37 purchases) is over 26.87 EUR"
            " (goal 18.00 EUR): budget -30 %: 40.00 → 28.00 EUR"
        ),
        (
            "no purchase over 7 days (spend 1,000.00 EUR, 0 purchases) is over 53.73 EUR, twice 26.87 EUR"
            " (goal 18.00 EUR): pause"
        ),
    ]
    (raised,) = roas.decide(snapshot([ad_set(spend_window=10000, revenue_window=40000)]), POLICY, GOAL_ROAS)
    assert "is above 3.33 (goal 2.50)" in raised.reason


def test_a_positive_spike_must_beat_the_goal():
    row = ad_set(spend_window=10000, revenue_window=24000, recent_clicks=90, usual_clicks=40.0, usual_spend=3000.0)
    assert spikes.decide(snapshot([row]), POLICY, GOAL_ROAS) == ()  # ROAS 2.40 is above 2.00, but under the goal
    plain = AccountLimits(minimum_daily_budget_minor=500)
    assert len(spikes.decide(snapshot([row]), POLICY, plain)) == 1


def test_an_account_cannot_have_two_goals():
    with pytest.raises(BadInputError, match="not both"):
        AccountLimits(minimum_daily_budget_minor=500, goal_roas=2.0, goal_cpa_minor=100)


def test_without_a_goal_the_table_is_as_written():

    rows = [ad_set(spend_window=10000, revenue_window=revenue) for revenue in (30001, 15000, 14999, 7499)]
    plain = AccountLimits(minimum_daily_budget_minor=500)
    shifted = ClassicPolicy(goal_high_factor=1.0, goal_low_factor=1.0)
    one, other = (decide(snapshot(rows), policy, plain, timedelta(hours=1)) for policy in (POLICY, shifted))
    assert one == other
    assert len(one.proposals) == 3
