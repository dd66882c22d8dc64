"""A full cycle over accounts of growing size: time by step, rows a second, peak memory, growth, against a plain script.

`python -m benchmarks.cycle [--ads 1000,10000,100000] [--source replay|sandbox|both] [--days 28] [--json]`

Each size runs in a process of its own on a fresh embedded Postgres (fsync on). `replay` serves pre-rendered pages, so
that only our side is measured; `sandbox` is the living one. Three cycles are reported: the first loads the account, the
second reads its whole tree again (every few hours), the third is the steady state (campaigns, ad sets, changed ads).
Between the first and the second the evidence modules and the optimizer run once, each timed, so that the cycles decide
by the default policy from evidence: of `--days` recorded days (28), of which the steady state reads the last two
again. With `--days 1` there is one day to read, and no evidence.
The peer, in the same run and on the same pages, is the script one would write first: requests, json, one dict per row,
SQLAlchemy upserts of 1,000 rows.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from benchmarks import replay
from domain import catalogue
from domain.actions import Level, Mode
from domain.health import RunState
from domain.ids import RunId
from embedded import postgres, redis
from models import accounts, insights, migrate, partitions, run_history
from models.accounts import Account
from models.tables import insights_daily
from tasks import ab_testing, budget_spikes, creative_intelligence, full_cycle, optimization, roas_engine
from workers import planner
from workers.bootstrap import House
from workers.schedule import wanted_rhythms
from workers.serve import serve
from workers.work import Work

_TASK = "meta.full_cycle"
_READY_S = 900.0
_CHUNK = 1000
_MODULES: Mapping[str, Callable[[Work], None]] = {
    "roas_engine": roas_engine.run,
    "ab_testing": ab_testing.run,
    "budget_spikes": budget_spikes.run,
    "creative_intelligence": creative_intelligence.run,
    "optimization": optimization.run,
}


def main() -> None:
    """Measure every size and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ads", default="1000,10000,100000")
    parser.add_argument("--source", choices=("replay", "sandbox", "both"), default="both")
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        source, _, ads = options.one.partition(":")
        print(json.dumps(measure(source, int(ads), options.days)))
        return
    sizes = [int(text) for text in options.ads.split(",")]
    sources = ("replay", "sandbox") if options.source == "both" else (options.source,)
    figures = {source: [_in_own_process(source, ads, options) for ads in sizes] for source in sources}
    document = {source: {"sizes": rows, **_growth(rows)} for source, rows in figures.items()}
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        _print(document)


def measure(source: str, ads: int, days: int) -> dict[str, Any]:
    """Run the first, the full and the steady cycle, then the peer, on one account of `ads` ads."""
    with (
        tempfile.TemporaryDirectory(prefix="stakazo-cycle-") as text,
        _platform(source, ads, days, Path(text)) as environment,
    ):
        folder = Path(text)
        with postgres.start(folder / "postgres") as pg, redis.start(folder / "redis") as broker:
            os.environ |= {**environment, "DATABASE_URL": pg.url, "REDIS_URL": broker.url, "STAKAZO_HOME": text}
            migrate.upgrade(pg.url)
            with House.open(name="benchmark") as house:
                account = _open(house)
                first = _cycle(house, account)
                modules = {name: _module(house, account, name, body) for name, body in _MODULES.items()}
                full = _cycle(house, account, is_full=True)
                steady = _cycle(house, account)
                peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                ours_s, peer_s = _our_insights(house, account), _plain_script(house, account)
    return {
        "ads": ads,
        "first_s": first["total_s"],
        "full_s": full["total_s"],
        "steady_s": steady["total_s"],
        "steps_s": steady["steps_s"],
        "modules_s": modules,
        "state": steady["state"],
        "proposed": first["proposed"],
        "repeated": steady["repeated"],
        "peak_mb": round(peak_mb, 1),
        "insights_s": round(ours_s, 2),
        "insights_plain_script_s": round(peer_s, 2),
        "ratio_to_plain_script": round(ours_s / peer_s, 3),
    }


def _open(house: House) -> Account:
    reader = house.client("meta", Mode.STUB).reader
    (info,) = reader.accounts()
    with house.engine.begin() as conn:
        opened = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.OBSERVE)
        return accounts.get(conn, opened)


def _cycle(house: House, account: Account, *, is_full: bool = False) -> dict[str, Any]:
    """Run a cycle, collection included although the data are fresh; `is_full` reads the whole tree again."""
    with house.engine.begin() as conn:
        read_at = accounts.get(conn, account.id).tree_read_at
        stale = {"tree_read_at": None if read_at is None else read_at - timedelta(minutes=31)}
        full = {"tree_full_read_at": None} if is_full else {}
        accounts.change(conn, account.id, actor="benchmark", **stale, **full)
    run_id: RunId = planner.plan_asked(house, _TASK, account, asked_by="benchmark")
    began = time.perf_counter()
    rhythms = wanted_rhythms(house.settings)
    serve(house, run_id, full_cycle.run, rhythm=catalogue.rhythm(_TASK), rhythms=rhythms, owner="benchmark/1")
    total_s = time.perf_counter() - began
    with house.engine.connect() as conn:
        run = run_history.get(conn, run_id)
    if run is None or run.state not in (RunState.SUCCEEDED, RunState.PARTIAL):
        raise SystemExit(f"the cycle did not succeed: {run}")
    steps = {step["step"]: round(step["ms"] / 1000, 3) for step in run.steps_executed}
    counts = {name: run.stats_snapshot.get(name, 0) for name in ("proposed", "repeated")}
    return {"total_s": round(total_s, 2), "steps_s": steps, "state": run.state, **counts}


def _module(house: House, account: Account, name: str, body: Callable[[Work], None]) -> float:
    """Seconds of one run of a module that the cycle decides from."""
    task = f"meta.{name}"
    run_id: RunId = planner.plan_asked(house, task, account, asked_by="benchmark")
    began = time.perf_counter()
    rhythms = wanted_rhythms(house.settings)
    serve(house, run_id, body, rhythm=catalogue.rhythm(task), rhythms=rhythms, owner="benchmark/1")
    took_s = time.perf_counter() - began
    with house.engine.connect() as conn:
        run = run_history.get(conn, run_id)
    if run is None or run.state not in (RunState.SUCCEEDED, RunState.PARTIAL):
        raise SystemExit(f"{task} did not succeed: {run}")
    return round(took_s, 2)


def _our_insights(house: House, account: Account) -> float:
    """Read today's insights and upsert them, as the collector does: the part that the peer does too."""
    reader, today = house.client_of(account).reader, datetime.now(UTC).date()
    began = time.perf_counter()
    with house.engine.begin() as conn:
        pages = reader.daily_insights(account.platform_account_id, today, today)
        insights.upsert_daily(conn, account.id, pages, datetime.now(UTC))
    return time.perf_counter() - began


def _plain_script(house: House, account: Account) -> float:
    """Read the same day's insights page by page and upsert them, without anything of ours but the table."""
    client = house.client("meta", Mode.STUB).reader.account(account.platform_account_id)
    base, token = os.environ["SANDBOX_URL"], json.loads(_credentials())["access_token"]
    today = datetime.now(UTC).date().isoformat()
    began = time.perf_counter()
    with house.engine.begin() as conn, requests.Session() as session:
        partitions.ensure(conn, insights_daily, datetime.now(UTC).date(), datetime.now(UTC).date())
        params = {
            "level": "ad", "time_increment": "1", "limit": "500",
            "time_range": json.dumps({"since": today, "until": today}),
            "fields": "ad_id,adset_id,campaign_id,impressions,inline_link_clicks,spend,actions,action_values",
        }  # fmt: skip
        rows: list[dict[str, Any]] = []
        while True:
            url = f"{base}/v26.0/{client.id}/insights"
            page = session.get(url, params=params, headers={"Authorization": f"Bearer {token}"}, timeout=60).json()
            rows += [_plain_row(int(account.id), item) for item in page["data"]]
            if len(rows) >= _CHUNK:
                _upsert(conn, rows)
                rows = []
            if "next" not in page.get("paging", {}):
                break
            params["after"] = page["paging"]["cursors"]["after"]
        _upsert(conn, rows)
    return time.perf_counter() - began


def _plain_row(account_id: int, item: Mapping[str, Any]) -> dict[str, Any]:
    def purchases(name: str) -> float:
        return next((float(row["value"]) for row in item.get(name, []) if row["action_type"] == "omni_purchase"), 0.0)

    return {
        "account_id": account_id, "day": item["date_start"], "ad_id": item["ad_id"], "ad_set_id": item["adset_id"],
        "campaign_id": item["campaign_id"], "impressions": int(item["impressions"]),
        "clicks": int(item.get("inline_link_clicks", 0)), "spend_minor": round(float(item["spend"]) * 100),
        "purchases": int(purchases("actions")), "revenue_minor": round(purchases("action_values") * 100),
        "read_at": datetime.now(UTC),
    }  # fmt: skip


def _upsert(conn: Connection, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    statement = insert(insights_daily)
    figures = ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor", "read_at")
    keys = [column.name for column in insights_daily.primary_key]
    changes = {name: statement.excluded[name] for name in figures}
    conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)


@contextmanager
def _platform(source: str, ads: int, days: int, folder: Path) -> Iterator[Mapping[str, str]]:
    """Serve the account in a process of its own; yields the settings under which it is found."""
    data = folder / "sandbox"
    data.mkdir()
    if source == "replay":
        (data / "credentials.json").write_text(json.dumps({"access_token": replay.TOKEN}))
        until = datetime.now(UTC).date().isoformat()
        words = ["-m", "benchmarks.replay", "--ads", str(ads), "--until", until, "--days", str(days)]
    else:
        words = ["-m", "sandbox", "serve", "--data", str(data), "--scenario", f"generated:{ads}", "--speed", "1"]
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
    try:
        address = json.loads(_first_line(process))
        yield {
            "SANDBOX_URL": address["graph"],
            "SANDBOX_ADMIN_URL": address.get("admin", address["graph"]),
            "SANDBOX_DATA": str(data),
        }
    finally:
        process.terminate()
        process.wait(timeout=30)


def _first_line(process: subprocess.Popen[str]) -> str:
    if process.stdout is None:
        raise SystemExit("the platform has no output")
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"the platform ended with status {process.wait(timeout=30)} before it was ready")
    return line


def _credentials() -> str:
    return (Path(os.environ["SANDBOX_DATA"]) / "credentials.json").read_text()


def _in_own_process(source: str, ads: int, options: argparse.Namespace) -> dict[str, Any]:
    if not options.json:
        print(f"{source}: {ads:,} ads …", file=sys.stderr)
    words = [sys.executable, "-m", "benchmarks.cycle", "--one", f"{source}:{ads}", "--days", str(options.days)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=_READY_S, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _growth(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many times the time grows from each size to the next (linear = the ratio of the sizes)."""
    return {
        "growth": [
            {"ads": f"{a['ads']} → {b['ads']}", "time": round(b["steady_s"] / a["steady_s"], 2)}
            for a, b in pairwise(rows)
        ]
    }


def _print(document: Mapping[str, Any]) -> None:
    for source, figures in document.items():
        print(f"\n{source}")
        heads = ("first", "full", "steady", "collect", "decide", "act", "proposed", "repeated", "peak MB")
        print(f"{'ads':>8} " + " ".join(f"{head:>8}" for head in heads) + "  ratio_to_plain_script (insights)")
        for row in figures["sizes"]:
            steps: Callable[[str], float] = row["steps_s"].__getitem__
            print(
                f"{row['ads']:>8} {row['first_s']:>7.1f}s {row['full_s']:>7.2f}s {row['steady_s']:>7.2f}s "
                f"{steps('step_1_collection'):>7.2f}s {steps('step_2_decisions'):>7.2f}s "
                f"{steps('step_3_api_actions'):>7.2f}s {row['proposed']:>8} {row['repeated']:>8} {row['peak_mb']:>8} "
                f" {row['ratio_to_plain_script']}"
            )
            print("         " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in row["modules_s"].items()))
        for step in figures["growth"]:
            print(f"  growth {step['ads']}: time x {step['time']}")


if __name__ == "__main__":
    main()
