"""Turns objects into Graph JSON: one table of fields per kind. Ids are digits, budgets strings of minor units."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from sandbox.account import Account
from sandbox.market.dice import object_key
from sandbox.meta.errors import parameter
from sandbox.meta.fieldspec import Wanted
from sandbox.nodes import Kind, Node

Getter = Callable[[Account, Node], Any]
TYPE_NAMES: Final = {
    Kind.CAMPAIGN: "AdCampaignGroup", Kind.AD_SET: "AdCampaign", Kind.AD: "AdGroup", Kind.CREATIVE: "AdCreative"
}  # fmt: skip


def iso(account: Account, at_s: float) -> str:
    """Return an instant as Meta writes it: the account's zone, an offset without colon."""
    return datetime.fromtimestamp(at_s, account.calendar.zone).strftime("%Y-%m-%dT%H:%M:%S%z")


def label_id(name: str) -> str:
    """Return the stable id of a label."""
    return str(120_900_000_000_000_000 + object_key(0, *name.encode()) % 10**14)


def _extra(name: str) -> Getter:
    return lambda _, node: node.extra.get(name)


def _minor(name: str) -> Getter:
    def get(_: Account, node: Node) -> str | None:
        value = getattr(node, name)
        return None if value is None else str(value)

    return get


def _labels(account: Account, node: Node) -> list[dict[str, str]] | None:
    made = iso(account, node.created_s)
    rows = [{"id": label_id(n), "name": n, "created_time": made, "updated_time": made} for n in node.labels]
    return rows or None


def _parent_id(_: Account, node: Node) -> str | None:
    return node.parent.id if node.parent else None


def _campaign_id(_: Account, node: Node) -> str | None:
    return node.campaign.id if node.campaign else None


_COMMON: Final[dict[str, Getter]] = {
    "id": lambda _, node: node.id,
    "account_id": lambda account, _: account.id,
    "name": lambda _, node: node.name,
    "status": lambda _, node: node.status,
    "adlabels": _labels,
}
_DELIVERED: Final[dict[str, Getter]] = {
    "configured_status": lambda _, node: node.status,
    "effective_status": lambda _, node: node.effective_status(),
    "created_time": lambda account, node: iso(account, node.created_s),
    "updated_time": lambda account, node: iso(account, node.updated_s),
    "start_time": lambda account, node: node.extra.get("start_time") or iso(account, node.created_s),
    "issues_info": lambda _, __: None,
    "recommendations": lambda _, __: None,
}
_BUDGETED: Final[dict[str, Getter]] = {
    "daily_budget": _minor("daily_budget"),
    "lifetime_budget": _minor("lifetime_budget"),
    "budget_remaining": lambda _, node: (
        None if node.budget_index < 0 else str(node.daily_budget or node.lifetime_budget or 0)
    ),
    "bid_strategy": _extra("bid_strategy"),
    "pacing_type": lambda _, __: ["standard"],
}


def _extras(*names: str) -> dict[str, Getter]:
    return {name: _extra(name) for name in names}


_FIELDS: Final[dict[Kind, dict[str, Getter]]] = {
    Kind.CAMPAIGN: {
        **_COMMON, **_DELIVERED, **_BUDGETED,
        **_extras(
            "objective", "buying_type", "special_ad_categories", "special_ad_category", "special_ad_category_country",
            "spend_cap", "stop_time", "promoted_object", "smart_promotion_type", "source_campaign_id",
            "is_adset_budget_sharing_enabled", "is_budget_schedule_enabled", "can_use_spend_cap", "topline_id",
            "primary_attribution",
        ),
    },
    Kind.AD_SET: {
        **_COMMON, **_DELIVERED, **_BUDGETED,
        "campaign_id": _parent_id,
        **_extras(
            "billing_event", "optimization_goal", "optimization_sub_event", "bid_amount", "bid_constraints", "bid_info",
            "daily_min_spend_target", "daily_spend_cap", "lifetime_min_spend_target", "lifetime_spend_cap", "end_time",
            "targeting", "promoted_object", "destination_type", "attribution_spec", "adset_schedule",
            "frequency_control_specs", "is_dynamic_creative", "dsa_beneficiary", "dsa_payor", "source_adset_id",
            "targeting_optimization_types", "review_feedback", "use_new_app_click", "multi_optimization_goal_weight",
        ),
    },
    Kind.AD: {
        **_COMMON, **_DELIVERED,
        "adset_id": _parent_id,
        "campaign_id": _campaign_id,
        **_extras(
            "tracking_specs", "conversion_specs", "conversion_domain", "ad_review_feedback", "preview_shareable_link",
            "source_ad_id", "bid_type", "bid_amount", "last_updated_by_app_id", "display_sequence",
            "ad_schedule_start_time", "ad_schedule_end_time",
        ),
    },
    Kind.CREATIVE: {
        **_COMMON,
        **_extras(
            "object_type", "title", "body", "image_hash", "image_url", "video_id", "thumbnail_url", "thumbnail_id",
            "link_url", "call_to_action_type", "object_story_id", "effective_object_story_id", "object_story_spec",
            "asset_feed_spec", "degrees_of_freedom_spec", "url_tags", "actor_id", "instagram_user_id",
            "effective_instagram_media_id", "instagram_permalink_url", "product_set_id", "template_url",
            "contextual_multi_ads",
        ),
    },
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
EDGES: Final[dict[Kind, dict[str, Kind]]] = {
    Kind.CAMPAIGN: {"adsets": Kind.AD_SET, "ads": Kind.AD},
    Kind.AD_SET: {"ads": Kind.AD, "adcreatives": Kind.CREATIVE},
    Kind.AD: {"adcreatives": Kind.CREATIVE},
    Kind.CREATIVE: {},
}
ID_ONLY: Final = (Wanted(name="id"),)


class Renderer:
    """Renders objects of one account for one call; heavy fields are computed once per call."""

    def __init__(
        self,
        account: Account,
        *,
        edge: Callable[[Node, Wanted, Kind], dict[str, Any]],
    ) -> None:
        self._account = account
        self._edge = edge

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
        getter = _FIELDS[node.kind].get(name)
        if getter is not None:
            value = getter(self._account, node)
            return _narrowed(value, wanted) if wanted.inner else value
        held = _HOLDS[node.kind].get(name)
        if held is not None:
            inside = held(node)
            return self.render(inside, wanted.inner) if inside else None
        if name == "learning_stage_info" and node.kind is Kind.AD_SET:
            return self._learning(node)
        if name in EDGES[node.kind]:
            return self._edge(node, wanted, EDGES[node.kind][name])
        raise parameter(f"Tried accessing nonexisting field ({name}) on node type ({TYPE_NAMES[node.kind]})")

    def _learning(self, node: Node) -> dict[str, Any]:
        """Return the learning stage as of the last complete hour."""
        status, conversions = self._account.learning(node)
        return {
            "status": status,
            "conversions": conversions,
            "attribution_windows": ["7d_click", "1d_view"],
            "last_sig_edit_ts": int(node.edited_s),
        }


def _narrowed(value: Any, wanted: Wanted) -> Any:
    """Keep the asked parts of a list of records or a record, `id` with them."""
    names = {inner.name for inner in wanted.inner} | {"id"}
    if isinstance(value, list):
        return [{k: v for k, v in row.items() if k in names} if isinstance(row, dict) else row for row in value]
    if isinstance(value, dict):
        return {k: v for k, v in value.items() if k in names}
    return value
