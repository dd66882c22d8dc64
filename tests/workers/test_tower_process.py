"""The tower as a process: it steers a real worker, outlives Redis, and ends in order."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

import os
import subprocess
import sys

import pytest

from domain import catalogue
from domain.modules import Lane
from models import heartbeats, module_states
from models.heartbeats import ProcessKind
from models.module_states import Desired

CYCLE = "meta.full_cycle"
OTHERS = set(catalogue.queues(Lane.CYCLES)) - {CYCLE}


@pytest.fixture
def start_tower(database_url, tmp_path):
    started = []

    def start(broker_url):
        env = {"DATABASE_URL": database_url, "REDIS_URL": broker_url, "STAKAZO_HOME": str(tmp_path)}
        argv = [sys.executable, "-c", "from workers.tower import run_tower; run_tower()"]
        with (tmp_path / "tower.log").open("ab") as log:
            started.append(subprocess.Popen(argv, env={**os.environ, **env}, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def _set(engine, desired):
    with engine.begin() as conn:
        module_states.set_desired(conn, [CYCLE], desired, reason="drill", changed_by="ana")


def _consumed(switchboard):
    return {name.partition("@")[0]: set(queues) for name, queues in switchboard.consuming().items()}


def test_it_stops_and_starts_a_module_on_a_living_worker_through_a_redis_outage(
    engine, own_redis, switchboard, start_worker, start_tower, tmp_path, until
):
    worker = start_worker(own_redis.url)
    tower = start_tower(own_redis.url)

    def log():
        return (tmp_path / "tower.log").read_text() + worker.log()

    _set(engine, Desired.STOPPED)
    until(lambda: _consumed(switchboard) == {"cycles": OTHERS}, "the module's queue is closed", log)
    own_redis.kill()
    own_redis.start()
    _set(engine, Desired.RUNNING)
    until(lambda: _consumed(switchboard) == {"cycles": {*OTHERS, CYCLE}}, "and open again", log)

    with engine.begin() as conn:
        (sign,) = heartbeats.listing(conn, ProcessKind.TOWER)
    assert sign.detail["leads"] is True
    tower.terminate()
    assert tower.wait(20) == 0
