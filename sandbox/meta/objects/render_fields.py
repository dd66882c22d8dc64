"""The fields of campaigns, ad sets, ads and creatives: one table per kind (meta_graph_api.md §2.2 to §2.6).

A field that the platform knows but this sandbox does not model is named in `_SILENT`: accepted, and left out.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sandbox.account import Account, flight_of
from sandbox.labels import label_id
from sandbox.market.dice import object_key
from sandbox.meta.objects.creative_media import Stills
from sandbox.meta.objects.odax import PIXEL_GOALS
from sandbox.meta.objects.review import feedback_of, issues_of
from sandbox.meta.objects.spending import Spending
from sandbox.nodes import Kind, Node

APP_ID: Final = "5550000000000001"
_FOREVER: Final = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Whose objects are shown, and what is computed once for all of them."""

    account: Account
    spending: Spending
    stills: Stills


Getter = Callable[[Scene, Node], Any]


def iso(account: Account, at_s: float) -> str:
    """Return an instant as Meta writes it: the account's zone, an offset without colon."""
    return datetime.fromtimestamp(at_s, account.calendar.zone).strftime("%Y-%m-%dT%H:%M:%S%z")


def _extra(name: str, default: Any = None) -> Getter:
    return lambda _, node: node.extra.get(name, default)


def _extras(names: str) -> dict[str, Getter]:
    return {name: _extra(name) for name in names.split()}


def _silent(names: str) -> dict[str, Getter]:
    return {name: lambda _, __: None for name in names.split()}


def _of_parent(name: str) -> Getter:
    return lambda _, node: node.parent.extra.get(name) if node.parent else None


def _money(name: str) -> Getter:
    def get(_: Scene, node: Node) -> str | None:
        value = getattr(node, name) if name in ("daily_budget", "lifetime_budget") else node.extra.get(name)
        return None if value is None else str(value)

    return get


def _instant(name: str) -> Getter:
    def get(scene: Scene, node: Node) -> Any:
        value = node.extra.get(name)
        return iso(scene.account, value) if isinstance(value, int | float) else value

    return get


def _labels(scene: Scene, node: Node) -> list[dict[str, str]] | None:
    records = scene.stills.context.platform.world.records
    rows = []
    for name in node.labels:
        own_id = label_id(scene.account.id, name)
        known = records.get(own_id)
        made = iso(scene.account, known.created_s if known is not None else node.created_s)
        rows.append({"id": own_id, "name": name, "created_time": made, "updated_time": made})
    return rows or None


def _remaining(scene: Scene, node: Node) -> str | None:
    left = scene.spending.remaining_minor(node)
    return None if node.budget_index < 0 or left is None else str(left)


def _start(scene: Scene, node: Node) -> str:
    own = node.extra.get("start_time")
    return own if isinstance(own, str) else iso(scene.account, own or node.created_s)


def _stop(scene: Scene, node: Node) -> str | None:
    """Return a campaign's end: its own, or the last of its ad sets where all of them end."""
    own = node.extra.get("stop_time")
    if own:
        return own if isinstance(own, str) else iso(scene.account, own)
    last = max((flight_of(child)[1] for child in node.children), default=_FOREVER)
    return None if last == _FOREVER else iso(scene.account, last)


def _attribution(_: Scene, node: Node) -> list[dict[str, Any]]:
    own = node.extra.get("attribution_spec")
    if own is not None:
        return list(own) if isinstance(own, list) else [own]
    if node.extra.get("optimization_goal") in PIXEL_GOALS:
        return [
            {"event_type": "CLICK_THROUGH", "window_days": 7}, {"event_type": "VIEW_THROUGH", "window_days": 1}
        ]  # fmt: skip
    return [{"event_type": "CLICK_THROUGH", "window_days": 1}]


def _learning(scene: Scene, node: Node) -> dict[str, Any]:
    """Return the learning stage as of the last complete hour."""
    status, conversions = scene.account.learning(node)
    return {
        "status": status,
        "conversions": conversions,
        "attribution_windows": ["7d_click", "1d_view"],
        "last_sig_edit_ts": int(node.edited_s),
    }


def _bid_info(_: Scene, node: Node) -> dict[str, Any] | None:
    amount = node.extra.get("bid_amount")
    return {"ACTIONS": amount} if amount else None


def _category(_: Scene, node: Node) -> str:
    categories = node.extra.get("special_ad_categories") or ()
    return categories[0] if categories else "NONE"


def _page_of(node: Node) -> str | None:
    story = node.extra.get("object_story_spec")
    page = story.get("page_id") if isinstance(story, dict) else None
    return str(page) if page else None


def _post(_: Scene, node: Node) -> str | None:
    own, page = node.extra.get("object_story_id"), _page_of(node)
    return own or (f"{page}_{object_key(4, int(node.id)) % 10**15:015d}" if page else None)


def _link(_: Scene, ad: Node) -> str:
    return f"https://fb.me/{object_key(5, int(ad.id)) % 10**12:x}"


_COMMON: Final[dict[str, Getter]] = {
    "id": lambda _, node: node.id,
    "account_id": lambda scene, _: scene.account.id,
    "name": lambda _, node: node.name,
    "status": lambda _, node: node.status,
    "adlabels": _labels,
}
_DELIVERED: Final[dict[str, Getter]] = {
    "configured_status": lambda _, node: node.status,
    "effective_status": lambda _, node: node.effective_status(),
    "created_time": lambda scene, node: iso(scene.account, node.created_s),
    "updated_time": lambda scene, node: iso(scene.account, node.updated_s),
    "issues_info": lambda _, node: issues_of(node),
    "recommendations": lambda _, __: None,
}
_BUDGETED: Final[dict[str, Getter]] = {
    "daily_budget": _money("daily_budget"),
    "lifetime_budget": _money("lifetime_budget"),
    "budget_remaining": _remaining,
    "bid_strategy": _extra("bid_strategy"),
    "pacing_type": _extra("pacing_type", ["standard"]),
    "start_time": _start,
    "is_budget_schedule_enabled": _extra("is_budget_schedule_enabled"),
    "frequency_control_specs": _extra("frequency_control_specs"),
}
FIELDS: Final[dict[Kind, dict[str, Getter]]] = {
    Kind.CAMPAIGN: {
        **_COMMON, **_DELIVERED, **_BUDGETED,
        **_extras(
            "objective buying_type special_ad_categories special_ad_category_country promoted_object "
            "smart_promotion_type source_campaign_id is_adset_budget_sharing_enabled topline_id budget_rebalance_flag "
            "budget_schedule_specs iterative_split_test_configs is_skadnetwork_attribution is_message_campaign "
            "is_direct_send_campaign is_pca_unified is_reels_trending_ads_enabled is_meta_moment_maker_enabled"
        ),
        **_silent(
            "advantage_state_info bid_constraints boosted_object_id brand_lift_studies campaign_group_active_time "
            "has_secondary_skadnetwork_reporting last_budget_toggling_time source_recommendation_type adbatch "
            "execution_options primary_attribution"
        ),
        "spend_cap": _money("spend_cap"), "stop_time": _stop, "special_ad_category": _category,
        "can_use_spend_cap": lambda _, __: True, "can_create_brand_lift_study": lambda _, __: False,
    },
    Kind.AD_SET: {
        **_COMMON, **_DELIVERED, **_BUDGETED,
        **_extras(
            "billing_event optimization_goal optimization_sub_event bid_amount bid_constraints bid_adjustments "
            "targeting promoted_object destination_type adset_schedule dsa_beneficiary dsa_payor source_adset_id "
            "use_new_app_click multi_optimization_goal_weight lifetime_imps daily_imps ad_set_goal "
            "attribution_count_type automatic_manual_state campaign_attribution creative_sequence "
            "creative_sequence_repetition_pattern existing_customer_budget_percentage full_funnel_exploration_mode "
            "is_ba_skip_delayed_eligible is_dc_follow_optimized is_incremental_attribution_enabled "
            "is_sequenced_conversion_creation live_video_ad_campaign_config max_budget_spend_percentage "
            "meta_moment_maker_spec min_budget_spend_percentage multi_event_conversion_attribution_window_seconds "
            "placement_soft_opt_out regional_regulated_categories regional_regulation_identities relative_value "
            "rf_prediction_id time_based_ad_rotation_id_blocks time_based_ad_rotation_intervals trending_topics_spec "
            "value_rule_set_id value_rules_applied tune_for_category budget_schedule_specs"
        ),
        **_silent(
            "anchor_event_attribution_window_days asset_feed_id brand_safety_config campaign_active_time "
            "creative_diversity_label creative_diversity_score instagram_user_id is_organic_ad_joint_optimized "
            "low_creative_reach recurring_budget_semantics review_feedback targeting_optimization_types"
        ),
        **{name: _money(name) for name in ("daily_min_spend_target", "daily_spend_cap", "lifetime_min_spend_target",
                                           "lifetime_spend_cap")},
        "campaign_id": lambda _, node: node.parent.id if node.parent else None,
        "end_time": _instant("end_time"), "learning_stage_info": _learning, "attribution_spec": _attribution,
        "bid_info": _bid_info, "is_dynamic_creative": _extra("is_dynamic_creative", default=False),
        "special_ad_categories": _of_parent("special_ad_categories"),
    },
    Kind.AD: {
        **_COMMON, **_DELIVERED,
        **_extras(
            "tracking_specs conversion_specs conversion_domain source_ad_id bid_amount display_sequence priority "
            "engagement_audience creative_asset_groups_spec creative_audience_pairing_persona "
            "creative_automation_spec audience_id draft_adgroup_id include_demolink_hashes"
        ),
        **_silent(
            "ad_active_time bid_info demolink_hash failed_delivery_checks placement special_ad_categories "
            "tracking_and_conversion_with_defaults adset_spec dataset_split_specs date_format filename"
        ),
        "adset_id": lambda _, node: node.parent.id if node.parent else None,
        "campaign_id": lambda _, node: node.campaign.id if node.campaign else None,
        "ad_review_feedback": lambda _, node: feedback_of(node),
        "ad_schedule_start_time": _instant("ad_schedule_start_time"),
        "ad_schedule_end_time": _instant("ad_schedule_end_time"),
        "bid_type": lambda _, __: "ABSOLUTE_OCPM", "last_updated_by_app_id": lambda _, __: APP_ID,
        "preview_shareable_link": _link,
        "targeting": _of_parent("targeting"),
    },
    Kind.CREATIVE: {
        **_COMMON,
        **_extras(
            "object_type title body image_hash video_id thumbnail_id link_url call_to_action_type "
            "call_to_action object_story_id object_story_spec asset_feed_spec degrees_of_freedom_spec url_tags "
            "instagram_user_id instagram_permalink_url product_set_id template_url contextual_multi_ads "
            "ad_disclaimer_spec applink_treatment authorization_category branded_content "
            "branded_content_sponsor_page_id bundle_folder_id categorization_criteria category_media_source "
            "creative_sourcing_spec destination_set_id destination_spec dynamic_ad_voice enable_launch_instant_app "
            "existing_post_title facebook_branded_content format_transformation_spec generative_asset_spec image_crops "
            "instagram_branded_content interactive_components_spec link_og_id marketing_message_structured_spec "
            "media_sourcing_spec object_id object_url omnichannel_link_spec page_welcome_message place_page_set_id "
            "platform_customizations playable_asset_id portrait_customizations product_suggestion_settings "
            "recommender_settings regional_regulation_disclaimer_spec source_facebook_post_id "
            "source_instagram_media_id template_url_spec use_page_actor_override wamo_whatsapp_identity_spec "
            "is_dco_internal media_optimization_spec image_file"
        ),
        **_silent(
            "auto_update collaborative_ads_lsb_image_bank_id effective_authorization_category "
            "effective_instagram_media_id enable_direct_install link_deep_link_url link_destination_display_url "
            "messenger_sponsored_message object_store_url photo_album_source_object_story_id product_data "
            "execution_options effective_instagram_story_id instagram_actor_id instagram_story_id"
        ),
        "actor_id": lambda _, node: node.extra.get("actor_id") or _page_of(node),
        "effective_object_story_id": _post,
        "image_url": lambda scene, node: scene.stills.image_url(node),
        "thumbnail_url": lambda scene, node: scene.stills.thumbnail_url(node),
    },
}  # fmt: skip


def names_of(kind: Kind) -> Iterable[str]:
    """Return the fields that a kind of object has."""
    return FIELDS[kind].keys()
