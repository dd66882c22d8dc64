"""The executor against a fake platform and a real ledger: every way a send can go, and where the action ends."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from actions.executor import STEPS
from domain.actions import ActionKind, ActionState, Level, Mode, ObjectKind
from domain.errors import (
    GoneError,
    NeedsPersonError,
    NotSentError,
    RefusedError,
    ThrottledError,
    TransientError,
    UnknownOutcomeError,
)
from models import fence, ledger, mirror, stops
from models.tables import accounts, ad_sets
from tests.actions.fake_platform import (
    create_twice,
    fail,
    say_done_only,
    take_effect,
    take_effect_then_fail,
)
from tests.actions.stage import PATIENT, QUICK, budget, create, pause, set_stage

UNKNOWN = UnknownOutcomeError("read timed out", code=2, http_status=500)


def mirrored_budget(stage, ad_set_id="11"):
    with stage.engine.begin() as conn:
        rows = mirror.listing(conn, stage.account_id, ObjectKind.AD_SET)
    return next(row.daily_budget_minor for row in rows if row.id == ad_set_id)


def test_a_budget_change_is_applied_once_seen_and_our_mirror_follows(stage):
    action = stage.approve(budget())
    assert stage.machinery(action).cap_reserved_minor == 2_000
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    assert stage.platform.objects["11"]["daily_budget_minor"] == 12_000
    assert mirrored_budget(stage) == 12_000
    held = stage.machinery(action)
    assert (held.cap_reserved_minor, held.lease_owner, held.sent_platform_at) == (0, None, stage.clock.at)
    assert stage.events(action) == ["proposed", "judged", "claimed", "sent", "applied"]


def test_every_step_is_passed_in_the_named_order(stage):
    seen = []
    stage.executor(checkpoint=seen.append).execute(stage.approve(budget()).id)
    assert tuple(seen) == STEPS


def test_the_write_is_absolute_and_says_whose_it_is(stage):
    action = stage.approve(pause())
    stage.executor().execute(action.id)
    (request,) = stage.platform.requests
    assert request.fields == {"status": "paused"}
    assert (request.object_id, request.parent_id) == ("111", None)
    assert request.request_id == f"action-{action.id}-1"


def test_a_create_goes_out_paused_with_its_token_and_is_recorded_with_its_id(stage):
    action = stage.approve(create())
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    (request,) = stage.platform.requests
    assert (request.object_id, request.parent_id) == (None, "act_1")
    assert request.fields["status"] == "paused"
    assert request.op_token == action.op_token
    assert len(action.op_token) == 16
    assert stage.platform.objects[stage.get(action).result_object_id]["op_token"] == action.op_token


def test_a_create_that_was_made_twice_keeps_the_oldest_and_lists_the_other(stage):
    stage.platform.writes = [create_twice]
    action = stage.approve(create())
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    oldest, other = sorted(key for key in stage.platform.objects if "op_token" in stage.platform.objects[key])
    assert stage.get(action).result_object_id == oldest
    assert stage.machinery(action).last_error == {"duplicates": [other]}
    assert stage.events(action)[-1] == "duplicate"
    assert all(stage.platform.objects[key]["status"] == "paused" for key in (oldest, other))


@pytest.mark.parametrize("error", [RefusedError("too low", code=100), NeedsPersonError("token expired", code=190)])
def test_a_refusal_is_final_and_frees_the_reservation(stage, error):
    stage.platform.writes = [fail(error)]
    action = stage.approve(budget())
    assert stage.executor().execute(action.id) is ActionState.REFUSED
    held = stage.machinery(action)
    assert held.cap_reserved_minor == 0
    assert held.last_error["code"] == error.code


@pytest.mark.parametrize("error", [NotSentError("no route"), ThrottledError("slow down", retry_after_s=0.0, code=17)])
def test_what_surely_had_no_effect_is_sent_again_later(stage, error):
    stage.platform.writes = [fail(error), take_effect]
    action = stage.approve(budget())
    assert stage.executor().execute(action.id) is ActionState.APPROVED
    held = stage.machinery(action)
    assert (held.cap_reserved_minor, held.sent_platform_at, held.lease_owner) == (2_000, None, None)
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    assert len(stage.platform.oracle) == 1


def test_a_throttled_action_waits_as_long_as_the_platform_asks(stage):
    stage.platform.writes = [fail(ThrottledError("slow down", retry_after_s=600.0))]
    action = stage.approve(budget())
    stage.executor().execute(action.id)
    held = stage.machinery(action)
    assert 590 < (held.next_at - stage.get(action).created_at).total_seconds() < 620
    assert stage.executor().execute(action.id) is ActionState.APPROVED  # not due
    assert len(stage.platform.requests) == 1


@pytest.mark.parametrize("where", ["reads", "writes"])
def test_a_throttled_account_waits_as_a_whole(stage, where):
    error = ThrottledError("slow down", retry_after_s=600.0)
    setattr(stage.platform, where, [error if where == "reads" else fail(error)])
    first, other = stage.approve(budget()), stage.approve(pause())
    stage.executor().execute(first.id)
    calls = stage.platform.read_count
    assert stage.executor().execute(other.id) is ActionState.APPROVED
    assert stage.platform.read_count == calls


@pytest.mark.parametrize("error", [UNKNOWN, RuntimeError("a bug of the client")])
@pytest.mark.parametrize("wanted", [budget(), create()])
def test_an_unknown_outcome_waits_keeps_its_reservation_and_is_never_sent_again(stage, error, wanted):
    stage.platform.writes = [fail(error)]
    action = stage.approve(wanted)
    reserved = stage.machinery(action).cap_reserved_minor
    assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN
    assert stage.machinery(action).cap_reserved_minor == reserved
    assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN  # in quarantine
    assert stage.settle(action) is ActionState.NOT_APPLIED
    assert stage.machinery(action).cap_reserved_minor == 0
    assert (len(stage.platform.requests), stage.platform.oracle) == (1, [])


@pytest.mark.parametrize(("wanted", "minutes"), [(budget(), 2), (create(), 15)])
def test_the_quarantine_is_the_platforms_trait(stage, wanted, minutes):
    stage.platform.writes = [fail(UNKNOWN)]
    action = stage.approve(wanted)
    stage.executor(PATIENT).execute(action.id)
    held = stage.machinery(action)
    assert abs((held.next_at - held.quarantine_until).total_seconds()) < 0.01  # two readings of one clock
    assert 0 < (held.quarantine_until - stage.get(action).sent_at).total_seconds() - minutes * 60 < 30


@pytest.mark.parametrize(("mode", "seconds"), [(Mode.STUB, 3), (Mode.LIVE, 120)])
def test_a_shorter_quarantine_is_for_the_sandbox_alone(stage, mode, seconds):
    with stage.engine.begin() as conn:
        conn.execute(update(accounts).values(mode=mode))
    stage.platform.writes = [fail(UNKNOWN)]
    action = stage.approve(budget())
    stage.executor(replace(PATIENT, quarantine_stub_s=3.0)).execute(action.id)
    until = stage.machinery(action).quarantine_until
    assert 0 < (until - stage.get(action).sent_at).total_seconds() - seconds < 30


@pytest.mark.parametrize("wanted", [budget(), create()])
def test_an_effect_whose_answer_was_lost_is_found_after_the_quarantine(stage, wanted):
    stage.platform.writes = [take_effect_then_fail]
    action = stage.approve(wanted)
    assert stage.executor().execute(action.id) is ActionState.UNKNOWN
    stage.end_waits()
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    assert len(stage.platform.oracle) == 1


@pytest.mark.parametrize("wanted", [budget(), create()])
def test_an_answer_alone_makes_nothing_applied(stage, wanted):
    stage.platform.writes = [say_done_only]
    action = stage.approve(wanted)
    assert stage.executor().execute(action.id) is ActionState.UNKNOWN
    assert stage.settle(action) is ActionState.NOT_APPLIED


def test_of_an_update_not_being_seen_is_believed_the_second_time_only(stage):
    """A late old write would overwrite a newer one, so that the object stays closed for another quarantine."""
    stage.platform.writes = [fail(UNKNOWN)]
    action = stage.approve(budget())
    stage.executor(PATIENT).execute(action.id)
    stage.end_waits()
    assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN
    held = stage.machinery(action)
    assert (held.looks, held.cap_reserved_minor, stage.events(action)[-1]) == (1, 2_000, "not_seen")
    assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN  # in quarantine again
    (newer,) = stage.propose(budget(target=11_000)).actions
    assert (newer.state, "open" in newer.state_reason) == (ActionState.BLOCKED, True)
    take_effect(stage.platform, stage.platform.requests[0])  # late, and seen all the same
    assert stage.settle(action) is ActionState.APPLIED


def test_of_a_create_one_look_is_enough(stage):
    stage.platform.writes = [fail(UNKNOWN)]
    action = stage.approve(create())
    stage.executor().execute(action.id)
    stage.end_waits()
    assert stage.executor().execute(action.id) is ActionState.NOT_APPLIED


def test_a_failed_read_back_settles_nothing(stage):
    stage.platform.writes = [take_effect_then_fail]
    action = stage.approve(budget())
    stage.executor().execute(action.id)
    stage.platform.reads = [TransientError("502"), ThrottledError("slow", retry_after_s=0.0), NeedsPersonError("token")]
    for _ in range(3):
        stage.end_waits()
        assert stage.executor().execute(action.id) is ActionState.UNKNOWN
    stage.end_waits()
    assert stage.executor().execute(action.id) is ActionState.APPLIED


def test_a_value_that_somebody_changed_is_a_conflict_and_stays(stage):
    stage.platform.objects["11"]["daily_budget_minor"] = 10_500
    action = stage.approve(budget())
    assert stage.executor().execute(action.id) is ActionState.CONFLICT
    assert "daily_budget_minor is 10500 on the platform, not 10000" in stage.get(action).state_reason
    assert stage.platform.requests == []


def test_what_already_is_as_wanted_is_applied_without_sending(stage):
    stage.platform.objects["111"]["status"] = "paused"
    action = stage.approve(pause())
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    assert stage.platform.requests == []


def test_an_object_that_is_gone_is_refused_without_sending(stage):
    stage.platform.reads = [GoneError("no such object", code=100)]
    action = stage.approve(pause())
    assert stage.executor().execute(action.id) is ActionState.REFUSED
    assert stage.platform.requests == []


def test_a_precheck_that_fails_in_passing_is_tried_again(stage):
    stage.platform.reads = [TransientError("502")]
    action = stage.approve(pause())
    assert stage.executor().execute(action.id) is ActionState.APPROVED
    assert stage.executor().execute(action.id) is ActionState.APPLIED


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


def test_a_stop_waits_for_who_is_sending_and_nobody_sends_after_it(stage):
    """The sender holds the shared lock while the call runs; drain returns only after it."""
    stage.platform.write_seconds = 0.3
    action = stage.approve(budget())
    sending = threading.Event()
    checkpoint = lambda step: sending.set() if step == "fenced" else None  # noqa: E731 - a hook of one line
    sender = threading.Thread(target=lambda: stage.executor(PATIENT, checkpoint).execute(action.id))
    sender.start()
    assert sending.wait(10)
    with stage.engine.begin() as conn:
        fence.close(conn, None, reason="stop")
    with stage.engine.connect() as conn:
        assert not fence.drain(conn, None, timeout_s=0.05)
        conn.rollback()
        assert fence.drain(conn, None, timeout_s=10)
        assert len(stage.platform.requests) == 1
    sender.join()


def test_once_a_stop_is_answered_no_busy_sender_sends_any_more(engine):
    """Eight executors work through 20 actions; the stop falls in the middle of it."""
    stage = set_stage(engine, ad_set_count=20)
    stage.platform.write_seconds = 0.02
    waiting = [stage.approve(budget(f"1{number}")) for number in range(1, 21)]

    def work(number: int) -> None:
        for action in waiting[number::8]:
            stage.executor(PATIENT, owner=f"executor-{number}").execute(action.id)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    while not stage.platform.requests and any(thread.is_alive() for thread in threads):
        time.sleep(0.005)
    with engine.begin() as conn:
        fence.close(conn, None, reason="stop")
    with engine.begin() as conn:
        assert fence.drain(conn, None, timeout_s=10)
        sent = len(stage.platform.requests)
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
