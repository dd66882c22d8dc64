"""The ASGI face of Meta's dialect: reads the bytes, lets the faults script speak, sends the answer or cuts the line."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from sandbox.faults import Fault
from sandbox.meta import batch
from sandbox.meta.errors import GraphError, throttled
from sandbox.meta.graph import Answer, Graph
from sandbox.meta.request import GraphCall, read_call

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_BAD_GATEWAY: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_MAX_BODY: Final = 32 * 1024 * 1024


class Dropped(Exception):  # noqa: N818 - it is not an error but a wire that was cut
    """The connection is to be reset without an answer."""


class GraphApp:
    """One catch-all route."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        body = await _read_body(receive)
        if body is None:
            return  # the caller went away in mid-request: what came is not what was meant
        if len(body) > _MAX_BODY:
            await _send(send, self._graph.refusal(GraphError(1, "The request is too large", status=413)))
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            call = read_call(
                method=scope["method"], path=scope["path"], query=scope["query_string"].decode("latin-1"),
                headers=headers, body=body,
            )  # fmt: skip
        except GraphError as error:
            await _send(send, self._graph.refusal(error))
            return
        try:
            answer = await self._answer(call)
        except Dropped:
            scope["extensions"]["sandbox.reset"]()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await _send(send, answer)

    async def _answer(self, call: GraphCall) -> Answer:
        fault = self._graph.platform.faults.take(call.method, call.text_path, self._graph.kind_of(call))
        if fault is not None:
            return await self._spoil(call, fault)
        return await self._handle(call, "answered")

    async def _handle(self, call: GraphCall, outcome: str) -> Answer:
        if not batch.is_batch(call):
            return self._graph.answer(call, outcome=outcome)
        try:
            items = batch.items_of(call)
        except GraphError as error:
            return self._graph.refusal(error, call)
        headers = batch.with_headers(call)
        rows = [await self._answer_item(item, headers=headers, outcome=outcome) for item in items]
        return Answer(status=200, body=msgspec.json.encode(rows))

    async def _answer_item(self, item: batch.Item, *, headers: bool, outcome: str) -> dict[str, Any] | None:
        """Answer an item; one whose line a fault cuts comes back as null."""
        if item.call is None:
            problem = item.problem or GraphError(100, "Invalid parameter")
            return batch.shown(self._graph.refusal(problem), headers=headers)
        fault = self._graph.platform.faults.take(item.call.method, item.call.text_path, self._graph.kind_of(item.call))
        try:
            if fault is None:
                return batch.shown(self._graph.answer(item.call, outcome=outcome), headers=headers)
            return batch.shown(await self._spoil(item.call, fault), headers=headers)
        except Dropped:
            return None

    async def _spoil(self, call: GraphCall, fault: Fault) -> Answer:
        """Answer as the fault wants it.

        Raises:
            Dropped: the caller gets no answer.
        """
        match fault.do:
            case "slow":
                answer = await self._handle(call, "late answer")
                await asyncio.sleep(fault.seconds)
                return answer
            case "refuse":
                code = fault.code or 100
                return self._graph.refusal(
                    GraphError(code, f"(#{code}) Refused by script", subcode=fault.subcode), call
                )
            case "throttle":
                return self._graph.refusal(throttled(fault.code or 17, fault.subcode), call)
            case "error_5xx" | "html_502":
                return await self._fail(call, fault)
            case "commit_then_drop":
                await self._handle(call, "dropped")
            case "late_commit":
                task = asyncio.create_task(self._commit_late(call, fault.seconds))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
            case "drop_before_commit":
                pass
        raise Dropped

    async def _fail(self, call: GraphCall, fault: Fault) -> Answer:
        if fault.effect:
            await self._handle(call, fault.do)
        if fault.do == "html_502":
            return Answer(status=fault.status or 502, body=_BAD_GATEWAY, headers=[("content-type", "text/html")])
        code, status = fault.code or 2, fault.status or 500
        text = "An unexpected error has occurred. Please retry your request later."
        return self._graph.refusal(GraphError(code, text, subcode=fault.subcode, status=status), call)

    async def _commit_late(self, call: GraphCall, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._handle(call, "late commit")


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body, None where the caller left before its end; one that is too long is cut after the limit."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        if size <= _MAX_BODY:
            parts.append(part)
        size += len(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Send, answer: Answer) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in answer.headers]
    if not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"application/json; charset=UTF-8"))
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
