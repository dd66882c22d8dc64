"""The optimizer on a living account: it plans after the ROAS engine, proposes through the door, and keeps its word."""

from datetime import timedelta

import pytest

from domain.actions import ActionKind, ActionState
from domain.health import RunState
from models import accounts, allocations, findings, ledger_reads, policies
from tasks import collector, optimization, roas_engine
from workers.bootstrap import limits_of

TASK = "meta.optimization"


@pytest.fixture
def matured(house, account):
    with house.engine.begin() as conn:
        policies.save(conn, account.id, "matured", {}, "test")


@pytest.fixture
def learnt(do, matured):
    do(collector.run, "meta.collector")
    do(roas_engine.run, "meta.roas_engine")


def judged(house, account, later=timedelta(0)):
    with house.engine.begin() as conn:
        held = accounts.get(conn, account.id)
        return optimization.judge(conn, held, held.insights_read_at + later, doors=limits_of(house.settings))


def test_a_plan_goes_through_the_door_and_is_kept(do, house, account, learnt):
    run = do(optimization.run, TASK)
    assert run.state is RunState.SUCCEEDED, (run.reason, run.errors)
    with house.engine.begin() as conn:
        actions = ledger_reads.of_run(conn, run.id)
        kept = allocations.listing(conn, account.id, 1_000)
        said = findings.of_module(conn, account.id, "optimization", 1_000)
    assert actions
    assert {action.rule for action in actions} == {"allocation"}
    assert {action.kind for action in actions} == {ActionKind.SET_DAILY_BUDGET}
    assert {action.id for action in actions} <= {row.action_id for row in kept}
    assert {row.finding.verdict for row in said} <= {"raise", "cut", "hold", "dropped", "not_decidable"}
    assert run.stats_snapshot["steered"] > 0


def test_no_step_is_over_the_policy_s_and_without_a_margin_the_total_stays(house, account, learnt):
    plan = judged(house, account).plan
    assert plan.planned
    assert sum(row.target_minor for row in plan.planned) <= sum(row.budget_minor for row in plan.planned)
    assert all(abs(row.target_minor / row.budget_minor - 1) <= 0.2 for row in plan.planned)


def test_with_a_margin_the_budget_is_free(house, account, learnt):
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, margin=0.5)
    plan = judged(house, account).plan
    assert plan.aim.form == "free"
    assert plan.aim.roas == pytest.approx(2)


def test_the_month_s_budget_caps_the_sum(house, account, learnt):
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, margin=0.9, month_budget_minor=1)
    plan = judged(house, account).plan
    assert not any(row.target_minor > row.budget_minor for row in plan.planned)


def test_before_the_roas_engine_has_spoken_it_declines_and_says_how(do, house, account, matured):
    do(collector.run, "meta.collector")
    run = do(optimization.run, TASK)
    assert "stakazo cycle run --cycle roas_engine" in run.stats_snapshot["declined"]
    with house.engine.begin() as conn:
        assert ledger_reads.of_run(conn, run.id) == ()


def test_on_stale_figures_nothing_is_planned(house, account, learnt):
    found = judged(house, account, timedelta(hours=5))
    assert found.plan is None
    assert "collect" in found.declined


def test_under_classic_it_leaves_budgets_to_the_full_cycle(house, account, learnt):
    with house.engine.begin() as conn:
        policies.save(conn, account.id, "classic", {}, "test")
    assert "classic" in judged(house, account).declined


def test_a_second_run_of_the_day_wants_nothing_more_of_what_it_changed(do, house, account, learnt):
    do(optimization.run, TASK)
    again = do(optimization.run, TASK)
    with house.engine.begin() as conn:
        actions = ledger_reads.of_run(conn, again.id)
    assert not any(action.state is ActionState.APPROVED for action in actions)
