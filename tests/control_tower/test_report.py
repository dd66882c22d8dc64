"""The report: every success metric is what the rows say, of time that somebody saw, and unknown where nothing is."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, func, insert, select, text

from control_tower import report as reports
from control_tower.health import Sources, judged
from control_tower.report import WEEK, Report
from control_tower.standins import ListedProcesses, ObedientSwitchboard, SetClock
from models.engine import make_engine
from models.tables import call_counts, incidents, recoveries, runs, status_spans, stops
from tests.actions.stage import Stage, set_stage

HOUR = timedelta(hours=1)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def stage(engine: Engine) -> Stage:
    return set_stage(engine)


def _now(engine: Engine) -> datetime:
    with engine.begin() as conn:
        found: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
    return found


def _report(engine: Engine, period: timedelta = WEEK) -> Report:
    sources = Sources(
        engine=engine,
        switchboard=ObedientSwitchboard(),
        processes=ListedProcesses(),
        clock_of=lambda _: SetClock(_now(engine)),
    )
    return reports.make(engine, judged(sources, in_full=True), period=period)


def _span(engine: Engine, scope: str, status: str, *, ago: timedelta, lasts: timedelta) -> None:
    begin = _now(engine) - ago
    row = {"scope": scope, "status": status, "since": begin, "seen_until": begin + lasts, "ended_at": begin + lasts}
    with engine.begin() as conn:
        conn.execute(insert(status_spans).values(**row))


def test_a_house_without_a_past_has_no_share_of_anything(stage: Stage) -> None:
    """Nothing was seen: no figure may look like success."""
    done = _report(stage.engine).success
    assert (done.uptime, done.availability, done.recovery_rate, done.false_alarm_rate) == (None, None, None, None)
    assert done.observed == 0
    assert done.stops_a_week == 0


def test_uptime_is_the_healthy_share_of_the_time_in_which_somebody_looked(engine: Engine) -> None:
    _span(engine, "system", "healthy", ago=5 * HOUR, lasts=3 * HOUR)
    _span(engine, "system", "critical", ago=2 * HOUR, lasts=HOUR)
    done = _report(engine, 10 * HOUR).success
    assert done.uptime == pytest.approx(0.75, abs=0.001)  # 3 of 4 hours; the other 6 are in no share
    assert done.observed == pytest.approx(0.4, abs=0.001)


def test_a_span_counts_from_the_begin_of_the_period_on(engine: Engine) -> None:
    _span(engine, "system", "critical", ago=20 * HOUR, lasts=11 * HOUR)  # one hour of it reaches into the period
    _span(engine, "system", "healthy", ago=9 * HOUR, lasts=3 * HOUR)
    assert _report(engine, 10 * HOUR).success.uptime == pytest.approx(0.75, abs=0.001)


def test_time_in_which_a_person_had_a_module_stopped_is_neither_up_nor_down(engine: Engine) -> None:
    _span(engine, "meta.full_cycle", "online", ago=9 * HOUR, lasts=HOUR)
    _span(engine, "meta.full_cycle", "stopped", ago=8 * HOUR, lasts=4 * HOUR)
    _span(engine, "meta.full_cycle", "offline", ago=4 * HOUR, lasts=HOUR)
    (row,) = (row for row in _report(engine).modules if row.health.pair.slug == "meta.full_cycle")
    assert row.availability == pytest.approx(0.5)


def test_recoveries_give_the_rate_of_cures_and_the_time_to_recover(engine: Engine) -> None:
    now = _now(engine)
    common = {"trigger": "module_offline", "action": "restart_scheduler", "target": "meta.full_cycle",
              "confidence": 0.9, "reason": "it is offline"}  # fmt: skip
    with engine.begin() as conn:
        begun = [(now - 2 * HOUR, 60, "cured"), (now - 3 * HOUR, 120, "cured"), (now - 4 * HOUR, 600, "failed")]
        for at, took_s, state in begun:
            ended = at + timedelta(seconds=took_s)
            conn.execute(insert(recoveries).values(**common, state=state, begun_at=at, ended_at=ended))
        low = {**common, "action": "reset_module", "confidence": 0.75, "state": "recommended"}
        conn.execute(insert(recoveries).values(**low))
    found = _report(engine)
    assert found.success.recovery_rate == pytest.approx(2 / 3)
    assert found.success.mean_time_to_recover_s == pytest.approx(90)
    assert found.recommendations == {"recommended": 1}


def test_stops_a_week_are_those_of_the_period_with_their_four_times(stage: Stage) -> None:
    stage.stop(reason="a spike")
    found = _report(stage.engine, timedelta(days=14))
    assert found.success.stops_a_week == pytest.approx(0.5)
    (row,) = found.stops
    assert row.reason == "a spike"
    assert row.fenced_at is not None
    assert row.opened_at is None


def test_a_stop_that_is_still_open_is_told_however_old_and_counted_in_its_own_week(stage: Stage) -> None:
    old = _now(stage.engine) - timedelta(days=20)
    with stage.engine.begin() as conn:
        conn.execute(insert(stops).values(reason="forgotten", actor="os:ann", closed_at=old))
    found = _report(stage.engine)
    assert [row.reason for row in found.stops] == ["forgotten"]
    assert found.success.stops_a_week == 0


def test_false_alarms_are_what_a_person_called_so_and_tests_are_no_alarms(engine: Engine) -> None:
    with engine.begin() as conn:
        for scope, false_by in (("a", None), ("b", None), ("c", "os:ann"), ("d", None)):
            conn.execute(
                insert(incidents).values(kind="slot_missed", scope=scope, severity=2, title="", false_by=false_by)
            )
        conn.execute(insert(incidents).values(kind="test", severity=1, title="", false_by="os:ann"))
    found = _report(engine)
    assert found.success.false_alarm_rate == 0.25
    assert [(row.kind, row.count, row.called_false) for row in found.incidents] == [("slot_missed", 4, 1)]


def test_sums_are_of_the_period_and_budgets_per_currency(stage: Stage) -> None:
    hour = func.date_trunc("hour", func.clock_timestamp())
    row = {"platform": "meta", "mode": "stub", "account": "act_1", "pair": "meta.full_cycle"}
    run = {"task": "meta.full_cycle", "account_id": stage.account_id, "mode": "stub", "level": "auto",
           "triggered_by": "schedule", "now_at": func.clock_timestamp()}  # fmt: skip
    with stage.engine.begin() as conn:
        conn.execute(insert(call_counts).values(**row, hour_at=hour, calls=10, errors=2))
        conn.execute(insert(call_counts).values(**row, hour_at=hour - text("interval '8 days'"), calls=99, errors=9))
        for number, (state, days) in enumerate((("succeeded", 0), ("failed", 1), ("skipped", 1), ("failed", 9))):
            at = _now(stage.engine) - timedelta(days=days)
            slot = at + timedelta(minutes=number)
            conn.execute(insert(runs).values(**run, state=state, slot_at=slot, finished_at=at))
    found = _report(stage.engine)
    assert (found.total_calls, found.total_errors) == (10, 2)
    assert (found.ended_runs, found.failed_runs) == (2, 1)
    assert found.business is not None
    assert found.business["meta"].daily_budget_minor == {"USD": 30_000}
    assert found.business["meta"].active_campaigns == 1
