"""What holds of money whatever is asked: caps, floor, step, trims, order, stale data."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from actions.arbiter import arbitrate
from actions.guardrails import GUARDRAILS, fold, judge, judge_all
from actions.guardrails.facts import MonthSpend
from actions.guardrails.verdicts import is_protective
from domain.actions import Priority
from domain.money import Money
from tests.actions.judging import activate, budget, facts, pause

AMOUNT = st.integers(1, 10**9)
CAP = st.none() | st.integers(0, 10**9).map(lambda minor: Money(minor, "EUR"))
AGE = st.none() | st.integers(0, 200).map(lambda minutes: timedelta(minutes=minutes))
PRIORITY = st.sampled_from([row for row in Priority if row is not Priority.PERSON])


@st.composite
def known(draw, before):
    """Facts of an account that may be full, in which this object's own budget runs."""
    running = draw(AMOUNT) + before
    return facts(
        ad_set_cap=draw(CAP),
        campaign_cap=draw(CAP),
        account_cap=draw(CAP),
        worst_day_cap=draw(CAP),
        overspend_ratio=draw(st.sampled_from([1.0, 1.25, 1.75])),
        month_budget=draw(CAP),
        month=MonthSpend(
            before_today_minor=draw(AMOUNT), today_minor=draw(AMOUNT), days_after_today=draw(st.integers(0, 30))
        ),
        account_daily_budgets_minor=running,
        campaign_daily_budgets_minor=draw(st.integers(before, running)),
        minimum_daily_budget_minor=draw(st.integers(1, 10_000)),
        budget_step_minor=draw(st.sampled_from([1, 10, 100])),
        budget_day_ago_minor=draw(st.none() | st.integers(max(1, before * 9 // 10), before * 11 // 10 + 1)),
    )


@st.composite
def cases(draw):
    before = draw(AMOUNT)
    return budget(before, draw(AMOUNT), priority=draw(PRIORITY)), draw(known(before))


def raised(proposal, judgement):
    return judgement.target["daily_budget_minor"] - proposal.expected_before["daily_budget_minor"]


@given(cases())
@settings(max_examples=400, deadline=None)
def test_no_raise_leads_over_any_cap(case):
    proposal, facts_ = case
    judgement = judge(proposal, facts_)
    if not judgement.allowed or (added := raised(proposal, judgement)) <= 0:
        return
    total = facts_.account_daily_budgets_minor + added
    assert facts_.account_cap is None or total <= facts_.account_cap.minor
    assert facts_.campaign_cap is None or facts_.campaign_daily_budgets_minor + added <= facts_.campaign_cap.minor
    assert facts_.ad_set_cap is None or judgement.target["daily_budget_minor"] <= facts_.ad_set_cap.minor
    assert facts_.worst_day_cap is None or total * facts_.overspend_ratio <= facts_.worst_day_cap.minor
    if facts_.month_budget is not None:
        month = facts_.month
        days = max(month.today_minor, total) + month.days_after_today * total
        assert month.before_today_minor + days <= facts_.month_budget.minor


@given(cases())
@settings(max_examples=400, deadline=None)
def test_what_is_sent_keeps_floor_step_and_unit(case):
    proposal, facts_ = case
    judgement = judge(proposal, facts_)
    if not judgement.allowed:
        assert judgement.reasons
        return
    before, sent = proposal.expected_before["daily_budget_minor"], judgement.target["daily_budget_minor"]
    assert sent >= facts_.minimum_daily_budget_minor
    assert 5 * abs(sent - before) <= before
    assert sent % facts_.budget_step_minor == 0
    day_ago = facts_.budget_day_ago_minor
    if day_ago is not None:
        assert abs(sent - day_ago) * 5 <= day_ago or abs(sent - day_ago) <= abs(before - day_ago)


@given(cases())
@settings(max_examples=400, deadline=None)
def test_each_trim_takes_something_and_never_turns_a_change_round(case):
    proposal, facts_ = case
    before, now = proposal.expected_before["daily_budget_minor"], proposal.target["daily_budget_minor"]
    for verdict in judge_all(proposal, facts_):
        if verdict.trimmed_target is not None:
            trimmed = verdict.trimmed_target["daily_budget_minor"]
            assert abs(trimmed - before) < abs(now - before)
            assert (trimmed - before) * (now - before) > 0
            now = trimmed


@given(cases())
@settings(max_examples=300, deadline=None)
def test_what_was_let_through_is_let_through_again_unchanged(case):
    proposal, facts_ = case
    first = judge(proposal, facts_)
    if first.allowed:
        again = judge(replace(proposal, target=first.target), facts_)
        assert (again.allowed, again.target, again.reasons) == (True, first.target, ())


@given(cases(), st.integers(1, 10**6))
@settings(max_examples=300, deadline=None)
def test_more_room_never_allows_less(case, more):
    """A higher cap of the account lets at least as much through."""
    proposal, facts_ = case
    if facts_.account_cap is None:
        return
    wider = replace(facts_, account_cap=Money(facts_.account_cap.minor + more, "EUR"))
    narrow, wide = judge(proposal, facts_), judge(proposal, wider)
    assert wide.allowed or not narrow.allowed
    if narrow.allowed and proposal.target["daily_budget_minor"] > proposal.expected_before["daily_budget_minor"]:
        assert raised(proposal, wide) >= raised(proposal, narrow)


@given(AGE, AGE, st.sampled_from([budget(4000, 4400), budget(4000, 3600), pause(), activate()]), PRIORITY)
@settings(max_examples=200, deadline=None)
def test_nothing_comes_from_stale_data(tree_age, insights_age, wanted, priority):
    hour = timedelta(hours=1)
    is_fresh = all(age is not None and age <= hour for age in (tree_age, insights_age))
    aged = facts(tree_age=tree_age, insights_age=insights_age)
    asked = replace(wanted, priority=priority)
    assert judge(asked, aged).allowed is (is_fresh or is_protective(asked))


@given(st.lists(st.integers(0, 5).map(str), min_size=1, max_size=12), st.integers(0, 20_000), st.randoms())
@settings(max_examples=200, deadline=None)
def test_a_batch_shares_the_room_whatever_the_order_in_which_it_is_asked(ids, room, random):
    """Each is judged with those before it in the sum, and the sum of what may go never passes the cap."""
    wanted = [budget(4000, 4800, object_id=key, rule=f"rule{nth}") for nth, key in enumerate(ids)]

    def take(proposals):
        total, taken = 100_000, {}
        cap = Money(100_000 + room, "EUR")
        for proposal in arbitrate(proposals).winners:
            judgement = judge(proposal, facts(account_cap=cap, account_daily_budgets_minor=total))
            if judgement.allowed:
                taken[proposal.object_id] = judgement.target["daily_budget_minor"]
                total += raised(proposal, judgement)
        return total, taken

    total, taken = take(wanted)
    assert total <= 100_000 + room
    assert take(random.sample(wanted, len(wanted))) == (total, taken)


@given(cases())
@settings(max_examples=100, deadline=None)
def test_a_stop_needs_approval_only_where_every_stop_is_one_that_a_person_lifts(case):
    proposal, facts_ = case
    verdicts = judge_all(proposal, facts_)
    judgement = fold(proposal, verdicts)
    lifted = {row.slug for row in GUARDRAILS if row.approvable}
    stops = {row.guardrail for row in verdicts if not row.allowed}
    assert judgement.needs_approval is (bool(stops) and stops <= lifted)
