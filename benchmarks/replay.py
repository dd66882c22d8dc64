"""A recorded account over HTTP, handed out as fast as bytes can be: a benchmark then measures clients only.

Rows are rendered before the first call, pages are joined from them: any days, any campaigns, opaque cursors, reports,
and the same figures for each client. `python -m benchmarks.replay --ads 20000 [--latency-ms 50]` prints one JSON line
with its address. `--until 2026-11-20 --days 28` knows figures of these days only, and plays the whole account: its
tree, its clock, nobody who changes anything. `POST /restate` turns to a second set of figures in which every row has
gained something. Hours are empty, writes are refused. Every answer tells of full access, hardly used.
"""

import argparse
import asyncio
import base64
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np

ACCOUNT = "act_700000000000001"
TOKEN = "EAAreplay"  # guards nothing: a recording on loopback
ADS_PER_CAMPAIGN = 20
ADS_PER_AD_SET = 4
_DAY = b"@@@@-@@-@@"
_QUALITIES, _DAYS_OF_EACH = 8, 509  # ad sets differ in what they earn; how a day went repeats only after so many
_STAMP = "2026-08-01T00:00:00+0000"
_LIFE = {"status": "ACTIVE", "effective_status": "ACTIVE", "created_time": _STAMP, "updated_time": _STAMP}
_SEED = 1
_ACTIONS = (
    "link_click", "landing_page_view", "page_engagement", "post_engagement", "omni_purchase",
    "offsite_conversion.fb_pixel_purchase",
)  # fmt: skip


def _campaign(ad: int) -> str:
    return str(10**17 + ad // ADS_PER_CAMPAIGN)


def _ad_set(ad: int) -> str:
    return str(2 * 10**17 + ad // ADS_PER_AD_SET)


def _who(ad: int) -> bytes:
    """The first half of an ad's row: whose figures, of a day that is put in later."""
    row = {
        "account_id": ACCOUNT[4:], "campaign_id": _campaign(ad), "adset_id": _ad_set(ad), "ad_id": str(3 * 10**17 + ad),
        "date_start": _DAY.decode(), "date_stop": _DAY.decode(),
    }  # fmt: skip
    return json.dumps(row, separators=(",", ":")).encode()[:-1]


def _figures(*, gained: int) -> list[bytes]:
    """The second halves: how a day may go, by quality; with ids about 830 bytes, six actions, two values."""
    rng, found = np.random.default_rng(_SEED), []
    for quality in range(_QUALITIES):
        for impressions in rng.integers(500, 5000, _DAYS_OF_EACH):
            clicks = int(rng.binomial(impressions, 0.02))
            purchases = int(rng.poisson(0.6 + 0.2 * quality)) + gained
            counts = (clicks, int(0.9 * clicks), clicks + 9, clicks + 5, purchases, purchases)
            value = f"{purchases * rng.uniform(30, 90):.2f}"
            row = {
                "impressions": str(impressions), "clicks": str(clicks + 3), "inline_link_clicks": str(clicks),
                "spend": f"{impressions * rng.uniform(0.008, 0.022):.2f}",
                "actions": [{"action_type": n, "value": str(v)} for n, v in zip(_ACTIONS, counts, strict=True)],
                "action_values": [{"action_type": n, "value": value} for n in _ACTIONS[4:]],
            }  # fmt: skip
            found.append(b"," + json.dumps(row, separators=(",", ":")).encode()[1:])
    return found


def _tree(ads: int) -> Mapping[str, Sequence[bytes]]:
    """Every object's row, by edge."""

    def rendered(rows: Sequence[Mapping[str, Any]]) -> Sequence[bytes]:
        return [json.dumps(row, separators=(",", ":")).encode() for row in rows]

    goal = {"daily_budget": "10000", "optimization_goal": "OFFSITE_CONVERSIONS",
            "learning_stage_info": {"status": "SUCCESS"}}  # fmt: skip
    return {
        "campaigns": rendered([
            {"id": _campaign(ad), "name": f"Campaign {ad // ADS_PER_CAMPAIGN}", "objective": "OUTCOME_SALES", **_LIFE}
            for ad in range(0, ads, ADS_PER_CAMPAIGN)
        ]),
        "adsets": rendered([
            {"id": _ad_set(ad), "campaign_id": _campaign(ad), "name": f"Ad set {ad // ADS_PER_AD_SET}", **_LIFE, **goal}
            for ad in range(0, ads, ADS_PER_AD_SET)
        ]),
        "ads": rendered([
            {"id": str(3 * 10**17 + ad), "name": f"Ad {ad}", "creative": {"id": str(4 * 10**17 + ad)},
             "adset_id": _ad_set(ad), "campaign_id": _campaign(ad), **_LIFE}
            for ad in range(ads)
        ]),
        "adcreatives": rendered([
            {"id": str(4 * 10**17 + ad), "name": f"Creative {ad}", "title": "Title", "body": "Text"}
            for ad in range(ads)
        ]),
    }  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Recording:
    """Every ad's row, in both sets of figures; `since` and `until` are the days that have any, None = all."""

    ads: int
    since: date | None = None
    until: date | None = None
    who: list[bytes] = field(default_factory=list)
    figures: list[list[bytes]] = field(default_factory=list)
    tree: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    now: int = 0
    runs: dict[str, dict[str, str]] = field(default_factory=dict)

    def record(self) -> None:
        """Render all."""
        self.who = [_who(ad) for ad in range(self.ads)]
        self.figures = [_figures(gained=gained) for gained in (0, 1)]
        if self.until is not None:
            self.tree = _tree(self.ads)

    def answer(self, method: str, target: str, body: bytes) -> bytes:
        """The body of an answer."""
        url = urlsplit(target)
        params = dict(parse_qsl(url.query)) | dict(parse_qsl(body.decode()))
        node, _, edge = url.path.strip("/").partition("/")[2].partition("/")
        edge = edge.strip("/")
        if edge == "insights" and method == "GET":
            return self._insights(self.runs.get(node, {}) | params, url.path)
        return self._edge(edge, params, url.path) if edge and edge != "insights" else self._one(node, url.path, params)

    def _one(self, node: str, path: str, params: dict[str, str]) -> bytes:
        """What is no list."""
        if path == "/restate":
            self.now = 1
            found: Mapping[str, Any] = {}
        elif path == "/clock":
            found = {"platform_at": datetime.now(UTC).isoformat(), "speed": 1.0}
        elif path.rstrip("/").endswith("/insights"):
            found = {"report_run_id": str(500 + len(self.runs))}
            self.runs[found["report_run_id"]] = params
        elif node in self.runs:
            found = {"id": node, "async_status": "Job Completed", "async_percent_completion": 100}
        else:
            found = {"id": "1"} if node == "app" else self._account()
        return json.dumps(found).encode()

    def _account(self) -> Mapping[str, Any]:
        return {"id": ACCOUNT, "account_id": ACCOUNT[4:], "name": f"Replay of {self.ads} ads", "currency": "USD",
                "timezone_name": "UTC", "account_status": 1, "min_daily_budget": 100}  # fmt: skip

    def _edge(self, edge: str, asked: Mapping[str, str], path: str) -> bytes:
        if edge == "adaccounts":
            return json.dumps({"data": [self._account()]}).encode()
        if "total_count" in asked.get("summary", ""):
            return json.dumps({"data": [], "summary": {"total_count": self.ads}}).encode()
        rows = self.tree.get(edge, ())
        if "updated_time" in asked.get("filtering", ""):  # nothing ever changes in a recording
            rows = ()
        limit, start = int(asked.get("limit", "25")), _place(asked.get("after", ""))
        return _page(rows[start : start + limit], start, limit, len(rows), asked, path)

    def _insights(self, asked: Mapping[str, str], path: str) -> bytes:
        limit, start = int(asked.get("limit", "25")), _place(asked.get("after", ""))
        owners = self._owners(asked)
        if asked.get("level") == "campaign":
            campaigns = sorted({ad // ADS_PER_CAMPAIGN for ad in owners})
            rows: Sequence[bytes] = [b'{"campaign_id":"%d"}' % (10**17 + n) for n in campaigns]
            return _page(rows[start : start + limit], start, limit, len(rows), asked, path)
        first, days = self._days(json.loads(asked["time_range"]))
        if "hourly" in asked.get("breakdowns", ""):
            days = 0
        total = days * len(owners)
        parts, place, end = [], start, min(start + limit, total)
        while place < end:
            day, ad = divmod(place, len(owners))
            until = min(len(owners), ad + end - place)
            parts.append(self._rows(owners[ad:until], first + timedelta(days=day)))
            place += until - ad
        return _page(parts, start, limit, total, asked, path)

    def _days(self, asked: Mapping[str, str]) -> tuple[date, int]:
        """The first of the days asked for that have figures, and how many these are."""
        since, until = date.fromisoformat(asked["since"]), date.fromisoformat(asked["until"])
        first = max(since, self.since or since)
        return first, max(0, (min(until, self.until or until) - first).days + 1)

    def _rows(self, ads: Sequence[int], day: date) -> bytes:
        figures, at = self.figures[self.now], day.toordinal() * 101
        joined = b",".join([
            self.who[ad]
            + figures[ad // ADS_PER_AD_SET % _QUALITIES * _DAYS_OF_EACH + (ad * 37 + at) % _DAYS_OF_EACH]
            for ad in ads
        ])  # fmt: skip
        return joined.replace(_DAY, day.isoformat().encode())

    def _owners(self, asked: Mapping[str, str]) -> Sequence[int]:
        if "filtering" not in asked:
            return range(self.ads)
        (condition,) = json.loads(asked["filtering"])
        firsts = [(int(text) - 10**17) * ADS_PER_CAMPAIGN for text in condition["value"]]
        return [ad for first in firsts for ad in range(first, min(first + ADS_PER_CAMPAIGN, self.ads))]


def _page(parts: Sequence[bytes], start: int, limit: int, total: int, asked: Mapping[str, str], path: str) -> bytes:  # noqa: PLR0917
    after = base64.b64encode(b"place:%d" % (start + limit)).decode()
    paging: dict[str, Any] = {"cursors": {"before": base64.b64encode(b"place:%d" % start).decode(), "after": after}}
    if start + limit < total:
        paging["next"] = f"http://127.0.0.1{path}?{urlencode({**asked, 'after': after})}"
    return b'{"data":[' + b",".join(parts) + b'],"paging":' + json.dumps(paging).encode() + b"}"


def _place(cursor: str) -> int:
    return int(base64.b64decode(cursor).removeprefix(b"place:")) if cursor else 0


class Http(asyncio.Protocol):
    """Just enough of HTTP/1.1: keep-alive, one call at a time on a connection."""

    def __init__(self, recording: Recording, latency_s: float) -> None:
        self._recording = recording
        self._latency_s = latency_s
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once a call is whole."""
        self._data += data
        head, is_whole, body = self._data.partition(b"\r\n\r\n")
        if not is_whole:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if len(body) < int(headers.get("content-length", "0")):
            return
        self._data = b""
        method, target, _ = first.split(" ", 2)
        asyncio.get_running_loop().call_later(self._latency_s, self._answer, method, target, body)

    def _answer(self, method: str, target: str, body: bytes) -> None:
        content = self._recording.answer(method, target, body)
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nfacebook-api-version: v26.0\r\n"
            b'X-FB-Ads-Insights-Throttle: {"app_id_util_pct":1,"acc_id_util_pct":1,'
            b'"ads_api_access_tier":"standard_access"}\r\n'
            b'X-Ad-Account-Usage: {"acc_id_util_pct":1.0,"reset_time_duration":0,'
            b'"ads_api_access_tier":"standard_access"}\r\nContent-Length: %d\r\n\r\n' % len(content)
        )
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines((head, content))


def main() -> None:
    """Serve until stopped; the first line on standard output is the address, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ads", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--until", type=date.fromisoformat)
    parser.add_argument("--days", type=int, default=28)
    options = parser.parse_args()
    since = None if options.until is None else options.until - timedelta(days=options.days - 1)
    recording = Recording(ads=options.ads, since=since, until=options.until)
    recording.record()
    asyncio.run(_serve(lambda: Http(recording, options.latency_ms / 1000)))


async def _serve(protocol: Callable[[], asyncio.Protocol]) -> None:
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"graph": f"http://127.0.0.1:{port}"}) + "\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    main()
