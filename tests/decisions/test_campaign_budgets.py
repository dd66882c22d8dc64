"""Campaigns that carry the budget, and what people steer by other means than a daily budget."""

from datetime import timedelta

import pytest

from decisions import roas, spikes
from decisions.policy import AccountLimits, ClassicPolicy
from decisions.registry import decide
from domain.actions import ActionKind, ObjectKind
from domain.snapshot import Hold
from tests.decisions.frames import ad_set, campaign, snapshot

POLICY = ClassicPolicy()
LIMITS = AccountLimits(minimum_daily_budget_minor=500)
INSIDE = {"campaign_index": 0, "hold": int(Hold.CAMPAIGN_BUDGET), "daily_budget_minor": -1}


def wanted(shown):
    """What the ROAS rule wants, as (kind of object, id, kind of action, budget)."""
    return [
        (row.object_kind, row.object_id, row.kind, row.target.get("daily_budget_minor"))
        for row in roas.decide(shown, POLICY, LIMITS)
    ]


TABLE = [
    # revenue of the campaign for 100.00 spent → change
    (30001, (ObjectKind.CAMPAIGN, "c1", ActionKind.SET_DAILY_BUDGET, 5200)),
    (20000, None),
    (14999, (ObjectKind.CAMPAIGN, "c1", ActionKind.SET_DAILY_BUDGET, 2800)),
    (7499, (ObjectKind.CAMPAIGN, "c1", ActionKind.PAUSE, None)),
]


@pytest.mark.parametrize(("revenue", "change"), TABLE)
def test_under_a_campaign_budget_the_campaign_is_stepped_and_no_ad_set(revenue, change):
    shown = snapshot(
        [ad_set(**INSIDE, spend_window=10000, revenue_window=max(revenue, 7500))],
        campaigns=[campaign(spend_window=10000, revenue_window=revenue)],
    )
    assert wanted(shown) == ([] if change is None else [change])


def test_a_losing_ad_set_under_a_campaign_budget_can_still_be_paused():
    shown = snapshot(
        [ad_set(**INSIDE, spend_window=5000, revenue_window=0), ad_set(**INSIDE, spend_window=5000)],
        campaigns=[campaign(spend_window=10000, revenue_window=20000)],
    )
    assert {(kind, action) for kind, _, action, _ in wanted(shown)} == {(ObjectKind.AD_SET, ActionKind.PAUSE)}


def test_ad_sets_of_a_campaign_that_is_to_be_paused_are_not_paused_as_well():
    shown = snapshot(
        [
            ad_set(**INSIDE, spend_window=10000, revenue_window=0),
            ad_set(spend_window=10000, revenue_window=0, daily_budget_minor=4000),
        ],
        campaigns=[campaign(spend_window=10000, revenue_window=0)],
    )
    assert [(kind, key) for kind, key, _, _ in wanted(shown)] == [
        (ObjectKind.CAMPAIGN, "c1"),
        (ObjectKind.AD_SET, "s2"),
    ]


def test_a_raise_of_a_campaign_says_whose_budget_it_is():
    (proposal,) = roas.decide(
        snapshot(campaigns=[campaign(spend_window=10000, revenue_window=40000)]), POLICY, LIMITS
    )  # fmt: skip
    assert "campaign budget +30 %: 40.00 → 52.00 EUR" in proposal.reason


def test_a_spike_of_a_campaign_moves_the_campaign_s_budget():
    spike = {"spend_window": 10000, "revenue_window": 24000, "recent_clicks": 90, "usual_clicks": 40.0,
             "usual_spend": 3000.0}  # fmt: skip
    shown = snapshot([ad_set(**INSIDE, **spike)], campaigns=[campaign(**spike)])
    (proposal,) = spikes.decide(shown, POLICY, LIMITS)
    assert (proposal.object_kind, proposal.target) == (ObjectKind.CAMPAIGN, {"daily_budget_minor": 4600})


@pytest.mark.parametrize("hold", [Hold.LIFETIME_BUDGET, Hold.BID_LIMIT, Hold.SPEND_CAP])
@pytest.mark.parametrize("revenue", [0, 14000, 90000])
def test_what_people_bound_is_left_alone_however_it_does(hold, revenue):
    figures = {"spend_window": 10000, "revenue_window": revenue, "recent_spend": 9000, "usual_spend": 1000.0,
               "usual_revenue": 9000.0, "usual_clicks": 50.0, "hold": int(hold)}  # fmt: skip
    shown = snapshot([ad_set(**figures)], campaigns=[campaign(**figures)])
    assert roas.decide(shown, POLICY, LIMITS) == ()
    assert spikes.decide(shown, POLICY, LIMITS) == ()


def test_what_is_left_alone_is_counted_by_reason():
    holds = [Hold.FREE, Hold.LIFETIME_BUDGET, Hold.LIFETIME_BUDGET, Hold.CAMPAIGN_BUDGET, Hold.BID_LIMIT]
    rows = [ad_set(hold=int(hold)) for hold in holds]
    rows.append(ad_set(hold=int(Hold.SPEND_CAP), is_active=False))  # does not run: nothing to say
    assert decide(snapshot(rows), POLICY, LIMITS, timedelta(hours=1)).left_alone == {
        "lifetime budget": 2,
        "bid cap, cost cap or minimum ROAS": 1,
        "campaign budget: rules act on the campaign": 1,
    }
