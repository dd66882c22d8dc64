"""Taking changes back: planned on three values, applied through the door, never over what somebody else set since."""

from datetime import timedelta

from sqlalchemy import update

from actions import undoing
from actions.guardrails import Limits
from actions.undo import Fate, plan
from actions.undoing import UndoPlan
from domain.actions import Action, ActionKind, ActionState, ObjectKind
from models import effects
from models.tables import actions
from tests.actions.stage import QUICK, Stage, activate, budget, create, mark_fatigued, pause


def apply_one(stage: Stage, proposal) -> Action:
    action = stage.approve(proposal)
    assert stage.executor(QUICK).execute(action.id) is ActionState.APPLIED
    return stage.get(action)


def see_anew(stage: Stage) -> None:
    at = stage.clock.at
    stage.change_account(tree_read_at=at, insights_read_at=at, activities_read_at=at)


def make_plan(stage: Stage, chosen=None, object_id: str = "11") -> UndoPlan:
    with stage.engine.begin() as conn:
        rows = effects.of_object(conn, stage.account_id, object_id) if chosen is None else chosen
        return undoing.make_plan(conn, stage.account, stage.platform, rows)


def undo(stage: Stage, found: UndoPlan) -> list[Action]:
    with stage.engine.begin() as conn:
        proposed = undoing.apply(
            conn, found, reason="it was a mistake", actor="os:anna", now=stage.clock.now(), limits=Limits()
        )
    for row in proposed.actions:
        stage.executor(QUICK).execute(row.id)
    return [stage.get(row) for row in proposed.actions]


def test_a_budget_goes_back_to_what_it_was_an_hour_ago_although_it_rests(stage: Stage):
    """The cooldown paces automation; taking a step back is no further step."""
    before = apply_one(stage, budget(target=12_000))
    stage.clock.at += timedelta(hours=1)
    see_anew(stage)
    found = make_plan(stage)
    assert [(step.fate, step.ours_before, step.ours_after, step.theirs_now) for step in found.steps] == [
        (Fate.RESTORE, 10_000, 12_000, 12_000)
    ]
    (done,) = undo(stage, found)
    assert (done.state, done.undoes, done.proposed_by) == (ActionState.APPLIED, before.id, "os:anna")
    assert stage.platform.objects["11"]["daily_budget_minor"] == 10_000


def test_what_a_person_set_since_is_shown_with_all_three_values_and_left(stage: Stage):
    apply_one(stage, budget(target=12_000))
    stage.platform.objects["11"]["daily_budget_minor"] = 15_000
    found = make_plan(stage)
    (step,) = found.steps
    assert (step.fate, step.ours_before, step.ours_after, step.theirs_now) == (Fate.DRIFTED, 10_000, 12_000, 15_000)
    assert undo(stage, found) == []
    assert stage.platform.objects["11"]["daily_budget_minor"] == 15_000


def test_an_edit_between_plan_and_send_wins_too(stage: Stage):
    apply_one(stage, budget(target=12_000))
    found = make_plan(stage)
    stage.platform.objects["11"]["daily_budget_minor"] = 15_000
    (done,) = undo(stage, found)
    assert done.state is ActionState.CONFLICT
    assert stage.platform.objects["11"]["daily_budget_minor"] == 15_000


def test_undoing_an_object_stops_at_what_somebody_else_set_in_between(stage: Stage):
    """Ours 100 -> 110, a person's 200, ours 200 -> 220: back to 200, not to 100."""
    apply_one(stage, budget(target=11_000))
    stage.platform.objects["11"]["daily_budget_minor"] = 20_000
    stage.clock.at += timedelta(hours=30)
    see_anew(stage)
    apply_one(stage, budget(before=20_000, target=22_000))
    (step,) = make_plan(stage).steps
    assert (step.fate, step.ours_before, step.theirs_now) == (Fate.RESTORE, 20_000, 22_000)
    assert "somebody else set" in step.why


def test_a_change_that_a_later_one_of_ours_stands_on_is_not_torn_out_from_under_it(stage: Stage):
    first = apply_one(stage, budget(target=11_000))
    stage.clock.at += timedelta(hours=30)
    see_anew(stage)
    second = apply_one(stage, budget(before=11_000, target=12_000))
    (step,) = make_plan(stage, [first]).steps
    assert step.fate is Fate.OVERTAKEN
    assert f"action {second.id}" in step.why
    (both,) = make_plan(stage).steps
    assert (both.fate, both.ours_before, both.undoes) == (Fate.RESTORE, 10_000, (first.id, second.id))


def test_what_was_taken_back_is_not_taken_back_again(stage: Stage):
    first = apply_one(stage, pause())
    undo(stage, make_plan(stage, [first]))
    assert stage.platform.objects["111"]["status"] == "active"
    (step,) = make_plan(stage, [first]).steps
    assert step.fate is Fate.OVERTAKEN
    assert "taken it back" in step.why


def test_an_undo_can_be_undone(stage: Stage):
    first = apply_one(stage, pause())
    (back,) = undo(stage, make_plan(stage, [first]))
    (again,) = undo(stage, make_plan(stage, [back]))
    assert (again.kind, again.state) == (ActionKind.PAUSE, ActionState.APPLIED)
    assert stage.platform.objects["111"]["status"] == "paused"


def test_what_never_took_effect_or_is_not_known_says_so(stage: Stage):
    marked = stage.propose(mark_fatigued()).actions[0]
    waiting = stage.approve(pause("112"))
    blocked = stage.propose(budget(target=10_000_000, before=0)).actions[0]
    steps = make_plan(stage, [marked, waiting, blocked]).steps
    assert [step.fate for step in steps] == [Fate.CANNOT, Fate.UNKNOWN, Fate.CANNOT]
    assert "only recorded" in steps[0].why
    assert "not known yet" in steps[1].why
    assert "never took effect" in steps[2].why


def test_what_was_created_stays_but_is_paused_where_somebody_switched_it_on(stage: Stage):
    made = apply_one(stage, create())
    assert make_plan(stage, [made]).steps[0].fate is Fate.CANNOT
    stage.platform.objects[made.result_object_id]["status"] = "active"
    (step,) = make_plan(stage, [made]).steps
    assert (step.fate, step.object_id, step.object_kind) == (
        Fate.RESTORE, made.result_object_id, ObjectKind.CAMPAIGN,
    )  # fmt: skip


def test_an_object_that_is_gone_cannot_be_restored(stage: Stage):
    apply_one(stage, pause())
    del stage.platform.objects["111"]
    (step,) = make_plan(stage, object_id="111").steps
    assert (step.fate, step.theirs_now) == (Fate.CANNOT, None)


def test_the_plan_says_which_learning_it_resets(stage: Stage):
    """12,000 back to 10,000 moves the present budget by 16.7 %, 15,000 back to 10,000 by a third."""
    small = apply_one(stage, budget(target=12_000))
    off = apply_one(stage, pause("12", ObjectKind.AD_SET))
    steps = make_plan(stage, [small, off]).steps
    assert {step.key: step.resets_learning for step in steps} == {"daily_budget_minor": False, "status": True}
    now = {(ObjectKind.AD_SET, "11"): {"daily_budget_minor": 12_000}}
    (strict,) = plan([small], [], now, learning_step=0.1)
    assert strict.resets_learning


def test_a_window_takes_back_what_ended_in_it_and_nothing_else(stage: Stage):
    old = apply_one(stage, pause("112"))
    new = apply_one(stage, pause("113"))
    with stage.engine.begin() as conn:
        conn.execute(
            update(actions).where(actions.c.id == old.id).values(finished_at=new.finished_at - timedelta(hours=7))
        )
        rows = effects.of_window(conn, stage.account_id, new.finished_at - timedelta(hours=6), None)
    assert [row.id for row in rows] == [new.id]


def test_a_cap_binds_an_undo_as_any_change(stage: Stage):
    apply_one(stage, budget(target=8_000))
    stage.change_account(max_total_daily_spend_minor=28_500)
    (done,) = undo(stage, make_plan(stage))
    assert done.target == {"daily_budget_minor": 8_500}
    assert "cap" in done.reason


def test_a_marked_object_stays_as_it_is(stage: Stage):
    from models import marks

    apply_one(stage, pause())
    with stage.engine.begin() as conn:
        marks.put(conn, stage.account_id, ObjectKind.AD, "111", reason="the founder's", set_by="anna")
    (done,) = undo(stage, make_plan(stage, object_id="111"))
    assert done.state is ActionState.BLOCKED


def test_switching_on_again_is_the_undo_of_a_pause_and_the_other_way_round(stage: Stage):
    stage.platform.objects["12"]["status"] = "paused"
    apply_one(stage, activate("12"))
    (done,) = undo(stage, make_plan(stage, object_id="12"))
    assert (done.kind, done.state) == (ActionKind.PAUSE, ActionState.APPLIED)
