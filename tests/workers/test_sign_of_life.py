"""A worker's signs of life: given from a thread of their own, through outages, and taken back when it ends in order."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

import pytest
from sqlalchemy import text

from control_tower import canaries as tower_canaries
from domain import catalogue
from domain.health import RunState
from models import canaries, heartbeats, run_history
from models.engine import make_engine
from models.heartbeats import ProcessKind

CYCLE = "meta.full_cycle"
_ANSWER_S = 10.0  # busy cores; who answers is not waited for longer


@pytest.fixture
def signs(engine):
    def read():
        with engine.begin() as conn:
            return heartbeats.listing(conn, ProcessKind.WORKER)

    return read


def _let_pass(engine, seconds):
    with engine.begin() as conn:
        conn.execute(text(f"UPDATE heartbeats SET seen_at = seen_at - interval '{seconds} s'"))


def test_a_worker_tells_what_it_is_and_what_it_uses_and_says_goodbye(own_redis, start_worker, signs, until):
    worker = start_worker(own_redis.url)
    until(signs, "a sign", worker.log)
    (sign,) = signs()

    assert sign.process.startswith("cycles@")
    told = dict(sign.detail)
    assert (told["pid"], told["lane"], told["concurrency"], told["child"]) == (worker.process.pid, "cycles", 2, None)
    assert told["rss_mb"] > 10
    assert told["db_connections"] >= 1  # the one that gives the sign
    worker.stop()
    assert signs() == ()


def test_signs_come_again_after_postgres_was_away(engine, owner_database_url, own_redis, start_worker, signs, until):
    worker = start_worker(own_redis.url)
    until(signs, "a sign", worker.log)
    owner = make_engine(owner_database_url)
    with owner.begin() as conn:
        conn.execute(text("ALTER TABLE heartbeats RENAME TO heartbeats_away"))
    until(lambda: "no sign of life given" in worker.log(), "it notices", worker.log)
    with owner.begin() as conn:
        conn.execute(text("ALTER TABLE heartbeats_away RENAME TO heartbeats"))
    owner.dispose()
    _let_pass(engine, 3600)

    until(lambda: signs()[0].age_s < 60, "it beats again", worker.log)
    assert worker.is_alive()


def test_a_worker_says_when_the_tower_is_silent(engine, own_redis, start_worker, until):
    with engine.begin() as conn:
        heartbeats.beat(conn, process="tower@a:1", kind=ProcessKind.TOWER, detail={})
    _let_pass(engine, 61)

    worker = start_worker(own_redis.url)

    until(lambda: "the tower is silent" in worker.log(), "it says so", worker.log)


def test_a_canary_is_done_by_the_pool_of_every_worker_also_while_all_is_halted(
    engine, own_redis, switchboard, start_worker, signs, until
):
    workers = [start_worker(own_redis.url), start_worker(own_redis.url, lane="actions")]
    until(lambda: len(signs()) == 2, "both give signs", workers[0].log)
    names = {sign.process for sign in signs()}
    assert set(switchboard.halt(sorted(names), timeout_s=_ANSWER_S)) == names

    assert set(tower_canaries.send(engine, switchboard)) == names

    def all_done():
        with engine.begin() as conn:
            known = canaries.listing(conn)
        return set(known) == names and all(row.done_s is not None and row.owed_s is None for row in known.values())

    until(all_done, "both pools have done it", workers[1].log)


def test_a_canary_that_is_not_done_is_owed_and_who_is_silent_gets_none(
    engine, own_redis, switchboard, start_worker, signs, until
):
    worker = start_worker(own_redis.url)
    until(signs, "a sign", worker.log)
    (name,) = (sign.process for sign in signs())
    worker.kill()
    tower_canaries.send(engine, switchboard)
    queue = catalogue.canary_queue(name)
    assert switchboard.queue_lengths([queue]) == {queue: 1}
    with engine.begin() as conn:
        assert canaries.listing(conn)[name].owed_s is not None

    _let_pass(engine, 3600)
    assert tower_canaries.send(engine, switchboard) == ()
    with engine.begin() as conn:
        heartbeats.forget(conn, name)
    tower_canaries.send(engine, switchboard)
    assert switchboard.queue_lengths([queue]) == {queue: 0}, "the queue of a worker long gone is dropped"


def test_told_to_reconnect_a_pool_opens_its_connections_anew_at_its_next_task(
    engine, own_redis, bell, switchboard, start_worker, plan, open_account, until
):
    worker = start_worker(own_redis.url, lane="control")  # whose pool is of one process
    until(lambda: len(switchboard.consuming()) == 1, "the worker answers", worker.log)
    (name,) = switchboard.consuming()
    switchboard.set_consuming(name, CYCLE, on=True)

    def backend_of(number):
        run_id = plan(account=open_account(number))
        bell.ring_run(CYCLE, run_id, about="a shop, a slot")

        def ended():
            with engine.begin() as conn:
                return run_history.get(conn, run_id).state is RunState.SUCCEEDED

        until(ended, "the run ends", worker.log)
        with engine.begin() as conn:
            (trace,) = (row for row in run_history.logs(conn, run_id) if row.step == "trace")
        return trace.output_snapshot["backend"]

    first = backend_of(1)
    assert backend_of(2) == first, "without a reason the connection is kept"
    assert switchboard.reconnect_db([name], timeout_s=_ANSWER_S) == {name}
    assert backend_of(3) != first
