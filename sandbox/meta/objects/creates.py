"""Creates: POST act_X/{campaigns,adsets,ads,adcreatives}. What each kind checks stands in the file of its name."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.objects.ad_sets import draft_ad_set
from sandbox.meta.objects.ads import draft_ad
from sandbox.meta.objects.campaigns import draft_campaign
from sandbox.meta.objects.checks_budgets import budget_conflict
from sandbox.meta.objects.creatives import draft_creative
from sandbox.meta.objects.drafts import Draft, account_object
from sandbox.meta.objects.labels import label_names
from sandbox.meta.route import Route
from sandbox.nodes import Kind, Node

__all__ = ["EDGES", "ROUTES", "account_object", "budget_conflict", "commit_draft", "create", "only_checked"]


def create(context: Context, account: Account, *, kind: Kind) -> Json:
    """Validate and create an object; `validate_only` stops short of the effect.

    Raises:
        GraphError: a validation of Meta's.
    """
    drafts = _DRAFTS[kind](context, account)
    for _, draft in drafts:
        name_labels(draft)
    if context.is_only_checked():
        return only_checked(context)
    node: Node | None = None
    for each, draft in drafts:
        if node is not None:
            draft.values["creative"] = node.id
        node = commit_draft(draft, each)
    return {"id": node.id} if node is not None else {}


def only_checked(context: Context) -> Json:
    """Return the answer of a call that asked for validation without effect."""
    answer: Json = {"success": True}
    if "include_recommendations" in context.call.items("execution_options"):
        answer["recommendations"] = []
    return answer


def commit_draft(draft: Draft, kind: Kind) -> Node:
    """Let a new object come into being: one line of the oracle log."""
    change: dict[str, list[Any]] = {name: [None, value] for name, value in draft.values.items() if value is not None}
    return draft.context.commit(kind=kind, account_id=draft.account.id, object_id=None, change=change)


def name_labels(draft: Draft) -> None:
    """Write the labels that a call names as the names that objects bear.

    Raises:
        GraphError: 100, an id of no label.
    """
    rows = draft.values.pop("adlabels", None)
    if rows is not None and (rows or not draft.is_new):
        draft.values["labels"] = label_names(draft.context, draft.account, rows)


_Drafts = Sequence[tuple[Kind, Draft]]


def _ads(context: Context, account: Account) -> _Drafts:
    found = draft_ad(context, account)
    before = [(Kind.CREATIVE, found.creative)] if found.creative is not None else []
    return [*before, (Kind.AD, found.ad)]


_DRAFTS: Final[dict[Kind, Callable[[Context, Account], _Drafts]]] = {
    Kind.CAMPAIGN: lambda context, account: [(Kind.CAMPAIGN, draft_campaign(context, account))],
    Kind.AD_SET: lambda context, account: [(Kind.AD_SET, draft_ad_set(context, account))],
    Kind.AD: _ads,
    Kind.CREATIVE: lambda context, account: [(Kind.CREATIVE, draft_creative(context, account))],
}
_NOTES: Final = {
    Kind.CAMPAIGN: "every field of the fact sheet; spend_cap is obeyed, budget schedules are kept only",
    Kind.AD_SET: "objective x destination x goal x billing checked; caps, schedules and frequency are kept only",
    Kind.AD: "creative by id or as an inline spec; no adset_spec",
    Kind.CREATIVE: "images and videos must be in the account's library; picture URLs are taken as they are",
}
EDGES: Final = {"campaigns": Kind.CAMPAIGN, "adsets": Kind.AD_SET, "ads": Kind.AD, "adcreatives": Kind.CREATIVE}
ROUTES: Final = tuple(
    Route(method="POST", of="account", edge=edge, answer=partial(create, kind=kind), note=_NOTES[kind])
    for edge, kind in EDGES.items()
)
