"""The door under load: what it costs against bare client calls, how fast it judges, how surely its fence closes.

`python -m benchmarks.door [--actions 500] [--senders 4] [--proposals 100000] [--fence-trials 100] [--json]`
Aims: under 2 x bare calls at 50 ms; 100,000 proposals in under 5 s; the fence within 100 ms, else deadline + 1 s.

"writes" compares with the same writes by the same client, batched alike, by as many threads; "calls" with the same
three calls (fresh reading, write, read-back): what the door adds to the platform's part of it.
"""

import argparse
import itertools
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from actions.door import propose
from actions.request import request_of
from benchmarks.door_fence import measure_fence
from benchmarks.door_house import (
    LIMITS,
    NOW,
    Platform,
    Standing,
    executor_of,
    furnish,
    open_database,
    open_engine,
    open_platform,
    raise_of,
)
from benchmarks.door_judging import measure_judging
from domain.actions import Action, ActionState, ObjectKind
from domain.ids import AccountId
from domain.ports import Client
from models import accounts
from models.tables import actions as actions_table

_BATCH = 50
_NAMES = itertools.count(1)
_Wanted = Sequence[tuple[AccountId, Sequence[Action]]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, default=500)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--proposals", type=int, default=100_000)
    parser.add_argument("--fence-trials", type=int, default=100)
    parser.add_argument("--slow-trials", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="stakazo-door-") as folder, open_platform() as platform:
        with open_database(Path(folder)) as url:
            engine = open_engine(url, options.senders)
            for accounts_count, delay_ms in itertools.product((1, 50), (0, 50)):
                name = f"{accounts_count}_accounts_{delay_ms}_ms"
                figures[name] = _measure(engine, platform, options, accounts_count, delay_ms / 1000)
            engine.dispose()
        with open_database(Path(folder) / "fence") as url:
            figures["fence"] = measure_fence(url, platform, options.fence_trials, options.slow_trials)
    figures["judging"] = measure_judging(options.proposals)
    print(json.dumps(figures, indent=2) if options.json else "\n".join(_lines(figures)))


def _measure(
    engine: Engine, platform: Platform, options: argparse.Namespace, accounts_count: int, delay_s: float
) -> dict[str, Any]:
    """Propose and carry out; then make the same calls bare, in the same run, at the same latency."""
    platform.ask(f"/delay?seconds={delay_s}")
    senders, each = options.senders, options.actions // accounts_count
    opened = [furnish(engine, name=str(next(_NAMES)), ad_sets=each) for _ in range(accounts_count)]
    client = platform.client()
    began = time.perf_counter()
    wanted = [(account_id, _propose(engine, account_id, each)) for account_id in opened]
    proposed_s = time.perf_counter() - began
    carried_s = _in_threads(senders, _door_jobs(engine, client, wanted))
    confirmed = _count_applied(engine, opened)
    writes_s = _in_threads(senders, _bare_jobs(client, wanted, with_reads=False))
    calls_s = _in_threads(senders, _bare_jobs(client, wanted, with_reads=True))
    count = accounts_count * each
    if confirmed != count:
        raise SystemExit(f"{confirmed} of {count} actions were confirmed; the figures would mean nothing")
    return {
        "actions": count,
        "proposed_per_s": round(count / proposed_s),
        "carried_out_per_s": round(count / carried_s),
        "proposal_to_confirmed_per_s": round(count / (proposed_s + carried_s)),
        "bare_writes_per_s": round(count / writes_s),
        "bare_calls_per_s": round(count / calls_s),
        "cost_against_writes": round(carried_s / writes_s, 2),
        "cost_against_calls": round(carried_s / calls_s, 2),
    }


def _propose(engine: Engine, account_id: AccountId, count: int) -> tuple[Action, ...]:
    with engine.begin() as conn:
        account = accounts.get(conn, account_id)
        wanted = [raise_of(account_id, number) for number in range(1, count + 1)]
        return propose(
            conn, account=account, run_id=None, now=NOW, proposals=wanted, actor="benchmark", limits=LIMITS
        ).actions


def _door_jobs(engine: Engine, client: Client, wanted: _Wanted) -> Iterator[Callable[[], object]]:
    """One wake-up per action, as the doorbell rings: most find that theirs went along with another one."""
    executor = executor_of(engine, client, Standing(), "benchmark")
    for _, rows in wanted:
        for row in rows:
            yield partial(executor.execute, row.id)


def _bare_jobs(client: Client, wanted: _Wanted, *, with_reads: bool) -> Iterator[Callable[[], object]]:
    for _, rows in wanted:
        for start in range(0, len(rows), _BATCH):
            yield partial(_bare, client, rows[start : start + _BATCH], with_reads=with_reads)


def _bare(client: Client, rows: Sequence[Action], *, with_reads: bool) -> None:
    account, ids = _account_of(rows[0]), [row.object_id for row in rows]
    if with_reads:
        client.reader.states(account, ObjectKind.AD_SET, ids)
    results = client.writer.write_many(account, [request_of(row) for row in rows], deadline_s=25.0)
    if list(results) != ids:
        raise SystemExit(f"a bare write failed: {next(row for row in results if not isinstance(row, str))}")
    if with_reads:
        client.reader.states(account, ObjectKind.AD_SET, ids)


def _account_of(row: Action) -> Any:
    return f"act_{row.account_id}"


def _in_threads(senders: int, jobs: Iterator[Callable[[], object]]) -> float:
    lock, failures = threading.Lock(), list[BaseException]()

    def work() -> None:
        while True:  # ends with the jobs
            with lock:
                job = next(jobs, None)
            if job is None:
                return
            try:
                job()
            except BaseException as error:
                failures.append(error)
                raise

    threads = [threading.Thread(target=work) for _ in range(senders)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - began


def _count_applied(engine: Engine, opened: Sequence[AccountId]) -> int:
    applied = (actions_table.c.account_id.in_(opened), actions_table.c.state == ActionState.APPLIED)
    with engine.begin() as conn:
        return int(conn.execute(select(func.count()).where(*applied)).scalar_one())


def _lines(figures: dict[str, Any]) -> Iterator[str]:
    for part, values in figures.items():
        yield part
        for name, value in values.items():
            yield f"  {name:<30} {value}"


if __name__ == "__main__":
    main()
