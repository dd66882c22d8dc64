"""What an insights call may ask for and how each of it is answered: the one table that code and documentation share.

The names are the platform's own (facebook-business 26.0.3, meta_graph_api.md §3). No figures, no parsing.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

HOURLY_LABEL_KEY: Final = "hourly_stats_aggregated_by_advertiser_time_zone"


class Answered(StrEnum):
    """How the sandbox answers a name."""

    MODELLED = "modelled"
    ABSENT = "accepted, absent from the rows"
    REFUSED = "refused: 100, not in this market"
    GONE = "refused: 100, no longer on the platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """One name that a parameter may hold."""

    param: str
    name: str
    answered: Answered
    note: str = ""


def _rows(param: str, answered: Answered, names: str, note: str = "") -> tuple[Support, ...]:
    return tuple(Support(param=param, name=name, answered=answered, note=note) for name in names.split())


_ASSETS: Final = (
    "body_asset title_asset video_asset image_asset link_url_asset call_to_action_asset description_asset "
    "ad_format_asset"
)
_ABSENT_FIELDS: Final = (
    "ad_click_actions ad_impression_actions adset_end adset_start advanced_actions_28d_view "
    "advanced_reach_1d_lookback advanced_reach_28d_lookback advanced_reach_7d_lookback age_targeting "
    "aggregated_play_time_per_reach anchor_event_attribution_setting anchor_events_performance_indicator auction_bid "
    "auction_competitiveness auction_max_competitor_bid average_purchases_conversion_value canvas_avg_view_percent "
    "canvas_avg_view_time catalog_segment_actions catalog_segment_value catalog_segment_value_mobile_purchase_roas "
    "catalog_segment_value_omni_purchase_roas catalog_segment_value_website_purchase_roas "
    "configurable_attribution_action configurable_attribution_actionvalue configurable_audience_overlap_reach "
    "configurable_audience_overlap_with_conv_action configurable_audience_overlap_with_conv_converters "
    "configurable_audience_overlap_with_conv_exposure_cost "
    "configurable_audience_overlap_with_conv_exposure_impressions "
    "configurable_audience_overlap_with_conv_exposure_reach configurable_creative_format_performance_adset_count "
    "configurable_creative_format_performance_clicks configurable_creative_format_performance_conversions "
    "configurable_creative_format_performance_converters configurable_creative_format_performance_impressions "
    "configurable_creative_format_performance_spend configurable_placement_ptc_conversions "
    "configurable_placement_ptc_converters configurable_placement_ptc_reach configurable_reachbyfrequency_action "
    "configurable_reachbyfrequency_converters_count configurable_reachbyfrequency_impressions_cost "
    "configurable_reachbyfrequency_impressions_count configurable_reachbyfrequency_reach conversion_lead_rate "
    "conversion_leads conversion_values conversions converted_product_app_custom_event_fb_mobile_purchase "
    "converted_product_app_custom_event_fb_mobile_purchase_value converted_product_offline_purchase "
    "converted_product_offline_purchase_value converted_product_omni_purchase converted_product_omni_purchase_values "
    "converted_product_quantity converted_product_value converted_product_website_pixel_purchase "
    "converted_product_website_pixel_purchase_value converted_promoted_product_app_custom_event_fb_mobile_purchase "
    "converted_promoted_product_app_custom_event_fb_mobile_purchase_value converted_promoted_product_offline_purchase "
    "converted_promoted_product_offline_purchase_value converted_promoted_product_omni_purchase "
    "converted_promoted_product_omni_purchase_values converted_promoted_product_quantity "
    "converted_promoted_product_value converted_promoted_product_website_pixel_purchase "
    "converted_promoted_product_website_pixel_purchase_value cost_per_15_sec_video_view "
    "cost_per_2_sec_continuous_video_view cost_per_6_sec_video_view cost_per_ad_click cost_per_conversion "
    "cost_per_conversion_lead cost_per_dda_countby_convs cost_per_estimated_ad_recallers cost_per_message_delivered "
    "cost_per_mmp_credited_install cost_per_objective_result cost_per_one_thousand_ad_impression cost_per_result "
    "cost_per_unique_conversion creative_diversity_data creative_diversity_label creative_diversity_score "
    "creative_fatigue_summary creative_fatigued_ads creative_media_type dda_countby_convs dda_results "
    "estimated_ad_recall_rate estimated_ad_recall_rate_lower_bound estimated_ad_recall_rate_upper_bound "
    "estimated_ad_recallers estimated_ad_recallers_lower_bound estimated_ad_recallers_upper_bound "
    "full_view_impressions full_view_reach gender_targeting instagram_profile_follow instagram_profile_visits "
    "instagram_upcoming_event_reminders_set instant_experience_clicks_to_open instant_experience_clicks_to_start "
    "instant_experience_outbound_clicks interactive_component_tap labels landing_page_view_actions_per_link_click "
    "landing_page_view_per_link_click landing_page_view_per_purchase_rate link_clicks_per_results location "
    "marketing_messages_click_rate_benchmark marketing_messages_cost_per_delivered "
    "marketing_messages_cost_per_link_btn_click marketing_messages_delivered marketing_messages_delivery_rate "
    "marketing_messages_link_btn_click marketing_messages_link_btn_click_rate marketing_messages_media_view_rate "
    "marketing_messages_phone_call_btn_click_rate marketing_messages_quick_reply_btn_click "
    "marketing_messages_quick_reply_btn_click_rate marketing_messages_read marketing_messages_read_rate "
    "marketing_messages_read_rate_benchmark marketing_messages_sent marketing_messages_spend "
    "marketing_messages_spend_currency messages_delivered messages_delivered_ctr mmp_credited_install "
    "mobile_app_purchase_roas msa_seller_budget multi_event_conversion_attribution_setting objective_result_rate "
    "objective_results onsite_conversion_messaging_detected_purchase_deduped opportunity_score_l4 place_page_name "
    "playable_average_game_length playable_game_start_rate product_group_retailer_id product_retailer_id "
    "product_views purchase_per_landing_page_view purchases_per_link_click qualifying_question_qualify_answer_rate "
    "read_rate result_rate result_values_performance_indicator results shop_clicks shops_assisted_purchases "
    "social_spend total_card_view total_postbacks total_postbacks_detailed total_postbacks_detailed_v4 "
    "unique_conversions unique_video_continuous_2_sec_watched_actions unique_video_view_15_sec "
    "video_6_sec_watched_actions video_play_curve_actions video_play_retention_0_to_15s_actions "
    "video_play_retention_20_to_60s_actions video_play_retention_graph_actions video_time_watched_actions "
    "video_view_per_impression wish_bid"
)

SUPPORT: Final[tuple[Support, ...]] = (
    *_rows("breakdowns", Answered.MODELLED, "age gender", "together or alone"),
    *_rows("breakdowns", Answered.MODELLED, "publisher_platform device_platform"),
    *_rows("breakdowns", Answered.MODELLED, "platform_position impression_device", "only with publisher_platform"),
    *_rows("breakdowns", Answered.MODELLED, "country", "alone"),
    *_rows("breakdowns", Answered.MODELLED, "region", "alone; a keyed split of country, without purchases"),
    *_rows("breakdowns", Answered.MODELLED, HOURLY_LABEL_KEY, "alone; no people, no videos; purchases are told"),
    *_rows("breakdowns", Answered.REFUSED, "comscore_market", "the successor of dma, in the United States only"),
    *_rows("breakdowns", Answered.REFUSED, "product_id frequency_value"),
    *_rows("breakdowns", Answered.REFUSED, "hourly_stats_aggregated_by_audience_time_zone"),
    *_rows("breakdowns", Answered.REFUSED, _ASSETS),
    *_rows("breakdowns", Answered.GONE, "dma", "removed on 2026-06-22"),
    *_rows("action_breakdowns", Answered.MODELLED, "action_type", "always told, asked for or not"),
    *_rows("action_breakdowns", Answered.MODELLED, "action_target_id action_destination", "the account's pixel, page"),
    *_rows(
        "action_breakdowns", Answered.ABSENT,
        "action_canvas_component_name action_carousel_card_id action_carousel_card_name action_device action_reaction "
        "action_video_sound action_video_type conversion_destination is_business_ai_assisted matched_persona_id "
        "matched_persona_name signal_source_bucket standard_event_content_type",
        "actions are not cut by it",
    ),
    *_rows("action_attribution_windows", Answered.MODELLED, "1d_click 7d_click 28d_click 1d_view 1d_ev default"),
    *_rows("action_attribution_windows", Answered.MODELLED, "incrementality", "a keyed share"),
    *_rows("action_attribution_windows", Answered.ABSENT, "7d_view 28d_view", "retired in 2026-01 (unconfirmed)"),
    *_rows(
        "action_attribution_windows", Answered.ABSENT,
        "dda custom incrementality_all_conversions incrementality_first_conversion 1d_sequenced 7d_sequenced "
        "28d_sequenced 7d_view_all_conversions 7d_view_first_conversion 28d_view_all_conversions "
        "28d_view_first_conversion skan_click skan_click_second_postback skan_click_third_postback skan_view "
        "skan_view_second_postback skan_view_third_postback",
    ),
    *_rows("fields", Answered.ABSENT, _ABSENT_FIELDS),
)  # fmt: skip
# Breakdowns that mix; all others together are refused with 2/1504041.
COMBINATIONS: Final = (
    ("age", "gender"), ("publisher_platform", "platform_position"), ("publisher_platform", "impression_device"),
    ("publisher_platform", "device_platform"), ("publisher_platform", "platform_position", "impression_device"),
    ("publisher_platform", "platform_position", "device_platform"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A kind of call that is refused: an example of it as a query, and the error."""

    asked: str
    code: int
    subcode: int | None
    why: str


def _refused(asked: str, why: str, code: int = 100, subcode: int | None = None) -> Refusal:
    return Refusal(asked=asked, code=code, subcode=subcode, why=why)


_LONG_AGO: Final = '{"since":"2015-01-01","until":"2015-01-02"}'
REFUSALS: Final = (
    _refused("breakdowns=age,country", "breakdowns that do not mix", 2, 1_504_041),
    _refused("breakdowns=region,gender", "breakdowns that do not mix", 2, 1_504_041),
    _refused(f"breakdowns=age,{HOURLY_LABEL_KEY}", "hours go alone", 2, 1_504_041),
    _refused("breakdowns=platform_position", "it needs publisher_platform"),
    _refused("breakdowns=impression_device", "it needs publisher_platform"),
    _refused("breakdowns=dma", "gone since 2026-06-22; comscore_market follows it"),
    _refused("breakdowns=comscore_market", "not in this market"),
    _refused("breakdowns=zodiac", "not on the platform"),
    _refused("action_breakdowns=zodiac", "not on the platform"),
    _refused("action_attribution_windows=2d_click", "not on the platform"),
    _refused("action_report_time=never", "not on the platform"),
    _refused("fields=impressions,luck", "a field that there is none of"),
    _refused("summary=luck", "a field that there is none of"),
    _refused("sort=spend_descending,clicks_ascending", "rows are sorted by one column"),
    _refused("sort=spend", "a column without a direction"),
    _refused("time_increment=91", "1..90, monthly or all_days"),
    _refused("date_preset=last_5d", "not on the platform"),
    _refused("level=shop", "not on the platform"),
    _refused(f"time_range={_LONG_AGO}", "begins beyond 37 months", 3018),
    _refused('filtering=[{"field":"luck","operator":"EQUAL","value":1}]', "a field that there is none of"),
)
# Where the sandbox knowingly answers otherwise than the platform, or from an assumption of its own.
DIFFERENCES: Final = (
    (
        "Attribution windows: a purchase reported within a day was bought within it, a keyed fifth of those by view; "
        "the default is 7d_click + 1d_view; 28d_click adds a keyed twelfth; incrementality is a keyed 70 %: assumed."
    ),
    "Along a breakdown, a cell's value by window may be above nothing where its count is nothing; sums are exact.",
    "Hourly rows tell purchases, which the platform leaves out; rows by region leave them out, as there.",
    (
        "Engagement, videos, regions and rankings are keyed shares of impressions and clicks (assumed); no account has "
        "conversions other than purchases, and video_play_curve_actions is absent."
    ),
    "summary sums people over rows; the platform counts nobody twice.",
    (
        "A synchronous call may have 1,500,000 rows, a report 4,000,000 (100/1487534 beyond), and a synchronous page "
        "1,000,000 rows x fields x (1 + windows) (code 1 beyond); the platform's bounds are not published."
    ),
    "impression_device is told to every account; on the platform some must opt in since 2026-08-06.",
    "Reach beyond 13 months along a breakdown is left out without the platform's quota of ten reports a day.",
    "The other breakdowns of the SDK's enum (assets, products, skan_*, media_*) are refused.",
)


@cache
def names_of(param: str, *answered: Answered) -> frozenset[str]:
    """Return the names of a parameter that are answered in one of some ways; in any way without them."""
    return frozenset(row.name for row in SUPPORT if row.param == param and (not answered or row.answered in answered))


UNMODELLED_FIELDS: Final = names_of("fields")
