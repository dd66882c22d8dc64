"""Guardrails over what was done lately and over large changes. Amounts are EUR cents unless said."""

from dataclasses import replace
from datetime import timedelta

import pytest

from actions.guardrails import Limits, judge
from actions.guardrails.facts import LastChange, Waiting
from actions.guardrails.learning_resets import resets
from actions.guardrails.mass_pause import share_ppm
from domain.actions import ActionKind, ObjectKind, Priority
from domain.ids import ActionId
from domain.money import Money
from domain.objects import BudgetCarrier
from domain.platforms import PLATFORMS, budget_step_minor
from meta_client.money import step_minor
from tests.actions.judging import NOW, activate, budget, create, facts, pause

HOUR = timedelta(hours=1)


def eur(minor):
    return Money(minor, "EUR")


def outcome(proposal, known):
    """The budget that may be sent, or the stops' reasons."""
    judgement = judge(proposal, known)
    return judgement.target.get("daily_budget_minor") if judgement.allowed else judgement.reasons


def stopped_by(proposal, known, said):
    judgement = judge(proposal, known)
    return not judgement.allowed and any(said in reason for reason in judgement.reasons)


DAYS = [
    # 24 h ago, now, wanted → sent (the step from now alone would allow each)
    (10_000, 11_200, 13_440, 12_000),
    (10_000, 12_000, 12_600, None),
    (10_000, 11_200, 10_000, 10_000),  # back to where it stood
    (10_000, 8_800, 7_100, 8_000),
    (10_000, 8_000, 7_000, None),
    (10_000, 13_000, 12_500, 12_500),  # a person went further; back towards it is free
    (None, 10_000, 12_000, 12_000),
]


@pytest.mark.parametrize(("base", "before", "wanted", "sent"), DAYS)
def test_changes_of_a_day_together_stay_within_one_step(base, before, wanted, sent):
    found = outcome(budget(before, wanted), facts(budget_day_ago_minor=base))
    assert found == sent if sent is not None else "a day are used up" in found[0]


WORST = [
    # limit of the worst day; 1,000.00 run, 40.00 → 48.00 at 1.75 → sent
    (176_400, 4800),  # 1,008.00 x 1.75
    (176_399, 4799),
    (175_210, 4120),  # 3 % of room
    (175_000, None),
    (None, 4800),
]


@pytest.mark.parametrize(("limit", "sent"), WORST)
def test_a_raise_stops_where_the_worst_day_meets_its_limit(limit, sent):
    found = outcome(budget(4000, 4800), facts(worst_day_cap=limit and eur(limit)))
    assert found == sent if sent is not None else "on the worst day (1.75 times the daily budgets)" in found[0]


def test_an_activation_says_what_the_day_could_cost():
    known = facts(worst_day_cap=eur(175_100), object_daily_budget_minor=1_000)
    assert stopped_by(activate(), known, "a day could cost 1,767.50 EUR, over the limit of 1,751.00 EUR")


def test_without_a_limit_of_its_own_the_verdict_says_what_a_day_can_cost():
    verdicts = {row.guardrail: row for row in judge_rows(budget(4000, 4400), facts(account_cap=eur(200_000)))}
    assert "with the cap of 2,000.00 EUR a day can cost 3,500.00 EUR" in verdicts["worst_day"].reason


def judge_rows(proposal, known):
    from actions.guardrails import judge_all

    return judge_all(proposal, known)


LARGE = [
    # limit, before, wanted, kind → waits for approval
    (eur(300), 4000, 4300, False),
    (eur(300), 4000, 4301, True),
    (eur(300), 4000, 3600, True),  # down as well
    (Money(50_000, "USD"), 4000, 4001, True),  # another currency says nothing here
    (Money(50_000, "USD"), 4000, 3600, False),
    (None, 4000, 4001, True),
]


@pytest.mark.parametrize(("limit", "before", "wanted", "waits"), LARGE)
def test_a_large_change_of_a_daily_budget_needs_approval(limit, before, wanted, waits):
    judgement = judge(budget(before, wanted), facts(max_change=limit))
    assert (judgement.allowed, judgement.needs_approval) == (not waits, waits)
    assert judge(budget(before, wanted), facts(max_change=limit, is_approved=True)).allowed


def change(hours_ago, *, up, priority=Priority.ROAS):
    at = NOW - hours_ago * HOUR
    return LastChange(action_id=ActionId(9), at=at, rule="roas_low", priority=int(priority), is_up=up)


SEESAWS = [
    # last change, wanted → stopped
    (change(71, up=False), budget(4000, 4400), True),
    (change(72, up=False), budget(4000, 4400), False),
    (change(71, up=False), budget(4000, 3600), False),  # the same direction
    (change(71, up=True), budget(4000, 3600), True),
    (change(71, up=True), budget(4000, 3600, priority=Priority.NEGATIVE_SPIKE), False),  # weighs more
    (change(71, up=False, priority=Priority.PERSON), budget(4000, 4400), True),
    (change(71, up=False, priority=Priority.PERSON), budget(4000, 4400, priority=Priority.PERSON), False),
    (change(71, up=False), activate(priority=Priority.AB_WINNER), False),
    (change(71, up=False, priority=Priority.AB_WINNER), activate(priority=Priority.AB_WINNER), True),
]


@pytest.mark.parametrize(("last", "wanted", "is_stopped"), SEESAWS)
def test_no_rule_turns_round_what_one_as_weighty_did_within_72_hours(last, wanted, is_stopped):
    assert stopped_by(wanted, facts(last_change=last), "turned ad set 123") is is_stopped


def test_a_protective_pause_may_follow_a_raise_at_any_time():
    assert judge(pause(), facts(last_change=change(1, up=True, priority=Priority.SAFETY))).allowed


def test_one_change_per_object_and_window_over_all_modules():
    last = change(0.4, up=True)
    assert stopped_by(budget(4000, 4400), facts(last_change=last), "one change per object in 30 min")
    assert judge(budget(4000, 4400), facts(last_change=change(0.5, up=True))).allowed
    assert judge(budget(4000, 4400, priority=Priority.AB_WINNER), facts(last_change=last)).allowed
    assert judge(budget(4000, 4400, priority=Priority.PERSON), facts(last_change=last)).allowed


def test_what_weighs_less_than_a_request_before_a_person_gives_way_unless_it_protects():
    asked = facts(waiting=Waiting(action_id=ActionId(5), rule="ab_winner", priority=int(Priority.AB_WINNER)))
    assert stopped_by(budget(4000, 4400), asked, "weighs more and waits for a person")
    assert judge(budget(4000, 4400, priority=Priority.AB_WINNER), asked).allowed
    assert judge(pause(), asked).allowed
    assert judge(budget(4000, 3600), asked).allowed  # a cut goes on while nobody answers


CARRIERS = [
    (BudgetCarrier.OWN_DAILY, None),
    (BudgetCarrier.CAMPAIGN, "spends by its campaign's budget"),
    (BudgetCarrier.LIFETIME, "spends by a lifetime budget"),
    (BudgetCarrier.AD_SETS, "change theirs"),
    (BudgetCarrier.NONE, "is not known"),
    (None, "is not known"),
]


@pytest.mark.parametrize(("carrier", "said"), CARRIERS)
@pytest.mark.parametrize("priority", [Priority.ROAS, Priority.PERSON])
def test_a_daily_budget_is_changed_where_it_decides(carrier, said, priority):
    wanted, known = budget(4000, 4400, priority=priority), facts(budget_carrier=carrier)
    assert outcome(wanted, known) == 4400 if said is None else stopped_by(wanted, known, said)


UNITS = [
    # step, before, wanted → sent
    (100, 4000, 4450, 4400),
    (100, 4000, 3550, 3600),
    (100, 4000, 4400, 4400),
    (100, 4050, 4140, 4100),
    (100, 4050, 4090, None),
    (100, 4050, 4020, None),
    (1, 4000, 4001, 4001),
]


@pytest.mark.parametrize(("unit", "before", "wanted", "sent"), UNITS)
def test_a_budget_is_rounded_towards_what_it_is_to_steps_that_the_platform_holds(unit, before, wanted, sent):
    found = outcome(budget(before, wanted), facts(budget_step_minor=unit))
    assert found == sent if sent is not None else "is less than one" in found[0]


def test_a_new_budget_is_rounded_down():
    assert outcome(create(daily_budget_minor=10_050), facts(budget_step_minor=100)) == 10_000
    assert stopped_by(create(daily_budget_minor=50), facts(budget_step_minor=100), "is less than one")


CURRENCIES = ["USD", "EUR", "GBP", "JPY", "KRW", "CLP", "ISK", "VND", "HUF", "TWD", "IDR", "COP", "CRC", "KWD", "BHD"]


@pytest.mark.parametrize("currency", CURRENCIES)
def test_the_steps_of_budgets_are_those_that_the_client_can_tell_the_platform(currency):
    meta = next(row for row in PLATFORMS if row.slug == "meta")
    assert budget_step_minor(meta, currency) == step_minor(currency)


ALLOWANCES = [
    # active ad sets, put back in 7 days, priority → may another be
    (100, 9, Priority.AB_WINNER, True),  # 10 of 100
    (100, 10, Priority.AB_WINNER, False),
    (100, 6, Priority.ROAS, True),  # a third of them is kept for what weighs more
    (100, 7, Priority.ROAS, False),
    (3, 0, Priority.ROAS, True),  # one in any case
    (3, 1, Priority.AB_WINNER, False),
    (100, 50, Priority.PERSON, True),
    (None, 0, Priority.ROAS, False),
    (100, None, Priority.ROAS, False),
]


@pytest.mark.parametrize(("active", "done", "priority", "may"), ALLOWANCES)
def test_modules_share_an_allowance_of_learning_resets(active, done, priority, may):
    known = facts(active_ad_sets=active, resets_in_week=done)
    assert judge(activate(priority=priority), known).allowed is may


RESETS = [
    (budget(10_000, 12_000), 1, 0),  # 20 % is not more than 20 %
    (budget(10_000, 12_001), 1, 1),
    (budget(10_000, 7_999), 3, 3),  # a campaign's
    (activate(), 1, 1),
    (activate(), 0, 0),  # it is learning anyway
    (pause(), 1, 0),
    (budget(10_000, 12_001), None, None),
]


@pytest.mark.parametrize(("wanted", "learned", "count"), RESETS)
def test_what_puts_ad_sets_back_into_learning(wanted, learned, count):
    assert resets(wanted, facts(learned_ad_sets=learned)) == count


def test_a_share_of_the_spend_is_never_taken_too_low():
    assert [share_ppm(*pair) for pair in ((1, 3), (0, 0), (5, 0), (-1, 9), (10, 100))] == [
        333_334, 0, 1_000_000, 0, 100_000,
    ]  # fmt: skip


def test_a_wider_step_counts_as_a_reset_and_is_stopped_by_the_allowance():
    wide = facts(limits=Limits(step_max=0.5), resets_in_week=10)
    assert stopped_by(budget(4000, 5200), wide, "back into learning")


def test_taking_back_a_large_cut_is_no_further_step():
    known = facts(budget_day_ago_minor=5000, last_budget_change_at=NOW)
    wanted = replace(budget(4000, 5000, priority=Priority.PERSON), undoes=ActionId(3))
    assert outcome(wanted, known) == 5000


def test_a_campaign_is_no_ad_set_for_its_own_cap():
    wanted = budget(4000, 4400, object_kind=ObjectKind.CAMPAIGN)
    assert outcome(wanted, facts(ad_set_cap=eur(4000))) == 4400
    assert wanted.kind is ActionKind.SET_DAILY_BUDGET
