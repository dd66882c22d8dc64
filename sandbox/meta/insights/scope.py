"""Which ads an insights call is about, and the filters on figures that its rows must pass."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.account import Account
from sandbox.meta.insights.fields import NEEDS_ENGAGEMENT
from sandbox.meta.insights.order import is_figure
from sandbox.meta.insights.report import ENGAGED, LEVEL_KINDS
from sandbox.meta.protocol.filters import filter_rows, node_test, number_test
from sandbox.meta.protocol.request import GraphCall
from sandbox.nodes import Kind, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Ads by their index in the market, and filters as (figure, operator, value)."""

    ads: NDArray[np.bool_]
    filters: list[tuple[str, str, Any]]

    @property
    def wants(self) -> frozenset[str]:
        """What a table must hold beside the common figures for its rows to be filtered."""
        is_engaged = any(field.partition(":")[0] in NEEDS_ENGAGEMENT for field, _, _ in self.filters)
        return frozenset({ENGAGED} if is_engaged else ())

    def most_owners(self, account: Account, level: str) -> int:
        """Return how many objects may have rows at a level."""
        return 1 if level == "account" else min(int(self.ads.sum()), len(account.nodes[LEVEL_KINDS[level]]))


def scope_of(call: GraphCall, account: Account, node: Node | None, level: str) -> Scope:
    """Return what a call is about.

    Raises:
        GraphError: 100, a filter on what there is none of, or whose value is of the wrong kind.
    """
    ads = account.nodes[Kind.AD]
    mask = np.ones(len(ads), dtype=np.bool_)
    if node is not None:
        mask &= _under(account, node)
    filters: list[tuple[str, str, Any]] = []
    for field, name, value in filter_rows(call):
        figure = field.removeprefix(f"{level}.")
        if is_figure(figure):
            number_test(name, value)  # refuses a value that is no number
            filters.append((figure, name, value))
            continue
        test = node_test(field, name, value, LEVEL_KINDS.get(level, Kind.AD))
        mask &= np.fromiter((test(ad) for ad in ads), dtype=np.bool_, count=len(ads))
    return Scope(ads=mask, filters=filters)


def _under(account: Account, node: Node) -> NDArray[np.bool_]:
    of_set = account.market.ad_sets_of_ads()
    if node.kind is Kind.AD:
        itself: NDArray[np.bool_] = np.arange(len(of_set)) == node.market_index
        return itself
    if node.kind is Kind.AD_SET:
        found: NDArray[np.bool_] = of_set == node.market_index
        return found
    below: NDArray[np.bool_] = np.isin(of_set, [child.market_index for child in node.children])
    return below
