"""The executor between write-ahead and answer: fences, deadlines, other executors, and the guardrails once more."""

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from domain.actions import ActionKind, ActionState, Level
from domain.errors import (
    NotSentError,
    UnknownOutcomeError,
)
from models import fence, ledger, stops
from models.tables import ad_sets
from tests.actions.fake_platform import HeldCall, fail, take_effect
from tests.actions.stage import PATIENT, QUICK, budget, pause, set_stage

UNKNOWN = UnknownOutcomeError("read timed out", code=2, http_status=500)
HANG_S = 60.0  # ends a test that hangs
STOP_WAITS = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND NOT granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.mark.parametrize("everywhere", [True, False])
def test_with_the_fence_closed_nothing_is_read_or_sent_until_it_opens(stage, everywhere):
    action = stage.approve(budget())
    scope = None if everywhere else stage.account_id
    with stage.engine.begin() as conn:
        fence.close(conn, scope, reason="drill")
    assert stage.executor().execute(action.id) is ActionState.APPROVED
    assert (stage.platform.read_count, stage.platform.requests) == (0, [])
    with stage.engine.begin() as conn:
        fence.open_(conn, scope)
    assert stage.executor().execute(action.id) is ActionState.APPLIED


def test_a_fence_that_closes_after_the_write_ahead_still_stops_the_send(stage):
    action = stage.approve(budget())

    def close(step: str) -> None:
        if step == "written_ahead":
            with stage.engine.begin() as conn:
                fence.close(conn, None, reason="drill")

    assert stage.executor(checkpoint=close).execute(action.id) is ActionState.APPROVED
    assert stage.platform.requests == []
    assert stage.events(action)[-2:] == ["sent", "put_back"]


def test_an_emergency_pause_passes_the_closed_fence(stage):
    stop_id = stage.stop()
    (action,) = stage.propose(pause(kind=ActionKind.EMERGENCY_PAUSE, stop_id=stop_id)).actions
    assert stage.executor().execute(action.id) is ActionState.APPLIED


def test_an_emergency_pause_of_a_stop_that_is_over_is_not_sent(stage):
    stop_id = stage.stop()
    (action,) = stage.propose(pause(kind=ActionKind.EMERGENCY_PAUSE, stop_id=stop_id)).actions
    with stage.engine.begin() as conn:
        stops.open_(conn, stop_id, actor="os:ann")
    assert stage.executor().execute(action.id) is ActionState.CANCELLED
    assert stage.platform.requests == []


def let_go_once_a_stop_waits(engine, call):
    """Let the held calls end as soon as a stop waits for the lock of who is sending."""
    deadline_s = time.monotonic() + HANG_S
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        while not conn.execute(STOP_WAITS).scalar_one() and time.monotonic() < deadline_s:
            time.sleep(0.005)
    call.may_go_on.set()


def test_a_stop_waits_for_who_is_sending_and_nobody_sends_after_it(stage):
    """The sender holds the shared lock while the call runs; drain returns only after it."""
    call = HeldCall()
    stage.platform.writes = [call]
    action = stage.approve(budget())
    sender = threading.Thread(target=lambda: stage.executor(PATIENT).execute(action.id))
    sender.start()
    assert call.has_arrived.wait(HANG_S)
    with stage.engine.begin() as conn:
        fence.close(conn, None, reason="stop")
    with stage.engine.connect() as conn:
        assert not fence.drain(conn, None, timeout_s=0.05)
        conn.rollback()
        letting_go = threading.Thread(target=let_go_once_a_stop_waits, args=(stage.engine, call))
        letting_go.start()
        assert fence.drain(conn, None, timeout_s=HANG_S)
        assert len(stage.platform.requests) == len(stage.platform.oracle) == 1
    sender.join()
    letting_go.join()


def test_once_a_stop_is_answered_no_busy_sender_sends_any_more(engine):
    """Eight executors work through 20 actions; the stop falls in the middle: five go through, one to eight are held.

    Until the stop waits for them: whatever was sent has had its effect when it is answered.
    """
    stage = set_stage(engine, ad_set_count=20)
    call = HeldCall()
    stage.platform.writes = [take_effect] * 5 + [call] * 15
    waiting = [stage.approve(budget(f"1{number}")) for number in range(1, 21)]

    def work(number: int) -> None:
        for action in waiting[number::8]:
            stage.executor(PATIENT, owner=f"executor-{number}").execute(action.id)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    assert call.has_arrived.wait(HANG_S)
    with engine.begin() as conn:
        fence.close(conn, None, reason="stop")
    threads.append(threading.Thread(target=let_go_once_a_stop_waits, args=(engine, call)))
    threads[-1].start()
    with engine.begin() as conn:
        assert fence.drain(conn, None, timeout_s=HANG_S)
        sent = len(stage.platform.requests)
        assert len(stage.platform.oracle) == sent
    for thread in threads:
        thread.join()
    assert len(stage.platform.requests) == sent < len(waiting)
    states = [stage.get(action).state for action in waiting]
    assert set(states) <= {ActionState.APPLIED, ActionState.APPROVED}


def nap_at(stage, napping_step, meanwhile=lambda: None):
    """An executor that sleeps ten seconds at a step, by its own clock; the deadline is five."""
    naps = []

    def checkpoint(step: str) -> None:
        if step == napping_step:
            meanwhile()
            naps.append(10.0)

    return stage.executor(checkpoint=checkpoint, monotonic_s=lambda: time.monotonic() + sum(naps))


def test_a_missed_send_deadline_sends_nothing(stage):
    """A process that slept between write-ahead and socket must not send late: somebody may have taken over."""
    action = stage.approve(budget())
    assert nap_at(stage, "written_ahead").execute(action.id) is ActionState.APPROVED
    assert stage.platform.requests == []
    assert "deadline was missed" in stage.get(action).state_reason


def test_a_deadline_missed_behind_the_fence_sends_nothing_either(stage):
    action = stage.approve(budget())
    assert nap_at(stage, "fenced").execute(action.id) is ActionState.APPROVED
    assert stage.platform.requests == []


def test_who_lost_the_row_while_asleep_writes_nothing(stage):
    """The sleeper wakes after its lease, when another executor has taken the row over as unknown."""
    action = stage.approve(budget())

    def be_replaced() -> None:
        stage.end_waits()
        assert stage.executor(owner="other").execute(action.id) is ActionState.UNKNOWN

    assert nap_at(stage, "written_ahead", meanwhile=be_replaced).execute(action.id) is ActionState.UNKNOWN
    assert stage.platform.requests == []
    assert stage.settle(action) is ActionState.NOT_APPLIED


def test_a_row_left_as_sent_is_quarantined_from_its_deadline_and_never_sent_again(stage):
    action = stage.approve(budget())
    with stage.engine.begin() as conn:
        claimed = ledger.claim(conn, action.id, owner="dead", lease_s=0.0)
        ledger.mark_sent(conn, claimed, actor="dead", deadline_s=5.0, reserved_minor=2_000, platform_at=stage.clock.at)
    assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN
    held = stage.machinery(action)
    assert (held.quarantine_until - held.send_deadline_at).total_seconds() == PATIENT.client_deadline_s + 120
    assert held.cap_reserved_minor == 2_000
    assert stage.settle(action) is ActionState.NOT_APPLIED
    assert stage.platform.requests == []


def test_guardrails_judge_again_at_the_door(stage):
    """Approved under a roomy cap, then the cap was lowered."""
    stage.change_account(max_total_daily_spend_minor=40_000)
    action = stage.approve(budget())
    stage.change_account(max_total_daily_spend_minor=30_000)
    assert stage.executor().execute(action.id) is ActionState.BLOCKED
    assert stage.machinery(action).cap_reserved_minor == 0
    assert stage.platform.requests == []


def test_what_would_be_trimmed_at_the_door_is_not_sent_differently_but_blocked(stage):
    stage.change_account(max_total_daily_spend_minor=40_000)
    action = stage.approve(budget())
    stage.change_account(max_total_daily_spend_minor=31_000)
    assert stage.executor().execute(action.id) is ActionState.BLOCKED
    assert "less is allowed now" in stage.get(action).state_reason


@pytest.mark.parametrize(("sent", "state"), [(take_effect, "applied"), (fail(UNKNOWN), "unknown")])
def test_a_budget_that_changed_or_may_have_rests(stage, sent, state):
    """The second change is stopped by the open action first, and by the cooldown once that is closed."""
    stage.platform.writes = [sent]
    first = stage.approve(budget())
    assert stage.executor(PATIENT).execute(first.id) == state
    (second,) = stage.propose(budget(target=11_000, before=12_000)).actions
    assert second.state is ActionState.BLOCKED
    assert "rests for 24 h" in second.state_reason


def test_the_cooldown_is_judged_again_at_the_door(stage):
    """Approved a day after the last change; then the ad set went back to learning, which rests for three days."""
    stage.executor().execute(stage.approve(budget()).id)
    stage.clock.at += timedelta(hours=25)
    at = stage.clock.at
    stage.change_account(tree_read_at=at, insights_read_at=at, activities_read_at=at)
    second = stage.approve(budget(target=13_000, before=12_000))
    with stage.engine.begin() as conn:
        conn.execute(update(ad_sets).values(learning="learning"))
    assert stage.executor().execute(second.id) is ActionState.BLOCKED
    assert "rests for 72 h while it is learning" in stage.get(second).state_reason
    assert len(stage.platform.requests) == 1


def test_two_executors_on_one_action_send_it_once(stage):
    stage.platform.write_seconds = 0.05
    action = stage.approve(budget())
    start = threading.Barrier(8)

    def run(number: int) -> None:
        start.wait()
        stage.executor(PATIENT, owner=f"executor-{number}").execute(action.id)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stage.platform.requests) == 1
    assert stage.get(action).state is ActionState.APPLIED


def test_an_action_whose_executor_keeps_dying_ends_as_dead(stage):
    action = stage.approve(budget())
    for _ in range(3):
        with stage.engine.begin() as conn:
            assert ledger.claim(conn, action.id, owner="dies", lease_s=0.0) is not None
    assert stage.executor().execute(action.id) is ActionState.DEAD
    assert stage.machinery(action).cap_reserved_minor == 0
    assert stage.platform.requests == []


def test_an_orderly_end_forgives_earlier_crashes(stage):
    action = stage.approve(budget())
    for _ in range(2):
        with stage.engine.begin() as conn:
            ledger.claim(conn, action.id, owner="dies", lease_s=0.0)
    stage.platform.writes = [fail(NotSentError("no route"))]
    stage.executor().execute(action.id)
    assert stage.get(action).crash_count == 0


def test_an_action_that_waited_too_long_is_cancelled(stage):
    action = stage.approve(budget())
    with stage.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE actions SET created_at = created_at - interval '61 minutes'")
    assert stage.executor().execute(action.id) is ActionState.CANCELLED


def test_an_account_set_back_to_observe_sends_nothing_more(stage):
    action = stage.approve(budget())
    stage.change_account(level=Level.OBSERVE)
    assert stage.executor().execute(action.id) is ActionState.CANCELLED
    assert stage.platform.requests == []


def test_a_paused_account_keeps_its_actions_waiting(stage):
    action = stage.approve(budget())
    stage.change_account(is_paused=True)
    assert stage.executor(QUICK).execute(action.id) is ActionState.APPROVED
    assert stage.platform.requests == []
