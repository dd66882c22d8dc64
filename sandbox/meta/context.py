"""What a handler of one Graph call works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.account import Account
from sandbox.clock import to_us
from sandbox.journal import LogLine
from sandbox.meta.errors import GraphError, missing
from sandbox.meta.request import GraphCall
from sandbox.nodes import Kind, Node
from sandbox.platform import Call, Platform

Json = dict[str, Any]
Handler = Callable[["Context"], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The platform, the call and how its effect will be answered."""

    platform: Platform
    call: GraphCall
    outcome: str = "answered"
    actor: str = "api"
    lag_s: float = 0.0  # real seconds by which lists are behind

    def lags(self, line: LogLine) -> bool:
        """Say whether lists do not know of an effect yet."""
        return self.lag_s > 0 and line.real_at_us > to_us(datetime.now(UTC)) - self.lag_s * 1e6

    def node(self, object_id: str) -> Node:
        """Return an object by id.

        Raises:
            GraphError: 100/33.
        """
        node = self.platform.world.nodes.get(object_id)
        if node is None:
            raise missing(object_id, self.call.method)
        return node

    def account(self, name: str) -> Account:
        """Return an account by `act_<digits>`.

        Raises:
            GraphError: 100/33.
        """
        account = self.platform.world.accounts.get(name.removeprefix("act_"))
        if account is None:
            raise missing(name, self.call.method)
        return account

    def account_of(self, node: Node) -> Account:
        """Return the account that holds an object."""
        return self.platform.world.accounts[node.account_id]

    def cutoff_s(self) -> float:
        """Return the instant up to which reports know."""
        return self.platform.world.cutoff_s(self.platform.clock.now_s())

    def commit(self, *, kind: Kind, account_id: str, object_id: str | None, change: dict[str, list[Any]]) -> Node:
        """Let the call's effect take place."""
        call = Call(
            method=self.call.method, path=self.call.text_path, outcome=self.outcome, actor=self.actor,
            request_id=self.call.request_id,
        )  # fmt: skip
        return self.platform.commit(call=call, kind=kind, account_id=account_id, object_id=object_id, change=change)

    def limit_spend(self, account: Account, minor: int) -> None:
        """Let the call set the account's spending limit."""
        call = Call(
            method=self.call.method, path=self.call.text_path, outcome=self.outcome, actor=self.actor,
            request_id=self.call.request_id,
        )  # fmt: skip
        before_minor = account.spend_limit_minor
        self.platform.limit_spend(call=call, account_id=account.id, before_minor=before_minor, after_minor=minor)

    def is_only_checked(self) -> bool:
        """Say whether the call asks for validation without effect."""
        return "validate_only" in self.call.items("execution_options")


__all__ = ["Context", "GraphError", "Handler", "Json"]
