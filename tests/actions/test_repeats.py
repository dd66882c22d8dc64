"""A block that repeats is a row once a day and a count in between; whatever is new about it is a row again."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from actions.guardrails import Limits
from domain.actions import ActionState, Level, Priority
from models import accounts, fence
from models.tables import actions, runs
from tests.actions.fake_platform import NOW
from tests.actions.stage import budget, pause, set_stage

NONE_LEFT = Limits(actions_per_cycle=0)


@pytest.fixture
def cycle(stage):
    """Propose in a run of its own at NOW + minutes, with data as fresh as that."""

    def propose(*wanted, minutes=0, of=stage, **more):
        now = NOW + timedelta(minutes=minutes)
        with of.engine.begin() as conn:
            accounts.change(conn, of.account_id, tree_read_at=now, insights_read_at=now, activities_read_at=now)
            row = {"task": "meta.full_cycle", "account_id": of.account_id, "slot_at": now, "now_at": now,
                   "mode": "stub", "level": "auto", "triggered_by": "schedule", "state": "succeeded"}  # fmt: skip
            run_id = conn.execute(insert(runs).values(row).returning(runs.c.id)).scalar_one()
        return of.propose(*wanted, run_id=run_id, now=now, **more)

    return propose


def blocked_by(stage):
    with stage.engine.begin() as conn:
        return list(conn.execute(select(actions.c.blocked_by).order_by(actions.c.id)).scalars())


def test_the_same_block_in_the_next_cycle_is_counted_and_not_written(stage, cycle):
    first = cycle(budget(), pause("112"), limits=NONE_LEFT)
    again = cycle(budget(), pause("112"), minutes=30, limits=NONE_LEFT)

    assert [row.state for row in first.actions] == [ActionState.BLOCKED] * 2
    assert "0 of 0 actions" in first.actions[0].state_reason
    assert (first.repeated, again.actions) == (0, ())
    assert (again.repeated, again.repeats) == (2, {"cycle_limit": 2})
    assert blocked_by(stage) == ["cycle_limit", "cycle_limit"]


def test_after_a_day_it_is_written_again(stage, cycle):
    cycle(budget(), limits=NONE_LEFT)
    assert cycle(budget(), minutes=24 * 60 - 1, limits=NONE_LEFT).repeated == 1
    assert len(cycle(budget(), minutes=24 * 60, limits=NONE_LEFT).actions) == 1


def test_what_is_no_longer_blocked_goes_through(cycle):
    cycle(budget(), limits=NONE_LEFT)
    (action,) = cycle(budget(), minutes=30).actions
    assert action.state is ActionState.APPROVED


def test_another_guardrail_is_another_block(stage, cycle):
    cycle(budget(), limits=NONE_LEFT)
    stage.change_account(max_total_daily_spend_minor=100)
    (action,) = cycle(budget(), minutes=30).actions
    assert action.state is ActionState.BLOCKED
    assert blocked_by(stage) == ["cycle_limit", "account_cap"]


def test_a_full_cycle_is_the_only_reason_that_is_looked_for(stage, cycle):
    """An account over its cap with a full cycle: the cap is asked once there is room to act."""
    stage.change_account(max_total_daily_spend_minor=100)
    (action,) = cycle(budget(), limits=NONE_LEFT).actions
    assert [row["guardrail"] for row in stage.machinery(action).verdicts] == ["cycle_limit"]
    assert (
        cycle(budget(priority=Priority.PERSON), minutes=1, limits=NONE_LEFT)
        .actions[0]
        .state_reason.startswith("the cap")
    )


def test_another_kind_another_rule_and_another_object_are_other_blocks(cycle):
    cycle(pause("112"), limits=NONE_LEFT)
    others = (pause("112", rule="spike"), pause("113"))
    assert len(cycle(*others, minutes=30, limits=NONE_LEFT).actions) == 2


def test_who_gave_way_is_written_once_too(stage, cycle):
    rivals = (budget(), budget(target=9_000, rule="spike", priority=Priority.NEGATIVE_SPIKE))
    stage.change_account(level=Level.OBSERVE)
    cycle(*rivals)
    again = cycle(*rivals, minutes=30)
    assert [row.rule for row in again.actions] == ["spike"]
    assert again.repeats == {"arbiter": 1}


def test_a_closed_fence_and_a_paused_account_are_blocks_with_names(stage, cycle):
    with stage.engine.begin() as conn:
        fence.close(conn, stage.account_id, reason="test")
    cycle(pause("112"))
    with stage.engine.begin() as conn:
        fence.open_(conn, stage.account_id)
    stage.change_account(is_paused=True)
    cycle(pause("112"), minutes=30)
    assert blocked_by(stage) == ["fence", "account_paused"]


def test_a_person_and_a_rehearsal_always_get_rows(stage, cycle):
    stage.change_account(is_paused=True)
    asked = pause("112", priority=Priority.PERSON)
    cycle(asked)
    assert len(cycle(asked, minutes=30).actions) == 1
    assert len(stage.propose(asked, pause("113")).actions) == 2
    assert len(stage.propose(pause("113")).actions) == 1


def test_another_account_s_blocks_are_not_ours(engine, cycle):
    mine, other = set_stage(engine, platform_account_id="act_8"), set_stage(engine, platform_account_id="act_9")
    cycle(budget(), of=mine, limits=NONE_LEFT)
    assert len(cycle(budget(), of=other, minutes=1, limits=NONE_LEFT).actions) == 1


def test_more_than_one_part_is_recorded_in_order_and_each_told_as_proposed_first(stage, cycle):
    wanted = [pause(f"{number:05}") for number in range(1_203)]
    rows = cycle(*wanted, limits=NONE_LEFT).actions
    assert [row.object_id for row in rows] == [row.object_id for row in wanted]
    assert [row.id for row in rows] == sorted(row.id for row in rows)
    assert [stage.get(row) for row in rows[::400]] == list(rows[::400])
    assert stage.events(rows[-1]) == ["proposed", "judged"]
    assert cycle(*wanted, minutes=30, limits=NONE_LEFT).repeated == 1_203
