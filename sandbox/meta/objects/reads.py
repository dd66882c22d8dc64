"""Reads of objects: nodes with `fields`, and edges with filters, order and cursors, newest first unless asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.objects.creative_media import Stills
from sandbox.meta.objects.lag import as_lists_know
from sandbox.meta.objects.render import EDGES, Expansion, Renderer
from sandbox.meta.objects.spending import Spending
from sandbox.meta.protocol.fieldspec import Wanted, spell, wanted_fields
from sandbox.meta.protocol.filters import edge_predicate
from sandbox.meta.protocol.paging import walk
from sandbox.meta.protocol.params import unfit
from sandbox.meta.route import Route
from sandbox.nodes import Kind, Node

ACCOUNT_EDGES: Final = {
    "campaigns": Kind.CAMPAIGN, "adsets": Kind.AD_SET, "ads": Kind.AD, "adcreatives": Kind.CREATIVE
}  # fmt: skip
# What `fields` of an object may name that another file answers: the account it is of, its figures, its previews.
Outside = Mapping[str, Callable[[Context, Account, Node], Json]]
_NOTHING: Final[Outside] = MappingProxyType({})
_OLDEST_FIRST: Final = frozenset({"chronological", "created_time_ascending"})
_NEWEST_FIRST: Final = frozenset({"reverse_chronological", "created_time_descending"})
_NOTE: Final = (
    "nested fields with modifiers, filtering, order, cursors, summary; date_preset and time_range are ignored"
)


def read_node(context: Context, node: Node, *, outside: Outside = _NOTHING) -> Json:
    """Answer `GET /{id}`."""
    return _renderer(context, context.account_of(node), outside).render(node, wanted_fields(context.call))


def read_account_edge(context: Context, account: Account, *, kind: Kind, outside: Outside = _NOTHING) -> Json:
    """Answer `GET /act_X/{campaigns,adsets,ads,adcreatives}`."""
    return page_of(context, account, account.nodes[kind], kind, outside=outside)


def read_node_edge(context: Context, node: Node, *, kind: Kind, outside: Outside = _NOTHING) -> Json:
    """Answer `GET /{id}/{edge}`."""
    return page_of(context, context.account_of(node), children(node, kind), kind, outside=outside)


def children(node: Node, kind: Kind) -> Sequence[Node]:
    """Return the objects of a kind below an object, oldest first."""
    below = [node]
    while below and below[0].kind is not kind and below[0].kind is not Kind.AD:
        below = [child for parent in below for child in parent.children]
    if kind is Kind.CREATIVE:
        held = {ad.creative.id: ad.creative for ad in below if ad.creative is not None}
        return sorted(held.values(), key=lambda creative: creative.order)
    return sorted((found for found in below if found.kind is kind), key=lambda found: found.order)


def _renderer(context: Context, account: Account, outside: Outside) -> Renderer:
    def edge(node: Node, wanted: Wanted, kind: Kind) -> Json:
        return page_of(_inner(context, node, wanted), account, children(node, kind), kind, outside=outside)

    def elsewhere(node: Node, wanted: Wanted, name: str) -> Json:
        return outside[name](_inner(context, node, wanted), account, node)

    expansions: dict[str, Expansion] = {name: partial(elsewhere, name=name) for name in outside}
    for name, kind in ACCOUNT_EDGES.items():
        expansions[name] = partial(edge, kind=kind)
    nodes = context.platform.world.nodes
    stills = Stills(context=context, account=account)
    return Renderer(account, spending=Spending(context, account), stills=stills, expansions=expansions, nodes=nodes)


def _inner(context: Context, node: Node, wanted: Wanted) -> Context:
    """Return the call that a part of `fields` stands for, with its modifiers as parameters."""
    params = wanted.modifiers | {"fields": spell(wanted.inner)}
    return replace(context, call=replace(context.call, params=params, path=(node.id, wanted.name)))


def page_of(
    context: Context, account: Account, nodes: Sequence[Node], kind: Kind, *, outside: Outside = _NOTHING
) -> Json:
    """Return a page of objects, which are given oldest first."""
    call = context.call
    passes, _ = edge_predicate(call, kind, now_s=context.platform.clock.now_s())
    nodes = as_lists_know(context, account, nodes)
    found = walk(call, nodes, passes, is_rising=_is_rising(context))
    renderer, asked = _renderer(context, account, outside), wanted_fields(call)
    page: Json = {"data": [renderer.render(node, asked) for node in found.rows], **found.links(call)}
    if call.params.get("summary", "false").lower() not in ("false", "0", ""):
        page["summary"] = {"total_count": sum(1 for node in nodes if passes(node))}
    return page


def _is_rising(context: Context) -> bool:
    word = context.call.params.get("order", "").strip("\"'").lower()
    if word and word not in _OLDEST_FIRST | _NEWEST_FIRST:
        raise unfit("order", f"must be one of {', '.join(sorted(_OLDEST_FIRST | _NEWEST_FIRST))}")
    return word in _OLDEST_FIRST


def routes(outside: Outside = _NOTHING) -> tuple[Route, ...]:
    """Return the rows that read objects; `outside` answers what their fields may name beyond the tree."""
    return (
        *(
            Route(method="GET", of=kind, edge="", answer=partial(read_node, outside=outside), note="fields expand")
            for kind in Kind
        ),
        *(
            Route(
                method="GET", of="account", edge=edge,
                answer=partial(read_account_edge, kind=kind, outside=outside), note=_NOTE,
            )
            for edge, kind in ACCOUNT_EDGES.items()
        ),
        *(
            Route(
                method="GET", of=owner, edge=edge, answer=partial(read_node_edge, kind=kind, outside=outside),
                note=_NOTE,
            )
            for owner, edges in EDGES.items()
            for edge, kind in edges.items()
        ),
    )  # fmt: skip
