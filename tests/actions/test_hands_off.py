"""The guardrail that leaves alone what a person changed: a table of what is known, and what it says."""

from dataclasses import replace
from datetime import timedelta

import pytest

from actions.guardrails import GUARDRAILS, data_age, hands_off
from domain.actions import ActionKind, Priority
from tests.actions.judging import NOW, budget, facts, pause

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("known", "allowed", "says"),
    [
        ({}, True, "nobody changed it"),
        ({"hands_off_until": NOW + HOUR, "hands_off_by": "Marta"}, False, "by Marta and is left alone until"),
        ({"hands_off_until": NOW + HOUR}, False, "by somebody"),
        ({"hands_off_until": NOW}, True, "nobody changed it"),  # the rest is over at its end
        ({"activities_age": None}, False, "is not known; collect activities"),
        ({"activities_age": HOUR + timedelta(seconds=1)}, False, "60 min, more than 60 min, ago"),
        ({"activities_age": HOUR}, True, "nobody changed it"),
    ],
)
def test_what_it_says_of_what_is_known(known, allowed, says):
    verdict = hands_off.judge(budget(1_000, 1_100), facts(**known))
    assert (verdict.allowed, says in verdict.reason) == (allowed, True), verdict.reason


def test_a_person_may_change_what_another_one_changed():
    known = facts(hands_off_until=NOW + HOUR, hands_off_by="Marta", activities_age=None)
    assert hands_off.judge(budget(1_000, 1_100, priority=Priority.PERSON), known).allowed


def test_nothing_gathered_blocks():
    assert not hands_off.judge(budget(1_000, 1_100), replace(facts(), activities_age=None)).allowed


def test_an_emergency_pause_is_asked_of_no_guardrail_and_pauses_and_switches_are():
    (row,) = [rail for rail in GUARDRAILS if rail.slug == hands_off.SLUG]
    assert ActionKind.EMERGENCY_PAUSE not in row.kinds
    assert {ActionKind.SET_DAILY_BUDGET, ActionKind.PAUSE, ActionKind.ACTIVATE} <= row.kinds


def test_a_protective_pause_does_not_wait_until_edits_are_known_but_yields_to_one_that_is():
    """The collector may be down while money runs away."""
    runaway = replace(pause(), priority=Priority.SAFETY)
    for age in (None, timedelta(hours=5)):
        unknown = replace(facts(), activities_age=age, tree_age=age, insights_age=age)
        assert hands_off.judge(runaway, unknown).allowed
        assert data_age.judge(runaway, unknown).allowed
        assert not hands_off.judge(pause(), unknown).allowed
        assert not data_age.judge(pause(), unknown).allowed
        edited = replace(unknown, hands_off_until=NOW + HOUR, hands_off_by="Marta")
        assert not hands_off.judge(runaway, edited).allowed
