"""Lists that are behind: what was made of late is missing, what was changed of late shows as it was before."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.context import Context
from sandbox.nodes import Node

_OWN: Final = frozenset({"name", "status", "daily_budget", "lifetime_budget"})


@dataclass(slots=True, kw_only=True)
class _Late:
    """What lists do not know of one object yet: the values before, and when it began to change."""

    since_s: int
    before: dict[str, Any] = field(default_factory=dict)
    is_new: bool = False


def as_lists_know(context: Context, account: Account, nodes: Sequence[Node]) -> Sequence[Node]:
    """Return the objects as they stood before the effects that lists do not know of yet; oldest first, as given."""
    if context.lag_s <= 0:
        return nodes
    late = _late(context, account)
    return [_before(node, late.get(node.id)) for node in nodes if node.id not in late or not late[node.id].is_new]


def _late(context: Context, account: Account) -> dict[str, _Late]:
    found: dict[str, _Late] = {}
    for line in context.platform.journal.lines(account_id=account.id):
        if not context.lags(line):
            continue
        row = found.setdefault(line.object_id, _Late(since_s=line.platform_at_us // 1_000_000))
        row.is_new = row.is_new or any(name == "name" and pair[0] is None for name, pair in line.change.items())
        for name, pair in line.change.items():
            row.before.setdefault(name, pair[0])
    return found


def _before(node: Node, late: _Late | None) -> Node:
    if late is None:
        return node
    own = {name: value for name, value in late.before.items() if name in _OWN}
    extra = {name: value for name, value in late.before.items() if name not in _OWN | {"labels", "creative"}}
    labels = tuple(late.before.get("labels", node.labels) or ())
    updated_s = max(node.created_s, late.since_s - 1)
    return replace(node, **own, labels=labels, extra={**node.extra, **extra}, updated_s=updated_s)
