"""The clients that `ingest` compares, each in a process of its own: from HTTP into `insights_daily`, upserting.

A client gets ready (imports, connections), prints a line, waits for a word, works, prints its figures.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import requests
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from domain.ids import AccountId, PlatformAccountId
from domain.ports import ClientOptions
from meta_client import open_client
from models import insights
from models.engine import make_engine
from models.tables import insights_daily

_VERSION = "v26.0"
_PAGE = 500
_CHUNK = 5000  # rows of one upsert of the peers: their best size (facts/decisions.md §4)
_FIELDS = ("ad_id", "adset_id", "campaign_id", "impressions", "inline_link_clicks", "spend", "actions", "action_values")
_FIGURES = ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor", "read_at")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one process loads: an account's days, both included."""

    client: str
    graph: str
    token: str
    database_url: str
    account: str
    account_id: int
    since: str
    until: str
    read_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What it took."""

    seconds: float
    cpu_s: float
    peak_mb: float


def ours(task: Task, conn: Connection) -> None:
    """Read as the collector reads."""
    reader = open_client(ClientOptions(base_url=task.graph, token=lambda: task.token, app_secret=lambda: None)).reader
    days = date.fromisoformat(task.since), date.fromisoformat(task.until)
    pages = reader.daily_insights(PlatformAccountId(task.account), *days)
    insights.upsert_daily(conn, AccountId(task.account_id), pages, datetime.fromisoformat(task.read_at))


def sdk(task: Task, conn: Connection) -> None:
    """Read with the official SDK's cursor, load with SQLAlchemy Core's bulk upsert."""
    from facebook_business.adobjects.adaccount import AdAccount  # a peer: nobody else needs it
    from facebook_business.api import FacebookAdsApi
    from facebook_business.session import FacebookSession

    FacebookSession.GRAPH = task.graph
    FacebookAdsApi.init(access_token=task.token, api_version=_VERSION)
    params = {**_params(task), "time_range": {"since": task.since, "until": task.until}, "limit": _PAGE}
    cursor = AdAccount(task.account).get_insights(fields=list(_FIELDS), params=params)
    statement = insert(insights_daily)
    changes = {name: statement.excluded[name] for name in _FIGURES}
    keys = [column.name for column in insights_daily.primary_key]
    upsert = statement.on_conflict_do_update(index_elements=keys, set_=changes)
    for rows in _chunks(_plain(task, item) for item in cursor):
        conn.execute(upsert, rows)


def script(task: Task, conn: Connection) -> None:
    """Read with requests and json, load with psycopg's executemany."""
    names = ("account_id", "day", "ad_id", "ad_set_id", "campaign_id", *_FIGURES)
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in _FIGURES)
    statement = (
        f"INSERT INTO insights_daily ({', '.join(names)}) VALUES ({', '.join(f'%({name})s' for name in names)}) "
        f"ON CONFLICT (account_id, day, ad_id) DO UPDATE SET {changes}"
    )
    driver: Any = conn.connection.driver_connection
    for rows in _chunks(_plain(task, item) for item in _pages_by_hand(task)):
        with driver.cursor() as cursor:
            cursor.executemany(statement, rows)


def _pages_by_hand(task: Task) -> Iterator[Mapping[str, Any]]:
    span = json.dumps({"since": task.since, "until": task.until})
    params = {**_params(task), "fields": ",".join(_FIELDS), "time_range": span, "limit": str(_PAGE)}
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {task.token}"
        while True:  # ends with the last page
            page = session.get(f"{task.graph}/{_VERSION}/{task.account}/insights", params=params, timeout=60).json()
            yield from page["data"]
            if "next" not in page.get("paging", {}):
                return
            params["after"] = page["paging"]["cursors"]["after"]


def _params(_: Task) -> dict[str, Any]:
    return {"level": "ad", "time_increment": "1"}


def _plain(task: Task, item: Mapping[str, Any]) -> Row:
    def purchases(name: str) -> str:
        return next((row["value"] for row in item.get(name, ()) if row["action_type"] == "omni_purchase"), "0")

    return {
        "account_id": task.account_id, "day": item["date_start"], "ad_id": item["ad_id"], "ad_set_id": item["adset_id"],
        "campaign_id": item["campaign_id"], "impressions": int(item["impressions"]),
        "clicks": int(item.get("inline_link_clicks", 0)), "spend_minor": round(float(item["spend"]) * 100),
        "purchases": int(purchases("actions")), "revenue_minor": round(float(purchases("action_values")) * 100),
        "read_at": task.read_at,
    }  # fmt: skip


def _chunks(rows: Iterator[Row]) -> Iterator[Sequence[Row]]:
    chunk: list[Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


CLIENTS: Mapping[str, Callable[[Task, Connection], None]] = {"ours": ours, "sdk": sdk, "script": script}


def main() -> None:
    """Get ready, wait, work."""
    task = Task(**json.loads(sys.argv[1]))
    engine = make_engine(task.database_url, pool_size=2)
    if task.client == "sdk":
        import facebook_business.api  # noqa: F401 - loaded before the time runs, as everything else
    with engine.begin() as conn:
        conn.exec_driver_sql("SELECT 1")
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        began_s, cpu_s = time.perf_counter(), time.process_time()
        CLIENTS[task.client](task, conn)
        conn.commit()
        spent = Spent(
            seconds=time.perf_counter() - began_s,
            cpu_s=time.process_time() - cpu_s,
            peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )
    sys.stdout.write(json.dumps(asdict(spent)) + "\n")


if __name__ == "__main__":
    main()
