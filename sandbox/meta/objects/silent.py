"""Fields that Meta knows of campaigns, ad sets, ads and creatives and this sandbox does not model: names only.

Who asks for one is answered without it, as Meta leaves out what an object does not have. Any other name is refused.
"""

from typing import Final

from sandbox.nodes import Kind


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


SILENT: Final = {
    Kind.CAMPAIGN: _set(
        "advantage_state_info bid_constraints boosted_object_id brand_lift_studies budget_schedule_specs "
        "campaign_group_active_time can_create_brand_lift_study frequency_control_specs "
        "has_secondary_skadnetwork_reporting is_direct_send_campaign is_message_campaign "
        "is_meta_moment_maker_enabled is_pca_unified is_reels_trending_ads_enabled is_skadnetwork_attribution "
        "last_budget_toggling_time source_campaign source_recommendation_type"
    ),
    Kind.AD_SET: _set(
        "ad_set_goal anchor_event_attribution_window_days asset_feed_id attribution_count_type "
        "automatic_manual_state brand_safety_config campaign_active_time campaign_attribution "
        "creative_diversity_label creative_diversity_score creative_sequence "
        "creative_sequence_repetition_pattern existing_customer_budget_percentage "
        "full_funnel_exploration_mode instagram_user_id is_ba_skip_delayed_eligible "
        "is_budget_schedule_enabled is_dc_follow_optimized is_incremental_attribution_enabled "
        "is_organic_ad_joint_optimized is_sequenced_conversion_creation lifetime_imps "
        "live_video_ad_campaign_config low_creative_reach max_budget_spend_percentage meta_moment_maker_spec "
        "min_budget_spend_percentage multi_event_conversion_attribution_window_seconds placement_soft_opt_out "
        "recurring_budget_semantics regional_regulated_categories regional_regulation_identities "
        "relative_value rf_prediction_id source_adset special_ad_categories time_based_ad_rotation_id_blocks "
        "time_based_ad_rotation_intervals trending_topics_spec value_rule_set_id value_rules_applied"
    ),
    Kind.AD: _set(
        "ad_active_time bid_info creative_asset_groups_spec creative_audience_pairing_persona "
        "creative_automation_spec dataset_split_specs demolink_hash engagement_audience "
        "failed_delivery_checks placement priority source_ad special_ad_categories targeting "
        "tracking_and_conversion_with_defaults"
    ),
    Kind.CREATIVE: _set(
        "ad_disclaimer_spec applink_treatment authorization_category auto_update branded_content "
        "branded_content_sponsor_page_id bundle_folder_id call_to_action categorization_criteria "
        "category_media_source collaborative_ads_lsb_image_bank_id creative_sourcing_spec destination_set_id "
        "destination_spec dynamic_ad_voice effective_authorization_category enable_direct_install "
        "enable_launch_instant_app existing_post_title facebook_branded_content format_transformation_spec "
        "generative_asset_spec image_crops instagram_branded_content interactive_components_spec "
        "is_dco_internal link_deep_link_url link_destination_display_url link_og_id "
        "marketing_message_structured_spec media_optimization_spec media_sourcing_spec "
        "messenger_sponsored_message object_id object_store_url object_url omnichannel_link_spec "
        "page_welcome_message photo_album_source_object_story_id place_page_set_id platform_customizations "
        "playable_asset_id portrait_customizations product_data product_suggestion_settings "
        "recommender_settings regional_regulation_disclaimer_spec source_facebook_post_id "
        "source_instagram_media_id template_url_spec use_page_actor_override wamo_whatsapp_identity_spec"
    ),
}
