"""What a create or an update would leave: the values sent, over those held. Rules look at a draft, not at the call."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sandbox.account import Account
from sandbox.meta.context import Context
from sandbox.meta.protocol.errors import invalid, missing
from sandbox.meta.protocol.params import required
from sandbox.meta.protocol.quirks import Quirks, quirks_of
from sandbox.nodes import Kind, Node

_OWN = frozenset({"name", "status", "daily_budget", "lifetime_budget"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An object to be; `node` is the one that is changed, None where it is new. `parent` is the one above it."""

    context: Context
    account: Account
    values: dict[str, Any]
    node: Node | None = None
    parent: Node | None = None

    @property
    def is_new(self) -> bool:
        """Whether the object does not exist yet."""
        return self.node is None

    @property
    def now_s(self) -> float:
        """The platform's present."""
        return self.context.platform.clock.now_s()

    @property
    def today(self) -> date:
        """The platform's present day."""
        return datetime.fromtimestamp(self.now_s, UTC).date()

    @property
    def quirks(self) -> Quirks:
        """How the version that the call speaks behaves."""
        return quirks_of(self.context.call.version, self.today)

    def get(self, name: str) -> Any:
        """Return a value as it would be."""
        if name in self.values:
            return self.values[name]
        return held(self.node, name) if self.node is not None else None

    def touches(self, *names: str) -> bool:
        """Say whether the call names one of some parameters."""
        return any(name in self.values for name in names)

    def changes(self, name: str) -> bool:
        """Say whether a value would be another one than before."""
        return name in self.values and (self.node is None or held(self.node, name) != self.values[name])

    def need(self, *names: str) -> None:
        """Refuse a create that lacks a parameter.

        Raises:
            GraphError: 100.
        """
        for name in names:
            if self.is_new and self.values.get(name) in (None, ""):
                raise required(name)


def held(node: Node, name: str) -> Any:
    """Return a value of an object as the oracle log writes it."""
    if name == "labels":
        return list(node.labels)
    if name == "creative":
        return node.creative.id if node.creative else None
    return getattr(node, name) if name in _OWN else node.extra.get(name)


def account_object(context: Context, account: Account, object_id: str, kind: Kind) -> Node:
    """Return an object of the account.

    Raises:
        GraphError: 100/33, unknown, of another kind or of another account.
    """
    node = context.platform.world.nodes.get(object_id)
    if node is None or node.kind is not kind or node.account_id != account.id:
        raise missing(object_id, "post")
    return node


def living_parent(context: Context, account: Account, name: str, kind: Kind) -> Node:
    """Return the parent that a create names; one that is gone takes no children.

    Raises:
        GraphError: 100, none named, unknown, archived or deleted.
    """
    object_id = context.call.params.get(name, "").strip().strip('"')
    if not object_id:
        raise required(name)
    parent = account_object(context, account, object_id, kind)
    status = parent.effective_status()
    if status in ("DELETED", "ARCHIVED"):
        raise invalid(
            f"The {parent.kind} {parent.id} is {status.lower()}: nothing can be made in it.", subcode=1_487_056,
            field=name, title="Parent is gone",
        )  # fmt: skip
    return parent
