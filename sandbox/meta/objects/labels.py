"""Labels over HTTP: act_X/adlabels, an object's adlabels, act_X/{campaigns,…}bylabels, a label's own edges."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from sandbox.account import Account
from sandbox.labels import label_id, named_label
from sandbox.meta.accounts.activities import listed
from sandbox.meta.context import Context, Json
from sandbox.meta.objects.checks import labels
from sandbox.meta.objects.reads import ACCOUNT_EDGES, page_of
from sandbox.meta.objects.render import iso
from sandbox.meta.protocol import params
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.fieldspec import wanted_fields
from sandbox.meta.route import Route
from sandbox.nodes import Kind, Node
from sandbox.records import Record, RecordKind

_MOST_CHARS: Final = 400
_FIELDS: Final[dict[str, Callable[[Account, Record], Any]]] = {
    "id": lambda _, record: record.id,
    "name": lambda _, record: record.values["name"],
    "account": lambda account, _: {"id": f"act_{account.id}", "account_id": account.id},
    "created_time": lambda account, record: iso(account, record.created_s),
    "updated_time": lambda account, record: iso(account, record.updated_s),
}


def label_names(context: Context, account: Account, rows: list[dict[str, Any]]) -> list[str]:
    """Return the names of labels that a call gives by name or by id, each once, in its order.

    Raises:
        GraphError: 100, an id of no label of the account.
    """
    names: list[str] = []
    for row in rows:
        name = str(row["name"]) if row.get("name") else None
        if name is None:
            name = named_label(context.platform.world.records, account.id, str(row.get("id")))
        if name is None:
            raise GraphError(
                100, f"(#100) Param adlabels: {str(row.get('id'))[:40]} is no label of this account",
                blame=[["adlabels"]], title="Label is unknown", user="Make the label first, or give its name.",
            )  # fmt: skip
        if name not in names:
            names.append(name)
    return names


def make_label(context: Context, account: Account) -> Json:
    """Answer `POST act_X/adlabels`: a label of a name that is there already is that label."""
    name = context.call.params.get("name", "")
    if not name.strip():
        raise params.required("name")
    if len(name) > _MOST_CHARS:
        raise params.unfit("name", f"has {len(name)} characters; at most {_MOST_CHARS} are allowed")
    own_id = label_id(account.id, name)
    if context.is_only_checked():
        return {"success": True}
    if context.platform.world.records.get(own_id) is None:
        context.note(RecordKind.LABEL, account.id, {"name": name}, new_id=own_id)
    return {"id": own_id}


def read_labels(context: Context, account: Account) -> Json:
    """Answer `GET act_X/adlabels`, by name."""
    found = context.platform.world.records.of(account.id, RecordKind.LABEL)
    rows = sorted(found, key=lambda record: str(record.values["name"]))
    return listed(context, [_shown(context, account, record, is_row=True) for record in rows])


def read_label(context: Context, record: Record) -> Json:
    """Answer `GET /{label}`."""
    return _shown(context, context.account_of(record), record, is_row=False)


def _shown(context: Context, account: Account, record: Record, *, is_row: bool) -> Json:
    names = [wanted.name for wanted in wanted_fields(context.call)] or (["id", "name"] if is_row else ["id"])
    strange = [name for name in names if name not in _FIELDS]
    if strange:
        raise parameter(f"Tried accessing nonexisting field ({strange[0]}) on node type (AdLabel)")
    return {name: _FIELDS[name](account, record) for name in dict.fromkeys([*names, "id"])}


def add_labels(context: Context, node: Node) -> Json:
    """Answer `POST /{object}/adlabels`: the labels come beside those that the object bears."""
    return _relabel(context, node, lambda held, named: [*held, *(name for name in named if name not in held)])


def drop_labels(context: Context, node: Node) -> Json:
    """Answer `DELETE /{object}/adlabels`."""
    return _relabel(context, node, lambda held, named: [name for name in held if name not in named])


def _relabel(context: Context, node: Node, change: Callable[[list[str], list[str]], list[str]]) -> Json:
    if "adlabels" not in context.call.params:
        raise params.required("adlabels")
    rows = labels(context.call, "adlabels")
    if node.status in ("ARCHIVED", "DELETED"):
        raise parameter(f"The {node.kind} {node.id} is {node.status.lower()}: its labels cannot be changed")
    named = label_names(context, context.account_of(node), rows)
    before = list(node.labels)
    after = change(before, named)
    if before != after and not context.is_only_checked():
        context.commit(
            kind=node.kind, account_id=node.account_id, object_id=node.id, change={"labels": [before, after]}
        )
    return {"success": True}


def read_by_labels(context: Context, account: Account, *, kind: Kind) -> Json:
    """Answer `GET act_X/{campaigns,adsets,ads,adcreatives}bylabels`."""
    call = context.call
    wanted = call.items("ad_label_ids")
    if not wanted:
        raise params.required("ad_label_ids")
    word = call.params.get("operator", "ANY").strip().strip('"').upper()
    if word not in ("ALL", "ANY"):
        raise params.unfit("operator", f'must be one of {{ALL, ANY}} - got "{word[:80]}".')
    records = context.platform.world.records
    found = {named_label(records, account.id, own_id) for own_id in wanted}
    if None in found:
        raise params.unfit("ad_label_ids", "names a label that this account has not")
    is_meant = found.issubset if word == "ALL" else (lambda held: not found.isdisjoint(held))
    nodes = [node for node in account.nodes[kind] if node.labels and is_meant(node.labels)]
    return page_of(context, account, nodes, kind)


def read_labelled(context: Context, record: Record, *, kind: Kind) -> Json:
    """Answer `GET /{label}/{campaigns,adsets,ads,adcreatives}`."""
    account = context.account_of(record)
    nodes = [node for node in account.nodes[kind] if record.values["name"] in node.labels]
    return page_of(context, account, nodes, kind)


ROUTES: Final = (
    Route(method="GET", of="account", edge="adlabels", answer=read_labels, note="by name, the scenario's with them"),
    Route(
        method="POST", of="account", edge="adlabels", answer=make_label,
        note="by name; one that is there is given back",
    ),
    Route(method="GET", of=RecordKind.LABEL, edge="", answer=read_label, note="labels are never deleted"),
    *(Route(
        method="POST", of=kind, edge="adlabels", answer=add_labels, note="beside those that the object bears",
    ) for kind in Kind),
    *(Route(method="DELETE", of=kind, edge="adlabels", answer=drop_labels, note="by id or name") for kind in Kind),
    *(
        Route(
            method="GET", of="account", edge=f"{edge}bylabels", answer=partial(read_by_labels, kind=kind),
            note="ad_label_ids with operator ALL or ANY",
        )
        for edge, kind in ACCOUNT_EDGES.items()
    ),
    *(
        Route(
            method="GET", of=RecordKind.LABEL, edge=edge, answer=partial(read_labelled, kind=kind),
            note="what bears it, as the account's own edges list it",
        )
        for edge, kind in ACCOUNT_EDGES.items()
    ),
)  # fmt: skip
