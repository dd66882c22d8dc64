"""A check of health: what it gathers, that it says UNKNOWN where it could not ask, and what it writes down."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from control_tower import health
from control_tower.evidence import Evidence, Unknown
from control_tower.judging import Standing
from control_tower.standins import SetClock
from domain.health import ModuleStatus, SystemStatus
from domain.ports import ProcessState
from models import accounts, fence, module_states, stops, tower_runs
from models.engine import make_engine
from models.heartbeats import ProcessKind
from models.module_states import Desired
from models.tables import (
    call_counts,
    canaries,
    heartbeats,
    runs,
)
from tests.control_tower.healthy import add_run, ago, change, healthy_house, sign

CYCLE, COLLECTOR = "meta.full_cycle", "meta.collector"
ONLINE, DEGRADED, OFFLINE, UNKNOWN = ModuleStatus
WATCHED_ON_META = 17


@pytest.fixture
def house(engine, account, clock):
    return healthy_house(engine, account, clock)


def test_a_house_in_which_all_is_well_is_healthy(house):
    checked = health.judged(house.sources)

    assert checked.system.reasons == ()
    assert checked.system.status is SystemStatus.HEALTHY
    assert checked.module(CYCLE).status is ModuleStatus.ONLINE


# table → the sources that go with it. Asked as the application's role, so that a right that is missing reads the same.
TABLES = {
    "runs": {"runs", "database"},
    "module_states": {"desired", "database"},
    "stops": {"stops"},
    "heartbeats": {"workers", "processes", "beat", "tower"},
    "canaries": {"workers"},
    "call_counts": {"client"},
    "quotas": {"client"},
    "platform_facts": {"platforms"},
    "accounts": {"modes", "slots", "runs", "business"},
    "fence": {"slots"},
    "recoveries": {"recoveries"},
    "campaigns": {"business"},
}


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_cannot_be_read_makes_its_sources_unknown_and_no_others(house, owner_database_url, table):
    owner = make_engine(owner_database_url)
    with owner.begin() as conn:
        conn.execute(text(f"ALTER TABLE {table} RENAME TO gone"))
    owner.dispose()
    checked = health.judged(house.sources, in_full=True)

    cut = {name for name in Evidence.__dataclass_fields__ if isinstance(getattr(checked.evidence, name), Unknown)}
    assert cut == TABLES[table]
    if not cut <= {"recoveries", "business"}:
        assert checked.system.status is SystemStatus.DEGRADED


def test_with_postgres_away_nothing_is_known_and_nothing_raises(house):
    away = make_engine("postgresql://nobody@127.0.0.1:1/none")
    checked = health.judged(replace(house.sources, engine=away))

    assert checked.system.status is SystemStatus.DEGRADED
    assert {row.status for row in checked.modules if row.counts} == {UNKNOWN}
    assert all("Postgres does not tell" in row.reasons[0].text for row in checked.modules if row.counts)


def test_with_redis_away_modules_are_unknown(house):
    house.switchboard.is_away = True
    checked = health.judged(house.sources)

    for source in ("broker", "queues", "consumers"):
        assert isinstance(getattr(checked.evidence, source), Unknown)
    assert checked.module(CYCLE).status is UNKNOWN


def test_a_platform_whose_clock_stands_away_makes_its_modules_unknown(house):
    checked = health.judged(replace(house.sources, clock_of=lambda _account: SetClock(None)))

    assert checked.module(CYCLE).status is UNKNOWN
    assert "does not tell the time" in checked.module(CYCLE).reasons[0].text


def test_processes_that_cannot_be_listed_make_modules_unknown(house):
    house.processes.is_broken = True

    assert health.judged(house.sources).module(CYCLE).status is UNKNOWN


def test_a_process_that_died_takes_its_modules_down_at_once(house):
    house.processes.states["worker-cycles"] = ProcessState.DEAD
    checked = health.judged(house.sources)

    assert (checked.module(CYCLE).status, checked.system.status) == (OFFLINE, SystemStatus.CRITICAL)


def test_a_worker_that_lives_and_does_not_answer_leaves_its_modules_unknown(house):
    house.switchboard.silent.add("cycles@a")
    checked = health.judged(house.sources)

    assert checked.evidence.consumers.value.silent == {"cycles@a"}
    assert checked.module(CYCLE).status is UNKNOWN


def test_a_worker_that_is_silent_for_over_a_minute_is_dead_and_its_modules_are_offline(house):
    house.switchboard.silent.add("cycles@a")
    with house.engine.begin() as conn:
        conn.execute(update(heartbeats).where(heartbeats.c.process == "cycles@a").values(seen_at=ago(61)))

    assert health.judged(house.sources).module(CYCLE).status is OFFLINE


def test_a_canary_that_is_owed_for_long_shows_a_worker_that_only_looks_alive(house):
    change(house, canaries, sent_at=ago(150), done_at=ago(200))
    assert health.judged(house.sources).module(CYCLE).status is DEGRADED

    change(house, canaries, sent_at=ago(190), done_at=ago(250))
    assert health.judged(house.sources).module(CYCLE).status is OFFLINE


def test_a_canary_that_nobody_sends_proves_nothing(house):
    change(house, canaries, sent_at=ago(500), done_at=ago(499))

    assert health.judged(house.sources).module(CYCLE).status is UNKNOWN


def test_the_newest_success_counts_whoever_asked_for_it(house, clock):
    clock.at += timedelta(hours=2)
    assert health.judged(house.sources).module(CYCLE).status is OFFLINE

    with house.engine.begin() as conn:
        for task in (CYCLE, COLLECTOR):
            add_run(conn, house.account, clock.at, task, triggered_by="ana")

    assert health.judged(house.sources).module(CYCLE).success_age_intervals == 0.0


def test_run_rows_become_figures(house, clock):
    with house.engine.begin() as conn:
        for number, (state, errors) in enumerate(
            [("succeeded", []), ("failed", []), ("partial", [{"message": "one"}, {"message": "two"}]), ("skipped", [])],
            1,
        ):
            at = clock.at - number * timedelta(minutes=30)
            more = {"reason": "no route to host"} if state == "failed" else {}
            add_run(conn, house.account, at, CYCLE, state=state, errors=errors, **more)
        old = {"finished_at": ago(25 * 3600), "duration_ms": 99_000}
        add_run(conn, house.account, clock.at - timedelta(hours=9), CYCLE, state="failed", **old)
    row = health.judged(house.sources).module(CYCLE)

    assert (row.success_rate, row.error_count_24h, row.avg_execution_ms) == (0.5, 3, 1_500.0)
    assert row.last_error == "no route to host"
    assert row.next_run_at == clock.at.replace(minute=30)
    assert row.last_run_at == row.last_success_at == clock.at
    assert (row.worker, row.memory_mb) == ("cycles@a", 120.0)


def test_slots_that_nobody_claimed_are_missed(house, clock):
    with house.engine.begin() as conn:
        conn.execute(update(runs).where(runs.c.task == CYCLE).values(slot_at=runs.c.slot_at - timedelta(hours=1)))
    assert health.judged(house.sources).module(CYCLE).missed_slots == 1  # that of 10:00 is seven minutes old

    clock.at += timedelta(minutes=10)
    assert health.judged(house.sources).module(CYCLE).missed_slots == 2


def test_calls_are_counted_by_pair_and_by_platform(house):
    common = {"platform": "meta", "mode": "stub", "total_ms": 500}
    rows = [
        {**common, "account": "act_1", "pair": CYCLE, "hour_at": ago(60), "calls": 30, "errors": 6},
        {**common, "account": "act_1", "pair": "", "hour_at": ago(60), "calls": 10, "errors": 0},
        {**common, "account": "act_1", "pair": CYCLE, "hour_at": ago(90_000), "calls": 500, "errors": 500},
    ]
    with house.engine.begin() as conn:
        for row in rows:
            conn.execute(call_counts.insert().values(row))
    checked = health.check(house.sources, executed_by="ana")

    assert checked.module(CYCLE).api_calls_24h == 30
    assert (checked.module(CYCLE).status, checked.module(CYCLE).is_api_healthy) == (DEGRADED, False)
    with house.engine.begin() as conn:
        assert tower_runs.get(conn, checked.run_ids["meta"]).totals.api_calls_24h == 40


def test_a_stopped_module_and_a_fence_that_is_closed_are_a_person_s_doing(house):
    with house.engine.begin() as conn:
        module_states.set_desired(conn, [CYCLE], Desired.STOPPED, reason="maintenance", changed_by="ana")
    assert health.judged(house.sources).module(CYCLE).stopped_by == "stopped by ana: maintenance"

    with house.engine.begin() as conn:
        module_states.set_desired(conn, [CYCLE], Desired.RUNNING, reason="", changed_by="ana")
        fence.close(conn, None, reason="drill")
        stops.add(conn, account_id=None, reason="drill", actor="ana", pauses=False)
    checked = health.judged(house.sources)
    assert checked.system.status is SystemStatus.EMERGENCY_STOP
    assert {row.standing for row in checked.modules if row.pair.is_built} == {Standing.STOPPED}


def test_a_paused_account_is_excused(house, open_account):
    other = open_account(2)
    assert health.judged(house.sources).module(CYCLE).status is UNKNOWN  # it has not run yet

    with house.engine.begin() as conn:
        accounts.change(conn, other.id, is_paused=True)
    assert health.judged(house.sources).module(CYCLE).status is ONLINE


@pytest.mark.parametrize(
    ("watching_s", "up_s", "least", "most"),
    [
        (None, None, 7_200, 7_300),
        (9_000.0, 9_000.0, 7_200, 7_300),
        (12.0, 9_000.0, 12, 100),
        (9_000.0, 7.0, 7, 7),
    ],
)
def test_beat_owes_a_sign_since_its_own_start_and_since_the_tower_watches(house, watching_s, up_s, least, most):
    house.processes.up = {} if up_s is None else {"beat": up_s}
    detail = {"leads": True} if watching_s is None else {"leads": True, "watching_s": watching_s}
    with house.engine.begin() as conn:
        conn.execute(update(heartbeats).where(heartbeats.c.process == "beat").values(seen_at=ago(7_200)))
        sign(conn, "tower@a:1", ProcessKind.TOWER, detail)

    beat = health.judged(house.sources).evidence.beat.value
    assert least <= beat.silent_s <= most
    assert beat.age_s >= 7_200, "how old its sign is stays known"


def test_a_tower_that_only_waits_for_its_turn_is_no_sign_of_one_that_leads(house):
    with house.engine.begin() as conn:
        conn.execute(heartbeats.delete().where(heartbeats.c.kind == ProcessKind.TOWER))
        sign(conn, "tower@b:2", ProcessKind.TOWER, {"leads": False})

    assert health.judged(house.sources).evidence.tower.value.age_s is None
