"""`DELETE act_X/{campaigns,adsets,ads}` with a delete_strategy: many objects at once, oldest first (§2.5)."""

from functools import partial
from typing import Final

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.protocol import params
from sandbox.meta.protocol.params import Reader
from sandbox.meta.route import Route
from sandbox.nodes import Kind, Node

_STRATEGIES: Final = frozenset({"DELETE_ANY", "DELETE_OLDEST", "DELETE_ARCHIVED_BEFORE"})
_MOST_AT_ONCE: Final = 500  # our own bound, so that one call stays short; the answer says how many are left
_TABLE: Final[dict[str, Reader]] = {
    "delete_strategy": params.one_of(_STRATEGIES), "before_date": params.instant, "object_count": params.integer,
    "delete_offset": params.integer,
}  # fmt: skip


def delete_many(context: Context, account: Account, *, kind: Kind) -> Json:
    """Delete by strategy, and say which and how many are left.

    Raises:
        GraphError: 100, no strategy, or one that needs a date without it.
    """
    asked = params.read_params(context.call, _TABLE, what=f"a mass delete of {kind}s")
    if "delete_strategy" not in asked:
        raise params.required("delete_strategy")
    if asked["delete_strategy"] == "DELETE_ARCHIVED_BEFORE" and not asked.get("before_date"):
        raise params.required("before_date")
    count = asked.get("object_count", _MOST_AT_ONCE)
    if count < 1:
        raise params.unfit("object_count", "must be a positive integer")
    meant = [node for node in account.nodes[kind] if _is_meant(node, asked)][asked.get("delete_offset", 0) :]
    chosen = meant[: min(count, _MOST_AT_ONCE)]
    if context.is_only_checked():
        return {"success": True}
    for node in chosen:
        context.commit(kind=kind, account_id=account.id, object_id=node.id, change={"status": [node.status, "DELETED"]})
    return {"objects_left_to_delete_count": len(meant) - len(chosen), "deleted_object_ids": [n.id for n in chosen]}


def _is_meant(node: Node, asked: Json) -> bool:
    if node.effective_status() == "DELETED":
        return False
    before_s = int(asked.get("before_date") or 0)
    if asked["delete_strategy"] == "DELETE_ARCHIVED_BEFORE":
        return node.effective_status() == "ARCHIVED" and node.updated_s < before_s
    return not before_s or node.created_s < before_s


ROUTES: Final = tuple(
    Route(
        method="DELETE", of="account", edge=edge, answer=partial(delete_many, kind=kind),
        note=f"delete_strategy, before_date, object_count; at most {_MOST_AT_ONCE} a call",
    )
    for edge, kind in (("campaigns", Kind.CAMPAIGN), ("adsets", Kind.AD_SET), ("ads", Kind.AD))
)  # fmt: skip
