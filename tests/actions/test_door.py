"""The door: what becomes of proposals before anything is sent."""

import threading
import time

import pytest
from sqlalchemy import insert, select, text

from domain.actions import ActionKind, ActionState, Level, ObjectKind, Priority
from domain.errors import InvariantError
from models import fence, ledger, partitions
from models.ledger import Draft
from models.tables import ads, insights_daily, runs
from tests.actions.fake_platform import NOW
from tests.actions.stage import activate, budget, create, mark_fatigued, pause, set_stage


def open_run(stage):
    with stage.engine.begin() as conn:
        row = {"task": "meta.full_cycle", "account_id": stage.account_id, "slot_at": NOW, "now_at": NOW}
        more = {"mode": "stub", "level": "auto", "triggered_by": "schedule", "state": "running"}
        return conn.execute(insert(runs).values({**row, **more}).returning(runs.c.id)).scalar_one()


def test_at_level_auto_a_proposal_is_approved_and_rung_for(stage):
    proposed = stage.propose(budget())
    (action,) = proposed.actions
    assert action.state is ActionState.APPROVED
    assert [(ring.action_id, ring.platform) for ring in proposed.rings] == [(action.id, "meta")]
    assert proposed.rings[0].about == "account act_1 · set daily budget of ad set 11: 10000 → 12000"
    assert stage.events(action) == ["proposed", "judged"]


def test_at_level_observe_everything_is_recorded_and_nothing_is_rung_for(stage):
    stage.change_account(level=Level.OBSERVE)
    proposed = stage.propose(budget(), pause("112"), mark_fatigued("111"))
    states = {action.kind: action.state for action in proposed.actions}
    assert states[ActionKind.SET_DAILY_BUDGET] is ActionState.OBSERVED
    assert proposed.rings == ()


def test_losers_and_blocked_proposals_are_recorded_with_their_reason(stage):
    rows = stage.propose(budget(), budget(target=9_000, rule="spike", priority=Priority.NEGATIVE_SPIKE)).actions
    loser = next(row for row in rows if row.rule == "roas")
    assert loser.state is ActionState.BLOCKED
    assert "gives way to spike" in loser.state_reason


def test_a_step_that_is_too_large_is_trimmed_and_says_so(stage):
    action = stage.approve(budget(target=13_000))
    assert action.target == {"daily_budget_minor": 12_000}
    assert "trimmed to 20 %" in action.reason
    verdicts = {row["guardrail"]: row for row in stage.machinery(action).verdicts}
    assert verdicts["step"]["trimmed_target"] == {"daily_budget_minor": 12_000}


def test_what_is_only_recorded_is_applied_at_once_and_marks_the_mirror(stage):
    (action,) = stage.propose(mark_fatigued("112")).actions
    assert action.state is ActionState.APPLIED
    assert action.finished_at is not None
    with stage.engine.begin() as conn:
        assert conn.execute(select(ads.c.fatigued_at).where(ads.c.id == "112")).scalar_one() == NOW


def test_proposing_again_for_the_same_run_adds_nothing_and_returns_the_same_rows(stage):
    run_id = open_run(stage)
    wanted = (budget(), pause("112"), mark_fatigued("113"), pause("112", rule="spike"))
    first = stage.propose(*wanted, run_id=run_id)
    again = stage.propose(*wanted, run_id=run_id)
    assert {row.id for row in again.actions} == {row.id for row in first.actions}
    assert len(again.actions) == 4
    assert {ring.action_id for ring in again.rings} == {ring.action_id for ring in first.rings}


def test_an_object_with_an_open_change_takes_no_second_one(stage):
    first = stage.approve(budget())
    (second,) = stage.propose(budget(target=11_000)).actions
    assert second.state is ActionState.BLOCKED
    assert f"action {first.id}" in second.state_reason


def test_the_unique_index_has_the_last_word_on_open_changes(stage):
    """A row that nobody could see while judging still blocks; the other proposals are recorded as they are."""
    unseen = Draft(
        proposal=budget(), state=ActionState.APPROVED, reason="", verdicts=(), cap_reserved_minor=0, op_token="T"
    )
    rows = []
    late = threading.Thread(target=lambda: rows.extend(stage.propose(budget(target=11_000), pause("112")).actions))
    with stage.engine.begin() as conn:
        ledger.insert_drafts(
            conn, account_id=stage.account_id, run_id=None, decided_at=NOW, actor="other", drafts=[unseen]
        )
        late.start()
        wait_until_blocked(stage.engine)
    late.join()
    assert {row.object_id: row.state for row in rows} == {"11": ActionState.BLOCKED, "112": ActionState.APPROVED}


def wait_until_blocked(engine):
    """Until some session waits for another one's transaction."""
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
    for _ in range(1000):
        with engine.begin() as conn:
            if conn.execute(query).scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_with_the_fence_closed_nothing_is_approved(stage):
    with stage.engine.begin() as conn:
        fence.close(conn, None, reason="drill")
    (action,) = stage.propose(budget()).actions
    assert (action.state, action.state_reason) == (ActionState.BLOCKED, "the fence is closed: drill")


def test_stale_data_block(stage):
    stage.change_account(insights_read_at=None)
    (action,) = stage.propose(pause()).actions
    assert action.state is ActionState.BLOCKED
    assert "age of the insights" in action.state_reason


def test_raises_of_one_batch_share_the_room_under_the_account_cap(stage):
    stage.change_account(max_total_daily_spend_minor=33_000)
    rows = stage.propose(budget("11"), budget("12"), budget("13")).actions
    assert sorted(row.target["daily_budget_minor"] for row in rows if row.state is ActionState.APPROVED) == [
        11_000,
        12_000,
    ]
    assert sum(stage.machinery(row).cap_reserved_minor for row in rows) == 3_000


def test_an_activation_reserves_the_budget_that_it_sets_going(stage):
    stage.change_account(max_total_daily_spend_minor=30_000)
    (action,) = stage.propose(activate("11")).actions
    assert action.state is ActionState.BLOCKED  # 300.00 run already
    stage.change_account(max_total_daily_spend_minor=40_000)
    (action,) = stage.propose(activate("12")).actions
    assert stage.machinery(action).cap_reserved_minor == 10_000


def spent(stage, **spend_minor):
    with stage.engine.begin() as conn:
        partitions.ensure(conn, insights_daily, NOW.date(), NOW.date())
        for ad_id, spend in spend_minor.items():
            figures = {"impressions": 1, "clicks": 0, "spend_minor": spend, "purchases": 0, "revenue_minor": 0}
            keys = {"account_id": stage.account_id, "day": NOW.date(), "ad_id": ad_id, "campaign_id": "1"}
            conn.execute(insert(insights_daily), [{**keys, **figures, "ad_set_id": "11", "read_at": NOW}])


def test_a_pause_of_more_than_a_tenth_of_the_spend_waits_for_a_person(stage):
    spent(stage, **{"111": 50, "112": 950})
    rows = {row.object_id: row for row in stage.propose(pause("111"), pause("112")).actions}
    assert rows["111"].state is ActionState.APPROVED
    assert rows["112"].state is ActionState.AWAITING_APPROVAL
    assert rows["112"].needs_approval
    assert "mass pause" in rows["112"].state_reason


def test_the_next_cycle_does_not_do_unasked_what_the_last_one_asks_for(stage):
    """Two pauses that are a mass pause together still are one where the first is asked for again."""
    spent(stage, **{"111": 920, "112": 80})
    asked = stage.propose(pause("111"), pause("112")).actions
    assert [row.state for row in asked] == [ActionState.AWAITING_APPROVAL] * 2
    again = stage.propose(pause("111"), pause("112"))
    assert (again.actions, again.repeats) == ((), {"awaiting_approval": 2})


def test_sixteen_racing_runs_never_share_more_than_the_account_cap_leaves(engine):
    """Each wants +20 % of another ad set; the cap has room for five whole raises and half of one."""
    stage = set_stage(engine, ad_set_count=16)
    stage.change_account(max_total_daily_spend_minor=16 * 10_000 + 11_000)
    start = threading.Barrier(16)

    def race(number: int) -> None:
        start.wait()
        stage.propose(budget(f"1{number}"))

    threads = [threading.Thread(target=race, args=(number,)) for number in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.begin() as conn:
        rows = ledger.listing(conn, stage.account_id)
    approved = [row for row in rows if row.state is ActionState.APPROVED]
    assert len(rows) == 16
    assert sum(row.target["daily_budget_minor"] - 10_000 for row in approved) == 11_000


def test_creates_under_one_parent_stand_side_by_side(stage):
    rows = stage.propose(create(rule="plan-1", target={"name": "A", "status": "paused"}), create(rule="plan-2")).actions
    assert [row.state for row in rows] == [ActionState.APPROVED, ActionState.APPROVED]


def test_a_change_that_could_never_be_confirmed_is_a_bug_of_its_module(stage):
    for target in ({}, {"bid": 5}):
        with pytest.raises(InvariantError, match="a change sets some of"):
            stage.propose(pause(target=target))


def test_an_emergency_pause_goes_past_level_arbiter_and_limits(stage):
    stage.change_account(level=Level.OBSERVE, insights_read_at=None)
    wanted = pause("11", ObjectKind.AD_SET, kind=ActionKind.EMERGENCY_PAUSE, stop_id=stage.stop())
    (action,) = stage.propose(wanted).actions
    assert action.state is ActionState.APPROVED
