"""A stop: what it answers and when, who is in doubt, and how what spends is paused, whoever dies in between."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from actions import pauses, resume, stop
from actions.pauses import Pausing
from domain.actions import ActionKind, ActionState, Level, ObjectKind
from domain.errors import NeedsPersonError, NotReadyError, ThrottledError, UnknownOutcomeError
from models import fence, ledger_reads, partitions, stop_items, stops
from models.tables import actions, audit, campaigns, insights_daily
from tests.actions.fake_platform import NOW, HeldCall, fail, take_effect, take_effect_then_fail
from tests.actions.stage import ADMIN, PATIENT, QUICK, budget, pause, set_stage

UNKNOWN = UnknownOutcomeError("read timed out")


def spend(stage, **minor_by_campaign: int) -> None:
    """Campaigns that are switched on and spent so much today; "c7" is campaign 7."""
    with stage.engine.begin() as conn:
        partitions.ensure(conn, insights_daily, NOW.date(), NOW.date())
        for name, minor in minor_by_campaign.items():
            key = name.removeprefix("c")
            life = {"status": "active", "effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW}
            thing = {"account_id": stage.account_id, "id": key, "name": f"campaign {key}", "objective": "SALES"}
            if key != "1":
                conn.execute(insert(campaigns).values(**life, **thing, seen_at=NOW))
            figures = {"impressions": 1, "clicks": 0, "spend_minor": minor, "purchases": 0, "revenue_minor": 0}
            keys = {"account_id": stage.account_id, "day": NOW.date(), "ad_id": f"{key}01", "ad_set_id": f"{key}0"}
            conn.execute(insert(insights_daily).values(**keys, **figures, campaign_id=key, read_at=NOW))
            stage.platform.objects[key] = {"status": "active", "name": f"campaign {key}"}


def pausing(stage, **more) -> Pausing:
    parts = {"executor": stage.executor(**more.pop("executor", {})), "clock_of": lambda _: stage.clock}
    return Pausing(engine=stage.engine, **{**parts, "rest": lambda _: None, **more})


def get(stage, stop_id):
    with stage.engine.begin() as conn:
        return stops.get(conn, stop_id)


def items(stage, stop_id):
    with stage.engine.begin() as conn:
        return stop_items.listing(conn, stop_id)


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_stop_is_answered_with_its_times_and_is_told_to_the_audit(stage, everywhere):
    scope = None if everywhere else stage.account_id
    done = stop.close(stage.engine, account_id=scope, reason="odd spend", actor="os:ann", timing=QUICK)
    assert done.is_new
    assert done.stop.closed_at < done.stop.quiet_at <= done.stop.fenced_at
    assert (done.stop.paused_at, done.stop.in_doubt) == (None, ())
    with stage.engine.begin() as conn:
        assert fence.state(conn, stage.account_id).reason == "odd spend"
        told = conn.execute(select(audit).where(audit.c.event == "fence.closed")).one()
    assert (told.actor, told.detail["stop"], told.chain) == ("os:ann", done.stop.id, scope or 0)
    (action,) = stage.propose(budget()).actions
    assert action.state is ActionState.BLOCKED


def test_a_second_stop_of_the_same_scope_adds_nothing_and_says_so(stage):
    first = stop.close(stage.engine, account_id=None, reason="first", actor="os:ann", timing=QUICK)
    again = stop.close(stage.engine, account_id=None, reason="second", actor="os:bob", timing=QUICK)
    assert (again.is_new, again.stop) == (False, first.stop)
    with stage.engine.begin() as conn:
        assert fence.state(conn, stage.account_id).epoch == 1
        assert len(stops.listing(conn)) == 1


def test_who_sends_as_the_fence_closes_is_waited_for(stage):
    stage.platform.write_seconds = 0.2
    action = stage.approve(budget())
    sending = threading.Event()
    hook = lambda step: sending.set() if step == "fenced" else None  # noqa: E731 - a hook of one line
    sender = threading.Thread(target=lambda: stage.executor(PATIENT, hook).execute(action.id))
    sender.start()
    assert sending.wait(10)
    done = stop.close(stage.engine, account_id=None, reason="x", actor="os:ann", timing=PATIENT)
    assert len(stage.platform.requests) == 1
    assert (done.stop.quiet_at is not None, done.stop.in_doubt) == (True, ())
    sender.join()


def test_who_still_sends_past_the_deadline_is_in_doubt_and_the_stop_is_answered_all_the_same(stage):
    """The answer comes; quiet is written by whoever looks again once the sender is done."""
    call = HeldCall()
    stage.platform.writes = [call]
    action = stage.approve(budget())
    sender = threading.Thread(target=lambda: stage.executor(PATIENT).execute(action.id))
    sender.start()
    assert call.has_arrived.wait(60)
    short = stop.Timing(send_deadline_s=0.1)
    done = stop.close(stage.engine, account_id=None, reason="x", actor="os:ann", timing=short)
    assert (done.stop.quiet_at, done.stop.fenced_at is not None) == (None, True)
    (doubt,) = done.stop.in_doubt
    assert (doubt["action"], doubt["state"]) == (action.id, "sent")
    call.may_go_on.set()
    sender.join()
    assert stop.finish(stage.engine, done.stop.id, timing=PATIENT).quiet_at is not None


def test_unknown_outcomes_are_listed_as_in_doubt(stage):
    stage.platform.writes = [fail(UNKNOWN)]
    action = stage.approve(budget())
    stage.executor(PATIENT).execute(action.id)
    done = stop.close(stage.engine, account_id=stage.account_id, reason="x", actor="os:ann", timing=QUICK)
    assert [row["action"] for row in done.stop.in_doubt] == [action.id]


def test_a_sender_that_lost_its_database_is_waited_for_until_its_deadline(stage):
    """Its lock is gone, its row still says sent: until the deadline it may begin."""
    action = stage.approve(budget())
    with stage.engine.begin() as conn:
        late = {"state": "sent", "sent_at": NOW, "send_deadline_at": func.clock_timestamp() + timedelta(seconds=0.4)}
        conn.execute(update(actions).where(actions.c.id == action.id).values(late))
    naps = []
    done = stop.close(
        stage.engine, account_id=None, reason="x", actor="os:ann", timing=PATIENT,
        rest=lambda s: (naps.append(s), threading.Event().wait(s)),
    )  # fmt: skip
    assert naps
    assert (done.stop.quiet_at is not None, [row["action"] for row in done.stop.in_doubt]) == (True, [action.id])


def test_a_stopper_that_dies_after_the_commit_leaves_a_closed_fence_that_anybody_finishes(stage):
    class Death(BaseException):
        pass

    def die(_):
        raise Death

    spend(stage, c1=500)
    action = stage.approve(budget())
    with stage.engine.begin() as conn:
        late = {"state": "sent", "sent_at": NOW, "send_deadline_at": func.clock_timestamp() + timedelta(seconds=0.2)}
        conn.execute(update(actions).where(actions.c.id == action.id).values(late))
    with pytest.raises(Death):
        stop.close(stage.engine, account_id=None, reason="x", actor="os:ann", pauses=True, timing=PATIENT, rest=die)
    (held,) = open_stops(stage)
    assert (held.fenced_at, held.quiet_at, held.paused_at) == (None, None, None)
    with stage.engine.begin() as conn:
        assert fence.state(conn, stage.account_id).closed
    parts = pausing(stage, rest=lambda s: threading.Event().wait(s))
    assert pauses.finish_open(parts, timing=PATIENT, patience_s=5) == 1
    (held,) = open_stops(stage)
    assert None not in (held.fenced_at, held.quiet_at, held.paused_at)
    assert stage.platform.objects["1"]["status"] == "paused"
    assert pauses.finish_open(parts, timing=PATIENT, patience_s=5) == 0


def open_stops(stage):
    with stage.engine.begin() as conn:
        return stops.listing(conn, only_open=True)


def test_what_spends_most_is_paused_first_and_the_list_says_what_it_was(stage):
    spend(stage, c1=500, c2=90_000, c3=7_000)
    stop_id = stage.stop(pauses=True)
    seen = []
    done = pauses.pause_all(pausing(stage, progress=seen.append), stop_id, patience_s=30)
    assert [request.object_id for request in stage.platform.requests] == ["2", "3", "1"]
    assert {request.fields["status"] for request in stage.platform.requests} == {"paused"}
    assert done.paused_at is not None
    assert [(row.object_id, row.status_before, row.pause_state) for row in items(stage, stop_id)] == [
        ("2", "active", ActionState.APPLIED), ("3", "active", ActionState.APPLIED), ("1", "active", ActionState.APPLIED)
    ]  # fmt: skip
    assert [(row.settled, row.total) for row in seen] == [(0, 3), (3, 3)]  # one call for all of them
    assert seen[0].left_s is None


def test_while_pauses_go_on_the_time_to_all_paused_is_told(stage):
    spend(stage, c1=500, c2=90_000, c3=7_000)
    stop_id = stage.stop(pauses=True)
    seen = []
    held = pausing(stage, progress=seen.append)
    pauses.pause_all(replace(held, executor=stage.executor(most_at_once=1)), stop_id, patience_s=30)
    assert [(row.settled, row.total) for row in seen] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert seen[1].left_s > 0


def test_pausing_goes_past_level_pause_switch_and_other_open_changes(stage):
    spend(stage, c1=500)
    stage.propose(pause("1", ObjectKind.CAMPAIGN))
    stage.change_account(level=Level.OBSERVE, is_paused=True, insights_read_at=None)
    stop_id = stage.stop(pauses=True)
    assert pauses.pause_all(pausing(stage), stop_id, patience_s=30).paused_at is not None
    assert stage.platform.objects["1"]["status"] == "paused"


def test_of_an_account_only_its_own_campaigns_are_paused(stage, engine):
    other = set_stage(engine, platform_account_id="act_2")
    spend(stage, c1=500)
    stop_id = stage.stop(stage.account_id, pauses=True)
    pauses.pause_all(pausing(stage), stop_id, patience_s=30)
    assert {row.account_id for row in items(stage, stop_id)} == {stage.account_id}
    assert other.propose(budget()).actions[0].state is ActionState.APPROVED


def test_a_throttled_pause_is_tried_again_and_what_is_left_goes_on_later(stage):
    spend(stage, c1=500, c2=90_000)
    stop_id = stage.stop(pauses=True)
    stage.platform.writes = [fail(ThrottledError("slow down", retry_after_s=0.0))]
    assert pauses.pause_all(pausing(stage), stop_id, patience_s=30).paused_at is not None
    assert len(stage.platform.requests) == 3


def test_the_throttle_of_an_ordinary_change_holds_up_no_pause_of_a_stop(stage):
    """Seen as: a change on its way as the stop was ordered is throttled, and for ten minutes nothing is paused."""
    spend(stage, c1=500)
    ordered = []

    def stop_now(step: str) -> None:
        if step == "released":
            ordered.append(stage.stop(pauses=True))
            pauses.pause_all(pausing(stage), ordered[0], patience_s=0)  # lists, and has no time for more

    stage.platform.writes = [fail(ThrottledError("slow down", retry_after_s=600.0))]
    stage.executor(checkpoint=stop_now).execute(stage.approve(budget()).id)
    assert pauses.pause_all(pausing(stage), ordered[0], patience_s=1).paused_at is not None


def test_a_pause_without_an_answer_is_not_waited_for_but_read_back_later(stage):
    spend(stage, c1=500)
    stop_id = stage.stop(pauses=True)
    stage.platform.writes = [take_effect_then_fail]
    slow = {"timing": PATIENT}
    assert pauses.pause_all(pausing(stage, executor=slow), stop_id, patience_s=30).paused_at is None
    stage.end_waits()
    assert pauses.finish_open(pausing(stage), timing=QUICK, patience_s=30) == 1
    assert get(stage, stop_id).paused_at is not None
    assert len(stage.platform.requests) == 1


def test_several_stops_share_the_patience_and_each_is_gone_on_with(stage):
    """The tower has more to see to than pauses: its round must not grow with the number of stops."""
    now_s, tried = [0.0], []

    class Stuck:
        def execute(self, action_id):
            now_s[0] += 1.0
            tried.append(action_id)
            return ActionState.APPROVED

    parts = pausing(stage)
    slow = replace(parts, executor=Stuck(), monotonic_s=lambda: now_s[0])
    spend(stage, c1=500)
    stop.close(stage.engine, account_id=stage.account_id, reason="x", actor="os:ann", pauses=True, timing=QUICK)
    pauses.finish_open(slow, timing=QUICK, patience_s=0.0)
    spend(stage, c2=500)
    stop.close(stage.engine, account_id=None, reason="x", actor="os:ann", pauses=True, timing=QUICK)
    now_s[0], tried[:] = 0.0, []

    assert pauses.finish_open(slow, timing=QUICK, patience_s=4.0) == 2
    assert now_s[0] == 4.0
    assert len(set(tried)) == 2


def test_an_account_whose_clock_does_not_answer_is_paused_later(stage):
    spend(stage, c1=500)
    stop_id = stage.stop(pauses=True)

    def silent(_):
        raise NotReadyError("the sandbox is away")

    assert pauses.pause_all(pausing(stage, clock_of=silent), stop_id, patience_s=1).listed_at is None
    assert pauses.pause_all(pausing(stage), stop_id, patience_s=30).paused_at is not None
    assert pauses.pause_all(pausing(stage), stop_id, patience_s=30).paused_at is not None  # and again: nothing more
    assert len(stage.platform.requests) == 1


def test_two_stops_pause_an_object_once(stage):
    spend(stage, c1=500)
    own = stage.stop(stage.account_id, pauses=True)
    stage.platform.writes = [fail(UNKNOWN)]
    pauses.pause_all(pausing(stage, executor={"timing": PATIENT}), own, patience_s=1)
    everyone = stage.stop(pauses=True)
    pauses.pause_all(pausing(stage), everyone, patience_s=1)
    (item,) = items(stage, everyone)
    assert (item.action_id, item.note) == (None, "another stop is pausing it already")


def test_pauses_that_came_to_nothing_are_tried_again_when_the_stop_is_ordered_again(stage):
    """Seen as: the token had expired; with a new one the stop said that all was settled, and paused nothing."""
    spend(stage, c1=500, c2=90_000)
    stop_id = stage.stop(pauses=True)
    stage.platform.writes = [fail(NeedsPersonError("token expired", code=190)), take_effect]
    pauses.pause_all(pausing(stage), stop_id, patience_s=30)
    assert pauses.ask_again(pausing(stage), stop_id) == 1
    pauses.pause_all(pausing(stage), stop_id, patience_s=30)
    assert {row.pause_state for row in items(stage, stop_id)} == {ActionState.APPLIED}
    assert {stage.platform.objects[key]["status"] for key in ("1", "2")} == {"paused"}
    assert pauses.ask_again(pausing(stage), stop_id) == 0


def test_what_an_ended_stop_did_not_come_to_is_paused_by_the_next_one(stage):
    """Seen as: after a false alarm that was ended at once, the next stop left campaigns running, for ever."""
    spend(stage, c1=500, c2=90_000)
    first = stage.stop(pauses=True)
    stage.platform.writes = [fail(UNKNOWN)]
    one_by_one = pausing(stage, executor={"timing": PATIENT, "most_at_once": 1})
    pauses.pause_all(replace(one_by_one, monotonic_s=iter([0.0, 0.0, 0.5, 9.0]).__next__), first, patience_s=1)
    resume.apply(stage.engine, first, (), ADMIN, reason="false alarm", clock_of=lambda _: stage.clock)
    second = stage.stop(pauses=True)
    pauses.pause_all(pausing(stage), second, patience_s=1)
    assert stage.platform.objects["1"]["status"] == "paused"
    stage.end_waits()
    with stage.engine.begin() as conn:
        (left,) = ledger_reads.due(conn, 10)  # the unknown one, which no open stop looks after
    assert stage.settle(left.action) is ActionState.NOT_APPLIED
    assert pauses.ask_again(pausing(stage), second) == 1
    pauses.pause_all(pausing(stage), second, patience_s=1)
    assert stage.platform.objects["2"]["status"] == "paused"


def test_nobody_rings_celery_for_the_pauses_of_a_stop(stage):
    stop_id = stage.stop(pauses=True)
    stage.propose(pause("1", ObjectKind.CAMPAIGN, kind=ActionKind.EMERGENCY_PAUSE, stop_id=stop_id))
    with stage.engine.begin() as conn:
        assert ledger_reads.due(conn, 10) == ()
