"""The check of a policy: real figures on which two rules would fight, and rules that never get their way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.conflicts import check
from decisions import overlap, roas, spikes
from decisions.overlap import stand_of
from decisions.policy import AccountLimits, ClassicPolicy
from decisions.witness import snapshot_of
from domain.errors import BadInputError

PLAIN = AccountLimits(minimum_daily_budget_minor=500)
GOALS = [PLAIN, AccountLimits(minimum_daily_budget_minor=500, goal_roas=2.5),
         AccountLimits(minimum_daily_budget_minor=100, goal_cpa_minor=1800)]  # fmt: skip


def fights(policy=None, limits=PLAIN):
    return {(str(row.winner), str(row.loser)) for row in check(policy or ClassicPolicy(), limits, "EUR").conflicts}


def test_the_classic_table_fights_with_itself_where_it_is_known_to():
    assert fights() == {
        ("spike_negative: cut", "roas_low: pause"),
        ("spike_negative: cut", "roas_low: cut"),
        ("spike_negative: cut", "roas_high: raise"),
        ("spike_negative: pause", "roas_high: raise"),
        ("roas_high: raise", "spike_positive: raise"),
    }


@pytest.mark.parametrize("limits", GOALS)
def test_by_default_every_rule_gets_its_way_somewhere(limits):
    assert check(ClassicPolicy(), limits, "EUR").mute == ()


def test_a_threshold_that_lets_a_rule_only_lose_is_named():
    (mute,) = check(ClassicPolicy(spike_min_roas=3.5), PLAIN, "EUR").mute
    assert (str(mute.stand), mute.because_of) == ("spike_positive: raise", ("spike_min_roas=3.5",))


def test_thresholds_that_cross_bring_a_raise_against_a_cut():
    assert ("roas_low: cut", "spike_positive: raise") in fights(ClassicPolicy(roas_low=2.5, roas_high=2.6))


@pytest.mark.parametrize("limits", GOALS)
def test_the_figures_of_a_fight_make_both_rules_fire(limits):
    """Anybody can run the two rules on the witness again."""
    policy = ClassicPolicy()
    found = overlap.try_out(policy, limits, "EUR").overlaps
    assert found
    for row in found:
        shown = snapshot_of([row.witness], policy, "EUR")
        decided = [*roas.decide(shown, policy, limits), *spikes.decide(shown, policy, limits)]
        assert {stand_of(proposal) for proposal in row.proposals} <= {stand_of(proposal) for proposal in decided}


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        name: st.integers(int(row.low), min(int(row.high), 10_000)) if row.whole else st.floats(row.low, row.high)
        for name, row in ClassicPolicy.BOUNDS.items()
    },
)


@given(FIELDS, st.sampled_from(GOALS))
@settings(max_examples=25, deadline=None)
def test_any_policy_can_be_checked(fields, limits):
    try:
        policy = ClassicPolicy(**fields)
    except BadInputError:
        return
    for row in check(policy, limits, "EUR").conflicts:
        assert row.winner != row.loser
        assert row.wins_with.priority >= row.loses_with.priority
