"""People beside us: their edits are seen, left alone for a day, met before a write, and flagged where we went over."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from actions import people
from domain.actions import ActionState, ObjectKind, Priority
from domain.objects import Activity
from models import hand_edits
from models.hand_edits import FoundBy
from tests.actions.fake_platform import take_effect
from tests.actions.stage import activate, budget, pause

MORE = {"daily_budget_minor": 13_000}


def collect(stage):
    """What the collector does with the platform's history."""
    account = stage.account
    with stage.engine.begin() as conn:
        history = [
            row
            for page in stage.platform.activities("act_1", people.read_from(account, stage.clock.at))
            for row in page
        ]
        return people.take_in(conn, account.id, history, actor="test")


def edits(stage):
    with stage.engine.begin() as conn:
        return {(row.edit.object_id, row.edit.found_by) for row in hand_edits.listing(conn, stage.account_id)}


def told(stage, event):
    with stage.engine.begin() as conn:
        return conn.execute(text("SELECT action_id, detail FROM audit WHERE event = :event"), {"event": event}).all()


def edit_before_the_write(**values):
    """The platform's answer to our write, with a person's edit right before its effect."""

    def way(platform, request):
        platform.edit_by_hand(request.object_id, **values)
        return take_effect(platform, request)

    return way


def test_an_edit_by_hand_holds_its_object_for_a_day_and_no_other(stage):
    stage.platform.edit_by_hand("11", **MORE)
    taken = collect(stage)
    assert (taken.seen, taken.by_people, len(taken.news)) == (1, 1, 1)
    (held, free) = stage.propose(budget("11", 14_000, 13_000), budget("12")).actions
    assert held.state is ActionState.BLOCKED
    assert "changed by hand by Marta and is left alone until 2026-03-03 12:00 UTC" in held.state_reason
    assert "stakazo edits release 11" in held.state_reason
    assert free.state is ActionState.APPROVED


def test_after_a_day_it_may_be_changed_again(stage):
    stage.platform.edit_by_hand("11", **MORE)
    collect(stage)
    stage.clock.at += timedelta(hours=24)
    at = stage.clock.at
    stage.change_account(tree_read_at=at, insights_read_at=at, activities_read_at=at)
    assert stage.approve(budget("11"))


def test_what_a_person_asks_for_passes(stage):
    stage.platform.edit_by_hand("11", **MORE)
    collect(stage)
    assert stage.approve(budget("11", priority=Priority.PERSON))


@pytest.mark.parametrize("read_ago", [None, timedelta(minutes=61)])
def test_without_a_fresh_look_at_the_history_nothing_is_changed(stage, read_ago):
    stage.change_account(activities_read_at=None if read_ago is None else stage.clock.at - read_ago)
    wanted = [budget("11"), pause(), activate("12")]
    assert {row.state for row in stage.propose(*wanted).actions} == {ActionState.BLOCKED}
    assert "collect activities" in stage.propose(budget("13")).actions[0].state_reason


def test_our_own_writes_are_no_edits_by_hand(stage):
    action = stage.approve(budget("11"))
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    taken = collect(stage)
    assert (taken.seen, taken.by_people, edits(stage)) == (1, 0, set())


def test_a_value_that_is_not_as_expected_is_written_down_as_an_edit_and_nothing_is_sent(stage):
    action = stage.approve(budget("11"))
    stage.platform.edit_by_hand("11", **MORE)
    assert stage.executor().execute(action.id) is ActionState.CONFLICT
    assert stage.platform.requests == []
    (row,) = _rows(stage)
    assert (row.edit.found_by, row.edit.action_id) == (FoundBy.PRECHECK, action.id)
    assert (row.edit.before, row.edit.after) == ({"daily_budget_minor": 10_000}, MORE)
    assert stage.propose(budget("11", 15_000, 13_000)).actions[0].state is ActionState.BLOCKED


def test_a_value_that_a_late_write_of_ours_left_is_nobodys_edit(stage):
    late = stage.approve(budget("11", 11_000))
    stage.platform.writes.append(take_effect)
    assert stage.executor().execute(late.id) is ActionState.APPLIED
    stage.clock.at += timedelta(hours=25)
    at = stage.clock.at
    stage.change_account(tree_read_at=at, insights_read_at=at, activities_read_at=at)
    stale = stage.approve(budget("11", 9_500, 10_000, priority=Priority.PERSON))  # decided on what was there before
    assert stage.executor().execute(stale.id) is ActionState.CONFLICT
    assert edits(stage) == set()


def test_an_edit_between_our_reading_and_our_write_is_flagged_and_told_once(stage):
    action = stage.approve(budget("11"))
    stage.platform.writes.append(edit_before_the_write(**MORE))
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    assert len(collect(stage).overwritten) == 1
    assert len(collect(stage).overwritten) == 0
    (row,) = _rows(stage)
    assert (row.edit.found_by, row.edit.action_id, row.edit.after) == (FoundBy.OVERWRITTEN, action.id, MORE)
    ((action_id, detail),) = told(stage, "edit.overwritten")
    assert (action_id, detail["by"], detail["theirs"]) == (action.id, "Marta", MORE)


def test_of_several_edits_in_between_all_are_flagged(stage):
    action = stage.approve(budget("11"))

    def way(platform, request):
        platform.edit_by_hand("11", daily_budget_minor=13_000)
        platform.edit_by_hand("11", daily_budget_minor=14_000)
        return take_effect(platform, request)

    stage.platform.writes.append(way)
    stage.executor().execute(action.id)
    assert [row.edit.after["daily_budget_minor"] for row in collect(stage).overwritten] == [13_000, 14_000]


def test_an_edit_after_our_write_stands_and_is_not_called_overwritten(stage):
    """All within the same second of the platform's history: its order and values tell them apart."""
    action = stage.approve(budget("11"))
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    stage.platform.edit_by_hand("11", daily_budget_minor=13_000)
    stage.platform.edit_by_hand("11", daily_budget_minor=14_000)
    collect(stage)
    assert edits(stage) == {("11", FoundBy.ACTIVITIES)}


def test_an_edit_of_something_else_in_between_is_not_overwritten(stage):
    action = stage.approve(budget("11"))
    stage.platform.writes.append(edit_before_the_write(name="By hand"))
    stage.executor().execute(action.id)
    collect(stage)
    assert edits(stage) == {("11", FoundBy.ACTIVITIES)}
    assert stage.platform.objects["11"]["name"] == "By hand"


def test_an_edit_that_wanted_the_same_is_not_overwritten(stage):
    action = stage.approve(budget("11"))
    stage.platform.writes.append(edit_before_the_write(daily_budget_minor=12_000))
    stage.executor().execute(action.id)
    collect(stage)
    assert edits(stage) == {("11", FoundBy.ACTIVITIES)}


def test_a_switch_by_hand_that_ours_went_over_is_flagged(stage):
    stage.platform.objects["12"]["status"] = "paused"
    action = stage.approve(activate("12"))
    stage.platform.writes.append(edit_before_the_write(status="archived"))
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    assert [row.edit.after for row in collect(stage).overwritten] == [{"status": "archived"}]


def test_a_history_that_tells_no_values_and_not_of_our_write_is_judged_by_its_instants(stage):
    action = stage.approve(budget("11"))
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    account_id, at = stage.account_id, stage.clock.at

    def by(instant):
        line = Activity(
            at=instant, actor_id="1", actor_name="Marta", is_ours=False, event="update_ad_set_budget",
            object_kind=ObjectKind.AD_SET, object_id="11", before={}, after={},
        )  # fmt: skip
        with stage.engine.begin() as conn:
            (row,) = people.take_in(conn, account_id, [line], actor="test").news
        return row.edit.found_by

    assert by(at.replace(microsecond=0)) is FoundBy.OVERWRITTEN
    assert by(at - timedelta(seconds=5)) is FoundBy.ACTIVITIES
    assert by(at + timedelta(minutes=10)) is FoundBy.ACTIVITIES


def test_what_only_the_platform_did_holds_nothing(stage):
    names = ("ad_review_approved", "update_ad_set_learning_stage_succeeded", "create_ad_set", "first_delivery_event")
    lines = [
        Activity(
            at=stage.clock.at, actor_id="0", actor_name="Meta", is_ours=False, event=name,
            object_kind=ObjectKind.AD_SET, object_id="11", before={}, after={},
        )
        for name in names
    ]  # fmt: skip
    with stage.engine.begin() as conn:
        assert people.take_in(conn, stage.account_id, lines, actor="test").by_people == 0


def test_the_window_between_reading_and_writing_is_measured_at_every_write(stage):
    ticks = iter(range(10_000))
    action = stage.approve(budget("11"))
    stage.executor(monotonic_s=lambda: next(ticks) / 1_000).execute(action.id)
    with stage.engine.begin() as conn:
        window = hand_edits.read_to_write(conn, stage.account_id)
    assert window.writes == 1
    assert 1 <= window.max_ms <= 20


def _rows(stage):
    with stage.engine.begin() as conn:
        return hand_edits.listing(conn, stage.account_id)
