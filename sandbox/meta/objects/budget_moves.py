"""`adset_budgets` of a campaign's update: its ad sets get budgets of their own, all at once, instead of the campaign's.

The whole move is one effect of the campaign, so that a kill leaves all of it or nothing.
"""

from typing import Any, Final

from sandbox.meta.objects.checks_bids import AUTOMATIC
from sandbox.meta.objects.checks_budgets import BUDGETS, check_amounts, check_flight
from sandbox.meta.objects.drafts import Draft
from sandbox.meta.protocol.errors import GraphError, invalid
from sandbox.nodes import GONE, Node

MOST_AD_SETS: Final = 70
_NAME: Final = "adset_budgets"
_KEYS: Final = frozenset({"adset_id", *BUDGETS})


def living_ad_sets(campaign: Node) -> dict[str, Node]:
    """Return a campaign's ad sets that are neither archived nor deleted, by their ids."""
    return {child.id: child for child in campaign.children if child.status not in GONE}


def split_budget(draft: Draft) -> None:
    """Write the budgets that an update gives to the campaign's ad sets as the effect they will be.

    Raises:
        GraphError: 100, no campaign budget, or not one proper budget for each living ad set.
    """
    node = draft.node
    if node is None or not draft.touches(_NAME):
        return
    if node.budget_index < 0:
        raise _refused(f"Campaign {node.id} has no campaign budget that its ad sets could get.", subcode=1_885_621)
    if draft.touches(*BUDGETS):
        raise _refused(f"Give either a campaign budget or {_NAME}, not both.", subcode=1_885_621)
    ad_sets = living_ad_sets(node)
    if len(ad_sets) > MOST_AD_SETS:
        raise _refused(f"A campaign of more than {MOST_AD_SETS} ad sets keeps its campaign budget.")
    strategy = draft.get("bid_strategy") or AUTOMATIC
    given: dict[str, dict[str, Any]] = {}
    for row in draft.values[_NAME]:
        ad_set_id = str(row.get("adset_id") or "")
        if ad_set_id not in ad_sets or ad_set_id in given:
            raise _refused(f"{ad_set_id[:40]!r} is not one more ad set of campaign {node.id} that is not archived.")
        given[ad_set_id] = {**_budget(draft, row, ad_sets[ad_set_id]), "bid_strategy": strategy}
    lacking = sorted(ad_sets.keys() - given.keys())
    if lacking:
        raise _refused(f"Every ad set of the campaign needs a budget; ad set {lacking[0]} is given none.")
    gone = {name: None for name in BUDGETS if getattr(node, name) is not None}
    draft.values.update({_NAME: given, "bid_strategy": None, **gone})


def _budget(draft: Draft, row: dict[str, Any], ad_set: Node) -> dict[str, int]:
    strange = sorted(row.keys() - _KEYS)
    if strange:
        raise _refused(f"A row has no key {strange[0][:40]!r}; it may have {', '.join(sorted(_KEYS))}.")
    try:
        budget = {name: int(str(row[name])) for name in BUDGETS if row.get(name) is not None}
    except ValueError:
        raise _refused(f"The budget of ad set {ad_set.id} is no whole number.") from None
    if len(budget) != 1:
        raise _refused(f"Give ad set {ad_set.id} either a daily_budget or a lifetime_budget.")
    own = Draft(context=draft.context, account=draft.account, values=dict(budget), node=ad_set, parent=draft.node)
    check_amounts(own)
    check_flight(own)
    return budget


def _refused(text: str, *, subcode: int | None = None) -> GraphError:
    return invalid(text, subcode=subcode, field=_NAME, title="Ad set budgets do not fit")
