"""Ending a stop: what it paused is switched on again, and nothing else is; what was touched since stays as it is."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from actions import pauses, resume, stop, undo, undoing
from actions.pauses import Pausing
from actions.resume import Fate
from domain.actions import ActionState, Level, ObjectKind, Priority
from domain.errors import NotAllowedError, TransientError, UnknownOutcomeError
from domain.ids import PrincipalId
from domain.permissions import Principal, Role
from models import effects, fence, stop_items
from models.tables import actions, audit, campaigns
from tests.actions.fake_platform import NOW, fail
from tests.actions.stage import ADMIN, PATIENT, QUICK, activate, pause

CAMPAIGNS = ("1", "2", "3", "4")


@pytest.fixture
def stage(stage):
    """Four campaigns that are switched on; the platform tells its history by the stage's clock."""
    stage.platform.clock = stage.clock
    life = {"effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW, "seen_at": NOW, "objective": "SALES"}
    with stage.engine.begin() as conn:
        for key in CAMPAIGNS:
            if key != "1":
                row = {"account_id": stage.account_id, "id": key, "name": f"campaign {key}", "status": "active"}
                conn.execute(insert(campaigns).values(**row, **life))
            stage.platform.objects[key] = {"status": "active", "name": f"campaign {key}"}
    return stage


def later(stage, minutes: int = 5) -> None:
    stage.clock.at += timedelta(minutes=minutes)


def stop_and_pause(stage, scope=None, timing=QUICK):
    later(stage)
    stop_id = stage.stop(scope, pauses=True)
    parts = Pausing(
        engine=stage.engine, executor=stage.executor(timing), clock_of=lambda _: stage.clock, rest=lambda _: None
    )
    pauses.pause_all(parts, stop_id, patience_s=30)
    later(stage)
    return stop_id


def plan(stage, stop_id):
    return {step.item.object_id: step for step in resume.plan(stage.engine, stop_id, lambda _: stage.platform)}


def apply(stage, stop_id, steps=None, by=ADMIN, **more):
    steps = tuple(plan(stage, stop_id).values()) if steps is None else steps
    return resume.apply(stage.engine, stop_id, steps, by, reason="all clear", clock_of=lambda _: stage.clock, **more)


def carry_out(stage, done):
    return {row.object_id: stage.executor().execute(row.id) for one in done.proposed for row in one.actions}


def switched_on(stage):
    return {key for key in CAMPAIGNS if stage.platform.objects[key]["status"] == "active"}


def test_what_the_stop_paused_runs_again_and_the_record_says_by_what(stage):
    stop_id = stop_and_pause(stage)
    assert switched_on(stage) == set()
    steps = plan(stage, stop_id)
    assert {(step.before, step.ours, step.now, step.fate) for step in steps.values()} == {
        ("active", "paused", "paused", Fate.RESTORE)
    }
    done = apply(stage, stop_id)
    assert set(carry_out(stage, done).values()) == {ActionState.APPLIED}
    assert switched_on(stage) == set(CAMPAIGNS)
    with stage.engine.begin() as conn:
        rows = stop_items.listing(conn, stop_id)
        told = conn.execute(select(audit.c.actor).where(audit.c.event == "fence.opened")).scalar_one()
        undoes = dict(conn.execute(select(actions.c.id, actions.c.undoes).where(actions.c.rule == "resume")).all())
        assert not fence.state(conn, stage.account_id).closed
    assert told == "os:ann"
    assert {row.resume_action_id: row.action_id for row in rows} == undoes
    assert {step.fate for step in plan(stage, stop_id).values()} == {Fate.DONE}


def test_what_was_paused_before_the_stop_stays_paused(stage):
    stage.platform.edit_by_hand("2", ObjectKind.CAMPAIGN, status="paused")
    stop_id = stop_and_pause(stage)
    assert (plan(stage, stop_id)["2"].fate, plan(stage, stop_id)["2"].why) == (
        Fate.LEFT, "it was paused already when the stop came to it",
    )  # fmt: skip
    carry_out(stage, apply(stage, stop_id))
    assert switched_on(stage) == {"1", "3", "4"}


def test_what_somebody_switched_on_and_off_again_stays_off(stage):
    stop_id = stop_and_pause(stage)
    stage.platform.edit_by_hand("3", ObjectKind.CAMPAIGN, status="active")
    stage.platform.edit_by_hand("3", ObjectKind.CAMPAIGN, status="paused")
    step = plan(stage, stop_id)["3"]
    assert (step.fate, "Marta touched it" in step.why) == (Fate.LEFT, True)
    carry_out(stage, apply(stage, stop_id))
    assert "3" not in switched_on(stage)


def test_what_somebody_switched_on_is_theirs(stage):
    stop_id = stop_and_pause(stage)
    stage.platform.edit_by_hand("3", ObjectKind.CAMPAIGN, status="active")
    step = plan(stage, stop_id)["3"]
    assert (step.fate, step.now, step.why) == (Fate.LEFT, "active", "it is active now: somebody changed it since")


def test_what_is_gone_is_left(stage):
    stop_id = stop_and_pause(stage)
    del stage.platform.objects["4"]
    assert (plan(stage, stop_id)["4"].fate, plan(stage, stop_id)["4"].why) == (Fate.LEFT, "it is gone")


def test_a_pause_of_ours_that_was_under_way_as_the_stop_came_keeps_it_off(stage):
    """A rule wanted it off before the stop did: the stop is not why it is off."""
    rule = stage.approve(pause("1", ObjectKind.CAMPAIGN))
    stop_id = stop_and_pause(stage)
    step = plan(stage, stop_id)["1"]
    assert (step.fate, f"action {rule.id} (roas)" in step.why) == (Fate.LEFT, True)


def test_a_pause_whose_outcome_is_unknown_is_left_until_it_is_known(stage):
    stage.platform.writes = [fail(UnknownOutcomeError("timed out"))]
    stop_id = stop_and_pause(stage, timing=PATIENT)
    fates = sorted(step.fate for step in plan(stage, stop_id).values())
    assert fates == [Fate.LEFT, Fate.RESTORE, Fate.RESTORE, Fate.RESTORE]


def test_while_another_stop_is_open_the_door_lets_nothing_through(stage):
    own = stop_and_pause(stage, stage.account_id)
    everyone = stop_and_pause(stage)
    assert plan(stage, everyone) == {}  # it found nothing that was on
    done = apply(stage, own)
    assert {row.state for one in done.proposed for row in one.actions} == {ActionState.BLOCKED}
    apply(stage, everyone)
    assert set(carry_out(stage, apply(stage, own)).values()) == {ActionState.APPLIED}
    assert switched_on(stage) == set(CAMPAIGNS)


def test_what_another_stop_is_pausing_too_is_left_while_that_stop_is_open(stage):
    """Both paused it, one after the other, since somebody had switched it on in between."""
    own = stop_and_pause(stage, stage.account_id)
    stage.platform.edit_by_hand("1", ObjectKind.CAMPAIGN, status="active")
    with stage.engine.begin() as conn:
        conn.execute(update(campaigns).where(campaigns.c.id == "1").values(status="active"))
    everyone = stop_and_pause(stage)
    assert plan(stage, everyone)["1"].fate is Fate.RESTORE
    assert (plan(stage, own)["1"].fate, "(emergency_stop) touched it" in plan(stage, own)["1"].why) == (Fate.LEFT, True)


def test_opening_one_stop_leaves_the_other_closed_and_what_was_blocked_can_be_resumed_later(stage):
    everyone = stop_and_pause(stage)
    own = stage.stop(stage.account_id)
    done = apply(stage, everyone)
    assert {row.state for one in done.proposed for row in one.actions} == {ActionState.BLOCKED}
    apply(stage, own)
    again = apply(stage, everyone)
    assert set(carry_out(stage, again).values()) == {ActionState.APPLIED}


def test_who_may_stop_may_not_therefore_resume(stage):
    stop_id = stop_and_pause(stage)
    with pytest.raises(NotAllowedError, match=r"fence\.open"):
        apply(stage, stop_id, by=Principal(id=PrincipalId(2), name="bob", role=Role.MANAGER))
    with stage.engine.begin() as conn:
        assert fence.state(conn, stage.account_id).closed


def test_a_platform_that_cannot_be_read_resumes_nothing(stage):
    stop_id = stop_and_pause(stage)
    stage.platform.reads = [TransientError("502")]
    with pytest.raises(TransientError):
        plan(stage, stop_id)


def test_opening_without_resuming_switches_nothing_on(stage):
    stop_id = stop_and_pause(stage)
    apply(stage, stop_id, steps=())
    assert switched_on(stage) == set()
    with stage.engine.begin() as conn:
        assert not fence.state(conn, stage.account_id).closed


def test_resuming_by_shares_goes_on_where_it_was(stage):
    stop_id = stop_and_pause(stage)
    carry_out(stage, apply(stage, stop_id, share=0.25))
    assert len(switched_on(stage)) == 1
    carry_out(stage, apply(stage, stop_id, share=0.25))
    assert len(switched_on(stage)) == 1
    carry_out(stage, apply(stage, stop_id, share=1.0))
    assert switched_on(stage) == set(CAMPAIGNS)


def test_resuming_goes_through_the_same_door(stage):
    """At level propose a second person has to agree, as for every change."""
    stage.change_account(level=Level.PROPOSE)
    stop_id = stop_and_pause(stage)
    done = apply(stage, stop_id)
    assert {row.state for one in done.proposed for row in one.actions} == {ActionState.AWAITING_APPROVAL}
    assert {step.fate for step in plan(stage, stop_id).values()} == {Fate.UNDER_WAY}


def test_a_change_of_ours_since_is_left_alone(stage):
    stop_id = stop_and_pause(stage)
    apply(stage, stop_id, steps=())
    undoes = plan(stage, stop_id)["2"].item.action_id
    by_hand = activate("2", ObjectKind.CAMPAIGN, undoes=undoes, priority=Priority.PERSON)
    stage.executor().execute(stage.approve(by_hand).id)
    stage.executor().execute(stage.approve(pause("2", ObjectKind.CAMPAIGN, priority=Priority.SAFETY)).id)
    assert (plan(stage, stop_id)["2"].fate, "(roas) touched it since" in plan(stage, stop_id)["2"].why) == (
        Fate.LEFT, True,
    )  # fmt: skip


def test_once_more_stopped_what_was_resumed_belongs_to_the_new_stop(stage):
    first = stop_and_pause(stage)
    carry_out(stage, apply(stage, first))
    later(stage)
    second = stop_and_pause(stage)
    assert {step.fate for step in plan(stage, second).values()} == {Fate.RESTORE}
    assert stop.close(stage.engine, account_id=None, reason="x", actor="os:ann", timing=QUICK).stop.id == second


def test_undoing_what_we_changed_does_not_pause_again_what_was_resumed(stage):
    """Paused by the stop, switched on by its end: both are ours, and together they changed nothing."""

    def undo_steps():
        with stage.engine.begin() as conn:
            held = effects.of_object(conn, stage.account_id, "2")
            return undoing.make_plan(conn, stage.account, stage.platform, held).steps

    stop_id = stop_and_pause(stage)
    (paused,) = undo_steps()
    assert (paused.fate, "stakazo fence open --resume" in paused.why) == (undo.Fate.CANNOT, True)
    carry_out(stage, apply(stage, stop_id))
    (both,) = undo_steps()
    assert (both.fate, both.ours_before, both.theirs_now) == (undo.Fate.ALREADY, "active", "active")


def test_a_span_that_begins_after_the_stop_does_not_pause_again_what_its_end_switched_on(stage):
    """Undoing the last hour took the resume back and not the pause before it: all campaigns would have been off."""
    stop_id = stop_and_pause(stage)
    carry_out(stage, apply(stage, stop_id))
    with stage.engine.begin() as conn:
        every = effects.of_object(conn, stage.account_id, "2")
        paused, resumed = every
        assert undo.without_lone_resumes([resumed]) == ()
        assert undo.without_lone_resumes(every) == (paused, resumed)
        assert undoing.make_plan(conn, stage.account, stage.platform, undo.without_lone_resumes([resumed])).steps == ()
