"""Recovery on a real worker, Redis and Postgres: what health sees of them is what recovery cures."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

import pytest
from sqlalchemy import text

from control_tower import health
from control_tower.gathering import Sources
from control_tower.planner import Planner
from control_tower.recovering import Recovering
from control_tower.remedies import Remedies
from control_tower.scenes import scene_of
from control_tower.upkeep import Upkeep
from domain.health import RunState
from domain.recovery import RecoveryAction, RecoveryState, Trigger
from models import recoveries, run_history
from workers.processes import MachineProcesses

CYCLE = "meta.full_cycle"


@pytest.fixture
def recovering(engine, bell, switchboard, house, tmp_path):
    processes = MachineProcesses(tmp_path)
    sources = Sources(engine=engine, switchboard=switchboard, processes=processes, clock_of=house.clock_of)
    keep = Upkeep(
        engine=engine,
        doorbell=bell,
        switchboard=switchboard,
        planner=Planner(engine=engine, rhythms=(), clock_of=house.clock_of, doorbell=bell),
        due_actions=lambda _conn, _limit: (),
        expire=lambda _conn: 0,
    )

    def look():
        checked = health.judged(sources)
        with engine.begin() as conn:
            return scene_of(conn, checked)

    remedies = Remedies(
        engine=engine,
        switchboard=switchboard,
        processes=processes,
        ring_due=keep.ring_due,
        reconnect=engine.dispose,
    )
    return Recovering(engine=engine, look=look, remedies=remedies)


def _rows(engine, target):
    with engine.begin() as conn:
        return recoveries.listing(conn, target=target)


def _state(engine, run_id):
    with engine.begin() as conn:
        return run_history.get(conn, run_id).state


def _worker_of(engine, until, worker):
    def names():
        with engine.begin() as conn:
            return list(conn.execute(text("SELECT process FROM heartbeats WHERE kind = 'worker'")).scalars())

    until(names, "the worker gives a sign of life", worker.log)
    return names()[0]


def test_a_queue_that_a_living_worker_does_not_consume_is_consumed_again_and_its_run_done(
    engine, own_redis, switchboard, start_worker, recovering, plan, until
):
    worker = start_worker(own_redis.url)
    name = _worker_of(engine, until, worker)
    switchboard.set_consuming(name, CYCLE, on=False)
    until(lambda: CYCLE not in switchboard.consuming().get(name, {CYCLE}), "the queue is left", worker.log)
    run_id = plan()
    recovering.round()
    recovering.round()

    (row,) = _rows(engine, CYCLE)
    assert row.trigger is Trigger.SCHEDULER_NOT_RUNNING
    until(lambda: _state(engine, run_id) is RunState.SUCCEEDED, "the run is done", worker.log)
    recovering.round()
    assert _rows(engine, CYCLE)[0].state is RecoveryState.CURED


def test_told_to_open_its_connections_anew_a_worker_does_so_and_serves_on(
    engine, own_redis, bell, start_worker, recovering, plan, open_account, until
):
    worker = start_worker(own_redis.url)
    name = _worker_of(engine, until, worker)
    steps = recovering.remedies.carry_out(RecoveryAction.RECONNECT_DB, "database", recovering.look(), by="ana")
    assert steps[-1]["workers"] == [name]
    run_id = plan(account=open_account(7))
    bell.ring_run(CYCLE, run_id, about="a shop, a slot")

    until(lambda: _state(engine, run_id) is RunState.SUCCEEDED, "the run is done", worker.log)
