"""The admin address: clock, faults, oracle log, hidden truth, edits by a person. Loopback only, no token."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import FASTEST, from_us, to_us
from sandbox.dialects import Dialect
from sandbox.faults import Script
from sandbox.journal import LogLine
from sandbox.nodes import Kind
from sandbox.platform import Platform

_BAD: Final = 400
_LONGEST_ADVANCE: Final = timedelta(days=1_100)


def admin_app(platform: Platform, dialects: Mapping[str, Dialect]) -> Starlette:
    """Return the admin application of a running platform. What names no `dialect` is meant for the first."""
    routes = {
        ("GET", "/health"): lambda _: _health(platform, dialects),
        ("GET", "/clock"): lambda _: _clock(platform),
        ("POST", "/advance"): lambda body: _advance(platform, body),
        ("POST", "/speed"): lambda body: _speed(platform, body),
        ("GET", "/faults"): lambda _: {"script": msgspec.to_builtins(platform.faults.script)},
        ("POST", "/faults"): lambda body: _set_faults(platform, body),
        ("DELETE", "/faults"): lambda _: _set_faults(platform, {"script": []}),
        ("GET", "/truth"): lambda _: _truth(platform),
        ("POST", "/human_edit"): lambda body: _human_edit(_named(dialects, body), body),
        ("POST", "/tier"): lambda body: _tier(_named(dialects, body), body),
    }
    found = [Route(path, _endpoint(handler), methods=[method]) for (method, path), handler in routes.items()]
    found.append(Route("/oracle", _oracle(platform), methods=["GET"]))
    there_is = ", ".join(sorted({f"{method} {path}" for method, path in [*routes, ("GET", "/oracle")]}))

    async def elsewhere(_: Request, error: Exception) -> Response:
        return _json({"error": f"there is {there_is}"}, getattr(error, "status_code", _BAD))

    return Starlette(routes=found, exception_handlers={404: elsewhere, 405: elsewhere})


class _Refused(Exception):  # noqa: N818 - a refusal of the admin address, rendered as 400
    """What was asked cannot be done; the text says why."""


def _endpoint(handler: Callable[[Any], Any]) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        raw = await request.body()
        try:
            body = msgspec.json.decode(raw) if raw else {}
            return _json(handler(body))
        except KeyError as error:
            return _json({"error": f"{error} is missing or unknown"}, _BAD)
        except (_Refused, ValueError, TypeError, OverflowError) as error:
            return _json({"error": f"{type(error).__name__}: {error}".removeprefix("_Refused: ")}, _BAD)

    return serve


def _json(document: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status_code=status, media_type="application/json")


def _named(dialects: Mapping[str, Dialect], body: dict[str, Any]) -> Dialect:
    name = body.get("dialect", next(iter(dialects)))
    if name not in dialects:
        raise _Refused(f"dialect is {' or '.join(dialects)}")
    return dialects[name]


def _health(platform: Platform, dialects: Mapping[str, Dialect]) -> dict[str, Any]:
    world = platform.world
    return {
        "status": "ok",
        "scenario": platform.scenario.name,
        "accounts": {
            account.id: {kind: len(account.nodes[kind]) for kind in Kind} for account in world.accounts.values()
        },
        "effects": platform.last_seq,
        "usage_peak": max(dialect.usage_peak for dialect in dialects.values()),
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
    if not 0 <= speed <= FASTEST:
        raise _Refused(f"speed is 0 (frozen) to {FASTEST}")
    platform.clock.set_speed(speed)
    return _clock(platform)


def _set_faults(platform: Platform, body: dict[str, Any]) -> dict[str, Any]:
    script = msgspec.convert(body, Script).script
    platform.faults.replace(script)
    return {"script": msgspec.to_builtins(script)}


def _tier(dialect: Dialect, body: dict[str, Any]) -> dict[str, Any]:
    dialect.set_tier(str(body["tier"]))
    return {"tier": dialect.tier}


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


def _human_edit(dialect: Dialect, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return dialect.edit(str(body["object_id"]), dict(body["changes"]), actor=str(body.get("actor", "A person")))
    except ValueError as error:
        raise _Refused(str(error)) from error


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
