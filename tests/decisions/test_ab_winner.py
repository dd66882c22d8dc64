"""A/B winners: who is paused, who is published, and when the test is left running."""

import pytest

from decisions import ab_winner
from decisions.policy import AccountLimits, ClassicPolicy
from domain.actions import ActionKind, ObjectKind, Priority
from tests.decisions.frames import ad, ad_set, snapshot

POLICY = ClassicPolicy()
LIMITS = AccountLimits(minimum_daily_budget_minor=500)
TEST = [ad_set(is_ab_test=True)]


def arm(clicks, impressions=2000, hours=50.0, **more):
    return ad(clicks_total=clicks, impressions_total=impressions, age_hours=hours, **more)


def decide(*arms, ad_sets=TEST):
    found = ab_winner.decide(snapshot(ad_sets, arms), POLICY, LIMITS)
    return [(proposal.kind.value, proposal.object_id) for proposal in found]


TABLE = [
    # arms (clicks of 2,000 at 50 h unless said)                     → changes
    ([arm(40), arm(30)], [("pause", "a2")]),  # 2.0 % against 1.5 %
    ([arm(30), arm(40), arm(20)], [("pause", "a1"), ("pause", "a3")]),
    ([arm(40), arm(40), arm(20)], []),  # a tie at the top decides nothing
    ([arm(40, 2000), arm(80, 4000)], []),  # the same 2.0 % of other counts is a tie too
    ([arm(40), arm(30, hours=48.0)], []),  # exactly 48 h is not more
    ([arm(40), arm(30, hours=48.1)], [("pause", "a2")]),
    ([arm(40), arm(15, 1000)], []),  # exactly 1,000 impressions are not more
    ([arm(40), arm(15, 1001)], [("pause", "a2")]),
    ([arm(40)], []),  # one arm is no test
    ([arm(40), arm(30, is_active=False)], []),  # one active arm neither
    ([arm(40), arm(30), arm(90, is_active=False)], [("activate", "a3")]),  # publish the winner, pause losers later
    ([arm(40), arm(30), arm(90, is_active=False, is_marked_fatigued=True)], [("pause", "a2")]),
    ([arm(40), arm(30), arm(9, 100, is_active=False)], [("pause", "a2")]),  # a paused ad without its due is no arm
    ([arm(0), arm(0)], []),  # nobody clicked: a tie
]


@pytest.mark.parametrize(("arms", "changes"), TABLE)
def test_the_arm_with_the_highest_rate_wins_once_every_arm_has_its_due(arms, changes):
    assert decide(*arms) == changes


def test_ads_of_an_ad_set_that_is_no_test_are_not_compared():
    assert decide(arm(40), arm(30), ad_sets=[ad_set(is_ab_test=False)]) == []


def test_ads_of_a_paused_ad_set_are_not_compared():
    assert decide(arm(40), arm(30), ad_sets=[ad_set(is_ab_test=True, is_active=False)]) == []


def test_an_ad_whose_ad_set_is_not_there_belongs_to_no_test():
    assert decide(arm(40, ad_set_index=-1), arm(30, ad_set_index=-1)) == []


def test_each_test_has_its_own_winner():
    sets = [ad_set(is_ab_test=True), ad_set(is_ab_test=True)]
    arms = [arm(40), arm(30), arm(10, ad_set_index=1), arm(20, ad_set_index=1)]
    assert decide(*arms, ad_sets=sets) == [("pause", "a2"), ("pause", "a3")]


def test_a_loser_is_told_who_won_and_by_which_counts():
    (proposal,) = ab_winner.decide(snapshot(TEST, [arm(40), arm(30)]), POLICY, LIMITS)
    assert (proposal.kind, proposal.object_kind, proposal.priority) == (
        ActionKind.PAUSE,
        ObjectKind.AD,
        Priority.AB_WINNER,
    )
    assert proposal.reason == (
        "its CTR 1.50 % (30 of 2,000 after 50 h) lost the test to ad a1 with CTR 2.00 % (40 of 2,000 after 50 h): pause"
    )
    assert (proposal.evidence["winner_id"], proposal.evidence["ab_min_impressions"]) == ("a1", 1000)
    assert (dict(proposal.expected_before), dict(proposal.target)) == ({"status": "active"}, {"status": "paused"})
