"""Reads of objects: nodes with `fields`, and edges with filters and cursors, newest first."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.fieldspec import Wanted, spell, wanted_fields
from sandbox.meta.filters import Predicate, edge_predicate
from sandbox.meta.lag import as_lists_know
from sandbox.meta.paging import encode_cursor, limit_of, paging, place_of
from sandbox.meta.render import EDGES, Renderer
from sandbox.nodes import Kind, Node

ACCOUNT_EDGES = {
    "campaigns": Kind.CAMPAIGN, "adsets": Kind.AD_SET, "ads": Kind.AD, "adcreatives": Kind.CREATIVE
}  # fmt: skip


def read_node(context: Context, node: Node) -> Json:
    """Answer `GET /{id}`."""
    return _renderer(context, context.account_of(node)).render(node, wanted_fields(context.call))


def read_account_edge(context: Context, account: Account, kind: Kind) -> Json:
    """Answer `GET /act_X/{campaigns,adsets,ads,adcreatives}`."""
    return _page(context, account, account.nodes[kind], kind, path=context.call.text_path)


def read_node_edge(context: Context, node: Node, edge: str) -> Json | None:
    """Answer `GET /{id}/{edge}`; None where the object has no such edge."""
    kind = EDGES[node.kind].get(edge)
    if kind is None:
        return None
    return _page(context, context.account_of(node), children(node, kind), kind, path=context.call.text_path)


def children(node: Node, kind: Kind) -> Sequence[Node]:
    """Return the objects of a kind below an object, oldest first."""
    below = [node]
    while below and below[0].kind is not kind and below[0].kind is not Kind.AD:
        below = [child for parent in below for child in parent.children]
    if kind is Kind.CREATIVE:
        held = {ad.creative.id: ad.creative for ad in below if ad.creative is not None}
        return sorted(held.values(), key=lambda creative: creative.order)
    return sorted((found for found in below if found.kind is kind), key=lambda found: found.order)


def _renderer(context: Context, account: Account) -> Renderer:
    def edge(node: Node, wanted: Wanted, kind: Kind) -> dict[str, Any]:
        return _inner_edge(context, account, node, wanted, kind)

    return Renderer(account, edge=edge)


def _inner_edge(context: Context, account: Account, node: Node, wanted: Wanted, kind: Kind) -> Json:
    """Answer an edge that is expanded inside `fields`, with the modifiers as its parameters."""
    params = wanted.modifiers | {"fields": spell(wanted.inner)}
    call = replace(context.call, params=params, path=(node.id, wanted.name))
    inner = replace(context, call=call)
    return _page(inner, account, children(node, kind), kind, path=call.text_path, fields=wanted.inner)


def _page(
    context: Context, account: Account, nodes: Sequence[Node], kind: Kind, *,
    path: str, fields: Sequence[Wanted] | None = None,
) -> Json:  # fmt: skip
    call = context.call
    passes, _ = edge_predicate(call, kind)
    nodes = as_lists_know(context, account, nodes)
    start = _place_before(nodes, place_of(call, 0)) if call.params.get("after") else len(nodes) - 1
    rows, has_more = _cut(nodes, passes, limit=limit_of(call), at=start)
    renderer = _renderer(context, account)
    asked = wanted_fields(call) if fields is None else fields
    page: Json = {"data": [renderer.render(node, asked) for node in rows]}
    if rows:
        cursors = {"before": encode_cursor(rows[0].order), "after": encode_cursor(rows[-1].order)}
        page["paging"] = paging(call, **cursors, has_more=has_more, path=path)
    if "summary" in call.params and call.params["summary"].lower() not in ("false", "0"):
        page["summary"] = {"total_count": sum(1 for node in nodes if passes(node))}
    return page


def _cut(nodes: Sequence[Node], passes: Predicate, *, limit: int, at: int) -> tuple[list[Node], bool]:
    """Return a page from a place on, newest first, and whether another object follows it."""
    rows: list[Node] = []
    while at >= 0:
        if passes(nodes[at]):
            if len(rows) == limit:
                return rows, True
            rows.append(nodes[at])
        at -= 1
    return rows, False


def _place_before(nodes: Sequence[Node], order: int) -> int:
    """Return the index of the last object older than `order`; lists are sorted by it."""
    low, high = 0, len(nodes)
    while low < high:
        middle = (low + high) // 2
        if nodes[middle].order < order:
            low = middle + 1
        else:
            high = middle
    return low - 1
