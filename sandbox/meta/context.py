"""What a handler of one Graph call works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.account import Account
from sandbox.clock import to_us
from sandbox.journal import LogLine
from sandbox.meta.protocol.errors import GraphError, missing
from sandbox.meta.protocol.request import GraphCall
from sandbox.nodes import Kind, Node
from sandbox.platform import Call, Platform
from sandbox.records import Record, RecordKind

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
    ask: Callable[[GraphCall], Any] | None = None  # answers another call: one that was queued and is due

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

    def account_of(self, thing: Node | Record) -> Account:
        """Return the account that holds an object or a record."""
        return self.platform.world.accounts[thing.account_id]

    def cutoff_s(self) -> float:
        """Return the instant up to which reports know."""
        return self.platform.world.cutoff_s(self.platform.clock.now_s())

    def commit(self, *, kind: Kind, account_id: str, object_id: str | None, change: dict[str, list[Any]]) -> Node:
        """Let the call's effect on the tree take place."""
        return self.platform.commit(
            call=self._asked(), kind=kind, account_id=account_id, object_id=object_id, change=change
        )

    def note(
        self, kind: RecordKind, account_id: str, values: dict[str, Any], *, record: Record | None = None,
        new_id: str | None = None,
    ) -> Record:  # fmt: skip
        """Let the call's effect on a record take place: a new one, or what differs of one that is there.

        `new_id` names a new one whose id follows from what it is, as an image's does; absent, it is minted.
        """
        held = record.values if record is not None else {}
        change = {name: [held.get(name), value] for name, value in values.items() if held.get(name) != value}
        if record is not None and not change:
            return record
        return self.platform.note(
            call=self._asked(), kind=kind, account_id=account_id, record_id=record.id if record else new_id,
            change=change,
        )  # fmt: skip

    def limit_spend(self, account: Account, minor: int) -> None:
        """Let the call set the account's spending limit."""
        before_minor = account.spend_limit_minor
        self.platform.limit_spend(
            call=self._asked(), account_id=account.id, before_minor=before_minor, after_minor=minor
        )

    def _asked(self) -> Call:
        call = self.call
        return Call(
            method=call.method, path=call.text_path, outcome=self.outcome, actor=self.actor, request_id=call.request_id
        )

    def is_only_checked(self) -> bool:
        """Say whether the call asks for validation without effect."""
        return "validate_only" in self.call.items("execution_options")


__all__ = ["Context", "GraphError", "Handler", "Json"]
