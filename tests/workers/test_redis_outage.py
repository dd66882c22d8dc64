"""Redis is killed and comes back while a two-process worker is at work: no worker dies, every run ends exactly once."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

from datetime import timedelta

import pytest
from sqlalchemy import text

from control_tower.planner import Planner
from control_tower.upkeep import Upkeep
from domain.catalogue import RHYTHMS
from domain.health import RunState
from models import run_history, runs


@pytest.fixture
def tower(engine, bell, switchboard, house):
    return Upkeep(
        engine=engine,
        doorbell=bell,
        switchboard=switchboard,
        planner=Planner(engine=engine, rhythms=RHYTHMS, clock_of=house.clock_of, doorbell=bell),
        due_actions=lambda _conn, _limit: (),
        expire=lambda _conn: 0,
    )


def _let_half_a_minute_pass(engine):
    """Bring the next ring of what nobody works on forward, as time would."""
    with engine.begin() as conn:
        conn.execute(text("UPDATE runs SET ring_at = clock_timestamp() WHERE state = 'planned'"))


def _all(engine):
    with engine.begin() as conn:
        return run_history.history(conn, limit=1000)


def _traces(engine, run):
    with engine.begin() as conn:
        return sum(log.action == "did it" for log in run_history.logs(conn, run.id))


def test_with_1_3_and_12_messages_every_run_ends_once_and_the_worker_lives(
    engine, own_redis, bell, tower, switchboard, start_worker, open_account, plan, until
):
    worker = start_worker(own_redis.url)
    done = 0
    for number in (1, 3, 12):
        for index in range(number):
            run_id = plan(account=open_account(100 * number + index))
            assert bell.ring_run("meta.full_cycle", run_id, about="a shop, a slot")
        until(lambda: any(run.state is RunState.RUNNING for run in _all(engine)), "a run is at work", worker.log)
        own_redis.kill()
        own_redis.start()

        def all_ended():
            if not switchboard.queue_lengths(["meta.full_cycle"]).get("meta.full_cycle"):
                _let_half_a_minute_pass(engine)
                tower.ring_due()
            return all(run.state is RunState.SUCCEEDED for run in _all(engine))

        until(all_ended, f"{number} runs end", worker.log)
        done += number
        assert len(_all(engine)) == done
        assert worker.is_alive()

    assert [_traces(engine, run) for run in _all(engine)] == [1] * 16
    assert [run.attempts for run in _all(engine)] == [1] * 16


def test_losing_every_message_loses_no_run(engine, own_redis, bell, tower, start_worker, open_account, plan, until):
    planned = [plan(account=open_account(index)) for index in range(4)]
    for run_id in planned:
        bell.ring_run("meta.full_cycle", run_id, about="a shop, a slot")
    own_redis.flush()
    worker = start_worker(own_redis.url)
    _let_half_a_minute_pass(engine)

    assert tower.ring_due() == 4
    until(lambda: all(run.state is RunState.SUCCEEDED for run in _all(engine)), "four runs end", worker.log)
    assert [_traces(engine, run) for run in _all(engine)] == [1] * 4


def test_a_killed_worker_s_run_is_done_by_the_next(engine, own_redis, bell, tower, start_worker, plan, until):
    first = start_worker(own_redis.url)
    run_id = plan()
    bell.ring_run("meta.full_cycle", run_id, about="a shop, a slot")
    until(lambda: _all(engine)[0].state is RunState.RUNNING, "the run is at work", first.log)
    first.kill()
    assert _all(engine)[0].state is RunState.RUNNING

    with engine.begin() as conn:  # its lease runs out
        over = runs.LEASE_S + timedelta(seconds=1).total_seconds()
        conn.execute(text(f"UPDATE runs SET lease_until = lease_until - interval '{over} s', ring_at = now()"))
    second = start_worker(own_redis.url)
    tower.ring_due()

    until(lambda: _all(engine)[0].state is RunState.SUCCEEDED, "the run ends", second.log)
    assert (_all(engine)[0].attempts, _traces(engine, _all(engine)[0])) == (2, 1)


def test_a_doorbell_without_a_broker_says_so_and_raises_nothing(own_redis, bell, plan):
    run_id = plan()
    own_redis.kill()
    answers = [bell.ring_run("meta.full_cycle", run_id, about="a shop, a slot") for _ in range(50)]
    own_redis.start()

    assert answers == [False] * 50
