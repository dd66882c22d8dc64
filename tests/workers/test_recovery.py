"""Recovery on a real worker, beat, Redis and Postgres: what health sees of them is what recovery cures."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

import os
import signal
from contextlib import contextmanager
from pathlib import Path

import psutil
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
from embedded.child import ChildSpec
from embedded.runtime import read_runtime
from embedded.supervisor import Supervisor
from models import canaries, recoveries, run_history
from workers.commands import beat_line, worker_lines
from workers.processes import MachineProcesses

CYCLE = "meta.full_cycle"


class Grown(MachineProcesses):
    """Processes that have run for a day: what is silent is not excused as just begun."""

    def up_s(self, name):
        return None if super().up_s(name) is None else 86_400.0


@pytest.fixture
def recovering(engine, bell, switchboard, house, tmp_path):
    processes = Grown(tmp_path)
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


@contextmanager
def _supervised(line, argv, folder, **env):
    """Run a command line under a supervisor, as `up` does."""
    log = folder / "logs" / f"{line.name}.log"
    spec = ChildSpec(name=line.name, argv=argv, env={**line.env, **env}, log_path=log)
    with Supervisor(folder=folder) as supervisor:
        supervisor.start(spec)
        yield supervisor


def _pid(folder, name):
    mark = read_runtime(folder).child(name).mark
    return None if mark is None else mark.pid


def _sign(engine, kind):
    """The name and the pid of the process whose sign is less than half a minute old."""
    young = (
        "SELECT process, (detail->>'pid')::int FROM heartbeats WHERE kind = :kind AND seen_at > now() - interval '30s'"
    )
    with engine.begin() as conn:
        return conn.execute(text(young), {"kind": kind}).one_or_none()


def _let_pass(engine, seconds, *changes):
    """Move what was written into the past, instead of waiting."""
    with engine.begin() as conn:
        for change in changes:
            conn.execute(text(change), {"s": seconds})


def _cured(engine, recovering, supervisor, target, kind, old):
    """Let it do what it does until the target's successor gives signs; return how the recovery ended."""
    recovering.round()
    recovering.round()
    (row,) = _rows(engine, target)
    assert (row.trigger, row.action) == (Trigger.SCHEDULER_NOT_RUNNING, RecoveryAction.RESTART_SCHEDULER)
    assert (row.state, row.steps[0]["did"]) == (RecoveryState.RUNNING, "asked to end")
    _let_pass(engine, 26, "UPDATE recoveries SET begun_at = begun_at - make_interval(secs => :s)")
    recovering.round()
    assert _rows(engine, target)[0].state is RecoveryState.RUNNING, "nothing has shown yet that it is cured"
    assert supervisor.wait(lambda: (sign := _sign(engine, kind)) is not None and sign[1] != old, timeout_s=60)
    recovering.round()
    (row,) = _rows(engine, target)
    return row


def test_a_beat_that_hangs_is_ended_and_the_next_one_s_sign_is_its_cure(
    engine, database_url, own_redis, recovering, tmp_path
):
    line, urls = beat_line(1.0), {"DATABASE_URL": database_url, "REDIS_URL": own_redis.url}
    with _supervised(line, line.argv, tmp_path, STAKAZO_HOME=str(tmp_path), **urls) as supervisor:
        assert supervisor.wait(lambda: _sign(engine, "beat") is not None, timeout_s=60)
        hung = _pid(tmp_path, "beat")
        os.kill(hung, signal.SIGSTOP)
        _let_pass(engine, 40, "UPDATE heartbeats SET seen_at = seen_at - make_interval(secs => :s)")

        row = _cured(engine, recovering, supervisor, "beat", "beat", hung)
        assert row.state is RecoveryState.CURED
        assert [step["did"] for step in row.steps] == ["asked to end", "ended by force"]


def test_a_worker_whose_pool_hangs_while_it_gives_signs_is_restarted_and_works_again(
    engine, database_url, own_redis, switchboard, bell, recovering, plan, tmp_path, until
):
    (line,) = [row for row in worker_lines() if row.name == "worker-cycles"]
    argv = tuple("slow_app" if part == "workers.celery_app" else part for part in line.argv)
    urls = {"DATABASE_URL": database_url, "REDIS_URL": own_redis.url, "PYTHONPATH": str(Path(__file__).parent)}
    with _supervised(line, argv, tmp_path, STAKAZO_HOME=str(tmp_path), **urls) as supervisor:
        assert supervisor.wait(lambda: _sign(engine, "worker") is not None, timeout_s=60)
        name, hung = _sign(engine, "worker")
        pool = psutil.Process(hung).children(recursive=True)
        assert pool
        for child in pool:
            child.suspend()
        with engine.begin() as conn:
            canaries.send(conn, name)
        switchboard.send_canary(name)
        _let_pass(engine, 200, "UPDATE canaries SET sent_at = sent_at - make_interval(secs => :s), done_at = NULL")

        row = _cured(engine, recovering, supervisor, name, "worker", hung)
        assert row.state is RecoveryState.CURED
        run_id = plan()
        assert bell.ring_run(CYCLE, run_id, about="a shop, a slot")
        until(lambda: _state(engine, run_id) is RunState.SUCCEEDED, "the next one works")
