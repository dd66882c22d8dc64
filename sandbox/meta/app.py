"""The ASGI face of Meta's dialect: reads the bytes, lets the faults script speak, sends the answer or cuts the line."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from sandbox.meta import batch
from sandbox.meta.errors import GraphError
from sandbox.meta.graph import Answer, Graph
from sandbox.meta.request import GraphCall, read_call
from sandbox.meta.spoil import Dropped, Spoiler

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_MAX_BODY: Final = 32 * 1024 * 1024


class GraphApp:
    """One catch-all route."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._spoiler = Spoiler(graph, self._handle)

    def resume(self) -> None:
        """Take up late effects that a killed process has left."""
        self._spoiler.resume()

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
        if answer.drip_s > 0:
            await _drip(receive, send, answer)
        else:
            await _send(send, answer)

    async def _answer(self, call: GraphCall) -> Answer:
        fault = self._graph.platform.faults.take(self._graph.asked(call))
        if fault is not None:
            return await self._spoiler.answer(call, fault)
        return await self._handle(call, "answered")

    async def _handle(self, call: GraphCall, outcome: str, *, lag_s: float = 0.0) -> Answer:
        if not batch.is_batch(call):
            return self._graph.answer(call, outcome=outcome, lag_s=lag_s)
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
        fault = self._graph.platform.faults.take(self._graph.asked(item.call))
        try:
            if fault is None:
                return batch.shown(self._graph.answer(item.call, outcome=outcome), headers=headers)
            return batch.shown(await self._spoiler.answer(item.call, fault), headers=headers)
        except Dropped:
            return None


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
    await _send_head(send, answer)
    await send({"type": "http.response.body", "body": answer.body})


async def _drip(receive: Receive, send: Send, answer: Answer) -> None:
    """Send the body byte by byte, for as long as the caller listens."""
    await _send_head(send, answer)
    gone = asyncio.ensure_future(receive())
    try:
        for place in range(len(answer.body)):
            await send({"type": "http.response.body", "body": answer.body[place : place + 1], "more_body": True})
            await asyncio.wait([gone], timeout=answer.drip_s)
            if gone.done():
                return
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _send_head(send: Send, answer: Answer) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in answer.headers]
    if not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"application/json; charset=UTF-8"))
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
