"""A second dialect of a few words, as TikTok's and LinkedIn's will be: accounts, spend and budgets by plain JSON.

GET  /accounts                    [{"id", "spent_minor"}]
GET  /groups?account=ID           [{"id", "title", "daily_minor"}]: ad sets that have a budget of their own
POST /groups/ID {"daily_minor"}   moves a budget
"""

import json
from typing import Any
from urllib.parse import parse_qs

from sandbox.dialects import Receive, Scope, Send
from sandbox.nodes import Kind, Node
from sandbox.platform import Call, Platform


class ToyDialect:
    """The toy over a platform."""

    tier = "toy"
    usage_peak = 0.0

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def set_tier(self, tier: str) -> None:
        if tier != self.tier:
            raise ValueError("tier is toy")

    def greeting(self, url: str) -> str:
        return f"The toy answers at {url}.\n"

    def resume(self) -> None:
        pass

    def edit(self, object_id: str, changes: dict[str, Any], *, actor: str) -> dict[str, Any]:
        return self._move(self._platform.world.nodes[object_id], changes["daily_minor"], actor=actor)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"") if scope["type"] == "http" else b""
        answer = json.dumps(self._answer(scope, body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, scope: Scope, body: bytes) -> Any:
        world = self._platform.world
        if scope["method"] == "POST":
            node = world.nodes[scope["path"].rpartition("/")[2]]
            return self._move(node, json.loads(body)["daily_minor"], actor="toy")
        if scope["path"] == "/accounts":
            return [{"id": one, "spent_minor": self._spent(one)} for one in world.accounts]
        (account_id,) = parse_qs(scope["query_string"].decode())["account"]
        groups = [one for one in world.accounts[account_id].nodes[Kind.AD_SET] if one.daily_budget]
        return [{"id": one.id, "title": one.name, "daily_minor": one.daily_budget} for one in groups]

    def _spent(self, account_id: str) -> int:
        """All that the account has spent, as far as reports know it by now."""
        self._platform.catch_up()
        return int(self._platform.world.accounts[account_id].market.spent_minor)

    def _move(self, node: Node, minor: int, *, actor: str) -> dict[str, Any]:
        call = Call(method="POST", path=f"/groups/{node.id}", actor=actor)
        change = {"daily_budget": [node.daily_budget, minor]}
        self._platform.commit(
            call=call, kind=node.kind, account_id=node.account_id, object_id=node.id, change=change
        )  # fmt: skip
        return {"id": node.id, "daily_minor": minor}


def open_dialect(platform: Platform) -> ToyDialect:
    return ToyDialect(platform)
