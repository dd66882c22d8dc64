"""Guardrails over conduct: cooldown, edits, data age, open actions, blast radius, creates."""

from datetime import timedelta

import pytest

from actions.guardrails import GUARDRAILS, Facts, Limits, fold, judge, judge_all
from domain.actions import ActionKind, Priority
from domain.ids import ActionId
from tests.actions.judging import NOW, activate, budget, create, facts, pause, proposal

HOUR = timedelta(hours=1)
CHANGE = budget(4000, 4400)


def stops(wanted, **known):
    return {verdict.guardrail for verdict in judge_all(wanted, facts(**known)) if not verdict.allowed}


def test_a_harmless_change_passes_with_every_rule_asked():
    verdicts = judge_all(CHANGE, facts())
    assert all(verdict.allowed and verdict.reason for verdict in verdicts)
    assert [verdict.guardrail for verdict in verdicts] == [
        row.slug for row in GUARDRAILS if ActionKind.SET_DAILY_BUDGET in row.kinds
    ]


COOLDOWNS = [
    # hours since the last change, learning → stopped
    (23.99, False, True),
    (24, False, False),
    (71.99, True, True),
    (72, True, False),
    (25, None, True),  # unknown counts as learning
    (-1, False, True),  # a change in the future is no rest
]


@pytest.mark.parametrize(("hours", "is_learning", "is_stopped"), COOLDOWNS)
def test_a_budget_rests_24_hours_or_72_while_learning(hours, is_learning, is_stopped):
    found = stops(CHANGE, last_budget_change_at=NOW - hours * HOUR, is_learning=is_learning)
    assert found == ({"cooldown"} if is_stopped else set())


def test_a_cooldown_says_from_when_on_the_budget_may_change():
    judgement = judge(CHANGE, facts(last_budget_change_at=NOW - 6 * HOUR))
    assert judgement.reasons == (
        "daily budget of ad set 123 changed 6 h ago and rests for 24 h; it may change from 2026-03-11 06:00 UTC on",
    )


def test_a_pause_knows_no_cooldown():
    assert stops(pause(), last_budget_change_at=NOW - HOUR, is_learning=True, budget_edits_last_hour=4) == set()


@pytest.mark.parametrize(("edits", "is_stopped"), [(0, False), (2, False), (3, True), (4, True), (None, True)])
def test_the_platforms_last_edit_of_the_hour_is_left_to_people(edits, is_stopped):
    assert stops(CHANGE, budget_edits_last_hour=edits) == ({"hourly_edits"} if is_stopped else set())


@pytest.mark.parametrize("which", ["tree_age", "insights_age"])
@pytest.mark.parametrize(("age", "is_stopped"), [(HOUR, False), (HOUR * 1.01, True), (None, True)])
@pytest.mark.parametrize("wanted", [CHANGE, pause(), activate()])
def test_nothing_is_changed_on_old_data_or_data_of_unknown_age(which, age, is_stopped, wanted):
    assert stops(wanted, **{which: age}) == ({"data_age"} if is_stopped else set())


def test_a_person_may_act_on_what_they_see():
    """Neither old data nor a full cycle nor the blast radius of a cycle hold a person."""
    known = {"tree_age": None, "insights_age": None, "actions_in_cycle": 20, "pauses_in_day": 5}
    assert stops(pause(priority=Priority.PERSON), **known) == set()
    assert stops(pause(), **known) == {"data_age", "mass_pause", "cycle_limit"}


@pytest.mark.parametrize("wanted", [CHANGE, pause(), activate()])
def test_a_second_action_waits_until_the_first_is_closed(wanted):
    assert stops(wanted, open_action_id=ActionId(77)) == {"one_open_action"}
    assert stops(wanted, has_ledger=False) - {"hysteresis"} == {"one_open_action", "arbiter_window"}
    assert "action 77 on ad set 123 is still open" in judge(wanted, facts(open_action_id=ActionId(77))).reasons[0]


@pytest.mark.parametrize(("count", "is_stopped"), [(0, False), (19, False), (20, True), (None, True)])
@pytest.mark.parametrize("wanted", [CHANGE, pause(), activate(), create()])
def test_a_cycle_has_20_actions_at_most(count, is_stopped, wanted):
    assert stops(wanted, actions_in_cycle=count) == ({"cycle_limit"} if is_stopped else set())


MASS = [
    # pauses in 24 h so far, their share in millionths, own share → stopped
    (4, 0, 1_000, False),  # the fifth
    (5, 0, 1_000, True),  # the sixth
    (0, 0, 100_000, False),  # exactly 10 %
    (0, 0, 100_001, True),
    (2, 99_000, 1_000, False),
    (2, 99_000, 1_001, True),
    (None, 0, 1_000, True),
    (0, None, 1_000, True),
    (0, 0, None, True),
]


@pytest.mark.parametrize(("count", "spend", "own", "is_stopped"), MASS)
def test_more_than_5_pauses_or_10_percent_of_the_spend_need_approval(count, spend, own, is_stopped):
    known = facts(pauses_in_day=count, paused_ppm_in_day=spend, object_ppm=own)
    judgement = judge(pause(), known)
    assert (judgement.allowed, judgement.needs_approval) == (not is_stopped, is_stopped)
    if is_stopped:
        assert "needs approval" in judgement.reasons[0]


def test_an_approved_mass_pause_passes():
    assert stops(pause(), pauses_in_day=9, object_ppm=900_000, is_approved=True) == set()


def test_approval_does_not_lift_other_stops():
    judgement = judge(pause(), facts(pauses_in_day=9, open_action_id=ActionId(77)))
    assert not judgement.needs_approval
    assert len(judgement.reasons) == 2


@pytest.mark.parametrize(
    ("kind", "status", "is_stopped"),
    [
        (ActionKind.CREATE_AD_SET, "paused", False),
        (ActionKind.CREATE_AD_SET, "active", True),
        (ActionKind.CREATE_CAMPAIGN, None, True),
        (ActionKind.CREATE_AD, "PAUSED", True),
        (ActionKind.CREATE_CREATIVE, None, False),  # a creative has no switch
    ],
)
def test_everything_is_created_paused(kind, status, is_stopped):
    assert stops(create(kind, status=status)) == ({"never_create_active"} if is_stopped else set())


def test_what_nobody_gathered_stops_every_change():
    """Facts with only what must be given: everything else is unknown."""
    unknown = Facts(
        now=NOW, ad_set_cap=None, campaign_cap=None, account_cap=None, month_budget=None, margin=None,
        budget_edits_per_hour=4,
    )  # fmt: skip
    for wanted in (CHANGE, pause(), activate(), create()):
        assert not judge(wanted, unknown).allowed


def test_an_emergency_pause_passes_everything():
    unknown = Facts(
        now=NOW, ad_set_cap=None, campaign_cap=None, account_cap=None, month_budget=None, margin=None,
        budget_edits_per_hour=4,
    )  # fmt: skip
    wanted = proposal(ActionKind.EMERGENCY_PAUSE, {"status": "paused"}, {"status": "active"})
    assert judge(wanted, unknown).allowed


def test_every_stop_is_told_not_only_the_first():
    judgement = judge(CHANGE, facts(open_action_id=ActionId(7), last_budget_change_at=NOW, actions_in_cycle=20))
    assert len(judgement.reasons) == 3


def test_limits_are_settings():
    wide = Limits(step_max=0.5, actions_per_cycle=30)
    judgement = judge(budget(4000, 6000), facts(limits=wide, actions_in_cycle=29))
    assert (judgement.allowed, judgement.target) == (True, {"daily_budget_minor": 6000})


def test_folding_nothing_lets_the_proposal_go_as_it_is():
    judgement = fold(CHANGE, ())
    assert (judgement.allowed, judgement.target, judgement.reasons) == (True, CHANGE.target, ())
