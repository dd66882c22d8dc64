"""The fields of an insights row that name its account, its object and the objects above. No figures."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.objects.render import iso
from sandbox.nodes import Kind, Node

Above = Mapping[Kind, Node]  # the row's object and those above it; empty for the account's own rows
Named = Callable[[Account, Above], Any]


def above_of(node: Node | None) -> dict[Kind, Node]:
    """Return an object and those above it, by kind, the lowest first."""
    found: dict[Kind, Node] = {}
    while node is not None:
        found[node.kind] = node
        node = node.parent
    return found


def _of(kind: Kind, get: Callable[[Node], Any]) -> Named:
    return lambda _, above: get(above[kind]) if kind in above else None


def _of_row(get: Callable[[Account, Node], Any]) -> Named:
    return lambda account, above: get(account, next(iter(above.values()))) if above else None


def _extra(name: str) -> Callable[[Node], Any]:
    return lambda node: node.extra.get(name)


NAMES: Final[dict[str, Named]] = {
    "account_id": lambda account, _: account.id,
    "account_name": lambda account, _: account.spec.name,
    "account_currency": lambda account, _: account.spec.currency,
    "attribution_setting": lambda *_: "7d_click_1d_view",
    "campaign_id": _of(Kind.CAMPAIGN, lambda node: node.id),
    "campaign_name": _of(Kind.CAMPAIGN, lambda node: node.name),
    "objective": _of(Kind.CAMPAIGN, _extra("objective")),
    "buying_type": _of(Kind.CAMPAIGN, _extra("buying_type")),
    "adset_id": _of(Kind.AD_SET, lambda node: node.id),
    "adset_name": _of(Kind.AD_SET, lambda node: node.name),
    "optimization_goal": _of(Kind.AD_SET, _extra("optimization_goal")),
    "ad_id": _of(Kind.AD, lambda node: node.id),
    "ad_name": _of(Kind.AD, lambda node: node.name),
    "created_time": _of_row(lambda account, node: iso(account, node.created_s)[:10]),
    "updated_time": _of_row(lambda account, node: iso(account, node.updated_s)[:10]),
}
OF_ACCOUNT: Final = frozenset({"account_id", "account_name", "account_currency", "attribution_setting"})
