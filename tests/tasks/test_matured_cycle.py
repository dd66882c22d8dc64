"""A full cycle by `matured`, the default: it acts on what evidence modules said, and `why` shows what they said."""

import pytest

from decisions.policy import DEFAULT, MaturedPolicy
from domain.actions import ActionKind
from domain.health import RunState
from models import accounts, findings, ledger_reads, run_history
from tasks import collector, creative_intelligence, full_cycle, optimization, rehearsal, roas_engine, why

LOSING = 0.2  # of the revenue stays: an object must return five times its spend, which few here do


@pytest.fixture
def learnt(house, account, do):
    """A shop of thin margin whose evidence modules have spoken once."""
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, margin=LOSING)
    do(collector.run, "meta.collector")
    do(roas_engine.run, "meta.roas_engine")
    do(creative_intelligence.run, "meta.creative_intelligence")


def _actions(house, run):
    with house.engine.begin() as conn:
        return ledger_reads.of_run(conn, run.id)


def test_before_any_evidence_it_changes_nothing(house, do):
    run = do(full_cycle.run)

    assert run.state is RunState.SUCCEEDED
    assert [step["step"] for step in run.steps_executed] == list(full_cycle.STEPS)
    assert run.stats_snapshot["adsets_active"] > 0
    assert _actions(house, run) == ()


def test_it_stops_what_the_roas_engine_is_sure_loses_and_moves_no_budget(house, do, learnt):
    """Budgets are the optimizer's, once a day; the full cycle stops losses as soon as they are known."""
    actions = _actions(house, do(full_cycle.run))

    stops = [action for action in actions if action.rule == "loss_stop"]
    assert stops
    for action in stops:
        assert action.kind is ActionKind.PAUSE
        assert action.evidence["posterior"]["certainty"] >= MaturedPolicy().pause_certainty
        assert action.evidence["maturity"] >= MaturedPolicy().pause_min_maturity
        assert action.reason
    assert ActionKind.SET_DAILY_BUDGET not in {action.kind for action in actions}


def test_what_it_acts_on_is_logged_with_its_evidence(house, do, learnt):
    run = do(full_cycle.run)

    with house.engine.begin() as conn:
        logs = run_history.logs(conn, run.id)
    rows = [log for log in logs if log.step == "loss_decision"]
    assert rows
    assert all(row.input_snapshot["evidence"]["posterior"] for row in rows)


def test_why_shows_what_each_module_said_of_an_object_with_its_evidence(house, do, account, learnt):
    do(optimization.run, "meta.optimization")
    do(full_cycle.run)
    with house.engine.begin() as conn:
        said = findings.of_module(conn, account.id, "optimization", 1)
    found = why.explain(house, account.id, said[0].finding.object_id, cycles=3)

    assert found.policy == DEFAULT == "matured"
    assert found.rules == ()
    told = {row.module: row for row in found.findings}
    assert {"optimization", "roas_engine"} <= set(told)
    for row in told.values():
        assert row.finding.verdict
        assert row.finding.words
        assert row.finding.evidence


def test_why_shows_the_optimizer_s_own_run_beside_the_full_cycles(house, do, account, learnt):
    moved = _actions(house, do(optimization.run, "meta.optimization"))
    do(full_cycle.run)
    found = why.explain(house, account.id, moved[0].object_id, cycles=5)

    assert {line.run.task for line in found.cycles} == {"meta.optimization", "meta.full_cycle"}
    (line,) = [line for line in found.cycles if line.run.task == "meta.optimization"]
    assert [row.action.id for row in line.wanted] == [moved[0].id]


def test_the_plan_rehearses_both_and_writes_nothing(house, account, learnt):
    with house.engine.begin() as conn:
        before = findings.of_module(conn, account.id, "optimization", 10)
    shown = rehearsal.plan(house, account.id)

    assert {action.rule for action in shown.actions} >= {"loss_stop"}
    assert {action.rule for action in shown.optimizer.actions} == {"allocation"}
    with house.engine.begin() as conn:
        assert findings.of_module(conn, account.id, "optimization", 10) == before == ()
        assert conn.exec_driver_sql("SELECT count(*) FROM actions").scalar() == 0


def test_the_plan_says_why_the_optimizer_would_plan_nothing(house, do, account):
    do(collector.run, "meta.collector")
    assert "roas_engine" in rehearsal.plan(house, account.id).optimizer.declined
