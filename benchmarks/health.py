"""A full check of health against real Postgres, Redis and 1, 2 and 4 real workers, beside Celery's stock `inspect`.

`python -m benchmarks.health [--checks 30] [--accounts 20] [--json]`. Milliseconds of one check: evidence gathered,
judged and written down (a run and 17 logs). `inspect_*` is what asking the same workers costs without a destination,
and `with_silent` what a worker that is stopped in mid-air (SIGSTOP) adds. Aim: under 300 ms with 4 workers.
"""

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from celery import Celery
from sqlalchemy import Engine, insert

from control_tower import health
from control_tower.evidence import Evidence, Unknown
from control_tower.health import Sources
from domain.actions import Level, Mode
from domain.catalogue import RHYTHMS
from domain.ids import PlatformAccountId
from domain.modules import Lane
from domain.objects import AccountInfo
from embedded import postgres, redis
from models import accounts, fence, heartbeats, migrate
from models.engine import make_engine
from models.heartbeats import ProcessKind
from models.tables import runs
from workers.bootstrap import House
from workers.commands import worker_lines
from workers.health import sources_of

_SIZES = (1, 2, 4)
_WORKERS = ("cycles", "actions", "control", "cycles-2")
_WAIT_S = 120.0
_RUNS_EACH = 300  # as many as a check looks at


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", type=int, default=30)
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stakazo-health-") as folder:
        figures = measure(Path(folder), options.checks, options.accounts)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:<12} {value}")


def measure(folder: Path, checks: int, people: int) -> dict[str, Any]:
    """Time `checks` checks of each size."""
    with postgres.start(folder / "postgres") as pg, redis.start(folder / "redis") as broker:
        os.environ |= {"DATABASE_URL": pg.url, "REDIS_URL": broker.url, "STAKAZO_HOME": str(folder)}
        migrate.upgrade(pg.url)
        engine = make_engine(pg.url)
        _fill(engine, people)
        found: dict[str, Any] = {"checks": checks, "accounts": people, "runs": people * len(RHYTHMS) * _RUNS_EACH}
        with House.open(name="stakazo-benchmark") as house, ExitStack() as held:
            sources = sources_of(house)
            started: list[subprocess.Popen[bytes]] = []
            for size in _SIZES:
                names = _WORKERS[len(started) : size]
                started.extend(held.enter_context(_worker(folder, name)) for name in names)
                _await(engine, sources, size)
                found[f"{size}_workers"] = _timed(sources, house, checks)
            found["with_silent"] = _with_silent(sources, started[-1], max(3, checks // 10))
        engine.dispose()
    return found


def _timed(sources: Sources, house: House, checks: int) -> dict[str, Any]:
    sender: Celery = house.switchboard._app  # type: ignore[attr-defined]  # noqa: SLF001 - stock calls need the app
    evidence = health.check(sources, executed_by="benchmark").evidence
    inspect = sender.control.inspect(timeout=1.0)
    return {
        "check": _spread(_times(lambda: health.check(sources, executed_by="benchmark"), checks)),
        "look": _spread(_times(lambda: health.look(sources), checks)),
        "inspect_ping": _spread(_times(inspect.ping, 3)),
        "inspect_active_queues": _spread(_times(inspect.active_queues, 3)),
        "inspect_stats": _spread(_times(inspect.stats, 3)),
        "unknown_sources": _unknown(evidence),
    }


def _with_silent(sources: Sources, process: "subprocess.Popen[bytes]", checks: int) -> dict[str, Any]:
    """A worker whose heartbeat is fresh and that does not answer: the look waits for it, once, for a second."""
    process.send_signal(signal.SIGSTOP)
    try:
        return {"check": _spread(_times(lambda: health.check(sources, executed_by="benchmark"), checks))}
    finally:
        process.send_signal(signal.SIGCONT)


def _times(do: Callable[[], object], count: int) -> list[float]:
    found = []
    for _ in range(count):
        began = time.perf_counter()
        do()
        found.append((time.perf_counter() - began) * 1000)
    return found


def _spread(times_ms: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times_ms)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {"median_ms": round(median(ordered), 1), "p95_ms": round(p95, 1), "most_ms": round(ordered[-1], 1)}


def _unknown(evidence: Evidence) -> list[str]:
    return [name for name in Evidence.__dataclass_fields__ if isinstance(getattr(evidence, name), Unknown)]


def _fill(engine: Engine, people: int) -> None:
    """Accounts with the runs of their last days; LIVE ones, so that no sandbox is needed to tell the time."""
    now = datetime.now(UTC)
    with engine.begin() as conn:
        fence.open_(conn, None)
        heartbeats.beat(conn, process="tower@benchmark", kind=ProcessKind.TOWER, detail={"leads": True})
        heartbeats.beat(conn, process="beat", kind=ProcessKind.BEAT, detail={})
        for number in range(people):
            info = AccountInfo(
                id=PlatformAccountId(f"act_{number}"), name=f"Shop {number}", currency="USD", zone="UTC",
                is_active=True, status_text="active", minimum_daily_budget_minor=100,
            )  # fmt: skip
            account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.LIVE, level=Level.OBSERVE)
            for rhythm in RHYTHMS:
                rows = [
                    {
                        "task": rhythm.name, "account_id": account_id, "slot_at": now - back * rhythm.cycle.every,
                        "now_at": now - back * rhythm.cycle.every, "mode": Mode.LIVE, "level": Level.OBSERVE,
                        "triggered_by": "schedule", "state": "succeeded", "duration_ms": 900, "worker": "cycles@a",
                        "finished_at": now - back * timedelta(minutes=4), "started_at": now - back * rhythm.cycle.every,
                    }
                    for back in range(_RUNS_EACH)
                ]  # fmt: skip
                conn.execute(insert(runs), rows)


@contextmanager
def _worker(folder: Path, name: str) -> "Iterator[subprocess.Popen[bytes]]":
    lane = Lane(name.partition("-")[0])
    line = next(row for row in worker_lines() if row.name == f"worker-{lane}")
    argv = [word.replace(f"{lane}@%h", f"{name}@%h") for word in line.argv]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **line.env})
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(engine: Engine, sources: Sources, size: int) -> None:
    """Wait until so many workers give signs of life and answer what they consume."""
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        with engine.begin() as conn:
            names = [row.process for row in heartbeats.listing(conn, ProcessKind.WORKER)]
        if len(names) >= size and len(sources.switchboard.consuming(names)) >= size:
            return
        time.sleep(0.5)
    raise SystemExit(f"{size} workers did not answer within {_WAIT_S:.0f} s")


if __name__ == "__main__":
    main()
