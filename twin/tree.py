"""One account's objects in the market as sorted rows: who belongs to whom, what is switched on, what carries budgets.

The rows are fixed when the twin begins, since nothing that is simulated here creates objects; their states are read
from the market's nodes at every look, for people edit by hand there too.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.actions import ObjectKind
from domain.snapshot import Bools, Hold, Ints, Texts
from sandbox.account import Account
from sandbox.nodes import DELIVERING, GONE, Kind, Node

AB_TEST: Final = "ab_test"
_FREE_BIDS: Final = "LOWEST_COST_WITHOUT_CAP"
KINDS: Final = {Kind.CAMPAIGN: ObjectKind.CAMPAIGN, Kind.AD_SET: ObjectKind.AD_SET, Kind.AD: ObjectKind.AD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Nodes by kind, ordered by id; `set_of_ad` and `campaign_of_set` are rows, `market_ads` the market's indices."""

    account: Account
    campaigns: tuple[Node, ...]
    ad_sets: tuple[Node, ...]
    ads: tuple[Node, ...]
    set_of_ad: Ints
    campaign_of_set: Ints
    market_ads: Ints
    ids: dict[ObjectKind, Texts]
    names: dict[ObjectKind, Texts]

    def nodes(self, kind: ObjectKind) -> tuple[Node, ...]:
        """The rows of a kind."""
        match kind:
            case ObjectKind.CAMPAIGN:
                return self.campaigns
            case ObjectKind.AD_SET:
                return self.ad_sets
            case _:
                return self.ads

    def sets_of(self, node: Node) -> list[Node]:
        """The ad sets that a change of the object touches."""
        match node.kind:
            case Kind.CAMPAIGN:
                return [child for child in node.children if child.status not in GONE]
            case Kind.AD_SET:
                return [node]
            case _:
                return [node.parent] if node.parent is not None else []

    def is_learned(self, ad_set: Node) -> bool:
        """Whether its learning is over and well."""
        return self.account.learning(ad_set)[0] == "SUCCESS"

    def running_minor(self) -> int:
        """The sum of the daily budgets that run: of active campaigns with their own, else of their active ad sets."""
        return sum(self.campaign_minor(node) for node in self.campaigns if is_on(node))

    @staticmethod
    def campaign_minor(campaign: Node) -> int:
        """A campaign's own daily budget, else the sum of its active ad sets'."""
        if campaign.daily_budget is not None:
            return campaign.daily_budget
        return sum(child.daily_budget or 0 for child in campaign.children if is_on(child))


def plant(account: Account) -> Tree:
    """Lay the rows out."""
    campaigns, ad_sets, ads = (
        tuple(sorted((node for node in account.nodes[kind] if node.status not in GONE), key=lambda node: node.id))
        for kind in (Kind.CAMPAIGN, Kind.AD_SET, Kind.AD)
    )
    set_row = {node.id: row for row, node in enumerate(ad_sets)}
    campaign_row = {node.id: row for row, node in enumerate(campaigns)}
    rows = {ObjectKind.CAMPAIGN: campaigns, ObjectKind.AD_SET: ad_sets, ObjectKind.AD: ads}
    return Tree(
        account=account,
        campaigns=campaigns,
        ad_sets=ad_sets,
        ads=ads,
        set_of_ad=_rows(ads, set_row),
        campaign_of_set=_rows(ad_sets, campaign_row),
        market_ads=np.fromiter((node.market_index for node in ads), np.int64, len(ads)),
        ids={kind: texts([node.id for node in found]) for kind, found in rows.items()},
        names={kind: texts([node.name for node in found]) for kind, found in rows.items()},
    )


def is_on(node: Node) -> bool:
    """Whether the object's own switch is on."""
    return node.status == DELIVERING


def switches(nodes: tuple[Node, ...]) -> Bools:
    """Own switches of rows."""
    return np.fromiter((node.status == DELIVERING for node in nodes), np.bool_, len(nodes))


def hold_of(ad_set: Node) -> Hold:
    """Why rules leave an ad set's budget alone; the same order as `models/snapshot_queries.py`."""
    above = ad_set.parent
    if ad_set.lifetime_budget is not None or (above is not None and above.lifetime_budget is not None):
        return Hold.LIFETIME_BUDGET
    if _is_bound(ad_set) or (above is not None and _is_bound(above)):
        return Hold.BID_LIMIT
    if above is not None and above.extra.get("spend_cap"):
        return Hold.SPEND_CAP
    return Hold.CAMPAIGN_BUDGET if above is not None and above.daily_budget is not None else Hold.FREE


def hold_of_campaign(campaign: Node) -> Hold:
    """The same of a campaign that carries a daily budget."""
    if _is_bound(campaign):
        return Hold.BID_LIMIT
    return Hold.SPEND_CAP if campaign.extra.get("spend_cap") else Hold.FREE


def texts(values: list[str]) -> Texts:
    """Strings as an array of objects."""
    found: Texts = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _is_bound(node: Node) -> bool:
    return node.extra.get("bid_strategy", _FREE_BIDS) != _FREE_BIDS or bool(node.extra.get("bid_amount"))


def _rows(nodes: tuple[Node, ...], position: dict[str, int]) -> Ints:
    return np.fromiter(
        (position.get(node.parent.id, -1) if node.parent else -1 for node in nodes), np.int64, len(nodes)
    )
