"""A scripted account that answers insights by what is asked, not by turn: for readers with several threads."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from domain.ports import ClientOptions
from meta_client.accounts import AccountBook
from meta_client.insights import InsightReader
from meta_client.pages import Pager
from meta_client.reads import MetaReader
from meta_client.slices import Pace
from meta_client.transport import Transport
from tests.meta_client.scripted import ACCOUNT_NODE, Received, Reply, Scripted, answering, graph_error

TOO_MUCH = graph_error(100, 1487534)
SMALL = Pace(degree=4, page=10, least_pages=1, heavy_pages=2, report_rows=10**9)


@dataclass
class Shop:
    """`ads` ads, 5 a campaign, each with a row on every day; `refuse` may answer a call otherwise."""

    ads: int
    refuse: Callable[["Shop", Received], Reply | None] = lambda _, __: None
    seen: list[Received] = field(default_factory=list)
    runs: dict[str, dict[str, str]] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    looks_needed: int = 2

    def pick(self, received: Received) -> Reply:
        self.seen.append(received)
        return self.refuse(self, received) or answering(self._answer(received))

    def _answer(self, received: Received) -> object:
        edge = received.path.removeprefix("/v26.0/").split("/")
        if edge == ["act_7"]:
            return ACCOUNT_NODE
        if edge[-1] == "ads":
            return {"data": [{"id": "1"}], "summary": {"total_count": self.ads}}
        if edge == ["act_7", "insights"] and received.method == "POST":
            run = str(900 + len(self.runs))
            self.runs[run] = received.form
            return {"report_run_id": run}
        if edge[-1] == "insights":
            asked = received.query if edge[0] == "act_7" else {**self.runs[edge[0]], **received.query}
            return self._page(asked)
        self.looks[edge[0]] = looks = self.looks.get(edge[0], 0) + 1
        done = looks >= self.looks_needed
        status = "Job Completed" if done else "Job Running"
        return {"id": edge[0], "async_status": status, "async_percent_completion": 100 if done else 40}

    def _page(self, asked: dict[str, str]) -> dict[str, Any]:
        campaigns = _filter(asked)
        numbers = [n for n in range(self.ads) if campaigns is None or str(100 + n // 5) in campaigns]
        if asked["level"] == "campaign":
            rows: list[dict[str, str]] = [{"campaign_id": c} for c in sorted({str(100 + n // 5) for n in numbers})]
        else:
            rows = [_row(n, day) for day in _days(asked) for n in numbers]
        start, limit = int(asked.get("after", "0")), int(asked["limit"])
        paging = {"cursors": {"after": str(start + limit)}}
        more = {"next": "https://elsewhere.example"} if start + limit < len(rows) else {}
        return {"data": rows[start : start + limit], "paging": {**paging, **more}}

    def asked(self, edge: str) -> list[Received]:
        return [one for one in self.seen if one.path == f"/v26.0/{edge}"]


class ShopServer(Scripted):
    """Answers every call by the shop, however many come at once."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        super().__init__()

    def pick(self, received: Received | None) -> Reply:
        assert received is not None
        return self.shop.pick(received)


def _filter(asked: dict[str, str]) -> set[str] | None:
    return set(json.loads(asked["filtering"])[0]["value"]) if "filtering" in asked else None


def _days(asked: dict[str, str]) -> list[date]:
    span = json.loads(asked["time_range"])
    first, last = date.fromisoformat(span["since"]), date.fromisoformat(span["until"])
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _row(number: int, day: date) -> dict[str, Any]:
    return {
        "ad_id": str(1000 + number),
        "adset_id": str(500 + number // 2),
        "campaign_id": str(100 + number // 5),
        "date_start": day.isoformat(),
        "impressions": "5",
        "spend": "1.25",
    }


def reader_of(url: str, pace: Pace, *, gate: Any = None, sleeps: list[float] | None = None) -> MetaReader:
    options = ClientOptions(base_url=url, token=lambda: "EAAToken", app_secret=lambda: "s3cret", gate=gate)
    transport = Transport(options)
    pager = Pager(transport, sleep=(sleeps if sleeps is not None else []).append)
    waits = sleeps if sleeps is not None else []
    return MetaReader(transport, pager, AccountBook(pager), figures=InsightReader(pager, pace=pace, sleep=waits.append))
