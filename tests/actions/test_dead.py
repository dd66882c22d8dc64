"""Dead letters: who kills its executor is set aside, and lives again by a person's word alone, read back first."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from actions import dead
from domain.actions import ActionState
from domain.errors import BadInputError, NotAllowedError, UnknownOutcomeError
from domain.ids import ActionId, PrincipalId
from domain.permissions import Principal, Role
from models import budgets, ledger
from models import dead as letters
from models.tables import actions, audit
from tests.actions.fake_platform import fail, take_effect_then_fail
from tests.actions.stage import ADMIN, QUICK, budget

BOB = Principal(id=PrincipalId(2), name="bob", role=Role.MANAGER)


class Death(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


def die_of(stage, action):
    """Every executor that begins with it dies, until it is set aside."""

    def die(_):
        raise Death

    for _ in range(QUICK.most_crashes):
        stage.end_waits()
        with pytest.raises(Death):
            stage.executor(checkpoint=die).execute(action.id)
    stage.end_waits()
    assert stage.executor().execute(action.id) is ActionState.DEAD


def requeue(stage, action, by=ADMIN, reason="the worker had no memory"):
    with stage.engine.begin() as conn:
        return dead.requeue(conn, by, action.id, reason=reason)


def test_what_was_never_sent_is_judged_again_and_then_sent(stage):
    action = stage.approve(budget())
    die_of(stage, action)
    with stage.engine.begin() as conn:
        (letter,) = letters.listing(conn)
        full = letters.get(conn, action.id)
    assert (letter.was_sent, letter.action.id) == (False, action.id)
    assert len(full.deaths) == QUICK.most_crashes + 1
    assert requeue(stage, action).state is ActionState.APPROVED
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    assert len(stage.platform.requests) == 1


@pytest.mark.parametrize("way", [take_effect_then_fail, fail(UnknownOutcomeError("reset"))])
def test_what_may_have_been_sent_is_read_back_and_never_sent_again(stage, way):
    stage.platform.writes = [way]
    action = stage.approve(budget())
    stage.executor().execute(action.id)
    die_of(stage, action)
    assert requeue(stage, action).state is ActionState.UNKNOWN
    landed = way is take_effect_then_fail
    assert stage.settle(action) is (ActionState.APPLIED if landed else ActionState.NOT_APPLIED)
    assert len(stage.platform.requests) == 1


def test_a_dead_letter_that_may_have_taken_effect_keeps_its_room_under_the_cap(stage):
    stage.platform.writes = [fail(UnknownOutcomeError("reset"))]
    action = stage.approve(budget())
    stage.executor().execute(action.id)
    with stage.engine.begin() as conn:
        before = budgets.running(conn, stage.account_id, ["1"], besides=[])
    die_of(stage, action)
    assert stage.machinery(action).cap_reserved_minor == 2_000
    with stage.engine.begin() as conn:
        assert budgets.running(conn, stage.account_id, ["1"], besides=[]) == before


def test_one_that_was_never_sent_holds_no_room(stage):
    action = stage.approve(budget())
    die_of(stage, action)
    assert stage.machinery(action).cap_reserved_minor == 0


def test_requeuing_gives_it_its_whole_life_again(stage):
    """What could not be sent for an hour is cancelled; a requeued one counts from its requeuing."""
    action = stage.approve(budget())
    die_of(stage, action)
    with stage.engine.begin() as conn:
        conn.execute(update(actions).values(created_at=actions.c.created_at - timedelta(hours=3)))
    requeue(stage, action)
    assert stage.executor().execute(action.id) is ActionState.APPLIED


def test_it_takes_the_permission_a_reason_and_a_dead_letter(stage):
    action = stage.approve(budget())
    with pytest.raises(BadInputError, match="is not dead"):
        requeue(stage, action)
    die_of(stage, action)
    with pytest.raises(NotAllowedError, match=r"dead\.requeue"):
        requeue(stage, action, by=BOB)
    with pytest.raises(BadInputError, match="a reason is needed"):
        requeue(stage, action, reason=" ")
    with pytest.raises(BadInputError, match="is not dead"):
        requeue(stage, stage.get(action), by=ADMIN) and requeue(stage, action)
    with stage.engine.begin() as conn:
        told = conn.execute(select(audit).where(audit.c.event == "dead.requeued")).one()
    assert (told.actor, told.action_id, told.detail["reason"]) == ("os:ann", action.id, "the worker had no memory")


def test_while_another_change_of_the_object_is_open_it_stays_dead(stage):
    action = stage.approve(budget())
    die_of(stage, action)
    stage.approve(budget(target=11_000))
    with pytest.raises(BadInputError, match="another action on ad_set 11 is open"):
        requeue(stage, action)
    assert stage.get(action).state is ActionState.DEAD


def test_the_machinery_never_takes_it_up_by_itself(stage):
    action = stage.approve(budget())
    die_of(stage, action)
    stage.end_waits()
    assert stage.executor().execute(action.id) is ActionState.DEAD
    with stage.engine.begin() as conn:
        assert ledger.claim(conn, ActionId(action.id), owner="x", lease_s=1) is None
