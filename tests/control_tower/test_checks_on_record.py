"""Checks of health as they are written down: runs, logs, spans of a status, and how long they are kept."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from control_tower import health
from control_tower.evidence import Evidence, Known
from domain.actions import Mode
from domain.health import ModuleStatus, RunType, SystemStatus
from domain.ids import StopId
from models import status_spans, stops, tower_runs
from models.tables import (
    control_tower_runs,
    recoveries,
    system_health_logs,
)
from models.tables import status_spans as spans
from tests.control_tower.healthy import ago, change, healthy_house

CYCLE, COLLECTOR = "meta.full_cycle", "meta.collector"
ONLINE, DEGRADED, OFFLINE, UNKNOWN = ModuleStatus
WATCHED_ON_META = 17
_TURNS_WITHIN_S = 10


@pytest.fixture
def house(engine, account, clock):
    return healthy_house(engine, account, clock)


def test_a_check_writes_a_run_and_a_log_for_each_of_the_seventeen(house):
    with house.engine.begin() as conn:
        row = {"trigger": "module_offline", "action": "restart_scheduler", "target": CYCLE, "confidence": 0.9}
        conn.execute(recoveries.insert().values(**row, state="cured", reason="it was offline"))
    checked = health.check(house.sources, executed_by="ana")
    with house.engine.begin() as conn:
        run = tower_runs.get(conn, checked.run_ids["meta"])
        logs = {row["module_name"]: row for row in tower_runs.logs_of(conn, run.id)}

    assert (run.run_type, run.platform, run.executed_by) == (RunType.HEALTH_CHECK, "meta", "ana")
    assert (run.system_status, run.mode) == (SystemStatus.HEALTHY, Mode.STUB)
    assert (run.totals.checked, run.totals.online) == (checked.system.online, checked.system.online)
    assert run.totals.online + run.totals.planned == WATCHED_ON_META == len(logs)
    assert (run.totals.campaigns_active, run.totals.db_pool_size) == (0, checked.evidence.database.value.pool_size)
    mine = logs[CYCLE]
    assert (mine["health_status"], mine["success_rate"], mine["is_db_healthy"]) == ("online", 1.0, True)
    assert (mine["recovery_attempts"], mine["recovery_successful"]) == (1, True)
    assert (mine["memory_usage_mb"], mine["db_connections"]) == (120.0, 2)
    assert logs["meta.targeting"]["health_status"] == "planned"


def test_what_was_unknown_at_a_check_is_written_as_unknown(house):
    house.switchboard.is_away = True
    checked = health.check(house.sources, executed_by="ana")
    with house.engine.begin() as conn:
        run = tower_runs.get(conn, checked.run_ids["meta"])
        logs = {row["module_name"]: row for row in tower_runs.logs_of(conn, run.id)}

    assert {row["source"] for row in run.errors_encountered} == {"broker", "consumers", "queues"}
    assert (logs[CYCLE]["health_status"], logs[CYCLE]["is_scheduler_running"]) == ("unknown", None)
    assert "Redis does not answer" in " ".join(logs[CYCLE]["reasons"])


def test_a_look_notes_spans_and_writes_no_run(house):
    health.look(house.sources)
    with house.engine.begin() as conn:
        assert conn.execute(select(func.count()).select_from(control_tower_runs)).scalar_one() == 0
        held = status_spans.current(conn)

    assert held["system"].status == "healthy"
    assert held[CYCLE].status == "online"
    assert "meta.targeting" not in held  # planned


def test_to_judge_leaves_no_trace_at_all(house):
    health.judged(house.sources)
    with house.engine.begin() as conn:
        assert status_spans.current(conn) == {}


@pytest.fixture
def amid_an_hour(house):
    """Wait for the next hour where this one is about to end: two hours have two checks."""
    with house.engine.begin() as conn:
        left_s = conn.execute(text("SELECT 3600 - extract(epoch FROM clock_timestamp())::bigint % 3600")).scalar_one()
    if left_s <= _TURNS_WITHIN_S:
        time.sleep(left_s + 1)


def test_the_check_of_an_hour_is_done_once_however_many_try(house, amid_an_hour):
    with ThreadPoolExecutor(4) as side:
        found = list(side.map(lambda _: health.hourly(house.sources), range(4)))

    assert sum(row is not None for row in found) == 1
    assert health.hourly(house.sources) is None
    with house.engine.begin() as conn:
        (run,) = tower_runs.listing(conn)
        slot_at = conn.execute(text("SELECT date_trunc('hour', clock_timestamp())")).scalar_one()
        assert len(tower_runs.logs_of(conn, run.id)) == WATCHED_ON_META
    assert (run.executed_by, run.slot_at) == ("scheduler", slot_at)


def test_the_next_hour_has_its_own_check(house):
    health.hourly(house.sources)
    change(house, control_tower_runs, slot_at=control_tower_runs.c.slot_at - timedelta(hours=1))

    assert health.hourly(house.sources) is not None


def test_checks_of_over_ninety_days_go_with_their_logs_and_commands_stay(house):
    health.check(house.sources, executed_by="ana")
    with house.engine.begin() as conn:
        command = tower_runs.NewRun(
            run_type=RunType.COMMAND, system_status=SystemStatus.HEALTHY, executed_by="ana", mode=Mode.STUB,
            execution_time_ms=5,
        )  # fmt: skip
        kept = tower_runs.add_run(conn, command)
    change(house, control_tower_runs, executed_at=ago(91 * 86_400))
    health.hourly(house.sources)

    with house.engine.begin() as conn:
        assert {row.id for row in tower_runs.listing(conn)} >= {kept}
        assert len(tower_runs.listing(conn, run_type=RunType.HEALTH_CHECK)) == 1
        assert conn.execute(select(func.count()).select_from(system_health_logs)).scalar_one() == WATCHED_ON_META


def test_a_stop_s_id_and_a_command_s_type_are_kept_with_their_run(engine):
    with engine.begin() as conn:
        stop_id = stops.add(conn, account_id=None, reason="drill", actor="ana", pauses=False)
        run = tower_runs.NewRun(
            run_type=RunType.EMERGENCY_STOP, system_status=SystemStatus.EMERGENCY_STOP, executed_by="ana",
            mode=Mode.STUB, execution_time_ms=5, stop_id=stop_id, actions=[{"did": "closed"}],
        )  # fmt: skip
        found = tower_runs.get(conn, tower_runs.add_run(conn, run))

    assert (found.stop_id, found.actions_executed, found.platform) == (StopId(stop_id), [{"did": "closed"}], None)


def _span_rows(engine, scope="system"):
    with engine.begin() as conn:
        return conn.execute(select(spans).where(spans.c.scope == scope).order_by(spans.c.id)).all()


def _note(engine, word):
    with engine.begin() as conn:
        status_spans.note(conn, {"system": word})


def test_a_span_goes_on_while_the_status_stays_and_another_begins_when_it_changes(engine):
    for word in ("healthy", "healthy", "critical"):
        _note(engine, word)
    first, second = _span_rows(engine)

    assert (first.status, second.status) == ("healthy", "critical")
    assert first.since < first.seen_until == first.ended_at <= second.since
    assert second.ended_at is None


def test_time_in_which_nobody_looked_belongs_to_no_status(engine):
    _note(engine, "healthy")
    with engine.begin() as conn:
        conn.execute(update(spans).values(since=ago(1_000), seen_until=ago(400)))
    _note(engine, "healthy")
    first, second = _span_rows(engine)

    assert first.ended_at == first.seen_until
    assert second.status == "healthy"
    with engine.begin() as conn:
        since = conn.execute(select(ago(2_000))).scalar_one()
        assert status_spans.seconds(conn, since)["system"]["healthy"] == pytest.approx(600, abs=5)


def test_seconds_are_counted_from_the_instant_that_is_asked_for(engine):
    _note(engine, "healthy")
    with engine.begin() as conn:
        conn.execute(update(spans).values(since=ago(1_000)))
        since = conn.execute(select(ago(300))).scalar_one()
        assert status_spans.seconds(conn, since)["system"]["healthy"] == pytest.approx(300, abs=5)


def test_two_who_look_at_once_leave_one_open_span(engine):
    with ThreadPoolExecutor(4) as side:
        list(side.map(lambda number: _note(engine, ("healthy", "degraded")[number % 2]), range(12)))

    assert sum(row.ended_at is None for row in _span_rows(engine)) == 1


def test_what_is_known_is_marked_as_such(house):
    evidence = health.judged(house.sources, in_full=True).evidence
    sources = [getattr(evidence, name) for name in Evidence.__dataclass_fields__ if name != "at"]

    assert all(isinstance(reading, Known) for reading in sources)
