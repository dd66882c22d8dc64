"""The admin address: clock, faults, oracle log, hidden truth, edits by a person. Loopback only, no token."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import from_us, to_us
from sandbox.faults import Script
from sandbox.journal import LogLine
from sandbox.meta.graph import Graph
from sandbox.meta.request import LATEST, GraphCall
from sandbox.nodes import Kind
from sandbox.platform import Platform

_BAD: Final = 400
_LONGEST_ADVANCE: Final = timedelta(days=1_100)


def admin_app(platform: Platform, graph: Graph) -> Starlette:
    """Return the admin application of a running platform."""
    routes = {
        ("GET", "/health"): lambda _: _health(platform, graph),
        ("GET", "/clock"): lambda _: _clock(platform),
        ("POST", "/advance"): lambda body: _advance(platform, body),
        ("POST", "/speed"): lambda body: _speed(platform, body),
        ("GET", "/faults"): lambda _: {"script": msgspec.to_builtins(platform.faults.script)},
        ("POST", "/faults"): lambda body: _set_faults(platform, body),
        ("DELETE", "/faults"): lambda _: _set_faults(platform, {"script": []}),
        ("GET", "/truth"): lambda _: _truth(platform),
        ("POST", "/human_edit"): lambda body: _human_edit(graph, body),
        ("POST", "/tier"): lambda body: _tier(graph, body),
    }
    found = [Route(path, _endpoint(handler), methods=[method]) for (method, path), handler in routes.items()]
    found.append(Route("/oracle", _oracle(platform), methods=["GET"]))
    return Starlette(routes=found)


class _Refused(Exception):  # noqa: N818 - a refusal of the admin address, rendered as 400
    """What was asked cannot be done; the text says why."""


def _endpoint(handler: Callable[[Any], Any]) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        raw = await request.body()
        try:
            body = msgspec.json.decode(raw) if raw else {}
            return _json(handler(body))
        except (_Refused, ValueError, KeyError, TypeError, OverflowError) as error:
            return _json({"error": f"{type(error).__name__}: {error}".removeprefix("_Refused: ")}, _BAD)

    return serve


def _json(document: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status_code=status, media_type="application/json")


def _health(platform: Platform, graph: Graph) -> dict[str, Any]:
    world = platform.world
    return {
        "status": "ok",
        "scenario": platform.scenario.name,
        "accounts": {
            account.id: {kind: len(account.nodes[kind]) for kind in Kind} for account in world.accounts.values()
        },
        "effects": platform.last_seq,
        "usage_peak": graph.usage.peak,
        "calls": dict(platform.calls),
        **_clock(platform),
    }


def _clock(platform: Platform) -> dict[str, Any]:
    return {
        "platform_at": from_us(platform.clock.now_us()).isoformat(),
        "real_at": datetime.now(UTC).isoformat(),
        "speed": platform.clock.speed,
    }


def _advance(platform: Platform, body: dict[str, Any]) -> dict[str, Any]:
    unknown = set(body) - {"to", "days", "hours", "minutes", "seconds"}
    if unknown or not body:
        raise _Refused("give `to` (an ISO instant) or `days`, `hours`, `minutes`, `seconds`")
    now = from_us(platform.clock.now_us())
    if "to" in body:
        target = datetime.fromisoformat(body["to"])
        target = target if target.tzinfo else target.replace(tzinfo=UTC)
    else:
        target = now + timedelta(**{unit: float(amount) for unit, amount in body.items()})
    if target - now > _LONGEST_ADVANCE:
        raise _Refused(f"one advance is {_LONGEST_ADVANCE.days} days at most: the market computes every hour of it")
    platform.clock.advance_to(to_us(target))
    platform.catch_up()
    return _clock(platform)


def _speed(platform: Platform, body: dict[str, Any]) -> dict[str, Any]:
    speed = float(body["speed"])
    if not 0 <= speed <= 1_000_000:  # noqa: PLR2004 - a bound against slips of the finger
        raise _Refused("speed is 0 (frozen) to 1000000")
    platform.clock.set_speed(speed)
    return _clock(platform)


def _set_faults(platform: Platform, body: dict[str, Any]) -> dict[str, Any]:
    script = msgspec.convert(body, Script).script
    platform.faults.replace(script)
    return {"script": msgspec.to_builtins(script)}


def _tier(graph: Graph, body: dict[str, Any]) -> dict[str, Any]:
    if body["tier"] not in ("standard_access", "development_access"):
        raise _Refused("tier is standard_access or development_access")
    graph.usage.tier = body["tier"]
    return {"tier": graph.usage.tier}


def _truth(platform: Platform) -> dict[str, Any]:
    rows = [
        {
            "account_id": account.id, "ad_id": ad.id, "ad_name": ad.name,
            "adset_id": ad.parent.id if ad.parent else None, "is_live": ad.is_live,
            **account.market.truth(ad.market_index),
        }
        for account in platform.world.accounts.values()
        for ad in account.nodes[Kind.AD]
    ]  # fmt: skip
    return {"ads": rows}


def _human_edit(graph: Graph, body: dict[str, Any]) -> dict[str, Any]:
    """Edit an object as a person in Ads Manager would: the same validations, effect and log, another actor."""
    object_id, changes = str(body["object_id"]), dict(body["changes"])
    params = {k: v if isinstance(v, str) else msgspec.json.encode(v).decode() for k, v in changes.items()}
    call = GraphCall(
        method="POST", path=(object_id,), version=LATEST, params=params, token=graph.platform.token, request_id=None
    )
    answer = graph.answer(call, actor=str(body.get("actor", "A person")))
    document: dict[str, Any] = msgspec.json.decode(answer.body)
    if answer.status != 200:  # noqa: PLR2004 - HTTP OK
        raise _Refused(document["error"].get("error_user_msg") or document["error"]["message"])
    return document


def _oracle(platform: Platform) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not after.isdigit():
            return _json({"error": "after is the number of a line"}, _BAD)
        return _json({"lines": [_shown(line) for line in platform.journal.lines(after=int(after))]})

    return serve


def _shown(line: LogLine) -> dict[str, Any]:
    return {
        "seq": line.seq, "platform_at": from_us(line.platform_at_us).isoformat(),
        "real_at": from_us(line.real_at_us).isoformat(), "method": line.method, "path": line.path,
        "account_id": line.account_id, "kind": line.kind, "object_id": line.object_id, "change": line.change,
        "op_token": line.op_token, "outcome": line.outcome, "actor": line.actor, "request_id": line.request_id,
    }  # fmt: skip
