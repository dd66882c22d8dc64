"""Answers a call as a fault wants it: what is done, what is said, when, and what a person does meanwhile."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import msgspec

from sandbox.errands import Errand
from sandbox.faults import REPORT_FAULTS, Edit, Fault
from sandbox.meta.batches import parts as batch
from sandbox.meta.graph import Answer, Graph
from sandbox.meta.limits.throttles import replaced, throttle_headers
from sandbox.meta.protocol.errors import GraphError, throttled
from sandbox.meta.protocol.request import LATEST, GraphCall
from sandbox.meta.protocol.sealing import sealed
from sandbox.nodes import Node

_BAD_GATEWAY: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_CUT: Final = b'{"success":tr'
_DRIP_S: Final = 1.0
_TENTH: Final = 1.1
_EXPIRED: Final = {
    463: "Error validating access token: Session has expired.",
    467: "Error validating access token: The session is invalid because the user logged out.",
}
Handle = Callable[..., Awaitable[Answer]]


class Dropped(Exception):  # noqa: N818 - it is not an error but a wire that was cut
    """The connection is to be reset without an answer; of an item of a batch it comes back as null."""


class Spoiler:
    """Answers spoilt calls of one platform, and sees to the effects that come late."""

    def __init__(self, graph: Graph, handle: Handle) -> None:
        self._graph = graph
        self._handle = handle
        self._running: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Take up the late effects that a former process has left; to be called within the loop."""
        for errand in self._graph.platform.errands.all():
            self._run_later(errand)

    async def answer(self, call: GraphCall, fault: Fault) -> Answer:
        """Answer as the fault wants it.

        Raises:
            Dropped: the caller gets no answer.
        """
        match fault.do:
            case "slow" | "drip" | "list_lag" | "report_fails" | "report_skipped" | "report_stalls":
                return await self._do(call, fault)
            case "refuse" | "expired_token" | "throttle":
                return self._refuse(call, fault)
            case "error_5xx" | "html_502" | "error_in_200" | "truncated_json" | "batch_null" | "batch_timeout":
                return await self._garble(call, fault)
            case "wrong_id":
                return await self._mistake(call)
            case "human_edit":
                return await self._edit_after(call, fault)
            case "commit_then_drop":
                await self._handle(call, "dropped")
            case "late_commit":
                self._later(call, seconds=fault.seconds, outcome="late commit", actor="api")
            case "drop_before_commit":
                pass
        raise Dropped

    async def _do(self, call: GraphCall, fault: Fault) -> Answer:
        """Do what is asked, late, behind or with another end."""
        if fault.do == "list_lag":
            return await self._handle(call, "answered", lag_s=fault.seconds)
        if fault.do in REPORT_FAULTS:
            return await self._handle(replace(call, fault=fault), "answered")
        answer = await self._handle(call, "late answer")
        if fault.do == "drip" and not call.in_batch:
            return replace(answer, drip_s=fault.seconds or _DRIP_S)
        await asyncio.sleep(fault.seconds)
        return answer

    def _refuse(self, call: GraphCall, fault: Fault) -> Answer:
        if fault.do == "expired_token":
            subcode = fault.subcode or 463
            text = _EXPIRED.get(subcode, "Error validating access token.")
            return self._graph.refusal(GraphError(190, text, subcode=subcode), call)
        if fault.do == "refuse":
            code = fault.code or 100
            return self._graph.refusal(GraphError(code, f"(#{code}) Refused by script", subcode=fault.subcode), call)
        code, tier = fault.code or 17, self._graph.usage.tier
        account_id = self._graph.account_id_of(call) or next(iter(self._graph.platform.world.accounts))
        wait_s = fault.seconds or self._graph.usage.block_s
        told = throttle_headers(code, fault.subcode, account_id, wait_s=wait_s, tier=tier)
        answer = self._graph.refusal(throttled(code, fault.subcode), call, account_id)
        return replace(answer, headers=replaced(answer.headers, told))

    async def _garble(self, call: GraphCall, fault: Fault) -> Answer:
        does = fault.effect or call.method == "GET"
        done = await self._handle(call, fault.do) if does else None
        if fault.do == "batch_null":
            if call.in_batch:
                raise Dropped
            return Answer(status=200, body=msgspec.json.encode([None] * len(batch.items_of(call))))
        if fault.do == "batch_timeout":
            return self._graph.refusal(GraphError(960, "(#960) Request aborted: it took too long to execute"), call)
        if fault.do == "truncated_json":
            body = done.body[: max(1, len(done.body) // 2)] if done else _CUT
            return Answer(status=200, body=body, headers=done.headers if done else [])
        if fault.do == "html_502":
            return Answer(status=fault.status or 502, body=_BAD_GATEWAY, headers=[("content-type", "text/html")])
        status = 200 if fault.do == "error_in_200" else fault.status or 500
        code = fault.code or (1 if fault.do == "error_in_200" else 2)
        text = "An unexpected error has occurred. Please retry your request later."
        return self._graph.refusal(GraphError(code, text, subcode=fault.subcode, status=status), call)

    async def _mistake(self, call: GraphCall) -> Answer:
        """Do as asked and speak of another object: the very case in which an answer must not be believed."""
        node = self._graph.platform.world.nodes.get(call.path[0]) if call.path else None
        if call.method == "GET" and node is not None and len(call.path) == 1:
            other = self._other(node)
            return await self._handle(replace(call, path=(other.id,)) if other else call, "answered")
        answer = await self._handle(call, "wrong id")
        document: Any = msgspec.json.decode(answer.body)
        made = self._graph.platform.world.nodes.get(str(document.get("id"))) if isinstance(document, dict) else None
        spoken_of = made or node
        other = None if spoken_of is None else self._other(spoken_of)
        if call.method == "GET" or other is None or "error" in document:
            return answer
        return replace(answer, body=msgspec.json.encode({**document, "id": other.id}))

    def _other(self, node: Node) -> Node | None:
        alike = self._graph.platform.world.accounts[node.account_id].nodes[node.kind]
        return next((one for one in alike if one is not node), None)

    async def _edit_after(self, call: GraphCall, fault: Fault) -> Answer:
        answer = await self._handle(call, "answered")
        params = self._changes(self._graph.platform.world.nodes[call.path[0]], fault.edit)
        edit = GraphCall(
            method="POST", path=call.path, version=LATEST, params=params, token=call.token, request_id=None
        )  # fmt: skip
        if fault.seconds > 0:
            self._later(edit, seconds=fault.seconds, outcome="answered", actor=fault.edit.actor)
        else:
            self._graph.answer(edit, actor=fault.edit.actor)
        return answer

    @staticmethod
    def _changes(node: Node, edit: Edit) -> dict[str, str]:
        wanted = {"status": edit.status, "name": edit.name}
        changes = {name: value for name, value in wanted.items() if value is not None}
        factor = edit.budget_factor or (None if changes or edit.daily_budget_minor else _TENTH)
        if node.daily_budget is not None and (edit.daily_budget_minor or factor):
            budget = edit.daily_budget_minor or round(node.daily_budget * (factor or 1))
            changes["daily_budget"] = str(budget)
        return changes or {"status": "PAUSED" if node.status == "ACTIVE" else "ACTIVE"}

    def _later(self, call: GraphCall, *, seconds: float, outcome: str, actor: str) -> None:
        """Note an effect that is to come. Token and persons stay out of what is kept: who may call now, may then."""
        platform = self._graph.platform
        is_known = call.token == platform.token
        kept = replace(sealed(call), token="known" if is_known else None, proof=None)
        text = msgspec.json.encode(kept).decode()
        due_us = time.time_ns() // 1_000 + int(seconds * 1e6)
        self._run_later(platform.errands.add(due_us=due_us, call=text, outcome=outcome, actor=actor))

    def _run_later(self, errand: Errand) -> None:
        task = asyncio.create_task(self._run(errand))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, errand: Errand) -> None:
        await asyncio.sleep(max(0.0, (errand.due_us - time.time_ns() // 1_000) / 1e6))
        platform = self._graph.platform
        platform.errands.strike(errand)
        call = msgspec.json.decode(errand.call, type=GraphCall)
        call = replace(call, token=platform.token if call.token else None)
        if batch.is_batch(call):
            await self._handle(call, errand.outcome)
        else:
            self._graph.answer(call, outcome=errand.outcome, actor=errand.actor)
