"""An emergency stop over a real worker and a real Redis: it stands still through restarts, until it is resumed."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

import os
import signal

import pytest

from actions.stop import Order
from actions.timing import Timing
from control_tower import emergency
from control_tower.emergency import Stopping
from control_tower.halting import Floor
from domain import catalogue
from domain.health import RunState
from domain.modules import Lane
from domain.ports import ProcessState
from models import fence, heartbeats, run_history, run_stops, stops
from models.heartbeats import ProcessKind

CYCLE = "meta.full_cycle"
QUEUES = catalogue.queues(Lane.CYCLES)
LONG = {"SLOW_APP_SECONDS": "60"}
ORDER = Order(reason="drill", actor="os:ann", halts=True)
_ANSWER_S = 10.0  # busy cores; who answers is not waited for longer


class Kept:
    """A supervisor's children, of which the test keeps one: the worker."""

    def __init__(self, worker):
        self.worker = worker

    def state(self, _name):
        return ProcessState.ALIVE if self.worker.is_alive() else ProcessState.DEAD

    def name_of_worker(self, worker):
        return f"worker-{worker.partition('@')[0]}"

    def end(self, _name, *, hard):
        assert hard
        if not self.worker.is_alive():
            return False
        self.worker.kill()
        return True


@pytest.fixture
def stopping(engine, switchboard):
    def build(worker):
        floor = Floor(engine=engine, switchboard=switchboard, processes=Kept(worker), answer_s=_ANSWER_S)
        return Stopping(floor=floor, timing=Timing())

    return build


@pytest.fixture
def begun(engine, bell, plan, until):
    """Ring for a run and wait until a worker is at it."""

    def begin():
        run_id = plan(CYCLE)
        bell.ring_run(CYCLE, run_id, about="one")
        until(lambda: of(engine, run_id).state is RunState.RUNNING, "the run is at work")
        return run_id

    return begin


def of(engine, run_id):
    with engine.begin() as conn:
        return run_history.get(conn, run_id)


def name_of(engine):
    with engine.begin() as conn:
        (run,) = run_stops.at_work(conn)
    return run.worker


def beat(engine, worker):
    with engine.begin() as conn:
        heartbeats.beat(conn, process=worker, kind=ProcessKind.WORKER, detail={})


def consumed(switchboard):
    return set().union(*(set(queues) & set(QUEUES) for queues in switchboard.consuming().values()))


def test_a_busy_worker_stands_still_and_stays_so_until_the_stop_is_over(
    engine, own_redis, bell, switchboard, start_worker, stopping, begun, until
):
    worker = start_worker(own_redis.url, **LONG)
    run_id = begun()
    name = name_of(engine)
    (done,) = emergency.order(stopping(worker), (None,), ORDER)
    assert done.stop.quiet_at is not None
    assert [(row["worker"], row["fate"], row["terminated"]) for row in done.stop.halted] == [(name, "halted", [run_id])]
    assert of(engine, run_id).state is RunState.STOPPED
    assert worker.is_alive()
    assert (consumed(switchboard), sum(switchboard.queue_lengths(QUEUES).values())) == (set(), 0)

    worker.stop()  # it outlives a restart of the worker, of Redis, and a message that is sent once more
    own_redis.kill()
    own_redis.start()
    again = start_worker(own_redis.url, **LONG)
    bell.ring_run(CYCLE, run_id, about="a replay")
    bell.ring_run(CYCLE, run_id, about="a replay")
    assert consumed(switchboard) == set()
    assert switchboard.queue_lengths([CYCLE])[CYCLE] >= 1
    assert again.is_alive()

    with engine.begin() as conn:
        stops.open_(conn, done.stop.id, actor="os:ann")
        fence.open_(conn, None)
    assert set(switchboard.apply_desired([name], timeout_s=_ANSWER_S)[name]) >= set(QUEUES)
    until(lambda: switchboard.queue_lengths([CYCLE]) == {CYCLE: 0}, "what waits is taken again")
    assert of(engine, run_id).state is RunState.STOPPED  # and what the stop ended is not begun anew
    again.kill()


def test_a_worker_that_hangs_is_killed_with_what_it_was_at(engine, own_redis, start_worker, stopping, begun):
    """Its main process is suspended: it hears nothing, while its pool works on."""
    worker = start_worker(own_redis.url, **LONG)
    run_id = begun()
    beat(engine, name_of(engine))
    os.kill(worker.process.pid, signal.SIGSTOP)
    (done,) = emergency.order(stopping(worker), (None,), ORDER)
    assert [row["fate"] for row in done.stop.halted] == ["ended by force"]
    assert not worker.is_alive()
    assert (of(engine, run_id).state, done.stop.quiet_at is not None) == (RunState.STOPPED, True)


def test_with_redis_gone_a_busy_worker_is_ended_through_its_supervisor(
    engine, own_redis, start_worker, stopping, begun
):
    worker = start_worker(own_redis.url, **LONG)
    run_id = begun()
    own_redis.kill()
    (done,) = emergency.order(stopping(worker), (None,), ORDER)
    assert [row["fate"] for row in done.stop.halted] == ["ended by force"]
    assert (of(engine, run_id).state, done.stop.quiet_at is not None) == (RunState.STOPPED, True)
