"""An account's spending limit through the door: as a person's change, as a stop's second lever, and given back."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from actions import resume, spending_limits, undoing
from actions.guardrails import Limits
from actions.pauses import Pausing
from actions.undo import Fate
from domain.actions import ActionKind, ActionState, Level
from domain.errors import NotReadyError, TransientError, UnknownOutcomeError
from models import effects
from tests.actions.fake_platform import fail, take_effect_then_fail
from tests.actions.stage import ADMIN, QUICK, pause

NODE = "act_1"


@pytest.fixture
def stage(stage):
    """The account has spent 50.00 and has no limit."""
    stage.platform.objects[NODE] = {"spend_cap_minor": 0, "spent_minor": 5_000, "name": "Shop"}
    return stage


def limit(stage) -> int:
    return stage.platform.objects[NODE]["spend_cap_minor"]


def wish(stage, before=0, target=12_000, **more):
    found = spending_limits.proposal(stage.account, before, target, rule="person", reason="enough")
    return replace(found, **more)


def pausing(stage) -> Pausing:
    return Pausing(engine=stage.engine, executor=stage.executor(QUICK), clock_of=lambda _: stage.clock)


def hold_down(stage, stop_id):
    (lever,) = spending_limits.order_of_stop(pausing(stage), stop_id, lambda _: stage.platform)
    return lever


def end(stage, stop_id, **more):
    done = resume.apply(stage.engine, stop_id, (), ADMIN, reason="all clear", clock_of=lambda _: stage.clock, **more)
    rows = [row for one in done.proposed for row in one.actions]
    return [(row.kind, stage.executor(QUICK).execute(row.id)) for row in rows]


def test_a_persons_limit_is_written_ahead_sent_once_read_back_and_told(stage):
    action = stage.approve(wish(stage))
    assert stage.executor(QUICK).execute(action.id) is ActionState.APPLIED
    assert limit(stage) == 12_000
    (request,) = stage.platform.requests
    assert (request.kind, request.object_id, dict(request.fields)) == (
        ActionKind.SET_SPENDING_LIMIT, NODE, {"spend_cap_minor": 12_000},
    )  # fmt: skip
    assert [event for event in stage.events(action) if event in {"approved", "sent", "applied"}][-2:] == [
        "sent", "applied",
    ]  # fmt: skip


def test_what_somebody_else_set_meanwhile_is_never_overwritten(stage):
    action = stage.approve(wish(stage))
    stage.platform.objects[NODE]["spend_cap_minor"] = 7_000
    assert stage.executor(QUICK).execute(action.id) is ActionState.CONFLICT
    assert limit(stage) == 7_000


def test_a_lost_answer_is_read_back_and_never_sent_again(stage):
    stage.platform.writes = [take_effect_then_fail]
    action = stage.approve(wish(stage))
    assert stage.executor(QUICK).execute(action.id) is ActionState.UNKNOWN
    assert stage.settle(action) is ActionState.APPLIED
    assert len(stage.platform.requests) == 1


def test_at_level_propose_it_waits_for_a_person(stage):
    stage.change_account(level=Level.PROPOSE)
    (action,) = stage.propose(wish(stage)).actions
    assert (action.state, action.needs_approval) == (ActionState.AWAITING_APPROVAL, True)


def test_a_second_one_waits_until_the_first_has_an_outcome(stage):
    stage.approve(wish(stage))
    (second,) = stage.propose(wish(stage, target=13_000)).actions
    assert (second.state, "still open" in second.state_reason) == (ActionState.BLOCKED, True)


@pytest.mark.parametrize(("theirs", "fate"), [(12_000, Fate.RESTORE), (9_000, Fate.DRIFTED), (0, Fate.ALREADY)])
def test_undo_takes_it_back_unless_somebody_else_changed_it_since(stage, theirs, fate):
    action = stage.approve(wish(stage))
    stage.executor(QUICK).execute(action.id)
    stage.platform.objects[NODE]["spend_cap_minor"] = theirs
    with stage.engine.begin() as conn:
        chosen = effects.of_object(conn, stage.account_id, NODE)
        found = undoing.make_plan(conn, stage.account, stage.platform, chosen)
        assert [step.fate for step in found.steps] == [fate]
        done = undoing.apply(conn, found, reason="a mistake", actor="os:anna", now=stage.clock.now(), limits=Limits())
    for row in done.actions:
        assert row.kind is ActionKind.SET_SPENDING_LIMIT
        assert stage.executor(QUICK).execute(row.id) is ActionState.APPLIED
    assert limit(stage) == (9_000 if fate is Fate.DRIFTED else 0)


def test_a_closed_fence_keeps_back_a_persons_limit_and_admits_the_stops(stage):
    waiting = stage.approve(wish(stage))
    stop_id = stage.stop()
    assert stage.propose(wish(stage, target=13_000)).actions[0].state is ActionState.BLOCKED
    lever = hold_down(stage, stop_id)
    assert (lever.action.state, lever.action.stop_id, limit(stage)) == (ActionState.APPLIED, stop_id, 5_000)
    assert stage.get(waiting).state is ActionState.CANCELLED  # overtaken: the stop's weighs more


def test_a_stops_limit_needs_that_stop_to_be_open_in_the_database_too(stage):
    stop_id = stage.stop()
    end(stage, stop_id)
    with pytest.raises(IntegrityError, match="is not open for account"):
        stage.propose(wish(stage, stop_id=stop_id))
    with pytest.raises(IntegrityError, match="ck_actions_stop"):
        stage.propose(pause(stop_id=stage.stop()))


def test_a_limit_that_is_reached_already_is_left_as_it_is(stage):
    stage.platform.objects[NODE]["spend_cap_minor"] = 4_000
    lever = hold_down(stage, stage.stop())
    assert (lever.action, stage.platform.requests) == (None, [])
    assert "reached already" in lever.why


def test_what_cannot_be_read_is_told_and_holds_nothing_up(stage):
    stage.platform.reads = [TransientError("no answer")]
    lever = hold_down(stage, stage.stop())
    assert (lever.action, "no answer" in lever.why) == (None, True)
    del stage.platform.objects[NODE]["spent_minor"]
    assert "does not tell what account" in hold_down(stage, stage.stop(stage.account_id)).why


@pytest.mark.parametrize("before", [0, 90_000])
def test_resume_gives_back_the_limit_from_before_the_stop_once(stage, before):
    stage.platform.objects[NODE]["spend_cap_minor"] = before
    stop_id = stage.stop()
    hold_down(stage, stop_id)
    assert limit(stage) == 5_000
    assert end(stage, stop_id) == [(ActionKind.SET_SPENDING_LIMIT, ActionState.APPLIED)]
    assert limit(stage) == before
    assert end(stage, stop_id) == []


def test_resume_leaves_a_limit_that_somebody_set_since(stage):
    stop_id = stage.stop()
    hold_down(stage, stop_id)
    stage.platform.objects[NODE]["spend_cap_minor"] = 6_000
    assert end(stage, stop_id) == [(ActionKind.SET_SPENDING_LIMIT, ActionState.CONFLICT)]
    assert limit(stage) == 6_000


def test_resuming_without_campaigns_leaves_the_limit_and_a_later_resume_gives_it_back(stage):
    stop_id = stage.stop()
    hold_down(stage, stop_id)
    assert end(stage, stop_id, gives_back_limits=False) == []
    assert limit(stage) == 5_000
    assert end(stage, stop_id) == [(ActionKind.SET_SPENDING_LIMIT, ActionState.APPLIED)]
    assert limit(stage) == 0


def test_a_stops_limit_without_an_outcome_is_gone_on_with_by_the_tower(stage):
    """Whoever ordered it is gone; nothing of it is given back before it is known what became of it."""
    stage.platform.writes = [fail(UnknownOutcomeError("reset"))]
    stop_id = stage.stop()
    lever = hold_down(stage, stop_id)
    assert lever.action.state is ActionState.UNKNOWN
    for _ in range(3):
        stage.end_waits()
        spending_limits.finish_open(pausing(stage))
    assert stage.get(lever.action).state is ActionState.NOT_APPLIED
    assert spending_limits.finish_open(pausing(stage)) == 0
    assert end(stage, stop_id) == []


def test_the_limit_at_what_is_spent_is_never_zero_which_would_be_none(stage):
    info = stage.platform.account(NODE)
    assert spending_limits.at_spent(stage.account, info, margin_minor=500) == 5_500
    assert spending_limits.at_spent(stage.account, replace(info, spent_minor=0)) == 1
    forints = replace(stage.account, currency="HUF")  # told in whole forints, counted in hundredths
    assert spending_limits.at_spent(forints, replace(info, spent_minor=5_050)) == 5_100
    with pytest.raises(NotReadyError):
        spending_limits.at_spent(stage.account, replace(info, spent_minor=None))
