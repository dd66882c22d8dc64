"""A slot of real time over accounts of growing size: time, calls, statements, memory; against reading all ads anew.

`python -m benchmarks.real_time [--ads 1000,10000,200000] [--slots 7] [--json]`

Each size runs in a process of its own: a living sandbox, a fresh embedded Postgres (fsync on), the account collected
once. Then slots that ask the platform, and slots right after the collector, which ask nobody. The peer, in the same
run, is what one would do first: read today's insights of every ad, whole days and hours, and throw them away.
Time is that of working: waiting for the account's quota is not in it, how often that was is told. The sandbox's clock
stands, and with it what is used of the quota: it goes on where a run was kept back.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, text

import sandbox.process
from actions.quota import DECAY_S
from control_tower.standins import NotedDoorbell
from domain import catalogue
from domain.actions import Level, Mode
from domain.health import RunState
from domain.ports import Doorbell
from embedded import postgres
from models import accounts, fence, migrate, run_history
from models.accounts import Account
from models.engine import db_now
from sandbox.process import SandboxProcess
from tasks import collector, real_time
from tasks.live_reading import day_of
from workers import planner
from workers.bootstrap import House
from workers.schedule import wanted_rhythms
from workers.serve import Body, serve

_TASK, _COLLECTOR = "meta.real_time", "meta.collector"
_START = "2026-11-20T15:30:00"
_MOST_PUT_BACK = 50  # where our own quota keeps a run back
_AFTER_S = 0.05


class QuietHouse(House):
    """A house whose bell only notes, beside its platform."""

    platform: SandboxProcess

    @property
    def doorbell(self) -> Doorbell:
        """Rings for nobody."""
        return NotedDoorbell()

    def let_quota_return(self) -> None:
        """Let the platform's clock go on until nothing is used of the account's score."""
        self.platform.ask("POST", "/advance", {"seconds": DECAY_S})


def main() -> None:
    """Measure every size and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ads", default="1000,10000,200000")
    parser.add_argument("--slots", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.slots)))
        return
    rows = [_in_own_process(int(size), options.slots) for size in options.ads.split(",")]
    document = {"sizes": rows, "growth": _growth(rows)}
    print(json.dumps(document, indent=2) if options.json else _table(document))


def measure(ads: int, slots: int) -> dict[str, Any]:
    """Measure one size."""
    with tempfile.TemporaryDirectory(prefix="stakazo-live-") as folder, _world(Path(folder), ads) as house:
        account = _open(house)
        collected = _serve(house, account, _COLLECTOR, collector.run)
        before_mb = _peak_mb()
        first = _slot(house, account, is_fresh=False)
        asked = [_slot(house, account, is_fresh=False) for _ in range(slots)]
        summed = [_slot(house, account, is_fresh=True) for _ in range(slots)]
        after_mb = _peak_mb()
        peer = _read_all(house, account)
    return {
        "ads": ads,
        "collector_ms": collected["ms"],
        "collector_put_back": collected["put_back"],
        "first_slot_ms": first["ms"],
        "slot_ms": statistics.median(row["ms"] for row in asked),
        "slot_cpu_ms": statistics.median(row["cpu_ms"] for row in asked),
        "slot_put_back": sum(row["put_back"] for row in asked),
        "slot_calls": asked[-1]["calls"],
        "slot_statements": asked[-1]["statements"],
        "after_collector_ms": statistics.median(row["ms"] for row in summed),
        "after_collector_calls": summed[-1]["calls"],
        "after_collector_statements": summed[-1]["statements"],
        "peak_mb_grew": round(after_mb - before_mb, 1),
        "all_ads_ms": peer["ms"],
        "all_ads_calls": peer["calls"],
        "all_ads_rows": peer["rows"],
        "times_faster": round(peer["ms"] / max(1.0, statistics.median(row["ms"] for row in asked)), 1),
    }


def _slot(house: QuietHouse, account: Account, *, is_fresh: bool) -> dict[str, Any]:
    """Serve a slot; `is_fresh` = as right after the collector, else as minutes later."""
    now = house.clock_of(account).now()
    read_at = now if is_fresh else now - timedelta(minutes=10)
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, actor="benchmark", insights_read_at=read_at)
    return _serve(house, account, _TASK, real_time.run)


def _serve(house: QuietHouse, account: Account, task: str, body: Body) -> dict[str, Any]:
    run_id = planner.plan_asked(house, task, account, asked_by="benchmark")
    rhythms, calls = wanted_rhythms(house.settings), _calls(house)
    took = used = 0.0
    put_back = 0
    while True:
        with _statements() as seen:
            began, before = time.perf_counter(), time.process_time()
            serve(house, run_id, body, rhythm=catalogue.rhythm(task), rhythms=rhythms, owner="benchmark/1")
            took, used = took + time.perf_counter() - began, used + time.process_time() - before
        with house.engine.begin() as conn:
            run, now = run_history.get(conn, run_id), db_now(conn)
        if run is None or run.state is not RunState.PLANNED or run.ring_at is None or put_back == _MOST_PUT_BACK:
            break
        put_back += 1
        house.let_quota_return()
        time.sleep(max(0.0, (run.ring_at - now).total_seconds()) + _AFTER_S)
    if run is None or run.state is not RunState.SUCCEEDED:
        raise SystemExit(f"{task} did not succeed: {run}")
    spent = {"ms": round(took * 1000, 1), "cpu_ms": round(used * 1000, 1), "put_back": put_back}
    return {**spent, "calls": _calls(house) - calls, "statements": len(seen)}


def _read_all(house: QuietHouse, account: Account) -> dict[str, Any]:
    house.let_quota_return()
    reader, day = house.client_of(account).reader, day_of(account, house.clock_of(account).now())
    own, calls, rows = account.platform_account_id, _calls(house), 0
    began = time.perf_counter()
    for read in (reader.daily_insights, reader.hourly_insights):
        rows += sum(len(page) for page in read(own, day, day))
    return {"ms": round((time.perf_counter() - began) * 1000, 1), "calls": _calls(house) - calls, "rows": rows}


def _calls(house: House) -> int:
    with house.engine.begin() as conn:
        return int(conn.execute(text("SELECT coalesce(sum(calls), 0) FROM quotas")).scalar_one())


def _open(house: House) -> Account:
    (info, *_) = house.client("meta", Mode.STUB).reader.accounts()
    with house.engine.begin() as conn:
        fence.open_(conn, None)
        found = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.OBSERVE)
        return accounts.get(conn, found)


@contextmanager
def _world(folder: Path, ads: int) -> Iterator[QuietHouse]:
    data = folder / "sandbox"
    data.mkdir()
    with (
        sandbox.process.start(
            data, scenario=f"generated:{ads}:1", speed=0, start_at=_START, ready_timeout_s=900
        ) as platform,
        postgres.start(folder / "postgres") as server,
    ):
        os.environ |= {"DATABASE_URL": server.url, "STAKAZO_HOME": str(folder), "SANDBOX_DATA": str(data)}
        migrate.upgrade(server.url)
        with QuietHouse.open(name="benchmark") as house:
            house.platform = platform
            yield house


@contextmanager
def _statements() -> Iterator[list[str]]:
    """Gather every statement of every pool, those of the calls' books among them."""
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _in_own_process(ads: int, slots: int) -> dict[str, Any]:
    argv = [sys.executable, "-m", "benchmarks.real_time", "--one", str(ads), "--slots", str(slots)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _growth(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each size against the one before: how many times the ads, how many times the time."""
    names = ("ads", "slot_ms", "slot_calls", "after_collector_ms", "all_ads_ms", "all_ads_calls")
    return [
        {name: round(after[name] / before[name], 2) if before[name] else None for name in names}
        for before, after in pairwise(rows)
    ]


def _table(document: dict[str, Any]) -> str:
    names = list(document["sizes"][0])
    return "\n".join(f"{name:28}" + "".join(f"{row[name]!s:>14}" for row in document["sizes"]) for name in names)


if __name__ == "__main__":
    main()
