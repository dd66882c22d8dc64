"""Real time on a real sandbox: read in a few calls, paced, kept, and cheap where nothing is wrong."""

from datetime import timedelta

import pytest
from sqlalchemy import event, text

from decisions.incident_mode import Incident
from domain.actions import ActionKind, ActionState, ObjectKind
from domain.evidence import Cause
from domain.health import RunState
from domain.live import Source
from models import accounts, anomalies, anomaly_states, findings, ledger, live, pacing, run_history
from tasks import budget_spikes, collector, real_time

TASK = "meta.real_time"


@pytest.fixture
def state(house, account):
    def read():
        with house.engine.begin() as conn:
            return pacing.current(conn, account.id)

    return read


def snapshot_of(house, account):
    with house.engine.begin() as conn:
        return live.latest(conn, account.id)


def test_the_first_run_reads_the_account_s_history_and_paces_it(do, house, account, state):
    run = do(real_time.run, TASK)

    assert run.state is RunState.SUCCEEDED, run.reason
    assert run.stats_snapshot["source"] == Source.PLATFORM
    assert [span["span"] for span in state().spans] == ["day", "week", "month"]
    day = state().spans[0]
    assert day["spent_minor"] <= day["low_minor"] <= day["projected_minor"] <= day["high_minor"]
    with house.engine.begin() as conn:
        on = snapshot_of(house, account).day
        assert live.hours(conn, account.id, on.replace(day=1), on).is_known.all()


def test_a_slot_costs_two_calls(do):
    do(real_time.run, TASK)
    assert do(real_time.run, TASK).stats_snapshot["calls"] == 2


def test_what_the_collector_has_just_read_is_not_read_again(do, house, account, state):
    do(collector.run, "meta.collector")
    do(real_time.run, TASK)  # knows no history of the account yet, and so asks
    asked = snapshot_of(house, account)
    spent = state().spans[0]["spent_minor"]
    run = do(real_time.run, TASK)

    assert (run.stats_snapshot["source"], run.stats_snapshot["calls"]) == (Source.COLLECTOR, 0)
    summed = snapshot_of(house, account)
    for kind in (ObjectKind.AD_SET, ObjectKind.CAMPAIGN):
        assert dict(zip(summed.frames[kind].object_id, summed.frames[kind].spend_minor, strict=True)) == dict(
            zip(asked.frames[kind].object_id, asked.frames[kind].spend_minor, strict=True)
        )
    assert state().spans[0]["spent_minor"] == spent


def test_budgets_are_the_targets_once_the_tree_is_read(do, state):
    do(collector.run, "meta.collector")
    do(real_time.run, TASK)

    day, week, month = state().spans
    assert day["target_minor"] > 0
    assert week["target_minor"] >= 7 * day["target_minor"]  # of earlier days only what they spent is known
    assert month["target_minor"] is None


def test_a_month_budget_that_will_not_hold_is_told_of(do, house, account, state):
    do(collector.run, "meta.collector")
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, month_budget_minor=100)
    run = do(real_time.run, TASK)

    assert {(row["kind"], row["scope"]) for row in state().warnings} >= {
        ("pace_off", "month"),
        ("runaway_spend", "month"),
    }
    with house.engine.begin() as conn:
        told = pacing.warnings(conn)
        said = findings.of_object(conn, account.id, account.platform_account_id)
    assert "month" in {row.scope for row in told}
    assert said[0].module == "real_time"
    assert run.stats_snapshot["proposed"] > 0


def test_a_runaway_is_told_of_though_what_would_be_paused_cannot_be_looked_at_again(
    do, house, account, platform, state
):
    do(collector.run, "meta.collector")
    do(real_time.run, TASK)
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, month_budget_minor=100)
    platform.ask("POST", "/faults", {"script": [{"do": "error_5xx", "times": 50}]})
    run = do(real_time.run, TASK)
    platform.ask("DELETE", "/faults")

    assert run.state is RunState.PARTIAL
    assert run.stats_snapshot["source"] == Source.COLLECTOR
    assert ("runaway_spend", "month") in {(row["kind"], row["scope"]) for row in state().warnings}
    with house.engine.begin() as conn:
        assert ledger.listing(conn, account.id) == ()


def test_a_quiet_slot_writes_no_log_and_asks_postgres_little(do, house):
    do(collector.run, "meta.collector")
    do(real_time.run, TASK)
    do(real_time.run, TASK)
    statements = []
    listener = lambda *arguments: statements.append(arguments[2])  # noqa: E731 - the event wants a callable it can forget
    event.listen(house.engine, "before_cursor_execute", listener)
    try:
        run = do(real_time.run, TASK)
    finally:
        event.remove(house.engine, "before_cursor_execute", listener)
    with house.engine.begin() as conn:
        assert run_history.logs(conn, run.id) == ()
    assert len(statements) < 60


def test_where_the_platform_does_not_answer_the_next_slot_asks_again(do, platform, state):
    do(real_time.run, TASK)
    was = state()
    platform.ask("POST", "/faults", {"script": [{"do": "error_5xx", "times": 1}]})
    run = do(real_time.run, TASK)

    assert run.state is RunState.SUCCEEDED
    assert "no reading this time" in run.stats_snapshot["declined"]
    assert state() == was
    platform.ask("DELETE", "/faults")


def test_it_does_not_wait_for_a_budget_spike_manager_that_is_catching_up(do, house, account):
    do(collector.run, "meta.collector")
    do(budget_spikes.run, "meta.budget_spikes")
    with house.engine.begin() as conn:
        conn.execute(text("UPDATE anomaly_states SET upto = upto - interval '3 hours'"))
    with house.engine.begin() as other:
        anomaly_states.take(other, account.id, budget_spikes.KINDS)
        run = do(real_time.run, TASK)
    assert run.state is RunState.SUCCEEDED, run.errors


def test_while_an_incident_lasts_an_hour_may_cost_only_so_much(do, house, account, state):
    """Pausing what spends fastest is most of the spend, so that a person is asked."""
    do(collector.run, "meta.collector")
    do(real_time.run, TASK)
    at = house.clock_of(account).now()
    incident = Incident(
        cause=Cause.PLATFORM,
        since=at,
        until=at + timedelta(hours=2),
        quiet=0,
        velocity_cap_minor=10,
        words="CPM doubled",
    )
    with house.engine.begin() as conn:
        anomalies.keep_incident(conn, account.id, incident, at)
        conn.execute(text("DELETE FROM account_hours WHERE day < :today"), {"today": at.date()})  # nothing is usual
    do(real_time.run, TASK)

    with house.engine.begin() as conn:
        wanted = ledger.listing(conn, account.id)
    assert wanted
    assert {(row.rule, row.kind) for row in wanted} == {("protect_cap", ActionKind.PAUSE)}
    assert ActionState.AWAITING_APPROVAL in {row.state for row in wanted}
    assert ("runaway_spend", "incident") in {(row["kind"], row["scope"]) for row in state().warnings}
