"""What our Task base class costs: runs with an empty body against bare Celery tasks, on one worker process, in one run.

`python -m benchmarks.task_overhead [--count 500] [--json]`. A run is claimed, looked at and finished in Postgres, so
its commits are counted (pg_stat_database) and timed on their own; the ratio is against a bare task plus those commits.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from celery import Celery
from sqlalchemy import Engine, text

from domain.actions import Level, Mode
from domain.ids import PlatformAccountId, RunId
from domain.objects import AccountInfo
from embedded import postgres, redis
from models import accounts, migrate, runs
from models.engine import make_engine
from workers.doorbell import CeleryDoorbell, sender_app

_QUEUE = "meta.collector"
_WAIT_S = 300.0
_START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stakazo-overhead-") as folder:
        figures = measure(Path(folder), options.count)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:<28} {value}")


def measure(folder: Path, count: int) -> dict[str, Any]:
    """Time `count` tasks of each kind on the same worker; milliseconds per task."""
    with postgres.start(folder / "postgres") as pg, redis.start(folder / "redis") as broker:
        os.environ |= {
            "DATABASE_URL": pg.url, "REDIS_URL": broker.url, "STAKAZO_HOME": str(folder), "STAKAZO_MARKS": str(folder),
        }  # fmt: skip
        migrate.upgrade(pg.url)
        engine = make_engine(pg.url)
        sender = sender_app(broker.url)
        ids = _plan(engine, count + 1)
        with _worker(folder):
            _runs(sender, folder, ids[:1], "warm")  # the process opens its house on the first one
            bare_s = _bare(sender, folder, count)
            before = _commits(engine)
            ours_s = _runs(sender, folder, ids[1:], "runs")
            per_run = (_commits(engine) - before) / count
        before = _commits(engine)
        commit_s = _commit_s(engine, ids[0], count)
        commits = per_run / ((_commits(engine) - before) / count)  # a connection's test is a transaction too, in both
        engine.dispose()
    named_s = bare_s / count + commits * commit_s
    return {
        "bare_ms": round(bare_s / count * 1000, 3),
        "run_ms": round(ours_s / count * 1000, 3),
        "commits_per_run": round(commits, 2),
        "commit_ms": round(commit_s * 1000, 3),
        "ratio_to_bare": round(ours_s / bare_s, 2),
        "ratio_to_bare_plus_commits": round(ours_s / count / named_s, 2),
    }


def _plan(engine: Engine, count: int) -> list[int]:
    info = AccountInfo(
        id=PlatformAccountId("act_1"), name="Shop", currency="USD", zone="UTC", is_active=True, status_text="active",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    with engine.begin() as conn:
        account = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.OBSERVE)
        found = [
            runs.plan(conn, task=_QUEUE, account_id=account, mode=Mode.STUB, level=Level.OBSERVE,
                      slot_at=_START + timedelta(minutes=number), now_at=_START)
            for number in range(count)
        ]  # fmt: skip
    return [int(run_id) for run_id in found if run_id is not None]


def _bare(sender: Celery, folder: Path, count: int) -> float:
    began = _mark(sender, folder, "bare-begin")
    for _ in range(count):
        sender.send_task("bare", queue=_QUEUE)
    return _mark(sender, folder, "bare-end") - began


def _runs(sender: Celery, folder: Path, ids: list[int], name: str) -> float:
    bell = CeleryDoorbell(sender)
    began = _mark(sender, folder, f"{name}-begin")
    for run_id in ids:
        bell.ring_run(_QUEUE, RunId(run_id), about="a run of the benchmark")
    return _mark(sender, folder, f"{name}-end") - began


def _mark(sender: Celery, folder: Path, name: str) -> float:
    sender.send_task("mark", args=(name,), queue=_QUEUE)
    path, deadline = folder / name, time.monotonic() + _WAIT_S
    while not (path.exists() and path.read_text()):
        if time.monotonic() > deadline:
            raise SystemExit(f"the worker did not come to {name} in {_WAIT_S:.0f} s")
        time.sleep(0.005)
    return float(path.read_text())


def _commits(engine: Engine) -> int:
    engine.dispose()  # a backend that ends hands in its statistics at once
    with engine.connect() as conn:
        conn.execute(text("SELECT pg_stat_force_next_flush()"))
        time.sleep(1.1)  # statistics of other backends arrive within a second
        row = conn.execute(text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"))
        return int(row.scalar_one())


def _commit_s(engine: Engine, run_id: int, count: int) -> float:
    """One small committed update, as the claim and the outcome are."""
    began = time.perf_counter()
    for _ in range(count):
        with engine.begin() as conn:
            conn.execute(text("UPDATE runs SET reason = reason || '' WHERE id = :id"), {"id": run_id})
    return (time.perf_counter() - began) / count


@contextmanager
def _worker(folder: Path) -> Iterator[None]:
    words = (
        *(sys.executable, "-m", "celery", "-A", "benchmarks.overhead_app", "worker", "-n", "overhead@%h", "-Q", _QUEUE),
        *("-c", "1", "-P", "prefork", "--without-mingle", "--without-gossip", "-l", "warning"),
    )
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


if __name__ == "__main__":
    main()
