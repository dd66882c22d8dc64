"""Updates and deletes of objects: POST /{id}, DELETE /{id}. What does not change leaves no line in the oracle log."""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.meta.context import Context, Json
from sandbox.meta.objects import ad_sets, ads, campaigns, creatives
from sandbox.meta.objects.ads import check_may_go
from sandbox.meta.objects.checks_room import check_archive
from sandbox.meta.objects.creates import commit_draft, name_labels, only_checked
from sandbox.meta.objects.drafts import Draft, held
from sandbox.meta.protocol import params
from sandbox.meta.protocol.errors import invalid
from sandbox.meta.protocol.params import Reader
from sandbox.meta.route import Route
from sandbox.nodes import Kind, Node

_ONLY_NAME: Final = {Kind.CAMPAIGN: 1_487_566, Kind.AD_SET: 1_487_056, Kind.AD: 1_885_088, Kind.CREATIVE: 1_885_088}
_TABLES: Final[dict[Kind, Mapping[str, Reader]]] = {
    Kind.CAMPAIGN: campaigns.UPDATE, Kind.AD_SET: ad_sets.UPDATE, Kind.AD: ads.UPDATE, Kind.CREATIVE: creatives.UPDATE
}  # fmt: skip
# What only a person at the sandbox's own controls may say (the admin address), never an API call.
_BY_HAND: Final[Mapping[str, Reader]] = {
    "sandbox_issues": params.rows,
    "sandbox_review": params.one_of(frozenset({"APPROVED", "DISAPPROVED", "PENDING_REVIEW"})),
}


def update(context: Context, node: Node) -> Json:
    """Answer `POST /{id}`.

    Raises:
        GraphError: a validation of Meta's.
    """
    table = _TABLES[node.kind] if context.actor == "api" else {**_TABLES[node.kind], **_BY_HAND}
    values = params.read_params(context.call, table, what=f"an update of {node.kind} {node.id}")
    draft = Draft(context=context, account=context.account_of(node), values=values, node=node, parent=node.parent)
    name_labels(draft)
    _check_state(node, values)
    creative = _check(draft)
    if context.is_only_checked():
        return only_checked(context)
    if creative is not None:
        name_labels(creative)
        values["creative"] = commit_draft(creative, Kind.CREATIVE).id
    _commit(draft, node)
    return {"success": True}


def delete(context: Context, node: Node) -> Json:
    """Answer `DELETE /{id}`: the same as the status DELETED."""
    if node.kind is Kind.AD:
        check_may_go(node)
    if context.is_only_checked():
        return only_checked(context)
    if node.status != "DELETED":
        draft = Draft(context=context, account=context.account_of(node), values={"status": "DELETED"}, node=node)
        _commit(draft, node)
    return {"success": True}


def _check_state(node: Node, values: dict[str, Any]) -> None:
    """Keep to the life cycle: deleted is final, archived moves only to deleted; both keep an editable name."""
    if node.status not in ("DELETED", "ARCHIVED"):
        return
    allowed = {"name"}
    if values.get("status") == node.status or (node.status == "ARCHIVED" and values.get("status") == "DELETED"):
        allowed.add("status")
    if values.keys() - allowed:
        word = node.status.lower()
        raise invalid(
            f"The {node.kind} {node.id} is {word}: only its name can be edited.", subcode=_ONLY_NAME[node.kind],
            field=min(values.keys() - allowed), title=f"Cannot edit {word} object",
        )  # fmt: skip


def _check(draft: Draft) -> Draft | None:
    node = draft.node
    if node is None:
        return None
    if draft.changes("status") and draft.values["status"] == "ARCHIVED":
        check_archive(draft.account, node.kind)
    match node.kind:
        case Kind.CAMPAIGN:
            campaigns.check_campaign(draft)
        case Kind.AD_SET:
            ad_sets.check_ad_set(draft)
        case Kind.AD:
            return ads.check_ad(draft)
        case Kind.CREATIVE:
            creatives.check_creative(draft)
    return None


def _commit(draft: Draft, node: Node) -> None:
    change: dict[str, list[Any]] = {}
    for name, value in draft.values.items():
        before = held(node, name)
        if before != value:
            change[name] = [before, value]
    if change:
        draft.context.commit(kind=node.kind, account_id=node.account_id, object_id=node.id, change=change)


_NOTE: Final = "partial updates only"
_NOTES: Final = {
    Kind.CAMPAIGN: f"{_NOTE}; adset_budgets moves a campaign budget to the ad sets, at once; no adset_bid_amounts"
}
ROUTES: Final = (
    *(Route(method="POST", of=kind, edge="", answer=update, note=_NOTES.get(kind, _NOTE)) for kind in Kind),
    *(Route(method="DELETE", of=kind, edge="", answer=delete, note="the same as status=DELETED") for kind in Kind),
)

__all__ = ["ROUTES", "delete", "update"]
