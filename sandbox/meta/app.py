"""The ASGI face of Meta's dialect: reads the bytes, lets the faults script speak, sends the answer or cuts the line."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

import msgspec

from sandbox.clock import from_us
from sandbox.hooks import Hooks
from sandbox.meta.batches import parts as batch
from sandbox.meta.batches.run import BatchRun
from sandbox.meta.graph import Answer, Graph
from sandbox.meta.media import served as media
from sandbox.meta.people.webhooks import MetaTeller
from sandbox.meta.protocol import multi_ids, old_protocol
from sandbox.meta.protocol.bodies import MAX_BODY
from sandbox.meta.protocol.errors import GraphError
from sandbox.meta.protocol.request import GraphCall, read_call
from sandbox.meta.spoil import Dropped, Spoiler

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class GraphApp:
    """One catch-all route."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._spoiler = Spoiler(graph, self._handle)
        self._hooks = Hooks(graph.platform, MetaTeller(graph.platform))

    def resume(self) -> None:
        """Take up late effects that a killed process has left, and begin to tell who subscribed."""
        self._spoiler.resume()
        self._hooks.start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if scope["method"] == "GET" and scope["path"].startswith(media.PREFIX):
            await _send(send, _as_answer(media.serve(self._graph.platform, scope["path"])))
            return
        body = await _read_body(receive)
        if body is None:
            return  # the caller went away in mid-request: what came is not what was meant
        if len(body) > MAX_BODY:
            await _send(send, self._graph.refusal(GraphError(1, "The request is too large", status=413)))
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            call = read_call(
                method=scope["method"], path=scope["path"], query=scope["query_string"].decode("utf-8", "replace"),
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
            return self._answer_plainly(call, outcome, lag_s=lag_s)
        try:
            items = batch.items_of(call)
        except GraphError as error:
            return self._graph.refusal(error, call)
        run = BatchRun(items, ask=partial(self._answer_item, outcome=outcome), refuse=self._graph.refusal)
        rows = await run.rows(headers=batch.with_headers(call))
        return Answer(status=200, body=msgspec.json.encode(rows))

    async def _answer_item(self, call: GraphCall, *, outcome: str) -> Answer | None:
        """Answer an item; None where a fault cuts its line."""
        fault = self._graph.platform.faults.take(self._graph.asked(call))
        if fault is None:
            return self._answer_plainly(call, outcome)
        try:
            return await self._spoiler.answer(call, fault)
        except Dropped:
            return None

    def _answer_plainly(self, call: GraphCall, outcome: str, *, lag_s: float = 0.0) -> Answer:
        ask = partial(self._graph.answer, outcome=outcome, lag_s=lag_s)
        today = from_us(self._graph.platform.clock.now_us()).date()
        try:
            is_of_many = multi_ids.is_of_many(call)
            answer = multi_ids.answer_many(call, today=today, ask=ask) if is_of_many else ask(call)
        except GraphError as error:
            return self._graph.refusal(error, call)
        return old_protocol.in_old_words(call, answer) if old_protocol.is_spoken(call, today) else answer


def _as_answer(served: tuple[int, str, bytes]) -> Answer:
    status, content_type, body = served
    return Answer(status=status, body=body, headers=[("content-type", content_type)])


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body, None where the caller left before its end; one that is too long is cut after the limit."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        if size <= MAX_BODY:
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
