"""Scaling out is more of the same processes: 1, 2 and 4 workers, each as on a machine of its own, share one queue.

`python -m benchmarks.scaling [--runs 240] [--wait 0.1] [--json]`. A machine here = a worker with a node name, a data
folder and an address of loopback of its own, under which it reaches Postgres and Redis. A body waits as for a platform
(that is what cycles do most) and then leaves a trace. Counted: runs a second, bodies done, done twice, never done.
The machines share this computer's cores, so what is shown is that nothing of ours stands in the way, not linear growth.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from celery import Celery
from sqlalchemy import Engine, text

from domain.actions import Level, Mode
from domain.ids import AccountId, PlatformAccountId, RunId
from domain.objects import AccountInfo
from embedded import postgres, redis
from embedded.child import ChildSpec
from embedded.ports import PortBook
from embedded.servers import RunningServer
from models import accounts, migrate, runs
from models.engine import make_engine
from workers.doorbell import CeleryDoorbell, sender_app

QUEUE: Final = "meta.collector"
ACCOUNTS: Final = 40  # an account's runs go one after the other; many accounts go side by side
PROCESSES: Final = 2  # of each worker's pool, as in docker-compose.yml
COUNTS: Final = (1, 2, 4)
_WAIT_S = 300.0
_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where a worker believes itself to be."""

    number: int
    address: str  # under which it reaches the servers
    folder: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=240)
    parser.add_argument("--wait", type=float, default=0.1, help="seconds for which a body waits")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stakazo-scaling-") as folder:
        figures = measure(Path(folder), runs_each=options.runs, wait_s=options.wait)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{'machines':>8} {'runs/s':>8} {'speed-up':>9} {'bodies':>7} {'twice':>6} {'never':>6}  share of each")
    for row in figures["machines"]:
        shares = " ".join(f"{address}:{count}" for address, count in row["share"].items())
        print(
            f"{row['machines']:>8} {row['runs_per_s']:>8} {row['speed_up']:>9} {row['bodies']:>7} {row['twice']:>6}"
            f" {row['never']:>6}  {shares}"
        )


def measure(folder: Path, *, runs_each: int, wait_s: float, counts: Sequence[int] = COUNTS) -> dict[str, Any]:
    """Run as many runs with each number of machines, rung twice each: a doorbell may be heard by two."""
    addresses = [f"127.0.0.{number}" for number in range(1, max(counts) + 1)]
    with _servers(folder, addresses) as (pg, broker):
        migrate.upgrade(pg.url)
        engine = make_engine(pg.url)
        with engine.begin() as conn:
            conn.execute(text("CREATE TABLE scaling_bodies (run_id bigint, machine text)"))
        opened = _open_accounts(engine)
        sender = sender_app(broker.url)
        rows = []
        for turn, count in enumerate(counts):
            machines = [
                Machine(
                    number=number,
                    address=address,
                    folder=folder / f"machine-{count}-{number}",
                    database_url=pg.url.replace("127.0.0.1", address),
                    redis_url=broker.url.replace("127.0.0.1", address),
                )
                for number, address in enumerate(addresses[:count], start=1)
            ]
            rows.append(_turn(engine, sender, machines, opened, runs_each, wait_s, turn))
        sender.close()
        engine.dispose()
    first = rows[0]["runs_per_s"]
    for row in rows:
        row["speed_up"] = round(row["runs_per_s"] / first, 2)
    return {"runs": runs_each, "wait_s": wait_s, "processes_each": PROCESSES, "cores": os.cpu_count(), "machines": rows}


def _turn(  # noqa: PLR0917 - what one measurement is made of
    engine: Engine,
    sender: Celery,
    machines: Sequence[Machine],
    opened: Sequence[AccountId],
    count: int,
    wait_s: float,
    turn: int,
) -> dict[str, Any]:
    ids = _plan(engine, opened, count, turn)
    bell = CeleryDoorbell(sender)
    with ExitStack() as stack:
        for machine in machines:
            stack.enter_context(_worker(machine, wait_s))
        _warm(engine, bell, opened, turn, len(machines))
        began = time.perf_counter()
        for run_id in (*ids, *ids):
            bell.ring_run(QUEUE, RunId(run_id), about="a run of the benchmark")
        _until(lambda: _open_of(engine, ids) == 0, "all runs are over", lambda: _ring_again(engine, bell, ids))
        took_s = time.perf_counter() - began
    return {"machines": len(machines), "seconds": round(took_s, 2), "runs_per_s": round(count / took_s, 1),
            **_counted(engine, ids)}  # fmt: skip


def _warm(engine: Engine, bell: CeleryDoorbell, opened: Sequence[AccountId], turn: int, machines: int) -> None:
    """Let every pool process open its house before the clock runs."""
    ids = _plan(engine, opened, machines * PROCESSES * 4, turn + 100)
    for run_id in ids:
        bell.ring_run(QUEUE, RunId(run_id), about="warming up")
    _until(lambda: _open_of(engine, ids) == 0, "workers are warm", lambda: _ring_again(engine, bell, ids))


def _open_accounts(engine: Engine) -> list[AccountId]:
    with engine.begin() as conn:
        return [
            accounts.open_account(conn, platform="meta", mode=Mode.STUB, level=Level.OBSERVE, info=AccountInfo(
                id=PlatformAccountId(f"act_{number}"), name=f"Shop {number}", currency="USD", zone="UTC",
                is_active=True, status_text="active", minimum_daily_budget_minor=100,
            ))
            for number in range(ACCOUNTS)
        ]  # fmt: skip


def _plan(engine: Engine, opened: Sequence[AccountId], count: int, turn: int) -> list[int]:
    begin = _START + timedelta(days=turn)
    with engine.begin() as conn:
        found = [
            runs.plan(conn, task=QUEUE, account_id=opened[number % len(opened)], mode=Mode.STUB, level=Level.OBSERVE,
                      slot_at=begin + timedelta(minutes=number), now_at=begin)
            for number in range(count)
        ]  # fmt: skip
    return [int(run_id) for run_id in found if run_id is not None]


def _open_of(engine: Engine, ids: Sequence[int]) -> int:
    query = text("SELECT count(*) FROM runs WHERE id = ANY(:ids) AND state IN ('planned', 'running')")
    with engine.connect() as conn:
        return int(conn.execute(query, {"ids": list(ids)}).scalar_one())


def _ring_again(engine: Engine, bell: CeleryDoorbell, ids: Sequence[int]) -> None:
    """What the tower does: a run that found another of its account at work is rung again."""
    query = text("SELECT id FROM runs WHERE id = ANY(:ids) AND state = 'planned' ORDER BY slot_at")
    with engine.connect() as conn:
        left = conn.execute(query, {"ids": list(ids)}).scalars().all()
    for run_id in left:
        bell.ring_run(QUEUE, RunId(run_id), about="a run of the benchmark")


def _counted(engine: Engine, ids: Sequence[int]) -> dict[str, Any]:
    query = text("SELECT run_id, machine FROM scaling_bodies WHERE run_id = ANY(:ids)")
    with engine.connect() as conn:
        rows = conn.execute(query, {"ids": list(ids)}).all()
    done = [row.run_id for row in rows]
    share: dict[str, int] = {}
    for row in rows:
        share[row.machine] = share.get(row.machine, 0) + 1
    return {"bodies": len(done), "twice": len(done) - len(set(done)), "never": len(set(ids) - set(done)),
            "share": dict(sorted(share.items()))}  # fmt: skip


def _until(is_over: Any, what: str, nudge: Any) -> None:
    deadline, nudged = time.monotonic() + _WAIT_S, time.monotonic()
    while not is_over():
        if time.monotonic() > deadline:
            raise SystemExit(f"after {_WAIT_S:.0f} s it is still not so that {what}")
        if time.monotonic() - nudged > 2:
            nudge()
            nudged = time.monotonic()
        time.sleep(0.02)


@contextmanager
def _worker(machine: Machine, wait_s: float) -> Iterator[None]:
    machine.folder.mkdir(parents=True)
    words = (
        *(sys.executable, "-m", "celery", "-A", "benchmarks.scaling_app", "worker"),
        *("-n", f"cycles@machine{machine.number}", "-Q", QUEUE, "-c", str(PROCESSES), "-P", "prefork"),
        *("--without-mingle", "--without-gossip", "-l", "warning"),
    )
    env = {
        **os.environ, "DATABASE_URL": machine.database_url, "REDIS_URL": machine.redis_url,
        "STAKAZO_HOME": str(machine.folder), "SCALING_MACHINE": machine.address, "SCALING_WAIT_S": str(wait_s),
        "REMAP_SIGTERM": "SIGQUIT",
    }  # fmt: skip
    with (machine.folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(words, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


@contextmanager
def _servers(folder: Path, addresses: Sequence[str]) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Both servers, answering at every one of these addresses."""
    folder.mkdir(parents=True, exist_ok=True)
    pg_ports, redis_ports = PortBook(folder / "postgres.json"), PortBook(folder / "redis.json")
    pg = postgres.prepare(folder / "postgres", ports=pg_ports, log_path=folder / "postgres.log")
    broker = redis.prepare(folder / "redis", ports=redis_ports, log_path=folder / "redis.log")
    pg = replace(pg, spec=_also(pg.spec, f"--listen_addresses={','.join(addresses)}"))
    broker = replace(broker, spec=_also(broker.spec, "--bind", *addresses))
    with RunningServer(pg, pg_ports) as database, RunningServer(broker, redis_ports) as queue:
        yield database, queue


def _also(spec: ChildSpec, *words: str) -> ChildSpec:
    return replace(spec, argv=(*spec.argv, *words))


if __name__ == "__main__":
    main()
