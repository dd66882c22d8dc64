"""Turns objects into Graph JSON, field by field as asked. Ids are digits, budgets strings of minor units."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.objects.creative_media import Stills
from sandbox.meta.objects.render_fields import FIELDS, Scene, iso
from sandbox.meta.objects.spending import Spending
from sandbox.meta.protocol.errors import parameter
from sandbox.meta.protocol.fieldspec import Wanted
from sandbox.nodes import Kind, Node

__all__ = ["EDGES", "ID_ONLY", "TYPE_NAMES", "Expansion", "Renderer", "iso"]

Expansion = Callable[[Node, Wanted], dict[str, Any] | None]
TYPE_NAMES: Final = {
    Kind.CAMPAIGN: "AdCampaignGroup", Kind.AD_SET: "AdCampaign", Kind.AD: "AdGroup", Kind.CREATIVE: "AdCreative"
}  # fmt: skip
_HOLDS: Final[dict[Kind, dict[str, Callable[[Node], Node | None]]]] = {
    Kind.CAMPAIGN: {},
    Kind.AD_SET: {"campaign": lambda node: node.parent},
    Kind.AD: {
        "creative": lambda node: node.creative,
        "adset": lambda node: node.parent,
        "campaign": lambda node: node.campaign,
    },
    Kind.CREATIVE: {},
}
_SOURCES: Final = {
    Kind.CAMPAIGN: ("source_campaign", "source_campaign_id"), Kind.AD_SET: ("source_adset", "source_adset_id"),
    Kind.AD: ("source_ad", "source_ad_id"),
}  # fmt: skip
EDGES: Final[dict[Kind, dict[str, Kind]]] = {
    Kind.CAMPAIGN: {"adsets": Kind.AD_SET, "ads": Kind.AD},
    Kind.AD_SET: {"ads": Kind.AD, "adcreatives": Kind.CREATIVE},
    Kind.AD: {"adcreatives": Kind.CREATIVE},
    Kind.CREATIVE: {},
}
ID_ONLY: Final = (Wanted(name="id"),)


class Renderer:
    """Renders objects of one account for one call; heavy fields are computed once per call.

    `expansions` answer what is no field but an edge, or another kind of thing: `ads`, `account`, `insights`.
    """

    def __init__(
        self, account: Account, *, spending: Spending, stills: Stills, expansions: Mapping[str, Expansion],
        nodes: Mapping[str, Node],
    ) -> None:  # fmt: skip
        self._scene = Scene(account=account, spending=spending, stills=stills)
        self._expansions, self._nodes = expansions, nodes

    def render(self, node: Node, fields: Sequence[Wanted]) -> dict[str, Any]:
        """Return the object with the fields asked for; `id` is always there, absent values are left out.

        Raises:
            GraphError: 100, an unknown field.
        """
        shown: dict[str, Any] = {}
        for wanted in fields or ID_ONLY:
            value = self._value(node, wanted)
            if value is not None:
                shown[wanted.name] = value
        shown.setdefault("id", node.id)
        return shown

    def _value(self, node: Node, wanted: Wanted) -> Any:
        name = wanted.name
        getter = FIELDS[node.kind].get(name)
        if getter is not None:
            value = getter(self._scene, node)
            return _narrowed(value, wanted) if wanted.inner else value
        held = _HOLDS[node.kind].get(name)
        if held is not None:
            inside = held(node)
            return self.render(inside, wanted.inner) if inside else None
        source, key = _SOURCES.get(node.kind, ("", ""))
        if name == source:
            origin = self._nodes.get(str(node.extra.get(key)))
            return self.render(origin, wanted.inner) if origin else None
        expansion = self._expansions.get(name)
        if expansion is not None and may_expand(node.kind, name):
            return expansion(node, wanted)
        raise parameter(f"Tried accessing nonexisting field ({name}) on node type ({TYPE_NAMES[node.kind]})")


def may_expand(kind: Kind, name: str) -> bool:
    """Say whether a kind of object has an edge, or another kind of thing beside it, of that name."""
    if name == "insights":
        return kind is not Kind.CREATIVE
    if name == "previews":
        return kind in (Kind.AD, Kind.CREATIVE)
    return name == "account" or name in EDGES[kind]


def _narrowed(value: Any, wanted: Wanted) -> Any:
    """Keep the asked parts of a list of records or a record, `id` with them."""
    names = {inner.name for inner in wanted.inner} | {"id"}
    if isinstance(value, list):
        return [{k: v for k, v in row.items() if k in names} if isinstance(row, dict) else row for row in value]
    if isinstance(value, dict):
        return {k: v for k, v in value.items() if k in names}
    return value
