"""A database with an account, and the parts of a house that a run needs, without a platform behind them."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from redis import Redis
from sqlalchemy import Engine

from control_tower.standins import NotedDoorbell, SetClock
from domain.actions import Level, Mode
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from embedded import redis as redis_server
from models import accounts, fence, runs
from models.engine import make_engine
from workers.commands import worker_lines
from workers.doorbell import CeleryDoorbell, sender_app
from workers.settings import Settings, read_settings
from workers.switchboard import CelerySwitchboard

SLOT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


@dataclass
class PartsOfAHouse:
    """What `serve` needs of a house."""

    engine: Engine
    settings: Settings = field(default_factory=read_settings)
    doorbell: NotedDoorbell = field(default_factory=NotedDoorbell)
    clock: SetClock = field(default_factory=lambda: SetClock(SLOT))

    def client_of(self, _account):
        raise AssertionError("these tests speak to no platform")

    def clock_of(self, _account):
        return self.clock


@pytest.fixture
def engine(database_url):
    engine = make_engine(database_url, pool_size=8)
    with engine.begin() as conn:
        fence.open_(conn, None)
    yield engine
    engine.dispose()


@pytest.fixture
def house(engine):
    return PartsOfAHouse(engine=engine)


@pytest.fixture
def open_account(engine):
    return lambda number: _open_account(engine, number, f"Shop {number}")


@pytest.fixture
def account(engine):
    return _open_account(engine, 1, "Shop")


def _open_account(engine, number, name):
    info = AccountInfo(
        id=PlatformAccountId(f"act_{number}"),
        name=name,
        currency="USD",
        zone="Europe/Madrid",
        is_active=True,
        status_text="active",
        minimum_daily_budget_minor=100,
    )
    with engine.begin() as conn:
        account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
        return accounts.get(conn, account_id)


@pytest.fixture
def plan(engine):
    def plan_one(task="meta.full_cycle", slot_at=SLOT, account=None):
        account = account or _open_account(engine, 1, "Shop")
        with engine.begin() as conn:
            return runs.plan(
                conn,
                task=task,
                account_id=account.id,
                mode=account.mode,
                level=account.level,
                slot_at=slot_at,
                now_at=slot_at,
            )

    return plan_one


class Worker:
    """A real worker process with the command line that the supervisor would give it, as a rule but for the app."""

    def __init__(self, line, env, log_path, app="slow_app"):
        argv = tuple(app if part == "workers.celery_app" else part for part in line.argv)
        folder = str(Path(__file__).parent)
        self.env = {**os.environ, **line.env, **env, "PYTHONPATH": folder, "PYTHONUNBUFFERED": "1"}
        self.log_path = log_path
        self.argv = argv
        self.process = None
        self.start()

    def start(self):
        self.log_path.unlink(missing_ok=True)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(self.argv, env=self.env, stdout=log, stderr=log)
        _until(lambda: " ready." in self.log() or not self.is_alive(), "the worker is ready", self.log)
        assert self.is_alive(), self.log()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def is_alive(self):
        return self.process.poll() is None

    def kill(self):
        """End it as a crash does, its pool too: children of a killed worker would finish their task."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        for child in family:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        self.process.wait()

    def stop(self):
        if self.is_alive():
            self.process.terminate()
            try:
                self.process.wait(25)
            except subprocess.TimeoutExpired:
                self.kill()


@pytest.fixture
def until():
    return _until


def _until(condition, what, show=lambda: "", tries=600):
    """Look a hundred times a minute until it holds; the bound is there to end a test that hangs, not to time it."""
    for _try in range(tries):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail(f"never came true: {what}\n{show()[-4000:]}")


class Outage:
    """A Redis that can be killed and started again on its folder and port."""

    def __init__(self, folder):
        self.folder = folder
        self.server = redis_server.start(folder)
        self.url = self.server.url

    def kill(self):
        os.kill(self.server.pid, signal.SIGKILL)
        self.server.stop()

    def start(self):
        self.server = redis_server.start(self.folder)
        assert self.server.url == self.url

    def flush(self):
        with Redis.from_url(self.url) as client:
            client.flushall()

    def stop(self):
        self.server.stop()


@pytest.fixture
def own_redis(tmp_path):
    server = Outage(tmp_path / "redis")
    yield server
    server.stop()


@pytest.fixture
def start_worker(database_url, tmp_path):
    started = []

    def start(broker_url, lane="cycles", app="slow_app", **changed):
        (line,) = [line for line in worker_lines() if line.name == f"worker-{lane}"]
        env = {"DATABASE_URL": database_url, "REDIS_URL": broker_url, "STAKAZO_HOME": str(tmp_path), **changed}
        worker = Worker(line, env, tmp_path / f"{lane}-{len(started)}.log", app)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.stop()


@pytest.fixture
def bell(own_redis):
    app = sender_app(own_redis.url)
    yield CeleryDoorbell(app)
    app.close()


@pytest.fixture
def switchboard(own_redis):
    app = sender_app(own_redis.url)
    yield CelerySwitchboard(app)
    app.close()
