"""The whole policy on one snapshot: freshness, windows, and properties that hold for every account."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.policy import AccountLimits, ClassicPolicy
from decisions.registry import CLASSIC_RULES, decide
from domain.actions import PROTECTIVE, RECORDED_ONLY, ActionKind
from domain.errors import InvariantError
from domain.money import Money
from tests.decisions.frames import NOW, ad, ad_set, snapshot

POLICY = ClassicPolicy()
LIMITS = AccountLimits(minimum_daily_budget_minor=500)
HALF_HOUR = timedelta(minutes=30)
EARNING = [ad_set(spend_window=10000, revenue_window=90000)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tree_read_at": None}, "the account's objects have never been read; run the collector first"),
        ({"insights_read_at": None}, "the insights have never been read; run the collector first"),
        (
            {"insights_read_at": NOW - timedelta(minutes=31)},
            "the insights were read 31 min ago, more than 30 min; collect them again",
        ),
        ({"tree_read_at": NOW - timedelta(hours=2)}, "the account's objects were read 120 min ago"),
    ],
)
def test_nothing_is_decided_from_data_that_is_missing_or_old(fields, said):
    decided = decide(snapshot(EARNING, **fields), POLICY, LIMITS, HALF_HOUR)
    assert decided.proposals == ()
    assert said in (decided.declined or "")


@pytest.mark.parametrize("read_at", [NOW - HALF_HOUR, NOW, NOW + timedelta(minutes=2)])
def test_data_read_within_the_freshness_or_after_the_cycles_instant_is_decided_from(read_at):
    decided = decide(snapshot(EARNING, tree_read_at=read_at, insights_read_at=read_at), POLICY, LIMITS, HALF_HOUR)
    assert decided.declined is None
    assert len(decided.proposals) == 1
    assert decided.proposals[0].evidence["tree_age_s"] >= 0


def test_a_snapshot_of_other_windows_is_a_bug_not_a_decision():
    with pytest.raises(InvariantError, match="3 days"):
        decide(snapshot(EARNING, window_days=3), POLICY, LIMITS, HALF_HOUR)


def test_an_account_without_objects_wants_nothing():
    assert decide(snapshot(), POLICY, LIMITS, HALF_HOUR).proposals == ()


def test_classic_is_the_four_decisions_of_the_full_cycle():
    names = {rule.__module__ for rule in CLASSIC_RULES}
    assert names == {"decisions.ab_winner", "decisions.roas", "decisions.spikes", "decisions.fatigue"}


def test_what_runs_with_an_account_that_has_everything_at_once():
    ad_sets = [
        *EARNING,  # ROAS 9: raise
        ad_set(is_ab_test=True),  # its second arm loses
    ]
    ads = [
        ad(impressions_week=7000, clicks_week=140, impressions_last=1000, clicks_last=2),  # tired
        ad(ad_set_index=1, impressions_total=2000, clicks_total=40),
        ad(ad_set_index=1, impressions_total=2000, clicks_total=30),
    ]
    found = decide(snapshot(ad_sets, ads), POLICY, LIMITS, HALF_HOUR).proposals
    assert [(p.rule, p.kind.value, p.object_id) for p in found] == [
        ("ab_winner", "pause", "a3"),
        ("roas_high", "set_daily_budget", "s1"),
        ("fatigue", "mark_fatigued", "a1"),
        ("fatigue", "propose_variant", "k1"),
    ]


COUNT = st.integers(0, 10**7)
FLAG = st.booleans()
AD_SETS = st.lists(
    st.builds(
        ad_set,
        is_active=FLAG, is_ab_test=FLAG, is_learning=FLAG,
        daily_budget_minor=st.one_of(st.just(-1), st.integers(1, 10**9)),
        spend_window=COUNT, revenue_window=COUNT, recent_spend=COUNT, recent_clicks=COUNT, recent_revenue=COUNT,
        usual_spend=st.floats(0, 1e6), usual_clicks=st.floats(0, 1e4), usual_revenue=st.floats(0, 1e6),
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip
ADS = st.lists(
    st.builds(
        ad,
        ad_set_index=st.just(0), is_active=FLAG, is_marked_fatigued=FLAG, age_hours=st.floats(0, 1000),
        impressions_total=st.integers(900, 9000), clicks_total=st.integers(0, 900),
        impressions_last=COUNT, clicks_last=COUNT, impressions_week=COUNT, clicks_week=COUNT,
    ),
    max_size=6,
)  # fmt: skip
MINIMUM = st.integers(0, 5000)


@given(AD_SETS, ADS, MINIMUM)
@settings(max_examples=150, deadline=None)
def test_every_proposal_is_absolute_above_zero_and_within_the_policys_step(ad_sets, ads, minimum):
    found = decide(snapshot(ad_sets, ads), POLICY, AccountLimits(minimum_daily_budget_minor=minimum), HALF_HOUR)
    for proposal in found.proposals:
        json.dumps([dict(proposal.target), dict(proposal.expected_before), dict(proposal.evidence)], allow_nan=False)
        assert proposal.reason
        if proposal.kind is not ActionKind.SET_DAILY_BUDGET:
            continue
        before, target = proposal.expected_before["daily_budget_minor"], proposal.target["daily_budget_minor"]
        assert type(target) is int
        assert target > 0
        assert target >= min(minimum, before)
        assert target != before
        assert abs(target - before) <= POLICY.step * before


@given(AD_SETS, ADS)
@settings(max_examples=100, deadline=None)
def test_what_does_not_run_gets_no_budget_and_no_pause(ad_sets, ads):
    shot = snapshot(ad_sets, ads)
    running = {*shot.ad_sets.id[shot.ad_sets.is_active], *shot.ads.id[shot.ads.is_active]}
    for proposal in decide(shot, POLICY, LIMITS, HALF_HOUR).proposals:
        if proposal.kind in PROTECTIVE | {ActionKind.SET_DAILY_BUDGET}:
            assert proposal.object_id in running
        else:
            assert proposal.kind in RECORDED_ONLY | {ActionKind.ACTIVATE}


@given(AD_SETS, st.randoms(use_true_random=False))
@settings(max_examples=75, deadline=None)
def test_the_order_of_rows_does_not_matter(ad_sets, random):
    named = [{**row, "id": f"s-{place}"} for place, row in enumerate(ad_sets)]
    shuffled = random.sample(named, len(named))
    one = decide(snapshot(named), POLICY, LIMITS, HALF_HOUR).proposals
    other = decide(snapshot(shuffled), POLICY, LIMITS, HALF_HOUR).proposals
    key = lambda proposal: (proposal.object_id, proposal.rule)  # noqa: E731
    assert sorted(one, key=key) == sorted(other, key=key)


@given(AD_SETS, ADS, st.integers(31, 10**5))
@settings(max_examples=50, deadline=None)
def test_stale_data_never_leads_to_a_proposal(ad_sets, ads, minutes):
    shot = snapshot(ad_sets, ads, insights_read_at=NOW - timedelta(minutes=minutes))
    assert decide(shot, POLICY, LIMITS, HALF_HOUR).proposals == ()


@given(st.integers(0, 10**12), st.sampled_from(["EUR", "JPY", "KWD"]))
@settings(max_examples=60, deadline=None)
def test_amounts_in_reasons_are_written_as_money_is(minor, currency):
    """The quick writer of the decisions and `Money` never differ."""
    from decisions.wording import amounts

    for value in (minor, -minor):
        assert f"{amounts(currency)(value)} {currency}" == str(Money(value, currency))
