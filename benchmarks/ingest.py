"""Insights from HTTP into Postgres: our client in two workers, the official SDK, a plain script; the same table each.

`python -m benchmarks.ingest [--rows 200000] [--latency 0,50] [--against replay,sandbox] [--json]` loads `rows` ad-days
(ten days) into an empty `insights_daily` (embedded Postgres, fsync on). Peers: facebook-business with SQLAlchemy Core
bulk upserts, and requests + json + executemany. Every load must leave the same sums. `--restate` reads seven days of
`rows` ads again, all of them restated, against one day of them. Latency is added to each answer (sandbox: by a proxy).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from benchmarks import replay
from benchmarks.ingest_clients import CLIENTS, Spent, Task
from domain.actions import Level, Mode
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from embedded import postgres
from models import accounts, migrate, partitions
from models.engine import make_engine
from models.tables import insight_increments, insights_daily
from sandbox.process import start

_DAYS = 10
_RESTATED_DAYS = 7
_WORKERS = 2
_FIRST = date(2026, 11, 1)
_READ_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
_PEERS = ("sdk", "script")
_SUMS = text(
    "SELECT count(*), sum(impressions), sum(clicks), sum(spend_minor), sum(purchases), sum(revenue_minor), "
    "count(DISTINCT ad_id), min(day)::text, max(day)::text FROM insights_daily"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the figures come from."""

    graph: str
    token: str
    account: str
    since: date
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One load: the slowest worker's time, all workers' CPU, the largest worker."""

    rows: int
    processes: int
    seconds: float
    rows_per_s: int
    cpu_s: float
    peak_mb: float
    sums: tuple[Any, ...]


@dataclass(slots=True, kw_only=True)
class Bench:
    """The database that every load goes to."""

    engine: Engine
    url: str

    def load(self, client: str, source: Source, *, keep: bool = False, read_at: datetime = _READ_AT) -> Loaded:
        """Load the source's days with so many workers as the client has, into an empty table unless `keep`."""
        if not keep:
            with self.engine.begin() as conn:
                conn.exec_driver_sql("TRUNCATE insights_daily, insight_increments")
        account_id = self._account(source)
        spans = _spans(source, _WORKERS if client == "ours" else 1)
        tasks = [
            Task(client=client, graph=source.graph, token=source.token, database_url=self.url, account=source.account,
                 account_id=account_id, since=a.isoformat(), until=b.isoformat(), read_at=read_at.isoformat())
            for a, b in spans
        ]  # fmt: skip
        return self._loaded(run_together(tasks))

    def load_accounts(self, sources: Sequence[Source], *, read_at: datetime) -> Loaded:
        """Load a span of several accounts, a worker each, beside what is there."""
        tasks = [
            Task(client="ours", graph=one.graph, token=one.token, database_url=self.url, account=one.account,
                 account_id=self._account(one), since=one.since.isoformat(), until=one.until.isoformat(),
                 read_at=read_at.isoformat())
            for one in sources
        ]  # fmt: skip
        return self._loaded(run_together(tasks))

    def _loaded(self, spent: Sequence[Spent]) -> Loaded:
        with self.engine.begin() as conn:
            sums = tuple(str(value) for value in conn.execute(_SUMS).one())
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("CHECKPOINT")  # each load pays for its own writes, none for those before it
        rows, seconds = int(sums[0]), max(one.seconds for one in spent)
        return Loaded(
            rows=rows, processes=len(spent), seconds=round(seconds, 3), rows_per_s=round(rows / seconds),
            cpu_s=round(sum(one.cpu_s for one in spent), 2), peak_mb=round(max(one.peak_mb for one in spent), 1),
            sums=sums,
        )  # fmt: skip

    def _account(self, source: Source) -> int:
        info = AccountInfo(id=PlatformAccountId(source.account), name="A", currency="USD", zone="UTC", is_active=True,
                           status_text="", minimum_daily_budget_minor=100)  # fmt: skip
        with self.engine.begin() as conn:
            return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.OBSERVE)


def run_together(tasks: Sequence[Task]) -> list[Spent]:
    """Start a process for each, let all begin at once, and wait."""
    words = [sys.executable, "-m", "benchmarks.ingest_clients"]
    workers = [
        subprocess.Popen(
            [*words, json.dumps(asdict(task))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for task in tasks
    ]
    for worker in workers:
        _line(worker)
    for worker in workers:
        if worker.stdin is not None:
            worker.stdin.write("go\n")
            worker.stdin.flush()
    return [Spent(**json.loads(_line(worker))) for worker in workers]


def _line(worker: subprocess.Popen[str]) -> str:
    line = worker.stdout.readline() if worker.stdout is not None else ""
    if not line:
        raise SystemExit(f"a client ended with status {worker.wait(timeout=30)} before it was done")
    return line


def _spans(source: Source, parts: int) -> list[tuple[date, date]]:
    days = (source.until - source.since).days + 1
    firsts = [source.since + timedelta(days=days * n // parts) for n in range(parts)]
    lasts = [first - timedelta(days=1) for first in firsts[1:]] + [source.until]
    return list(zip(firsts, lasts, strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--latency", default="0,50", help="milliseconds, comma separated")
    parser.add_argument("--against", default="replay,sandbox")
    parser.add_argument("--restate", action="store_true", help="measure seven restated days against one, only")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    latencies = [float(word) for word in options.latency.split(",")]
    with _database() as bench:
        if options.restate:
            document: Mapping[str, Any] = restate(bench, options.rows, latencies[0])
        else:
            places = [(name, ms) for name in options.against.split(",") for ms in latencies]
            document = {"cases": [compare(bench, name, ms, options.rows) for name, ms in places]}
    print(json.dumps(document, indent=2) if options.json else _text(document))


def compare(bench: Bench, name: str, latency_ms: float, rows: int) -> dict[str, Any]:
    """Load with every client; ours also a quarter of the rows, to see what grows."""
    with source_of(name, rows // _DAYS, latency_ms) as source:
        loads = {client: bench.load(client, source) for client in CLIENTS}
    with source_of(name, rows // _DAYS // 4, latency_ms) as source:
        quarter = bench.load("ours", source)
    if len({load.sums for load in loads.values()}) != 1:
        raise SystemExit(f"the clients do not agree: { ({client: load.sums for client, load in loads.items()}) }")
    best = loads["ours"]
    return {
        "against": name, "latency_ms": latency_ms, "rows": best.rows,
        "clients": {client: _shown(load) for client, load in loads.items()},
        "times_the_sdk": round(best.rows_per_s / loads["sdk"].rows_per_s, 1),
        "times_the_script": round(best.rows_per_s / loads["script"].rows_per_s, 1),
        "ours_of_a_quarter": _shown(quarter),
        "peak_mb_growth": round(best.peak_mb - quarter.peak_mb, 1),
    }  # fmt: skip


def restate(bench: Bench, rows: int, latency_ms: float) -> dict[str, Any]:
    """Read one day, then seven days, of two accounts with half of `rows` ads each, after all figures have moved."""
    last = _FIRST + timedelta(days=_RESTATED_DAYS)
    with replaying(rows // _WORKERS, latency_ms) as graph:
        accounts_of = [f"act_{700_000_000_000_001 + n}" for n in range(_WORKERS)]

        def days(since: date, until: date) -> list[Source]:
            return [
                Source(graph=graph, token=replay.TOKEN, account=name, since=since, until=until) for name in accounts_of
            ]

        with bench.engine.begin() as conn:
            conn.exec_driver_sql("TRUNCATE insights_daily, insight_increments")
        first = bench.load_accounts(days(_FIRST, last), read_at=_READ_AT)
        _post(f"{graph}/restate")
        one = bench.load_accounts(days(last, last), read_at=_READ_AT + timedelta(hours=1))
        seven = bench.load_accounts(days(_FIRST, last - timedelta(days=1)), read_at=_READ_AT + timedelta(hours=2))
    return {
        "restate": {
            "latency_ms": latency_ms, "first_load": {"rows": first.rows, "seconds": first.seconds},
            "one_day": {"rows": rows, "seconds": one.seconds, "peak_mb": one.peak_mb},
            "seven_days": {"rows": _RESTATED_DAYS * rows, "seconds": seven.seconds, "peak_mb": seven.peak_mb},
            "ratio": round(seven.seconds / one.seconds, 2), "gained": seven.sums != first.sums,
        }
    }  # fmt: skip


def _shown(load: Loaded) -> dict[str, Any]:
    return {name: value for name, value in asdict(load).items() if name != "sums"}


@contextmanager
def _database() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="stakazo-ingest-") as folder, postgres.start(Path(folder) / "pg") as server:
        migrate.upgrade(server.url)
        engine = make_engine(server.url)
        with engine.begin() as conn:  # once a month, and then a load waits for another: not what is compared
            for table in (insights_daily, insight_increments):
                partitions.ensure(conn, table, _FIRST, _FIRST + timedelta(days=_DAYS))
        try:
            yield Bench(engine=engine, url=server.url)
        finally:
            engine.dispose()


@contextmanager
def source_of(name: str, ads: int, latency_ms: float) -> Iterator[Source]:
    """Serve an account of so many ads in a process of its own."""
    if name == "replay":
        with replaying(ads, latency_ms) as graph:
            until = _FIRST + timedelta(days=_DAYS - 1)
            yield Source(graph=graph, token=replay.TOKEN, account=replay.ACCOUNT, since=_FIRST, until=until)
        return
    present = datetime(2026, 11, 20, 15, 30)  # noqa: DTZ001 - the sandbox takes UTC without a zone
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stakazo-ingest-sandbox-")))
        process = stack.enter_context(
            start(folder, scenario=f"generated:{ads}", speed=0, start_at=present.isoformat(), ready_timeout_s=900)
        )
        graph = process.graph
        if latency_ms:
            words = ["-m", "benchmarks.far_server", "--to", graph, "--latency-ms", str(latency_ms)]
            graph = stack.enter_context(_serving(words))
        until = present.date() - timedelta(days=1)
        yield Source(
            graph=graph, token=process.token, account=f"act_{process.account_ids[0]}",
            since=until - timedelta(days=_DAYS - 1), until=until,
        )  # fmt: skip


@contextmanager
def replaying(ads: int, latency_ms: float) -> Iterator[str]:
    """Serve a recording."""
    words = ["-m", "benchmarks.replay", "--ads", str(ads), "--latency-ms", str(latency_ms)]
    with _serving(words) as graph:
        yield graph


@contextmanager
def _serving(words: Sequence[str]) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
    try:
        yield str(json.loads(_line(process))["graph"])
    finally:
        process.terminate()
        process.wait(timeout=30)


def _post(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=30) as answer:
        answer.read()


def _text(document: Mapping[str, Any]) -> str:
    if "restate" in document:
        found = document["restate"]
        one, seven = found["one_day"], found["seven_days"]
        return (
            f"restate: {one['rows']:,} rows {one['seconds']} s, {seven['rows']:,} rows {seven['seconds']} s: "
            f"ratio {found['ratio']} (aim 7.5), peak {seven['peak_mb']} MB"
        )
    lines = []
    for case in document["cases"]:
        lines.append(f"{case['against']}, {case['latency_ms']:g} ms, {case['rows']:,} rows")
        for client, load in case["clients"].items():
            lines.append(
                f"  {client:<8} {load['rows_per_s']:>9,} rows/s  {load['seconds']:>8} s  {load['cpu_s']:>7} s of CPU  "
                f"{load['peak_mb']:>7} MB in {'each of ' if load['processes'] > 1 else ''}{load['processes']} process"
                f"{'es' if load['processes'] > 1 else ''}"
            )
        lines.append(
            f"  times_the_sdk {case['times_the_sdk']}  times_the_script {case['times_the_script']}  "
            f"peak of a quarter of the rows {case['ours_of_a_quarter']['peak_mb']} MB"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
