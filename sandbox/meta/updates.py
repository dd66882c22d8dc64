"""Updates and deletes of objects: POST /{id}, DELETE /{id}. What does not change leaves no line in the oracle log."""

from collections.abc import Callable
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.checks import BID_STRATEGIES, budget_of, labels_of, name_of, one_of, targeting_of
from sandbox.meta.context import Context, Json
from sandbox.meta.creates import account_object, budget_conflict
from sandbox.meta.errors import GraphError, budget_edits_used_up, invalid, parameter
from sandbox.meta.request import GraphCall
from sandbox.nodes import Kind, Node

_STATUSES: Final = frozenset({"ACTIVE", "PAUSED", "ARCHIVED", "DELETED"})
_BUDGETS: Final = frozenset({"daily_budget", "lifetime_budget"})
_NOT_FIELDS: Final = frozenset({"execution_options", "fields", "format", "locale", "include_headers"})
_ONLY_NAME: Final = {Kind.CAMPAIGN: 1_487_566, Kind.AD_SET: 1_487_056, Kind.AD: 1_885_088, Kind.CREATIVE: 1_885_088}
_BY_JSON: Final = frozenset(
    {"promoted_object", "bid_amount", "bid_constraints", "attribution_spec", "end_time", "tracking_specs",
     "conversion_domain", "is_adset_budget_sharing_enabled", "special_ad_categories", "spend_cap"}
)  # fmt: skip
_MAY_CHANGE: Final = {
    Kind.CAMPAIGN: frozenset({"name", "status", "adlabels", "daily_budget", "lifetime_budget", "bid_strategy",
                              "is_adset_budget_sharing_enabled", "special_ad_categories", "spend_cap"}),
    Kind.AD_SET: frozenset({"name", "status", "adlabels", "daily_budget", "lifetime_budget", "bid_strategy",
                            "targeting",
                            "promoted_object", "bid_amount", "bid_constraints", "attribution_spec", "end_time"}),
    Kind.AD: frozenset({"name", "status", "adlabels", "creative", "tracking_specs", "conversion_domain"}),
    Kind.CREATIVE: frozenset({"name", "status", "adlabels"}),
}  # fmt: skip

_Reader = Callable[[Context, Account, Node], Any]


def update(context: Context, node: Node) -> Json:
    """Answer `POST /{id}`.

    Raises:
        GraphError: a validation of Meta's.
    """
    account = context.account_of(node)
    values = _read(context, account, node)
    _check_state(node, values)
    _check_budgets(context, node, values)
    if not context.is_only_checked():
        _commit(context, node, values)
    return {"success": True}


def delete(context: Context, node: Node) -> Json:
    """Answer `DELETE /{id}`: the same as the status DELETED."""
    if node.status != "DELETED":
        _commit(context, node, {"status": "DELETED"})
    return {"success": True}


def _read(context: Context, account: Account, node: Node) -> dict[str, Any]:
    call = context.call
    asked = set(call.params) - _NOT_FIELDS
    strange = sorted(asked - _MAY_CHANGE[node.kind])
    if strange:
        raise parameter(f"The parameter {strange[0]} cannot be changed on {node.kind} {node.id}")
    return {
        _STORED.get(name, name): _READERS.get(name, _as_json(name))(context, account, node) for name in sorted(asked)
    }


def _as_json(name: str) -> _Reader:
    return lambda context, _, __: context.call.get(name)


def _check_state(node: Node, values: dict[str, Any]) -> None:
    """Keep to the life cycle: deleted is final, archived moves only to deleted; both keep an editable name."""
    if node.status not in ("DELETED", "ARCHIVED"):
        return
    allowed = {"name"}
    if node.status == "ARCHIVED" and values.get("status") in ("DELETED", "ARCHIVED"):
        allowed.add("status")
    if values.keys() - allowed:
        word = node.status.lower()
        raise invalid(
            f"The {node.kind} {node.id} is {word}: only its name can be edited.", subcode=_ONLY_NAME[node.kind],
            title=f"Cannot edit {word} object",
        )  # fmt: skip


def _check_budgets(context: Context, node: Node, values: dict[str, Any]) -> None:
    edited = values.keys() & _BUDGETS
    if not edited:
        return
    if node.kind is Kind.AD_SET and node.budget_index < 0:
        raise budget_conflict()
    if node.budget_index < 0:
        raise invalid(
            f"Campaign {node.id} has no campaign budget; its ad sets carry theirs.", subcode=1_885_621,
            field="daily_budget",
            title="Campaign and ad set budgets conflict",
        )  # fmt: skip
    for name in edited:
        if values[name] is None or getattr(node, name) is None:
            raise invalid("The kind of budget cannot be changed once it is set.", field=name)
    is_change = any(getattr(node, name) != values[name] for name in edited)
    if node.kind is Kind.AD_SET and is_change and not node.may_edit_budget(context.platform.clock.now_us()):
        raise budget_edits_used_up(node.id)


def _commit(context: Context, node: Node, values: dict[str, Any]) -> None:
    change = {}
    for name, value in values.items():
        before = _held(node, name)
        if before != value:
            change[name] = [before, value]
    if change:
        context.commit(kind=node.kind, account_id=node.account_id, object_id=node.id, change=change)


def _held(node: Node, name: str) -> Any:
    if name == "labels":
        return list(node.labels)
    if name == "creative":
        return node.creative.id if node.creative else None
    if name in ("name", "status", "daily_budget", "lifetime_budget"):
        return getattr(node, name)
    return node.extra.get(name)


def _creative_id(context: Context, account: Account, node: Node) -> str:
    spec = context.call.get("creative")
    creative_id = str(spec.get("creative_id") or spec.get("id") or "") if isinstance(spec, dict) else str(spec or "")
    if not creative_id:
        raise parameter(f"Param creative of ad {node.id} must be an object with a creative_id")
    return account_object(context, account, creative_id, Kind.CREATIVE).id


def _status(context: Context, _: Account, node: Node) -> str:
    status = one_of(context.call, "status", _STATUSES)
    if node.kind is Kind.CREATIVE and status == "PAUSED":
        raise parameter("A creative cannot be paused")
    return status


def _bid(context: Context, _: Account, __: Node) -> str:
    return one_of(context.call, "bid_strategy", BID_STRATEGIES)


_STORED: Final = {"adlabels": "labels"}
_READERS: Final[dict[str, _Reader]] = {
    "name": lambda context, _, __: name_of(context.call),
    "status": _status,
    "adlabels": lambda context, _, __: labels_of(context.call),
    "daily_budget": lambda context, account, _: budget_of(context.call, "daily_budget", account),
    "lifetime_budget": lambda context, account, _: budget_of(context.call, "lifetime_budget", account),
    "targeting": lambda context, _, __: targeting_of(context.call),
    "creative": _creative_id,
    "bid_strategy": _bid,
}

__all__ = ["GraphCall", "GraphError", "delete", "update"]
