"""Creates: POST act_X/{campaigns,adsets,ads,adcreatives} with the required fields of meta_graph_api.md §2."""

from collections.abc import Callable
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.checks import (
    BID_STRATEGIES,
    BILLING_EVENTS,
    GOALS,
    LEGACY_OBJECTIVES,
    OBJECTIVES,
    SPECIAL_CATEGORIES,
    budget_of,
    flag,
    instant_of,
    labels_of,
    name_of,
    one_of,
    record,
    required,
    targeting_of,
)
from sandbox.meta.context import Context, Json
from sandbox.meta.errors import GraphError, invalid, missing, parameter
from sandbox.meta.request import GraphCall
from sandbox.nodes import Kind, Node

Values = dict[str, Any]
_STATUSES: Final = frozenset({"ACTIVE", "PAUSED"})
_LIFETIME_DAYS: Final = 1
_SHARING_REQUIRED_FROM: Final = 24
_STORY_PARTS: Final = ("link_data", "video_data", "photo_data", "text_data", "template_data")


def create(context: Context, account: Account, kind: Kind) -> Json:
    """Validate and create an object; `validate_only` stops short of the effect.

    Raises:
        GraphError: a validation of Meta's.
    """
    values, labels = _READERS[kind](context, account), labels_of(context.call)
    if context.is_only_checked():
        return {"success": True}
    if labels:
        values["labels"] = labels
    change = {name: [None, value] for name, value in values.items() if value is not None}
    node = context.commit(kind=kind, account_id=account.id, object_id=None, change=change)
    return {"id": node.id}


def _campaign(context: Context, account: Account) -> Values:
    call = context.call
    name = name_of(call)
    if call.params.get("objective", "").strip('"') in LEGACY_OBJECTIVES:
        raise invalid(
            "The objective is of the old kind. Use one of the OUTCOME_* objectives.", subcode=2_490_408,
            field="objective", title="Objective is no longer available",
        )  # fmt: skip
    objective = one_of(call, "objective", OBJECTIVES)
    daily, lifetime = _budgets(call, account)
    return {
        "name": name,
        "objective": objective,
        "special_ad_categories": _special_categories(call),
        "status": one_of(call, "status", _STATUSES, default="ACTIVE"),
        "buying_type": one_of(call, "buying_type", frozenset({"AUCTION", "RESERVED"}), default="AUCTION"),
        "daily_budget": daily,
        "lifetime_budget": lifetime,
        "bid_strategy": _bid_strategy(call, has_budget=bool(daily or lifetime)),
        "is_adset_budget_sharing_enabled": _sharing(call, has_budget=bool(daily or lifetime)),
    }


def _special_categories(call: GraphCall) -> list[str]:
    if "special_ad_categories" not in call.params:
        raise GraphError(
            100, "(#100) Missing required parameter: special_ad_categories", blame=[["special_ad_categories"]],
            title="Special ad category missing",
            user="Say which special ad categories the campaign belongs to; an empty list means none.",
        )  # fmt: skip
    found = call.items("special_ad_categories")
    unknown = sorted(set(found) - SPECIAL_CATEGORIES)
    if unknown:
        raise parameter(f"Param special_ad_categories has unknown values: {', '.join(unknown)}")
    return [item for item in found if item != "NONE"]


def _bid_strategy(call: GraphCall, *, has_budget: bool) -> str | None:
    if "bid_strategy" not in call.params:
        return "LOWEST_COST_WITHOUT_CAP" if has_budget else None
    return one_of(call, "bid_strategy", BID_STRATEGIES)


def _sharing(call: GraphCall, *, has_budget: bool) -> bool | None:
    shares = flag(call, "is_adset_budget_sharing_enabled")
    major = int((call.version or "v26.0")[1:].split(".")[0])
    if shares is not None and has_budget:
        raise invalid(
            "is_adset_budget_sharing_enabled cannot be set on a campaign that has a budget.", subcode=4_834_002,
            field="is_adset_budget_sharing_enabled",
        )  # fmt: skip
    if shares is None and not has_budget and major >= _SHARING_REQUIRED_FROM:
        raise invalid(
            "A campaign without a campaign budget must set is_adset_budget_sharing_enabled to true or false.",
            subcode=4_834_011, field="is_adset_budget_sharing_enabled",
        )  # fmt: skip
    return shares


def _ad_set(context: Context, account: Account) -> Values:
    call = context.call
    name = name_of(call)
    campaign = _parent(context, account, "campaign_id", Kind.CAMPAIGN)
    billing = one_of(call, "billing_event", BILLING_EVENTS)
    goal = one_of(call, "optimization_goal", GOALS)
    daily, lifetime = _budgets(call, account)
    _check_budget_level(campaign, has_budget=bool(daily or lifetime))
    if lifetime and instant_of(call, "end_time") is None:
        raise required("end_time")
    if billing not in ("IMPRESSIONS", goal):
        raise invalid(f"Billing event {billing} does not go with optimization goal {goal}.", field="billing_event")
    promoted = call.get("promoted_object")
    if goal in ("OFFSITE_CONVERSIONS", "VALUE") and not isinstance(promoted, dict):
        raise invalid(
            f"Optimization goal {goal} needs a promoted_object with a pixel and an event.", subcode=1_885_154,
            field="promoted_object", title="Promoted object is missing",
        )  # fmt: skip
    bid = one_of(call, "bid_strategy", BID_STRATEGIES, default="LOWEST_COST_WITHOUT_CAP")
    if bid in ("COST_CAP", "LOWEST_COST_WITH_BID_CAP") and "bid_amount" not in call.params:
        raise invalid(f"Bid strategy {bid} needs a bid_amount.", subcode=1_815_857, field="bid_amount")
    optional = ("attribution_spec", "end_time", "bid_amount", "bid_constraints", "destination_type", "start_time")
    return {
        "name": name, "parent": campaign.id, "billing_event": billing, "optimization_goal": goal,
        "targeting": targeting_of(call), "status": one_of(call, "status", _STATUSES, default="ACTIVE"),
        "daily_budget": daily, "lifetime_budget": lifetime, "promoted_object": promoted, "bid_strategy": bid,
        **{extra: call.get(extra) for extra in optional},
    }  # fmt: skip


def _check_budget_level(campaign: Node, *, has_budget: bool) -> None:
    shared = campaign.daily_budget is not None or campaign.lifetime_budget is not None
    if shared and has_budget:
        raise budget_conflict()
    if not shared and not has_budget:
        raise GraphError(
            100, "Invalid parameter", subcode=1_885_272, blame=[["daily_budget"]], title="Budget is missing",
            user="The ad set needs a daily or lifetime budget, since its campaign has none.",
        )  # fmt: skip


def budget_conflict() -> GraphError:
    """Return the refusal of a budget below a campaign budget."""
    return invalid(
        "You can only set an ad set budget or a campaign budget: this ad set's campaign carries the budget.",
        subcode=1_885_621, field="daily_budget", title="Campaign and ad set budgets conflict",
    )  # fmt: skip


def _ad(context: Context, account: Account) -> Values:
    call = context.call
    name = name_of(call)
    ad_set = _parent(context, account, "adset_id", Kind.AD_SET)
    creative = record(call, "creative")
    creative_id = str(creative.get("creative_id") or creative.get("id") or "")
    if not creative_id:
        raise invalid("The sandbox builds ads from a creative_id; create the creative first.", field="creative")
    held = account_object(context, account, creative_id, Kind.CREATIVE)
    optional = ("tracking_specs", "conversion_domain")
    return {
        "name": name, "parent": ad_set.id, "creative": held.id,
        "status": one_of(call, "status", _STATUSES, default="ACTIVE"),
        **{extra: call.get(extra) for extra in optional},
    }  # fmt: skip


def _creative(context: Context, account: Account) -> Values:
    call = context.call
    story, feed = call.get("object_story_spec"), call.get("asset_feed_spec")
    posted = call.params.get("object_story_id")
    if story is None and feed is None and posted is None:
        raise required("object_story_spec")
    if story is not None:
        _check_story(story, account)
    part = _story_part(story) if isinstance(story, dict) else {}
    action = part.get("call_to_action")
    return {
        "name": call.params.get("name") or "Creative", "object_story_spec": story, "asset_feed_spec": feed,
        "object_story_id": posted, "title": part.get("title") or part.get("name"), "body": part.get("message"),
        "video_id": part.get("video_id"), "image_hash": part.get("image_hash"),
        "object_type": "VIDEO" if part.get("video_id") else "SHARE", "url_tags": call.params.get("url_tags"),
        "call_to_action_type": action.get("type") if isinstance(action, dict) else None,
    }  # fmt: skip


def _check_story(story: Any, account: Account) -> None:
    if not isinstance(story, dict):
        raise parameter("Param object_story_spec must be a JSON object")
    if not story.get("page_id"):
        raise invalid(
            "object_story_spec needs the page_id of the page that speaks.", subcode=1_885_029,
            field="object_story_spec",
            title="Page is missing",
        )  # fmt: skip
    if str(story["page_id"]) != account.spec.page_id:
        raise invalid(
            f"The page {story['page_id']} is not one of this account's pages.", subcode=1_885_029, field="page_id"
        )
    if sum(part in story for part in _STORY_PARTS) != 1:
        raise parameter(f"object_story_spec needs exactly one of {', '.join(_STORY_PARTS)}")


def _story_part(story: Values) -> Values:
    parts = [story[part] for part in _STORY_PARTS if isinstance(story.get(part), dict)]
    return parts[0] if parts else {}


def _budgets(call: GraphCall, account: Account) -> tuple[int | None, int | None]:
    daily = budget_of(call, "daily_budget", account)
    lifetime = budget_of(call, "lifetime_budget", account, days=_LIFETIME_DAYS)
    if daily and lifetime:
        raise invalid("Set either a daily or a lifetime budget, not both.", field="daily_budget")
    return daily, lifetime


def _parent(context: Context, account: Account, name: str, kind: Kind) -> Node:
    object_id = context.call.params.get(name, "").strip('"')
    if not object_id:
        raise required(name)
    parent = account_object(context, account, object_id, kind)
    if parent.effective_status() in ("DELETED", "ARCHIVED"):
        raise invalid(f"The parent {parent.id} is {parent.effective_status().lower()}.", subcode=1_487_056, field=name)
    return parent


def account_object(context: Context, account: Account, object_id: str, kind: Kind) -> Node:
    """Return an object of the account.

    Raises:
        GraphError: 100/33, unknown, of another kind or of another account.
    """
    node = context.platform.world.nodes.get(object_id)
    if node is None or node.kind is not kind or node.account_id != account.id:
        raise missing(object_id, "post")
    return node


_READERS: Final[dict[Kind, Callable[[Context, Account], Values]]] = {
    Kind.CAMPAIGN: _campaign, Kind.AD_SET: _ad_set, Kind.AD: _ad, Kind.CREATIVE: _creative
}  # fmt: skip
