"""A full cycle on a living account over real HTTP, by `classic`: it collects, decides, proposes and records."""

import pytest
from sqlalchemy import text

from domain.actions import PROTECTIVE, ActionState, Level, Mode
from domain.catalogue import RHYTHMS, rhythm
from domain.errors import BadInputError
from domain.health import RunState
from domain.money import Money
from models import accounts, ledger_reads, policies, run_history
from tasks import full_cycle, rehearsal
from workers.serve import serve

pytestmark = pytest.mark.usefixtures("by_classic")


def _actions(house, run):
    with house.engine.begin() as conn:
        return ledger_reads.of_run(conn, run.id)


def _logs(house, run):
    with house.engine.begin() as conn:
        return run_history.logs(conn, run.id)


def _count(house, table):
    with house.engine.begin() as conn:
        return conn.execute(text(f"SELECT count(*) FROM {table}")).scalar()


def test_a_cycle_collects_decides_proposes_and_records(house, do):
    run = do(full_cycle.run)

    assert run.state is RunState.SUCCEEDED
    assert [step["step"] for step in run.steps_executed] == list(full_cycle.STEPS)
    actions = _actions(house, run)
    assert actions
    stats = run.stats_snapshot
    assert stats["proposed"] == len(actions)
    assert stats["campaigns_active"] > 0
    assert stats["adsets_active"] > 0
    assert stats["ads_active"] > 0
    assert stats["total_spend_today"] > 0
    assert stats["avg_roas"] > 0
    taken = sum(action.state in {ActionState.APPROVED, ActionState.APPLIED} for action in actions)
    assert stats["actions_taken"] == taken > 0


def test_every_action_has_its_log_row_with_step_and_verb(house, do):
    run = do(full_cycle.run)

    logged = [log for log in _logs(house, run) if log.step.endswith("_decision")]
    assert {log.output_snapshot["action"] for log in logged} == {action.id for action in _actions(house, run)}
    assert {log.step for log in logged} <= {"ab_decision", "roas_decision", "spike_decision", "fatigue_decision"}
    assert "update_budget" in {log.action for log in logged}


def test_what_is_blocked_again_for_the_same_reason_is_counted_in_one_log_row(house, do):
    first = do(full_cycle.run)
    again = do(full_cycle.run)

    (row,) = [log for log in _logs(house, again) if log.action == "blocked_again"]
    by_guardrail = row.output_snapshot["by_guardrail"]
    assert again.stats_snapshot["repeated"] == sum(by_guardrail.values()) > 0
    assert again.stats_snapshot["proposed"] == len(_actions(house, again)) + again.stats_snapshot["repeated"]
    assert "blocked_again" not in {log.action for log in _logs(house, first)}


def test_approved_actions_are_rung_after_the_commit(house, do):
    run = do(full_cycle.run)

    approved = [action.id for action in _actions(house, run) if action.state is ActionState.APPROVED]
    assert sorted(house.noted.actions) == [("meta.actions", action_id) for action_id in sorted(approved)]


def test_what_was_approved_is_applied_by_the_executor_and_seen_on_the_platform(house, do, account):
    run = do(full_cycle.run)
    approved = [action for action in _actions(house, run) if action.state is ActionState.APPROVED]
    states = {house.executor("test/2/x").execute(action.id) for action in approved}

    assert states == {ActionState.APPLIED}
    reader = house.client("meta", Mode.STUB).reader
    for action in approved:
        seen = reader.state(account.platform_account_id, action.object_kind, action.object_id)
        assert {key: seen.values[key] for key in action.target} == action.target


def test_a_second_delivery_of_the_run_proposes_nothing_more(house, do):
    run = do(full_cycle.run)
    before = _count(house, "actions")
    with house.engine.begin() as conn:  # as if its worker had died just before the last commit
        conn.execute(text("UPDATE runs SET state = 'planned', finished_at = NULL"))
    served = serve(house, run.id, full_cycle.run, rhythm=rhythm("meta.full_cycle"), rhythms=RHYTHMS, owner="test/9/y")

    assert served.state is RunState.SUCCEEDED
    assert _count(house, "actions") == before


def test_at_level_observe_everything_is_recorded_and_nothing_may_be_sent(house, do, account):
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, level=Level.OBSERVE)
    run = do(full_cycle.run)

    states = {action.state for action in _actions(house, run)}
    assert ActionState.OBSERVED in states
    assert ActionState.APPROVED not in states
    assert house.noted.actions == []


def test_fresh_data_is_not_collected_again(house, do):
    do(full_cycle.run)
    run = do(full_cycle.run)

    assert "fresh_enough" in {log.action for log in _logs(house, run)}
    assert "sync_tree" not in {log.action for log in _logs(house, run)}


def test_the_account_s_policy_decides(house, do, account):
    before = do(full_cycle.run)
    with house.engine.begin() as conn:
        policies.save(conn, account.id, "classic", {"fatigue_min_impressions": 100_000_000}, "ana")
    after = do(full_cycle.run)

    assert "fatigue" in {action.rule for action in _actions(house, before)}
    assert "fatigue" not in {action.rule for action in _actions(house, after)}


def test_no_raise_goes_over_the_account_s_cap(house, do, account):
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, max_daily_budget_per_ad_set_minor=Money.parse("1 EUR").minor)
    run = do(full_cycle.run)

    for action in _actions(house, run):
        raised = action.target.get("daily_budget_minor", 0) > action.expected_before.get("daily_budget_minor", 0)
        assert not (raised and action.state is ActionState.APPROVED)


def test_an_account_in_another_money_than_the_caps_changes_no_budget_until_it_has_its_own(house, do, account):
    do(full_cycle.run)  # collects; a sandbox account is given caps in its own money, which a live one is not
    with house.engine.begin() as conn:
        accounts.change(
            conn, account.id, max_daily_budget_per_ad_set_minor=None, max_total_daily_spend_minor=None
        )  # fmt: skip
    judged = rehearsal.plan(house, account.id).actions

    approved = {action.kind for action in judged if action.state is ActionState.APPROVED}
    assert approved <= PROTECTIVE
    assert any("give the account its own cap" in action.state_reason for action in judged)


def test_plan_shows_what_the_next_cycle_would_do_and_writes_nothing(house, do, account):
    do(full_cycle.run)
    before = {table: _count(house, table) for table in ("actions", "audit", "runs", "run_logs")}
    shown = rehearsal.plan(house, account.id)

    assert shown.actions
    assert shown.declined is None
    assert {table: _count(house, table) for table in before} == before
    assert house.noted.runs == []


def test_plan_of_an_account_that_was_never_read_says_so(house, account):
    assert "never been read" in rehearsal.plan(house, account.id).declined


def test_one_step_can_be_looked_at_by_itself(house, account):
    collected = rehearsal.step(house, account.id, "collection", asked_by="ana")
    decided = rehearsal.step(house, account.id, "decisions", asked_by="ana")
    acted = rehearsal.step(house, account.id, "api_actions", asked_by="ana")
    final = rehearsal.step(house, account.id, "finalize", asked_by="ana")

    assert collected["state"] is RunState.SUCCEEDED
    assert len(decided["proposals"]) == len(acted["actions"]) == final["proposed"] > 0
    assert _count(house, "actions") == 0
    with pytest.raises(BadInputError, match="collection, decisions, api_actions, finalize"):
        rehearsal.step(house, account.id, "everything", asked_by="ana")
