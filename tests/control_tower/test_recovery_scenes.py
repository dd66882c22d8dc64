"""What recovery sees is what health judged: each fault of a healthy house becomes its symptom, and health none."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from control_tower import health
from control_tower.evidence import Known
from control_tower.scenes import scene_of
from control_tower.symptoms import BEAT, symptoms
from domain.recovery import Trigger
from models import secrets
from models.heartbeats import ProcessKind
from models.secrets import Box, Place
from tests.control_tower.healthy import healthy_house, sign, worker_detail

CYCLE, WORKER = "meta.full_cycle", "cycles@a"


@pytest.fixture
def house(engine, account, clock):
    return healthy_house(engine, account, clock)


@pytest.fixture
def seen(engine, house):
    def look():
        checked = health.judged(house.sources)
        with engine.begin() as conn:
            return [(row.trigger, row.target) for row in symptoms(scene_of(conn, checked))]

    return look


@pytest.fixture
def sql(engine):
    def run(statement):
        with engine.begin() as conn:
            conn.execute(text(statement))

    return run


def test_a_healthy_house_calls_for_nothing(seen):
    assert seen() == []


def test_a_module_whose_successes_are_long_ago_is_offline(seen, sql):
    sql("UPDATE runs SET now_at = now_at - interval '5 hours', slot_at = slot_at - interval '5 hours'"
        " WHERE task = 'meta.full_cycle'")  # fmt: skip
    assert seen() == [(Trigger.MODULE_OFFLINE, CYCLE)]


def test_a_token_that_is_not_valid_is_for_a_person_and_calls_for_no_restart(seen, sql):
    sql("UPDATE platform_facts SET is_token_valid = false")
    assert seen() == []


def test_errors_of_a_day_are_counted(seen, sql):
    sql(
        "INSERT INTO runs (task, account_id, slot_at, now_at, mode, level, triggered_by, state, ring_at,"
        " started_at, finished_at) SELECT 'meta.full_cycle', account_id, slot_at - n * interval '1 second',"
        " now_at, mode, level, triggered_by, 'failed', ring_at, started_at - interval '1 hour',"
        " finished_at - interval '1 hour' FROM runs, generate_series(1, 51) AS n"
        " WHERE task = 'meta.full_cycle' AND state = 'succeeded'"
    )
    assert (Trigger.MANY_ERRORS, CYCLE) in seen()


def test_a_queue_that_nobody_consumes(seen, house):
    house.switchboard.workers[WORKER].discard(CYCLE)
    assert (Trigger.SCHEDULER_NOT_RUNNING, CYCLE) in seen()


def test_a_silent_and_a_stuck_worker(seen, sql):
    sql("UPDATE heartbeats SET seen_at = seen_at - interval '65 seconds' WHERE process = 'cycles@a'")
    assert seen() == [(Trigger.SCHEDULER_NOT_RUNNING, WORKER)]
    sql("UPDATE heartbeats SET seen_at = clock_timestamp() WHERE process = 'cycles@a'")
    sql("UPDATE canaries SET sent_at = clock_timestamp() - interval '200 seconds',"
        " done_at = clock_timestamp() - interval '260 seconds' WHERE worker = 'cycles@a'")  # fmt: skip
    assert seen() == [(Trigger.SCHEDULER_NOT_RUNNING, WORKER)]


def test_a_silent_beat(seen, sql):
    sql("UPDATE heartbeats SET seen_at = seen_at - interval '200 seconds' WHERE process = 'beat'")
    assert seen() == [(Trigger.SCHEDULER_NOT_RUNNING, BEAT)]


def test_a_broker_that_is_away_makes_nobody_ill(seen, house, sql):
    house.switchboard.is_away = True
    sql("UPDATE heartbeats SET seen_at = seen_at - interval '200 seconds' WHERE process = 'beat'")
    assert seen() == []


def test_connections_that_run_out_are_a_symptom_and_slow_reads_alone_are_none(engine, house):
    checked = health.judged(house.sources)
    facts = checked.evidence.database.value

    def scene(**changed):
        evidence = replace(checked.evidence, database=Known(replace(facts, **changed)))
        with engine.begin() as conn:
            return scene_of(conn, replace(checked, evidence=evidence))

    assert scene(active=90, pool_size=100, query_avg_ms=1.0).is_db_healthy is False
    assert scene(active=90, pool_size=100, query_avg_ms=1.0).db_reason
    assert scene(active=5, pool_size=100, query_avg_ms=500.0).is_db_healthy is True
    assert scene(active=5, pool_size=100, query_avg_ms=1_500.0).is_db_healthy is False


def test_a_worker_that_kept_what_it_derived_from_an_older_token(seen, engine):
    with engine.begin() as conn:
        sign(conn, WORKER, ProcessKind.WORKER, {**worker_detail(WORKER), "pid": 7, "cache_age_s": 3600.0})
        secrets.put(
            conn, Place(platform="meta", name="access_token"), Box(key_id="k", content=b"box"), set_by="ana"
        )  # fmt: skip
    assert seen() == [(Trigger.CACHE_STALE, WORKER)]
    with engine.begin() as conn:
        sign(conn, WORKER, ProcessKind.WORKER, {**worker_detail(WORKER), "pid": 7, "cache_age_s": -1.0})
    assert seen() == []


def test_a_stopped_module_is_left_alone(seen, engine, sql):
    sql("UPDATE runs SET now_at = now_at - interval '5 hours', slot_at = slot_at - interval '5 hours'"
        " WHERE task = 'meta.full_cycle'")  # fmt: skip
    sql(
        "INSERT INTO module_states (pair, desired, reason, changed_by) VALUES ('meta.full_cycle', 'stopped', '', 'ana')"
    )
    assert seen() == []
