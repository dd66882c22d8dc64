"""A replay server: an account of any size as pre-rendered Graph API pages, so that a benchmark measures only us.

It answers reads with bytes made at start (the same figures on each read) and refuses writes with code 200. Run it as
its own process: `python -m benchmarks.replay --ads 100000 --day 2026-11-20` prints one JSON line with its address.
"""

import argparse
import asyncio
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import uvicorn

ACCOUNT = "act_700000000000001"
TOKEN = "EAAreplay"  # guards nothing: the server is a recording on loopback
PAGE = 500
ADS_PER_AD_SET = 4
AD_SETS_PER_CAMPAIGN = 5

Pages = list[bytes]
Body = Mapping[str, Any]


@dataclass
class Recording:
    """Everything the server can answer: edge name → its pages, and node id → its body."""

    edges: dict[str, Pages] = field(default_factory=dict)
    hourly: Pages = field(default_factory=list)
    account: bytes = b"{}"


def record(ads: int, day: date, *, seed: int = 1) -> Recording:
    """Render an account of `ads` ads (4 an ad set, 20 a campaign) with one insight row per ad on `day`."""
    rng = np.random.default_rng(seed)
    n_sets = math.ceil(ads / ADS_PER_AD_SET)
    n_campaigns = math.ceil(n_sets / AD_SETS_PER_CAMPAIGN)
    stamp = "2026-08-01T00:00:00+0000"
    life = {"status": "ACTIVE", "effective_status": "ACTIVE", "created_time": stamp, "updated_time": stamp}
    impressions = rng.integers(500, 5000, ads)
    clicks = (impressions * rng.uniform(0.005, 0.03, ads)).astype(int)
    purchases = rng.binomial(clicks, 0.03)
    spend = impressions * rng.uniform(0.8, 2.2, ads)
    value = purchases * rng.uniform(3000, 9000, ads)

    def campaign(i: int) -> Body:
        return {"id": _id(1, i), "name": f"Campaign {i}", "objective": "OUTCOME_SALES", **life}

    def ad_set(i: int) -> Body:
        row = {"id": _id(2, i), "campaign_id": _id(1, i // AD_SETS_PER_CAMPAIGN), "name": f"Ad set {i}", **life}
        return row | {"daily_budget": "10000", "optimization_goal": "OFFSITE_CONVERSIONS",
                      "learning_stage_info": {"status": "SUCCESS"}}  # fmt: skip

    def ad(i: int) -> Body:
        parents = {"adset_id": _id(2, i // ADS_PER_AD_SET), "campaign_id": _id(1, i // 20)}
        return {"id": _id(3, i), "name": f"Ad {i}", "creative": {"id": _id(4, i)}, **parents, **life}

    def creative(i: int) -> Body:
        return {"id": _id(4, i), "name": f"Creative {i}", "title": "Title", "body": "Text"}

    def insight(i: int) -> Body:
        counts = [{"action_type": kind, "value": str(purchases[i])} for kind in ("purchase", "omni_purchase")]
        values = [{"action_type": kind, "value": f"{value[i] / 100:.2f}"} for kind in ("purchase", "omni_purchase")]
        return {
            "ad_id": _id(3, i), "adset_id": _id(2, i // ADS_PER_AD_SET), "campaign_id": _id(1, i // 20),
            "date_start": day.isoformat(), "date_stop": day.isoformat(), "account_currency": "USD",
            "impressions": str(impressions[i]), "clicks": str(clicks[i] + 3), "inline_link_clicks": str(clicks[i]),
            "spend": f"{spend[i] / 100:.2f}",
            "actions": [{"action_type": "link_click", "value": str(clicks[i])}, *counts], "action_values": values,
        }  # fmt: skip

    edges = {
        "campaigns": _pages(n_campaigns, campaign),
        "adsets": _pages(n_sets, ad_set),
        "ads": _pages(ads, ad),
        "adcreatives": _pages(ads, creative),
        "insights": _pages(ads, insight),
    }
    account = {"id": ACCOUNT, "account_id": ACCOUNT[4:], "name": f"Replay of {ads} ads", "currency": "USD",
               "timezone_name": "UTC", "account_status": 1, "min_daily_budget": 100}  # fmt: skip
    return Recording(edges=edges, hourly=[b'{"data":[]}'], account=json.dumps(account).encode())


def _id(kind: int, i: int) -> str:
    return str(kind * 10**14 + i)


def _pages(count: int, render: Callable[[int], Body]) -> Pages:
    """Pages of PAGE rows; `@BASE@` stands where the server's own address goes."""
    pages = []
    for start in range(0, max(count, 1), PAGE):
        rows = [render(i) for i in range(start, min(start + PAGE, count))]
        after = str(start + PAGE)
        paging: dict[str, Any] = {"cursors": {"before": str(start), "after": after}}
        if start + PAGE < count:
            paging["next"] = f"@BASE@?after={after}"
        pages.append(json.dumps({"data": rows, "paging": paging}).encode())
    return pages


class ReplayApp:
    """The ASGI application; `delay_s` is added to every answer, to stand for the way to a far platform."""

    def __init__(self, recording: Recording, *, delay_s: float = 0.0) -> None:
        self._recording = recording
        self._delay_s = delay_s
        self.requests = 0

    async def __call__(self, scope: Mapping[str, Any], _receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        self.requests += 1
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        query = parse_qs(scope["query_string"].decode())
        status, body = self._answer(scope["method"], urlsplit(scope["path"]).path, query)
        headers = [(b"content-type", b"application/json"), (b"facebook-api-version", b"v26.0")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, method: str, path: str, query: Mapping[str, list[str]]) -> tuple[int, bytes]:
        if method != "GET":
            refusal = {"message": "a recording cannot be changed", "type": "OAuthException", "code": 200}
            return 403, json.dumps({"error": {**refusal, "fbtrace_id": "replay"}}).encode()
        edge = path.rstrip("/").rsplit("/", 1)[-1]
        if edge == "clock":
            return 200, json.dumps({"platform_at": datetime.now(UTC).isoformat(), "speed": 1.0}).encode()
        if edge == "adaccounts":
            return 200, b'{"data":[' + self._recording.account + b"]}"
        is_news = "updated_time" in query.get("filtering", [""])[0]  # nothing ever changes in a recording
        if edge in self._recording.edges and not is_news:
            hourly = any("hourly" in item for item in query.get("breakdowns", []))
            pages = self._recording.hourly if hourly else self._recording.edges[edge]
            return 200, pages[min(int(query.get("after", ["0"])[0]) // PAGE, len(pages) - 1)]
        if edge == ACCOUNT:
            return 200, self._recording.account
        return 200, b'{"data":[]}'


def main() -> None:
    """Serve until stopped; the first line on standard output is the address, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ads", type=int, required=True)
    parser.add_argument("--day", type=date.fromisoformat, required=True)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    options = parser.parse_args()
    app = ReplayApp(record(options.ads, options.day), delay_s=options.delay_ms / 1000)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off", access_log=False)
    socket = config.bind_socket()
    sys.stdout.write(json.dumps({"graph": f"http://127.0.0.1:{socket.getsockname()[1]}"}) + "\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[socket])


if __name__ == "__main__":
    main()
