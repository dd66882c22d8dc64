"""Which actions are rung for again, by Postgres' clock."""

from actions import sweeper
from domain.actions import ActionState
from domain.errors import UnknownOutcomeError
from models import fence, ledger
from tests.actions.fake_platform import fail
from tests.actions.stage import PATIENT, budget, create, pause


def due(stage):
    with stage.engine.begin() as conn:
        return {ring.action_id for ring in sweeper.due(conn)}


def test_an_approved_action_is_due_at_once_and_says_what_it_is_about(stage):
    action = stage.approve(create())
    with stage.engine.begin() as conn:
        (ring,) = sweeper.due(conn)
    assert ring == (action.id, "meta", "account act_1 · create campaign in act_1")


def test_a_claimed_action_is_due_only_once_its_lease_is_over(stage):
    action = stage.approve(pause())
    with stage.engine.begin() as conn:
        ledger.claim(conn, action.id, owner="x", lease_s=60.0)
    assert due(stage) == set()
    stage.end_waits()
    assert due(stage) == {action.id}


def test_a_sent_action_is_due_once_its_executors_lease_is_over(stage):
    action = stage.approve(budget())
    with stage.engine.begin() as conn:
        claimed = ledger.claim(conn, action.id, owner="x", lease_s=0.0)
        ledger.mark_sent(conn, claimed, actor="x", deadline_s=5.0, reserved_minor=0, platform_at=stage.clock.at)
    assert due(stage) == {action.id}


def test_an_unknown_action_is_due_after_its_quarantine(stage):
    stage.platform.writes = [fail(UnknownOutcomeError("reset"))]
    action = stage.approve(budget())
    assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN
    assert due(stage) == set()
    stage.end_waits()
    assert due(stage) == {action.id}


def test_an_action_that_waits_at_the_fence_is_not_rung_for_all_the_time(stage):
    action = stage.approve(budget())
    with stage.engine.begin() as conn:
        fence.close(conn, None, reason="drill")
    stage.executor(PATIENT).execute(action.id)
    assert due(stage) == set()


def test_what_is_terminal_is_never_due(stage):
    action = stage.approve(budget())
    stage.executor().execute(action.id)
    stage.end_waits()
    assert due(stage) == set()


def test_no_more_are_given_than_asked_for_those_that_wait_longest_first(stage):
    first, _ = stage.approve(budget()), stage.approve(pause())
    with stage.engine.begin() as conn:
        assert [ring.action_id for ring in sweeper.due(conn, 1)] == [first.id]
