"""Commands on a real worker: what it was seen to do is told, a frozen one is never taken for obedient."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

import signal

import pytest

from control_tower.commands.carrying import carry_out
from control_tower.commands.ordering import give
from control_tower.commands.parts import Ports, Progress
from domain.catalogue import RHYTHMS
from domain.health import CommandType, RunState
from models import commands, heartbeats, module_states, run_history
from models.commands import CommandState
from models.heartbeats import ProcessKind

CYCLE, COLLECTOR = "meta.full_cycle", "meta.collector"


@pytest.fixture
def ports(engine, switchboard, bell, house):
    def none(_command):
        return Progress(state=CommandState.FAILED, results={})

    return Ports(
        engine=engine,
        switchboard=switchboard,
        doorbell=bell,
        clock_of=house.clock_of,
        rhythms=tuple(row for row in RHYTHMS if row.name in {CYCLE, COLLECTOR}),
        check=none,
        resume=none,
        finish_stop=lambda _stop_id: None,
    )


@pytest.fixture
def order(engine):
    def give_one(command_type, *modules):
        with engine.begin() as conn:
            return give(conn, command_type, reason="drill", actor="ana", modules=modules)

    return give_one


@pytest.fixture
def turn(ports, engine):
    def one(command_id):
        carry_out(ports)
        with engine.begin() as conn:
            return commands.get(conn, command_id)

    return one


def _state(engine, run_id):
    with engine.begin() as conn:
        return run_history.get(conn, run_id).state


def _is_known(engine):
    with engine.begin() as conn:
        return any(sign.process.startswith("cycles@") for sign in heartbeats.listing(conn, ProcessKind.WORKER))


def test_a_stop_purges_and_is_confirmed_by_the_worker_and_by_nobody_while_it_is_frozen(
    engine, own_redis, switchboard, bell, start_worker, order, turn, plan, until
):
    worker = start_worker(own_redis.url)
    until(lambda: _is_known(engine), "the worker gave a sign of life", worker.log)
    worker.process.send_signal(signal.SIGSTOP)
    run_id = plan()
    bell.ring_run(CYCLE, run_id, about="a shop, a slot")
    command_id = order(CommandType.STOP_ALL, CYCLE)
    waiting = turn(command_id)
    assert waiting.state is CommandState.RUNNING
    assert "gave no answer" in waiting.results["targets"]["meta.full_cycle"]["seen"]
    assert switchboard.queue_lengths([CYCLE]) == {CYCLE: 0}

    worker.process.send_signal(signal.SIGCONT)
    until(lambda: turn(command_id).state is CommandState.DONE, "it is confirmed", worker.log)
    assert all(CYCLE not in queues for queues in switchboard.consuming().values())
    assert _state(engine, run_id) in {RunState.PLANNED, RunState.STOPPED}

    started = order(CommandType.START_ALL, CYCLE)
    until(lambda: turn(started).state is CommandState.DONE, "it is given back", worker.log)
    assert any(CYCLE in queues for queues in switchboard.consuming().values())


def test_a_restart_gives_the_module_back_and_what_waited_is_run(
    engine, own_redis, switchboard, bell, start_worker, order, turn, plan, until
):
    worker = start_worker(own_redis.url, SLOW_APP_SECONDS="0.1")
    until(lambda: _is_known(engine), "the worker gave a sign of life", worker.log)
    run_id = plan()  # nobody rang for it: its message was lost
    command_id = order(CommandType.RESTART_MODULE, CYCLE)
    until(lambda: turn(command_id).state is CommandState.DONE, "it is restarted", worker.log)

    until(lambda: _state(engine, run_id) is RunState.SUCCEEDED, "what waited is run", worker.log)
    assert any(CYCLE in queues for queues in switchboard.consuming().values())
    with engine.begin() as conn:
        assert module_states.stopped(conn) == frozenset()


def test_optimize_runs_the_collector_and_then_the_cycle_on_a_real_worker(
    engine, own_redis, start_worker, order, turn, account, until
):
    worker = start_worker(own_redis.url, SLOW_APP_SECONDS="0.1")
    command_id = order(CommandType.OPTIMIZE)
    until(lambda: turn(command_id).state is CommandState.DONE, "both have run", worker.log)

    with engine.begin() as conn:
        rows = [run_history.last(conn, task=task, account_id=account.id) for task in (COLLECTOR, CYCLE)]
    assert [row.state for row in rows] == [RunState.SUCCEEDED] * 2
    assert rows[0].finished_at <= rows[1].started_at
