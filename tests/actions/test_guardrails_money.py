"""Guardrails over amounts: step, caps, floor, currency. Amounts are EUR cents unless said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.guardrails import judge
from domain.actions import ActionKind, ObjectKind
from domain.money import Money
from tests.actions.judging import activate, budget, create, facts, pause


def eur(minor):
    return Money(minor, "EUR")


def outcome(proposal, known):
    """The budget that may be sent, or the stops' reasons."""
    judgement = judge(proposal, known)
    return judgement.target.get("daily_budget_minor") if judgement.allowed else judgement.reasons


STEPS = [
    # before, wanted → sent
    (4000, 5200, 4800),  # +30 % trimmed to +20 %
    (4000, 4800, 4800),
    (4000, 2800, 3200),  # -30 % trimmed to -20 %
    (4001, 9000, 4801),  # 20 % of 40.01 = 8.002, rounded down to 8.00
    (4001, 1000, 3201),
]


@pytest.mark.parametrize(("before", "wanted", "sent"), STEPS)
def test_a_step_over_20_percent_is_trimmed_to_it(before, wanted, sent):
    assert outcome(budget(before, wanted), facts()) == sent


def test_a_trimmed_step_says_so():
    judgement = judge(budget(4000, 5200), facts())
    assert judgement.reasons == ("step of ad set 123 trimmed to 20 %: 40.00 EUR → 48.00 EUR instead of 52.00 EUR",)


def test_a_step_smaller_than_one_minor_unit_is_stopped():
    """20 % of 4 yen is less than a yen."""
    known = facts(currency="JPY", minimum_daily_budget_minor=1)
    assert "under one minor unit" in outcome(budget(4, 6), known)[0]


@pytest.mark.parametrize("before", [None, 0, -1, 40.0, True, "4000"])
def test_a_change_without_the_budget_it_was_decided_on_is_stopped(before):
    known = facts(account_cap=eur(10**9), ad_set_cap=eur(10**9))
    assert any("lacks the budget" in reason for reason in outcome(budget(before, 4800), known))


def test_a_change_to_what_already_is_is_stopped():
    assert "already is 40.00 EUR" in outcome(budget(4000, 4000), facts())[0]


AD_SET_CAPS = [
    # before, wanted, cap → sent
    (4000, 4800, 4800, 4800),  # exactly the cap
    (4000, 4800, 4500, 4500),  # trimmed to it
    (4000, 4800, 4120, 4120),  # 1.20 of room are 3 %: still worth an edit
    (4000, 4800, 4119, None),  # less is not
    (4000, 4800, 4000, None),  # at the cap
    (6000, 6600, 4000, None),  # above it already
    (6000, 5400, 4000, 5400),  # a cut is never hindered, though it stays above
]


@pytest.mark.parametrize(("before", "wanted", "cap", "sent"), AD_SET_CAPS)
def test_a_raise_stops_at_the_cap_of_the_ad_set(before, wanted, cap, sent):
    found = outcome(budget(before, wanted), facts(ad_set_cap=eur(cap)))
    if sent is not None:
        assert found == sent
    else:
        assert "lower other budgets or raise the cap" in found[0]


ACCOUNT_CAPS = [
    # running budgets, cap → sent for 40.00 → 48.00
    (100_000, 100_800, 4800),  # 8.00 of room
    (100_000, 100_799, 4799),
    (100_000, 100_120, 4120),  # 3 % of room
    (100_000, 100_119, None),
    (100_000, 90_000, None),
]


@pytest.mark.parametrize("which", ["account", "campaign"])
@pytest.mark.parametrize(("running", "cap", "sent"), ACCOUNT_CAPS)
def test_a_raise_stops_where_the_sum_of_budgets_meets_the_cap(which, running, cap, sent):
    known = facts(**{f"{which}_cap": eur(cap), f"{which}_daily_budgets_minor": running})
    found = outcome(budget(4000, 4800), known)
    assert found == sent if sent is not None else "the cap of" in found[0]


def test_an_activation_counts_with_the_budget_it_sets_going():
    known = {"account_cap": eur(101_000), "account_daily_budgets_minor": 100_000}
    assert judge(activate(), facts(**known, object_daily_budget_minor=1000)).allowed
    stopped = judge(activate(), facts(**known, object_daily_budget_minor=1001))
    assert stopped.reasons[0] == (
        "activating ad set 123 adds 10.01 EUR a day, but the cap of 1,010.00 EUR for the account leaves 10.00 EUR;"
        " lower other budgets or raise the cap"
    )


def test_an_activation_of_an_ad_set_above_its_cap_is_stopped():
    known = facts(ad_set_cap=eur(5000), object_daily_budget_minor=5001)
    assert "above the cap of 50.00 EUR per ad set" in judge(activate(), known).reasons[0]


def test_an_activation_of_an_ad_adds_no_budget():
    ad = activate(object_kind=ObjectKind.AD)
    known = facts(ad_set_cap=eur(1), account_cap=eur(1), object_daily_budget_minor=0)
    assert judge(ad, known).allowed


def test_a_create_above_the_cap_of_an_ad_set_is_stopped_and_under_it_passes():
    known = facts(ad_set_cap=eur(5000))
    assert judge(create(daily_budget_minor=5000), known).allowed
    assert not judge(create(daily_budget_minor=5001), known).allowed
    assert not judge(create(daily_budget_minor="5000"), known).allowed


def test_a_budget_under_the_minimum_is_stopped_with_both_figures():
    """4.00 is 20 % under 5.00, so the step passes; the floor of 5.00 does not."""
    assert outcome(budget(500, 400), facts()) == (
        "daily budget 4.00 EUR of ad set 123 is under the floor of 5.00 EUR; raise it or pause it",
    )


def test_a_trim_that_leads_under_the_floor_is_stopped():
    """The minimum rose to 9.00: from 5.00, 20 % more is only 6.00."""
    assert "is under the floor" in outcome(budget(500, 900), facts(minimum_daily_budget_minor=900))[0]


def test_a_cap_in_another_currency_stops_everything_that_could_spend():
    known = facts(account_cap=Money(500_000, "USD"))
    for proposal in (budget(4000, 4400), budget(4000, 3600), activate(), create()):
        judgement = judge(proposal, known)
        assert "the cap for the account is 5,000.00 USD, but the account spends EUR" in judgement.reasons[0]
    assert judge(pause(), known).allowed


UNKNOWN = [
    ({"currency": None}, "currency is not known"),
    ({"minimum_daily_budget_minor": None}, "the minimum daily budget for ad set 123 is not known"),
    ({"account_daily_budgets_minor": None, "account_cap": eur(10**6)}, "the sum of daily budgets so far is not known"),
    (
        {"campaign_daily_budgets_minor": None, "campaign_cap": eur(10**6)},
        "the sum of daily budgets so far is not known",
    ),
]


@pytest.mark.parametrize(("missing", "said"), UNKNOWN)
def test_an_amount_that_is_not_known_stops_a_raise(missing, said):
    reasons = outcome(budget(4000, 4400), facts(**missing))
    assert any(said in reason for reason in reasons)


def test_an_activation_with_an_unknown_budget_is_stopped_where_there_is_a_cap():
    reasons = judge(activate(), facts(object_daily_budget_minor=None, account_cap=eur(10**9))).reasons
    assert "what ad set 123 adds is not known" in reasons[0]


AMOUNT = st.integers(1, 10**9)
CAP = st.one_of(st.none(), st.integers(0, 10**9).map(eur))


@given(st.tuples(AMOUNT, AMOUNT), st.tuples(CAP, CAP, CAP), st.tuples(AMOUNT, AMOUNT))
@settings(max_examples=400, deadline=None)
def test_what_may_be_sent_is_never_above_a_cap_nor_beyond_the_step(change, caps, others):
    (before, wanted), (one, campaign, account), (running, mine) = change, caps, others
    known = facts(
        ad_set_cap=one, campaign_cap=campaign, account_cap=account,
        account_daily_budgets_minor=running + before, campaign_daily_budgets_minor=mine + before,
    )  # fmt: skip
    judgement = judge(budget(before, wanted), known)
    if not judgement.allowed:
        assert judgement.reasons
        return
    sent = judgement.target["daily_budget_minor"]
    assert type(sent) is int
    assert 10 * abs(sent - before) <= 2 * before  # ±20 %, in whole numbers
    assert min(before, wanted) <= sent <= max(before, wanted)
    assert sent >= 500
    if sent > before:
        assert one is None or sent <= one.minor
        assert account is None or running + sent <= account.minor
        assert campaign is None or mine + sent <= campaign.minor


@given(AMOUNT, AMOUNT, CAP, AMOUNT)
@settings(max_examples=150, deadline=None)
def test_judging_what_was_let_through_again_lets_it_through_unchanged(before, wanted, account, running):
    """The door judges twice, proposing and sending."""
    known = facts(account_cap=account, account_daily_budgets_minor=running)
    first = judge(budget(before, wanted), known)
    if first.allowed:
        again = judge(budget(before, first.target["daily_budget_minor"]), known)
        assert (again.allowed, again.target, again.reasons) == (True, first.target, ())


def test_only_creates_and_changes_of_status_or_budget_are_guarded():
    """An emergency pause passes everything; what is only recorded is never sent."""
    from actions.guardrails import GUARDRAILS

    guarded = frozenset().union(*(row.kinds for row in GUARDRAILS))
    free = {ActionKind.EMERGENCY_PAUSE, ActionKind.MARK_FATIGUED, ActionKind.PROPOSE_VARIANT}
    assert guarded == set(ActionKind) - free
