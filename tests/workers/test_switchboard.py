"""The switchboard over real workers and a real Redis: what it tells is done, what it asks is answered or missing."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from domain import catalogue
from domain.health import RunState
from domain.modules import Lane
from models import module_states, run_history
from models.engine import make_engine
from models.module_states import Desired
from workers.broker import Hearing

CYCLE, COLLECTOR = "meta.full_cycle", "meta.collector"
CYCLES = frozenset(catalogue.queues(Lane.CYCLES))
_ANSWER_S = 10.0  # a worker that replaces its processes on busy cores; who answers is not waited for longer
_WAITED_OUT_S = 4.0  # where somebody never answers


@pytest.fixture
def named(switchboard, until):
    """Wait until one worker answers, and return its name."""

    def name_of(worker):
        until(lambda: len(switchboard.consuming()) == 1, "the worker answers", worker.log)
        return next(iter(switchboard.consuming()))

    return name_of


def _runs(engine):
    with engine.begin() as conn:
        return {run.id: run.state for run in run_history.history(conn)}


def _stop(engine, *pairs):
    with engine.begin() as conn:
        module_states.set_desired(conn, pairs, Desired.STOPPED, reason="drill", changed_by="ana")


def test_a_halt_ends_what_runs_by_force_closes_every_queue_and_names_the_rows(
    engine, own_redis, bell, switchboard, start_worker, plan, open_account, named, until
):
    worker = start_worker(own_redis.url, SLOW_APP_SECONDS="60")
    name = named(worker)
    at_work = [plan(account=open_account(index)) for index in range(2)]
    for run_id in at_work:
        bell.ring_run(CYCLE, run_id, about="a shop, a slot")
    until(lambda: set(_runs(engine).values()) == {RunState.RUNNING}, "both processes are at work", worker.log)
    waiting = plan(account=open_account(3))
    bell.ring_run(CYCLE, waiting, about="a shop, a slot")

    halted = switchboard.halt([name], terminate=[CYCLE], timeout_s=_ANSWER_S)[name]
    assert set(halted.terminated_rows) == set(at_work)
    assert (halted.at_work, halted.consuming) == ((CYCLE, CYCLE), frozenset())
    again = switchboard.halt([name], terminate=[CYCLE], timeout_s=_ANSWER_S)[name]
    assert set(again.terminated_rows) == set(at_work), "an answer that got lost can be asked for again"
    assert switchboard.queue_lengths([CYCLE]) == {CYCLE: 1}
    assert switchboard.purge([CYCLE, COLLECTOR]) == 1
    assert switchboard.queue_lengths([CYCLE]) == {CYCLE: 0}

    assert switchboard.apply_desired([name], timeout_s=_ANSWER_S) == {name: CYCLES}
    assert _runs(engine)[waiting] is RunState.PLANNED


def test_a_halt_spares_tasks_of_other_names(engine, own_redis, bell, switchboard, start_worker, plan, named, until):
    worker = start_worker(own_redis.url)
    name = named(worker)
    run_id = plan()
    bell.ring_run(CYCLE, run_id, about="a shop, a slot")
    until(lambda: _runs(engine)[run_id] is RunState.RUNNING, "it is at work", worker.log)

    halted = switchboard.halt([name], terminate=[COLLECTOR], timeout_s=_ANSWER_S)[name]

    assert (halted.at_work, halted.terminated_rows) == ((CYCLE,), ())
    until(lambda: _runs(engine)[run_id] is RunState.SUCCEEDED, "it goes on to its end", worker.log)


def test_a_halt_finds_what_runs_after_redis_came_back(
    engine, own_redis, bell, switchboard, start_worker, plan, named, until
):
    """Celery's own list of requests is forgotten at a reconnect while the pool goes on."""
    worker = start_worker(own_redis.url, SLOW_APP_SECONDS="60")
    name = named(worker)
    run_id = plan()
    bell.ring_run(CYCLE, run_id, about="a shop, a slot")
    until(lambda: _runs(engine)[run_id] is RunState.RUNNING, "it is at work", worker.log)
    own_redis.kill()
    own_redis.start()
    until(lambda: switchboard.consuming() == {name: CYCLES}, "the worker is back", worker.log)

    assert switchboard.halt([name], terminate=[CYCLE], timeout_s=_ANSWER_S)[name].terminated_rows == (run_id,)


def test_the_desired_state_is_applied_when_told_and_everything_closed_where_it_cannot_be_read(
    engine, owner_database_url, own_redis, switchboard, start_worker, named
):
    name = named(start_worker(own_redis.url))
    _stop(engine, CYCLE)
    assert switchboard.apply_desired([name], timeout_s=_ANSWER_S) == {name: CYCLES - {CYCLE}}

    owner = make_engine(owner_database_url)
    with owner.begin() as conn:
        conn.execute(text("ALTER TABLE module_states RENAME TO module_states_away"))
    assert switchboard.apply_desired([name], timeout_s=_ANSWER_S) == {name: frozenset()}
    with owner.begin() as conn:
        conn.execute(text("ALTER TABLE module_states_away RENAME TO module_states"))
    owner.dispose()
    assert switchboard.apply_desired([name], timeout_s=_ANSWER_S) == {name: CYCLES - {CYCLE}}


def test_who_does_not_answer_is_missing(own_redis, switchboard, start_worker, named):
    name = named(start_worker(own_redis.url))

    assert set(switchboard.halt([name, "cycles@nowhere"], timeout_s=_WAITED_OUT_S)) == {name}
    assert set(switchboard.apply_desired(["cycles@nowhere"])) == set()
    assert switchboard.reconnect_db([name, "cycles@nowhere"], timeout_s=_WAITED_OUT_S) == {name}
    assert switchboard.clear_cache([name], timeout_s=_ANSWER_S) == {name}


def test_the_control_lane_and_canaries_go_on_through_a_halt(own_redis, switchboard, start_worker, named):
    name = named(start_worker(own_redis.url, lane="control"))

    assert switchboard.halt([name], timeout_s=_ANSWER_S)[name].consuming == frozenset()
    assert switchboard.consuming() == {name: {catalogue.CONTROL_QUEUE}}


def test_the_first_command_after_redis_came_back_is_heard(own_redis, switchboard, start_worker, named, until):
    worker = start_worker(own_redis.url)
    name = named(worker)
    assert switchboard.reconnect_db([name], timeout_s=_ANSWER_S) == {name}
    own_redis.kill()
    own_redis.start()
    until(lambda: worker.log().count("desired state applied") == 2, "the worker has reconnected", worker.log)

    until(lambda: switchboard.reconnect_db([name], timeout_s=_ANSWER_S) == {name}, "and hears", worker.log, tries=3)


def test_many_threads_at_once_all_get_their_answer(own_redis, switchboard, start_worker, named):
    """Each call holds a connection of the pool while it takes another: too many at once waited for ever."""
    name = named(start_worker(own_redis.url))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: switchboard.reconnect_db([name], timeout_s=_ANSWER_S), range(36), timeout=99))

    assert answers == [{name}] * 36


def test_what_waits_tells_how_long(own_redis, bell, switchboard, plan):
    run_id = plan()
    bell.ring_run(CYCLE, run_id, about="a shop, a slot")

    ((queue, age_s),) = switchboard.queue_ages([CYCLE, COLLECTOR]).items()
    assert queue == CYCLE
    assert 0 <= age_s < 60


def test_the_broker_tells_how_it_is(own_redis, switchboard):
    facts = switchboard.broker()

    assert facts.policy == "noeviction"
    assert (facts.aof_on, facts.last_write_ok, facts.evicted_keys, facts.unacked) == (True, True, 0, 0)
    assert facts.used_memory_bytes > 0
    assert facts.round_trip_ms > 0


def test_a_broker_that_is_away_is_told_from_one_that_is_empty(own_redis, switchboard):
    assert switchboard.purge([CYCLE]) == 0
    own_redis.kill()
    away = (
        switchboard.purge([CYCLE]), switchboard.broker(), switchboard.queue_lengths([CYCLE]),
        switchboard.queue_ages([CYCLE]), switchboard.halt(["cycles@here"]), switchboard.send_canary("cycles@here"),
    )  # fmt: skip
    own_redis.start()

    assert away == (None, None, {}, {}, {}, False)
    assert switchboard.purge([CYCLE]) == 0


def _hearing():
    clock = {"s": 0.0}
    return clock, Hearing(lambda: clock["s"])


def _failing(clock, calls, takes_s):
    def call():
        calls.append(clock["s"])
        clock["s"] += takes_s
        raise ConnectionError

    return call


def test_a_broker_that_refuses_is_asked_once_more_each_time():
    clock, hearing = _hearing()
    calls = []
    assert [hearing.ask(_failing(clock, calls, 0.0), "it") for _ in range(3)] == [None] * 3
    assert len(calls) == 6


def test_after_a_call_that_hung_nobody_asks_for_three_seconds():
    clock, hearing = _hearing()
    calls = []
    hang = _failing(clock, calls, 2.0)
    assert [hearing.ask(hang, "it") for _ in range(5)] == [None] * 5
    assert calls == [0.0]
    clock["s"] = 5.1
    assert hearing.ask(lambda: "well again", "it") == "well again"
