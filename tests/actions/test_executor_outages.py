"""What fails around the executor, in the platform or in Postgres, costs time and no action."""

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from actions.executor import Executor
from domain.actions import ActionState
from domain.errors import NeedsPersonError, ThrottledError, TransientError, UnknownOutcomeError
from models import audit
from models.engine import db_now
from tests.actions.fake_platform import fail
from tests.actions.stage import PATIENT, QUICK, budget


@pytest.mark.parametrize(
    "error", [TransientError("down"), ThrottledError("full", retry_after_s=60.0), NeedsPersonError("x")]
)
def test_a_platform_that_gives_no_client_kills_no_action(stage, error):
    """Seen as: the token's permissions cannot be read for minutes, and everything approved is a dead letter."""

    def refuse(_account):
        raise error

    action = stage.approve(budget())
    executor = Executor(stage.engine, refuse, lambda _: stage.clock, "executor-1", QUICK)
    for _ in range(6):
        assert executor.execute(action.id) is ActionState.APPROVED
        stage.end_waits()
    assert stage.executor().execute(action.id) is ActionState.APPLIED


def test_an_outcome_is_recorded_although_its_transaction_was_chosen_to_end_a_deadlock(stage):
    """Seen as: a change that the platform confirmed stays "sent", and is in doubt a minute later."""
    action = stage.approve(budget())
    other = stage.engine.connect()
    recording = text("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%audit_append%'")

    def lock_row() -> None:
        with stage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            for _ in range(500):
                if conn.execute(recording).first() is not None:
                    break
                time.sleep(0.01)
        other.execute(text("SELECT FROM actions WHERE id = :id FOR UPDATE"), {"id": action.id})
        other.rollback()

    def hold_audit(step: str) -> None:
        if step == "read_back":
            audit.note(other, actor="test", event="test.first", account_id=stage.account_id)
            thread.start()

    thread = threading.Thread(target=lock_row)
    state = stage.executor(checkpoint=hold_audit).execute(action.id)
    thread.join(10)
    other.close()
    assert state is ActionState.APPLIED
    assert len(stage.platform.oracle) == 1


def test_an_unknown_outcome_that_nobody_can_read_is_looked_at_less_and_less_often(stage):
    """Seen as: an account whose permission was lost has its unknowns read twice a minute, and no calls left."""
    stage.platform.writes = [fail(UnknownOutcomeError("read timed out"))]
    action = stage.approve(budget())
    stage.executor(PATIENT).execute(action.id)
    for _ in range(7):
        stage.end_waits()
        stage.platform.reads = [NeedsPersonError("no permission for this account")]
        assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN
    with stage.engine.begin() as conn:
        wait = stage.machinery(action).next_at - db_now(conn)
    assert wait > timedelta(minutes=3)
    assert stage.settle(action) is ActionState.NOT_APPLIED
