"""How fast the emergency stop is: closed and quiet over busy workers, fenced with a send in flight, paused.

`python -m benchmarks.stop [--trials 20] [--messages 50000] [--campaigns 10000] [--json]`. Real Postgres, real Redis,
three real workers on the queues of every pair, planned ones too. The order is given in this process: to start `stakazo`
takes about a second more. Pauses go to a platform in memory, so that what is measured is our own work; beside it stands
the bound of the platform's quota, which no stop can beat.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any, cast

from redis import Redis
from sqlalchemy import Engine

from actions import estimates, pauses, stop
from actions.pauses import Pausing
from actions.stop import Order
from actions.timing import Timing
from benchmarks import stop_catalogue  # noqa: F401 - first of ours that derives from the catalogue
from benchmarks.door_house import NOW, Standing, executor_of, furnish
from control_tower import emergency, halting
from control_tower.emergency import Stopping
from control_tower.halting import Floor
from control_tower.standins import ListedProcesses
from domain import catalogue
from domain.actions import ObjectKind
from domain.ids import RunId, StopId
from domain.modules import Lane
from domain.objects import ObjectState
from domain.ports import Client, PlatformReader, PlatformWriter, WriteRequest
from embedded import postgres, redis
from models import accounts, fence, migrate, run_stops, runs, stops
from models.accounts import Account
from models.engine import make_engine
from models.stops import Stop
from workers import log
from workers.commands import worker_lines
from workers.doorbell import CeleryDoorbell, sender_app
from workers.switchboard import CelerySwitchboard

_BUSY = 5  # tasks at work as the stop falls: one a process
_LISTEN_S = 1.0  # for what might still start
_LIMIT_S = 120.0
_IN_FLIGHT_S = (0.5, 2.0, 10.0)  # how long a sender holds its place after the stop was ordered
_NO_RUN = RunId(10**12)
_FULL, _LIMITED = 9000.0, 60.0  # score limits (facts/meta_graph_api.md §6)
_ORDER = Order(reason="benchmark", actor="benchmark", halts=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--campaigns", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    log.set_up(level="ERROR")  # standard output is for the figures
    with tempfile.TemporaryDirectory(prefix="stakazo-stop-") as folder:
        figures = measure(Path(folder), options.trials, options.messages, options.campaigns)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:<36} {value}")


def measure(folder: Path, trials: int, messages: int, campaigns: int) -> dict[str, Any]:
    """Every figure, one after the other on the same servers."""
    with postgres.start(folder / "postgres") as pg, redis.start(folder / "redis") as broker:
        marks = folder / "marks"
        marks.touch()
        os.environ |= {
            "DATABASE_URL": pg.url, "REDIS_URL": broker.url, "STAKAZO_HOME": str(folder), "STOP_MARKS": str(marks),
        }  # fmt: skip
        migrate.upgrade(pg.url)
        engine = make_engine(pg.url, pool_size=6)
        try:
            with engine.begin() as conn:
                fence.open_(conn, None)
            account_id = furnish(engine, name="1", ad_sets=campaigns)
            with engine.begin() as conn:
                account = accounts.get(conn, account_id)
            found = _halting(engine, account, broker.url, folder, trials, messages)
            return {**found, **_fenced(engine), **_paused(engine, account, campaigns)}
        finally:
            engine.dispose()


def _halting(  # noqa: PLR0917 - what a trial needs
    engine: Engine, account: Account, broker_url: str, folder: Path, trials: int, messages: int
) -> dict[str, Any]:
    """Closed and quiet over busy workers and full queues; what started after."""
    sender = sender_app(broker_url)
    bell, board = CeleryDoorbell(sender), CelerySwitchboard(sender)
    closed, quiet, after, left = [], [], 0, 0
    with _workers(folder), Redis.from_url(broker_url) as client:
        stopping = Stopping(floor=Floor(engine=engine, switchboard=board, processes=ListedProcesses()))
        _until(lambda: len(board.consuming()) == len(_lines()), "every worker consumes")
        for number in range(trials):
            _make_busy(engine, account, bell, number)
            _fill(bell, client, messages)
            began_s = time.perf_counter()
            ordered = stop.order(engine, (None,), _ORDER)
            closed.append((time.perf_counter() - began_s) * 1000)
            (one,) = emergency.answer(stopping, ordered)
            quiet.append((time.perf_counter() - began_s) * 1000 if one.stop.quiet_at else inf)
            time.sleep(_LISTEN_S)
            after += _started_since(folder / "marks", one.stop.closed_at.timestamp())
            left += sum(board.queue_lengths(halting.QUEUES).values())
            _open(engine, one.stop)
            _until(lambda: _consumes_all(board), "workers consume again")
    sender.close()
    return {
        "queues": len(halting.QUEUES), "workers": len(_lines()), "messages waiting": messages, "tasks at work": _BUSY,
        "stops": trials, **_percentiles("closed", closed), **_percentiles("closed and quiet", quiet),
        "started after": after, "messages left": left,
    }  # fmt: skip


def _fenced(engine: Engine) -> dict[str, Any]:
    """The answer while a sender holds its place at the fence; past the deadline it is in doubt."""
    timing = Timing()
    floor = Floor(engine=engine, switchboard=CelerySwitchboard(sender_app("redis://127.0.0.1:1/0")),
                  processes=ListedProcesses())  # fmt: skip
    seconds = []
    for held_s in _IN_FLIGHT_S:
        is_held, done = threading.Event(), threading.Event()
        sender = threading.Thread(target=_hold, args=(engine, held_s, is_held, done))
        sender.start()
        is_held.wait(_LIMIT_S)
        began_s = time.perf_counter()
        (one,) = emergency.order(Stopping(floor=floor, timing=timing), (None,), Order(reason="x", actor="benchmark"))
        seconds.append(time.perf_counter() - began_s)
        done.set()
        sender.join()
        _open(engine, one.stop)
    return {
        "send deadline s": timing.send_deadline_s,
        "sender in flight for s": list(_IN_FLIGHT_S),
        "fenced after s": [round(second, 2) for second in seconds],
    }


def _hold(engine: Engine, held_s: float, is_held: threading.Event, done: threading.Event) -> None:
    with engine.begin() as conn:
        fence.hold_shared(conn, accounts.listing(conn)[0].id, timeout_s=_LIMIT_S)
        is_held.set()
        done.wait(held_s)


def _paused(engine: Engine, account: Account, campaigns: int) -> dict[str, Any]:
    """All campaigns on a platform that answers at once, and the quota's own bounds beside it."""
    clock = Standing()
    memory = _Memory()
    client = Client(reader=cast("PlatformReader", memory), writer=cast("PlatformWriter", memory))
    pausing = Pausing(engine=engine, executor=executor_of(engine, client, clock, "stop"), clock_of=lambda _: clock)
    ((stop_id, _),) = stop.order(engine, (None,), Order(reason="x", actor="benchmark", pauses=True))
    began_s = time.perf_counter()
    held = pauses.pause_all(pausing, StopId(stop_id), patience_s=3600)
    took_s = time.perf_counter() - began_s
    bounds = {
        name: estimates.estimate(account.name, [1] * campaigns, limit, 0.0).all_s
        for name, limit in (("full", _FULL), ("limited", _LIMITED))
    }
    return {
        "campaigns": campaigns,
        "all paused": held.paused_at is not None,
        "our own work to pause all s": round(took_s, 1),
        **{f"the quota's bound, {name} access s": round(bound) for name, bound in bounds.items()},
    }


class _Memory:
    """A platform on which every campaign is switched on, until it is paused; it answers at once."""

    def __init__(self) -> None:
        self._paused: set[str] = set()

    def state(self, _account: str, _kind: ObjectKind, object_id: str) -> ObjectState:
        """One."""
        status = "paused" if object_id in self._paused else "active"
        return ObjectState(id=object_id, values={"status": status}, updated_at=None)

    def states(self, account: str, kind: ObjectKind, object_ids: Sequence[str]) -> Mapping[str, ObjectState]:
        """Several."""
        return {object_id: self.state(account, kind, object_id) for object_id in object_ids}

    def write(self, _account: str, request: WriteRequest, *, deadline_s: float, not_after_s: float = inf) -> str:
        """One."""
        del deadline_s, not_after_s
        self._paused.add(str(request.object_id))
        return str(request.object_id)

    def write_many(
        self, account: str, requests: Sequence[WriteRequest], *, deadline_s: float, not_after_s: float = inf
    ) -> Sequence[str]:
        """Several."""
        return [self.write(account, row, deadline_s=deadline_s, not_after_s=not_after_s) for row in requests]


def _lines() -> list[tuple[str, ...]]:
    """Three workers: the fast lane's and two of the cycles'."""
    found = []
    for line in worker_lines():
        if line.name in {"worker-fast", "worker-cycles"}:
            argv = tuple("benchmarks.stop_app" if part == "workers.celery_app" else part for part in line.argv)
            found.append(argv)
            if line.name == "worker-cycles":
                found.append(tuple("cycles-2@%h" if part == "cycles@%h" else part for part in argv))
    return found


@contextmanager
def _workers(folder: Path) -> Iterator[None]:
    started = []
    try:
        for number, argv in enumerate(_lines()):
            with (folder / f"worker-{number}.log").open("ab") as log:
                started.append(subprocess.Popen(argv, stdout=log, stderr=log, cwd=Path(__file__).parents[1]))
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()


def _make_busy(engine: Engine, account: Account, bell: CeleryDoorbell, number: int) -> None:
    slot_at = NOW + timedelta(hours=number)
    fast, slow = catalogue.queues(Lane.FAST)[:1], catalogue.queues(Lane.CYCLES)
    tasks = (*fast, *slow[: _BUSY - len(fast)])
    with engine.begin() as conn:
        planned = [
            (task, runs.plan(conn, task=task, account_id=account.id, mode=account.mode, level=account.level,
                             slot_at=slot_at, now_at=slot_at))
            for task in tasks
        ]  # fmt: skip
    for task, run_id in planned:
        assert run_id is not None
        bell.ring_run(task, run_id, about="busy")

    def busy() -> bool:
        with engine.begin() as conn:
            return len(run_stops.at_work(conn)) == _BUSY

    _until(busy, f"{_BUSY} runs are at work")


def _fill(bell: CeleryDoorbell, client: "Redis", messages: int) -> None:
    """Messages of runs that never were, copies of one body for each queue."""
    each = messages // len(halting.QUEUES)
    for queue in halting.QUEUES:
        bell.ring_run(queue, _NO_RUN, about="waits")
        (raw,) = client.lrange(queue, 0, 0) or (b"{}",)
        client.rpush(queue, *[raw] * (each - 1))


def _open(engine: Engine, held: Stop) -> None:
    with engine.begin() as conn:
        fence.open_(conn, None)
        stops.open_(conn, held.id, actor="benchmark")


def _consumes_all(board: CelerySwitchboard) -> bool:
    workers = tuple(board.consuming())
    board.apply_desired(workers)
    wanted = {*catalogue.queues(Lane.FAST), *catalogue.queues(Lane.CYCLES)}
    return wanted <= set().union(*board.consuming(workers).values())


def _started_since(marks: Path, closed_at: float) -> int:
    return sum(float(line) > closed_at for line in marks.read_text().splitlines())


def _until(condition: Any, what: str) -> None:
    deadline_s = time.monotonic() + _LIMIT_S
    while not condition():
        if time.monotonic() > deadline_s:
            sys.exit(f"never came true: {what}")
        time.sleep(0.05)


def _percentiles(name: str, values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    at = {share: ordered[min(len(ordered) - 1, math.ceil(share / 100 * len(ordered)) - 1)] for share in (50, 95)}
    return {f"{name} p{share} ms": round(value, 1) for share, value in at.items()} | {
        f"{name} most ms": round(ordered[-1], 1)
    }


if __name__ == "__main__":
    main()
