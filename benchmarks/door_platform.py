"""A platform for `benchmarks.door`: takes budget writes and reads, singly and in batches, and logs when each arrived.

Run it as its own process: `python -m benchmarks.door_platform` prints one JSON line with its address. It keeps
budgets in memory, an object is made when it is first named; `POST /delay` sets what each answer waits for.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn

BUDGET = 10_000
_OK = 200
_Send = Callable[[Mapping[str, Any]], Awaitable[None]]
_Receive = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass
class DoorPlatform:
    """The ASGI application; `log` has (request id, object, arrival by the monotonic clock) of every write."""

    delay_s: float = 0.0
    write_delay_s: float = 0.0  # on top, of writes alone
    budgets: dict[str, int] = field(default_factory=dict)
    log: list[tuple[str, str, float]] = field(default_factory=list)

    async def __call__(self, scope: Mapping[str, Any], receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = await _body(receive)
        arrived_s = time.monotonic()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path, query = scope["path"], _flat(scope["query_string"].decode())
        answer = self._admin(path, query)
        if answer is None:
            form = _flat(body.decode())
            await asyncio.sleep(self.delay_s + (self.write_delay_s if _writes(scope["method"], form) else 0.0))
            answer = self._answer(scope["method"], path, form, headers.get("x-request-id", ""), arrived_s)
        content = json.dumps(answer).encode()
        told = [(b"content-type", b"application/json"), (b"facebook-api-version", b"v26.0")]
        await send({"type": "http.response.start", "status": _OK, "headers": told})
        await send({"type": "http.response.body", "body": content})

    def _admin(self, path: str, query: Mapping[str, str]) -> Any:
        match path:
            case "/delay":
                self.delay_s, self.write_delay_s = float(query["seconds"]), float(query.get("writes", "0"))
                return {}
            case "/log":
                return self.log[int(query.get("after", "0")) :]
            case _:
                return None

    def _answer(self, method: str, path: str, form: Mapping[str, str], request_id: str, arrived_s: float) -> Any:
        if "batch" not in form:
            return self._one(method, path.rsplit("/", 1)[-1], form, request_id, arrived_s)
        rows = []
        for item in json.loads(form["batch"]):
            own = next((pair["value"] for pair in item.get("headers", ()) if pair["name"] == "X-Request-Id"), "")
            node = urlsplit(item["relative_url"]).path
            body = self._one(item["method"], node, _flat(item.get("body", "")), own, arrived_s)
            rows.append({"code": _OK, "headers": [], "body": json.dumps(body)})
        return rows

    def _one(self, method: str, node: str, form: Mapping[str, str], request_id: str, arrived_s: float) -> Any:
        if node.startswith("act_"):
            account = {"id": node, "account_id": node[4:], "name": "Shop", "currency": "USD", "account_status": 1}
            return account | {"timezone_name": "UTC", "min_daily_budget": 100}
        if method == "POST":
            self.budgets[node] = int(form["daily_budget"])
            self.log.append((request_id, node, arrived_s))
            return {"success": True}
        budget = str(self.budgets.get(node, BUDGET))
        return {"id": node, "name": "Ad set", "status": "ACTIVE", "daily_budget": budget}


def _writes(method: str, form: Mapping[str, str]) -> bool:
    return method == "POST" and ("batch" not in form or '"method":"POST"' in form["batch"])


async def _body(receive: _Receive) -> bytes:
    parts = []
    more = True
    while more:  # ends with the request
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def main() -> None:
    """Serve until stopped; the first line on standard output is the address, as JSON."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    config = uvicorn.Config(
        DoorPlatform(), host="127.0.0.1", port=0, log_level="warning", lifespan="off", access_log=False
    )
    socket = config.bind_socket()
    sys.stdout.write(json.dumps({"graph": f"http://127.0.0.1:{socket.getsockname()[1]}"}) + "\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[socket])


if __name__ == "__main__":
    main()
