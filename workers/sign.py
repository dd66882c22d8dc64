"""Signs of life of a worker: a row each ten seconds, from a thread for which its consumer never waits.

It has its own connection with short timeouts, so an outage of Postgres or Redis costs signs, nothing else.
"""

import os
import socket
import threading
import time
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar, Final

import psutil
import structlog
from celery import bootsteps
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from control_tower.desired import lane_of
from control_tower.shaping import sign_of
from domain.actions import JsonMap
from models import canaries, heartbeats, server_facts
from models.engine import make_engine
from models.heartbeats import ProcessKind
from workers import addresses, generation, remote
from workers.processes import child_name
from workers.settings import Settings, read_settings
from workers.task import HouseTask, application_name

EVERY_S: Final = 10.0
TOWER_SILENT: Final = timedelta(seconds=60)
_GOODBYE_S: Final = 2.0
_SHORT: Final = {"statement_timeout": "3s", "lock_timeout": "2s"}
_MB: Final = 1024 * 1024

log = structlog.get_logger(__name__)


class SignOfLife(bootsteps.StartStopStep):  # type: ignore[misc]  # celery ships no types
    """Begins once the pool is there, and says goodbye when the worker ends in order."""

    requires: ClassVar[tuple[str, ...]] = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        HouseTask.worker = str(worker.hostname)
        self._heart: Heart | None = None

    def start(self, worker: Any) -> None:
        """Begin."""
        self._heart = Heart(worker, read_settings())
        self._heart.start()

    def stop(self, worker: Any) -> None:
        """Say goodbye."""
        del worker
        if self._heart is not None:
            self._heart.end()

    terminate = stop


class Heart:
    """The thread and what it remembers between two beats."""

    def __init__(self, worker: Any, settings: Settings) -> None:
        self._worker = worker
        self._name = str(worker.hostname)
        self._settings = settings
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sign of life", daemon=True)
        self._usage = Usage()
        self._has_begun = False
        self._is_away = False
        self._is_tower_silent = False

    def start(self) -> None:
        """Begin to beat; the first comes at once."""
        self._thread.start()

    def end(self) -> None:
        """Cease, and take the row away: who ended in order is not missed."""
        self._ending.set()
        self._thread.join(_GOODBYE_S)

    def _run(self) -> None:
        engine = None
        while not self._ending.is_set():
            try:
                engine = engine or self._open()
                with engine.begin() as conn:
                    self._beat(conn)
                self._is_away, self._has_begun = False, True
            except Exception as error:  # noqa: BLE001 - whatever goes wrong, the next sign is tried
                if not self._is_away:
                    log.warning("no sign of life given", cause=type(error).__name__)
                self._is_away = True
            self._ending.wait(EVERY_S)
        if engine is not None:
            self._say_goodbye(engine)

    def _open(self) -> Engine:
        name = f"{application_name(self._name)}-sign"
        return make_engine(
            addresses.database_url(self._settings), pool_size=1, application_name=name, session=_SHORT
        )  # fmt: skip

    def _beat(self, conn: Connection) -> None:
        if not self._has_begun:
            canaries.begin(conn, self._name)
        heartbeats.beat(conn, process=self._name, kind=ProcessKind.WORKER, detail=self._detail(conn))
        age_s = sign_of(heartbeats.listing(conn, ProcessKind.TOWER), ProcessKind.TOWER).age_s  # of one that leads
        is_silent = age_s is not None and age_s > TOWER_SILENT.total_seconds()
        if is_silent and not self._is_tower_silent:
            log.error("the tower is silent", seconds=round(age_s or 0.0), do="start `stakazo tower`")
        self._is_tower_silent = is_silent

    def _detail(self, conn: Connection) -> JsonMap:
        rss_mb, cpu_pct = self._usage.read()
        return {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "child": child_name(self._settings.home, os.getpid()),
            "lane": lane_of(self._name),
            "concurrency": int(self._worker.concurrency),
            "at_work": len(remote.at_work(self._worker.pool)),
            "rss_mb": rss_mb,
            "cpu_pct": cpu_pct,
            "db_connections": server_facts.connections_named(conn, application_name(self._name)),
            "cache_age_s": round(time.monotonic() - generation.DERIVED.since_s, 1),
            "version": _version(),
        }

    def _say_goodbye(self, engine: Engine) -> None:
        try:
            with engine.begin() as conn:
                heartbeats.forget(conn, self._name)
        except SQLAlchemyError as error:
            log.warning("left without a goodbye", cause=type(error).__name__)
        engine.dispose()


class Usage:
    """Memory and CPU of this process and all below it."""

    def __init__(self) -> None:
        self._own = psutil.Process()
        self._at_s = time.monotonic()
        self._spent_s: dict[int, float] = {}

    def read(self) -> tuple[float, float]:
        """Return resident megabytes now (shared pages counted per process), and percent of one CPU since the last time.

        A process that was born since then is counted from its birth.
        """
        rss, spent_s = 0, dict[int, float]()
        for process in (self._own, *self._own.children(recursive=True)):
            try:
                rss += process.memory_info().rss
                times = process.cpu_times()
            except psutil.Error:  # it has just ended
                continue
            spent_s[process.pid] = times.user + times.system
        now_s = time.monotonic()
        used_s = sum(spent - self._spent_s.get(pid, 0.0) for pid, spent in spent_s.items())
        share = used_s / max(now_s - self._at_s, 1e-3) if self._spent_s else 0.0
        self._at_s, self._spent_s = now_s, spent_s
        return round(rss / _MB, 1), round(max(share, 0.0) * 100, 1)


def install(app: Any) -> None:
    """Add the step to a worker."""
    app.steps["worker"].add(SignOfLife)


def _version() -> str:
    try:
        return version("stakazo")
    except PackageNotFoundError:
        return "unknown"
