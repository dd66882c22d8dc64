"""Guardrails over what advertisers set: marks, break-even, month budget. Amounts are EUR cents unless said."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.guardrails import judge
from actions.guardrails.facts import Earned, MonthSpend
from actions.guardrails.month_budget import daily_budgets_that_fit
from domain.actions import ActionKind, Priority
from domain.money import Money
from tests.actions.judging import activate, budget, create, facts, pause

MARK = "ad set 123 was marked by ana on 2026-03-01 (the founder's own)"


def outcome(proposal, known):
    """The budget that may be sent, or the stops' reasons."""
    judgement = judge(proposal, known)
    return judgement.target.get("daily_budget_minor") if judgement.allowed else judgement.reasons


@pytest.mark.parametrize("wanted", [budget(4000, 4400), budget(4000, 3600), pause(), activate(), create()])
@pytest.mark.parametrize("priority", [Priority.ROAS, Priority.PERSON])
def test_what_is_marked_is_not_touched_by_rule_nor_by_person(wanted, priority):

    reasons = outcome(replace(wanted, priority=priority), facts(mark=MARK))
    assert any("never to be touched: ad set 123 was marked by ana" in reason for reason in reasons)


def test_where_marks_could_not_be_looked_up_nothing_is_changed():
    assert "is not known" in outcome(budget(4000, 4400), facts(has_marks=False))[0]


def test_what_a_marked_object_is_part_of_is_not_switched_but_its_budget_may_move():
    known = facts(mark_below="ad 9 was marked by ana on 2026-03-01 (mine)")
    assert "switching ad set 123 would touch" in outcome(pause(), known)[0]
    assert "switching ad set 123 would touch" in outcome(activate(), known)[0]
    assert outcome(budget(4000, 4400), known) == 4400


def earned(spend, revenue):
    return Earned(days=7, spend_minor=spend, revenue_minor=revenue)


BREAK_EVENS = [
    # margin, spend, revenue → may it rise? break-even ROAS = 1 / margin
    (0.40, 10_000, 25_000, True),  # 2.50 = 1 / 0.40
    (0.40, 10_000, 24_999, False),
    (1.00, 10_000, 10_000, True),
    (0.25, 10_000, 39_999, False),
    (0.40, 0, 0, False),  # nothing spent: no ROAS to go by
    (None, 10_000, 0, True),  # no margin set: nothing to keep
]


@pytest.mark.parametrize(("margin", "spend", "revenue", "rises"), BREAK_EVENS)
def test_no_raise_below_break_even(margin, spend, revenue, rises):
    known = facts(margin=margin, object_earned=earned(spend, revenue))
    assert (outcome(budget(4000, 4400), known) == 4400) is rises


def test_a_cut_below_break_even_goes_through():
    assert outcome(budget(4000, 3600), facts(margin=0.4, object_earned=earned(100, 0))) == 3600


def test_a_person_may_raise_below_break_even():
    known = facts(margin=0.4, object_earned=earned(100, 0))
    assert outcome(budget(4000, 4400, priority=Priority.PERSON), known) == 4400


def test_break_even_is_said_with_its_figures():
    (reason,) = outcome(budget(4000, 4400), facts(margin=0.4, object_earned=earned(10_000, 20_000)))
    assert reason == (
        "ROAS 2.00 over 7 days of ad set 123 is under break-even 2.50 (margin 40 %): no raise;"
        " 200.00 EUR came in for 100.00 EUR spent"
    )


def month(before, today, after):
    return MonthSpend(before_today_minor=before, today_minor=today, days_after_today=after)


MONTHS = [
    # budget, spent before, spent today, days after today → daily budgets that fit
    (300_000, 200_000, 0, 9, 10_000),  # 1,000.00 over today and 9 days
    (300_000, 200_000, 20_000, 9, 8_888),  # today already took 200.00: 800.00 over 9 days
    (300_000, 290_000, 0, 0, 10_000),  # the last day
    (300_000, 290_000, 11_000, 0, -1),  # over already
    (300_000, 310_000, 0, 9, -1_112),  # -100.00 over 9 days, rounded down
]


@pytest.mark.parametrize(("cap", "before", "today", "after", "fits"), MONTHS)
def test_what_the_month_leaves_a_day(cap, before, today, after, fits):
    assert daily_budgets_that_fit(cap, month(before, today, after)) == fits


@given(st.integers(1, 10**9), st.integers(0, 10**9), st.integers(0, 10**7), st.integers(0, 30))
def test_the_daily_budgets_that_fit_fit_and_one_cent_more_does_not(cap, before, today, after):
    month_so_far = month(before, today, after)
    fits = daily_budgets_that_fit(cap, month_so_far)

    def ends_at(daily):
        return before + max(today, daily) + after * daily

    if fits >= 0:
        assert ends_at(fits) <= cap
    if after > 0 or today <= cap - before:
        assert fits < 0 or ends_at(fits + 1) > cap


MONTH_RAISES = [
    # running, before → wanted: sent (10,000 a day fit)
    (9_000, 4000, 4800, 4800),
    (9_400, 4000, 4800, 4600),  # 6.00 left of 8.00 wanted
    (9_900, 4000, 4800, None),  # 1.00 is under 3 % of 40.00
    (10_000, 4000, 4800, None),
    (12_000, 4000, 3600, 3600),  # a cut is never hindered
]


@pytest.mark.parametrize(("running", "before", "wanted", "sent"), MONTH_RAISES)
def test_a_raise_is_trimmed_to_the_month_budget_or_stopped(running, before, wanted, sent):
    known = facts(
        month_budget=Money(300_000, "EUR"), month=month(200_000, 0, 9), account_daily_budgets_minor=running
    )  # fmt: skip
    result = outcome(budget(before, wanted), known)
    assert result == sent or (sent is None and "of 3,000.00 EUR for the month 2,000.00 EUR is spent" in result[0])


def test_an_activation_that_the_month_cannot_carry_is_stopped():
    known = facts(month_budget=Money(300_000, "EUR"), month=month(200_000, 0, 9), account_daily_budgets_minor=9_000,
                  object_daily_budget_minor=2_000)  # fmt: skip
    assert "leave 10.00 EUR a day more" in outcome(activate(), known)[0]


def test_without_figures_of_the_month_nothing_is_raised():
    known = facts(month_budget=Money(300_000, "EUR"))
    assert any("is not known" in reason for reason in outcome(budget(4000, 4400), known))
    assert judge(budget(4000, 4400), facts()).allowed


def test_a_create_says_nothing_about_the_month_until_it_is_activated():
    known = facts(month_budget=Money(1, "EUR"), month=month(0, 0, 9))
    assert judge(create(ActionKind.CREATE_AD_SET, daily_budget_minor=5000), known).allowed
