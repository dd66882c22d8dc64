"""Writes that the platform does by and by: `async_batch_requests` (any writes) and `asyncadrequestsets` (ads).

A set and each of its requests are records. Requests take effect in their order as the platform's time passes, which is
noticed when somebody asks; while that clock stands, each poll does half of them.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote, urlencode, urlsplit

import msgspec

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.insights.polls import Polls
from sandbox.meta.objects.render import iso
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.fields import Fields
from sandbox.meta.protocol.references import named_in, resolved
from sandbox.meta.protocol.request import GraphCall, read_call
from sandbox.meta.protocol.sealing import sealed_item
from sandbox.meta.route import Route
from sandbox.records import Record, RecordKind

_MOST: Final = 1_000
_PER_SECOND: Final = 10
_TOKENS: Final = ("access_token", "input_token", "exchange_token")
_OK: Final = 200
INITIAL: Final = "INITIAL"
_COUNTS: Final = {
    "initial_count": (INITIAL,), "success_count": ("SUCCESS",), "error_count": ("ERROR", "ERROR_DEPENDENCY"),
    "canceled_count": ("CANCELED",),
}  # fmt: skip


class AsyncBatches:
    """The sets of one dialect."""

    def __init__(self) -> None:
        self._polls = Polls()

    def routes(self) -> tuple[Route, ...]:
        """Return the rows that make sets, tell how far they are, and cancel what is left of them."""
        of_set, of_one, ads = RecordKind.BATCH_SET, RecordKind.BATCH_REQUEST, "asyncadrequestsets"
        done = f"{_PER_SECOND} requests a platform second; while the clock stands each poll does half of them"
        quiet = f"as ads; {done}; notification_uri is kept and not called"
        return (
            Route(method="POST", of="account", edge="async_batch_requests", answer=self.make, note=done),
            Route(method="POST", of="account", edge=ads, answer=self.make_ads, note=quiet),
            Route(method="GET", of="account", edge=ads, answer=self.of_account, note="newest first"),
            Route(method="GET", of=of_set, edge="", answer=self.tell, note="all counts; asking moves it on"),
            Route(method="GET", of=of_set, edge="requests", answer=self.requests, note="in their order"),
            Route(method="DELETE", of=of_set, edge="", answer=self.cancel, note="cancels what is not done yet"),
            Route(method="GET", of=of_one, edge="", answer=self.tell_one, note="status, input and result"),
        )

    def make(self, context: Context, account: Account) -> Json:
        """Answer `POST /act_X/async_batch_requests`.

        Raises:
            GraphError: 100, no list, too many, or an item that is no write.
        """
        items = [_item(row) for row in _rows(context, "adbatch")]
        return self._make(context, account, items)

    def make_ads(self, context: Context, account: Account) -> Json:
        """Answer `POST /act_X/asyncadrequestsets`.

        Raises:
            GraphError: 100, no list or too many.
        """
        url = f"act_{account.id}/ads"
        items = [{"relative_url": url, "body": _form(row), "name": ""} for row in _rows(context, "ad_specs")]
        return self._make(context, account, items)

    def _make(self, context: Context, account: Account, items: list[Json]) -> Json:
        if context.is_only_checked():
            return {"success": True}
        params = context.call.params
        values = {
            "name": params.get("name", ""), "total": len(items), "asked_us": context.platform.clock.now_us(),
            "version": context.call.version, "notification_mode": params.get("notification_mode", "OFF"),
            "notification_uri": params.get("notification_uri", ""),
        }  # fmt: skip
        made = context.note(RecordKind.BATCH_SET, account.id, values)
        for place, item in enumerate(items):
            one = {"set": made.id, "place": place, "status": INITIAL, "input": sealed_item(item), "result": None}
            context.note(RecordKind.BATCH_REQUEST, account.id, one)
        return {"id": made.id}

    def of_account(self, context: Context, account: Account) -> Json:
        """Answer `GET /act_X/asyncadrequestsets`."""
        sets = list(reversed(context.platform.world.records.of(account.id, RecordKind.BATCH_SET)))
        for held in sets:
            self._work(context, held, is_poll=False)
        return _SET.edge(context, sets)

    def tell(self, context: Context, held: Record) -> Json:
        """Answer `GET /{set}`."""
        self._work(context, held, is_poll=True)
        return _SET.row(context, held)

    def requests(self, context: Context, held: Record) -> Json:
        """Answer `GET /{set}/requests`."""
        self._work(context, held, is_poll=True)
        return _REQUEST.edge(context, _requests(context, held))

    def tell_one(self, context: Context, one: Record) -> Json:
        """Answer `GET /{request}`."""
        held = context.platform.world.records.get(one.values["set"])
        if held is not None:
            self._work(context, held, is_poll=True)
        return _REQUEST.row(context, one)

    def cancel(self, context: Context, held: Record) -> Json:
        """Answer `DELETE /{set}`: what is not done yet will not be."""
        self._work(context, held, is_poll=False)
        for one in _requests(context, held):
            if one.values["status"] == INITIAL:
                context.note(RecordKind.BATCH_REQUEST, one.account_id, {"status": "CANCELED"}, record=one)
        return {"success": True}

    def _work(self, context: Context, held: Record, *, is_poll: bool) -> None:
        """Let what is due of a set take effect, each request as a call of its own."""
        if context.call.is_queued:
            return  # a request that asks for the sets, its own too, would set itself off again without an end
        total, since_us = held.values["total"], held.values["asked_us"]
        share = self._polls.share_done(
            held.id, since_us=since_us, now_us=context.platform.clock.now_us(), seconds=max(1.0, total / _PER_SECOND),
            is_poll=is_poll,
        )  # fmt: skip
        every = _requests(context, held)
        for one in every[: int(min(1.0, share) * total)]:
            if one.values["status"] == INITIAL:
                status, result = _done(context, held, one, every)
                context.note(RecordKind.BATCH_REQUEST, one.account_id, {"status": status, "result": result}, record=one)


def _done(context: Context, held: Record, one: Record, every: list[Record]) -> tuple[str, Any]:
    """Do a request and return its status and what was answered."""
    answers = {
        other.values["input"]["name"]: msgspec.json.encode(other.values["result"])
        for other in every
        if other.values["input"]["name"] and other.values["status"] == "SUCCESS"
    }
    try:
        call = _call(context, held, one)
        absent = [name for name in named_in(call) if name not in answers]
        if absent:
            return "ERROR_DEPENDENCY", parameter(f"The request {absent[0][:80]!r} has no answer to refer to").envelope()
        call = resolved(call, answers)
    except GraphError as error:
        return "ERROR", error.envelope()
    answer = context.ask(call) if context.ask is not None else None
    if answer is None:
        return "ERROR", parameter("Nobody answers queued requests here").envelope()
    return "SUCCESS" if answer.status == _OK else "ERROR", msgspec.json.decode(answer.body)


def _call(context: Context, held: Record, one: Record) -> GraphCall:
    asked = one.values["input"]
    url = urlsplit("/" + asked["relative_url"].lstrip("/"))
    call = read_call(
        method="POST", path=unquote(url.path), query=url.query, headers={"host": context.call.host},
        body=asked["body"].encode("utf-8", "replace"), in_batch=True,
    )  # fmt: skip
    version = call.version or held.values["version"] or context.call.version
    return replace(call, token=context.platform.token, version=version, is_queued=True,
                   request_id=context.call.request_id)  # fmt: skip


def _requests(context: Context, held: Record) -> list[Record]:
    every = context.platform.world.records.of(held.account_id, RecordKind.BATCH_REQUEST)
    return [one for one in every if one.values["set"] == held.id]


def _rows(context: Context, name: str) -> list[Json]:
    rows = context.call.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise parameter(f"Param {name} must be an array of objects")
    if not 0 < len(rows) <= _MOST:
        raise parameter(f"Param {name} has {len(rows)} items; 1 to {_MOST} are allowed")
    return rows


def _item(row: Json) -> Json:
    url, body = row.get("relative_url"), row.get("body") or ""
    if not isinstance(url, str) or not url.strip("/"):
        raise parameter("Each item of adbatch needs a relative_url")
    text = _form(body) if isinstance(body, dict) else str(body)
    if any(name in url + text for name in _TOKENS):  # what is queued is written down, and a token never is
        raise parameter(
            f"An item of adbatch takes no {' or '.join(_TOKENS)}: it is done with the token of the call that queues it"
        )
    return {"relative_url": url, "body": text, "name": str(row.get("name") or "")}


def _form(row: Json) -> str:
    return urlencode(
        [
            (name, value if isinstance(value, str) else msgspec.json.encode(value).decode())
            for name, value in row.items()
        ]
    )


def _count(*statuses: str) -> Callable[[Context, Record], int]:
    return lambda context, held: sum(one.values["status"] in statuses for one in _requests(context, held))


def _time(context: Context, at_s: int, record: Record) -> str:
    return iso(context.account_of(record), at_s)


_SET: Final[Fields[Record]] = Fields(
    type_name="AdAsyncRequestSet",
    getters={
        "id": lambda _, held: held.id,
        "owner_id": lambda _, held: held.account_id,
        "name": lambda _, held: held.values["name"],
        "is_completed": lambda context, held: _count(INITIAL)(context, held) == 0,
        "total_count": lambda _, held: held.values["total"],
        "in_progress_count": lambda _, __: 0,
        **{name: _count(*statuses) for name, statuses in _COUNTS.items()},
        "created_time": lambda context, held: _time(context, held.created_s, held),
        "updated_time": lambda context, held: _time(context, held.updated_s, held),
        "notification_mode": lambda _, held: held.values["notification_mode"],
        "notification_uri": lambda _, held: held.values["notification_uri"] or None,
    },
    silent=frozenset({"notification_result", "notification_status"}),
    always=("id", "owner_id", "name", "is_completed"),
)
_REQUEST: Final[Fields[Record]] = Fields(
    type_name="AdAsyncRequest",
    getters={
        "id": lambda _, one: one.id,
        "status": lambda _, one: one.values["status"],
        "scope_object_id": lambda _, one: one.account_id,
        "async_request_set": lambda _, one: {"id": one.values["set"]},
        "input": lambda _, one: one.values["input"],
        "result": lambda _, one: one.values["result"],
        "created_time": lambda context, one: _time(context, one.created_s, one),
        "updated_time": lambda context, one: _time(context, one.updated_s, one),
    },
    silent=frozenset({"type"}),
    always=("id", "scope_object_id", "status", "result", "input"),
)
