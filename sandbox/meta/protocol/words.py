"""The closed lists of words of campaigns, ad sets, ads and creatives (meta_graph_api.md §2); no rules."""

from typing import Final


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


OBJECTIVES: Final = _set(
    "OUTCOME_APP_PROMOTION OUTCOME_AWARENESS OUTCOME_ENGAGEMENT OUTCOME_LEADS OUTCOME_SALES OUTCOME_TRAFFIC"
)
LEGACY_OBJECTIVES: Final = _set(
    "APP_INSTALLS BRAND_AWARENESS CONVERSIONS EVENT_RESPONSES LEAD_GENERATION LINK_CLICKS LOCAL_AWARENESS "
    "MESSAGES OFFER_CLAIMS PAGE_LIKES POST_ENGAGEMENT PRODUCT_CATALOG_SALES REACH STORE_VISITS VIDEO_VIEWS"
)
SPECIAL_CATEGORIES: Final = _set(
    "NONE EMPLOYMENT HOUSING CREDIT FINANCIAL_PRODUCTS_SERVICES ISSUES_ELECTIONS_POLITICS ONLINE_GAMBLING_AND_GAMING"
)
BID_STRATEGIES: Final = _set("LOWEST_COST_WITHOUT_CAP LOWEST_COST_WITH_BID_CAP COST_CAP LOWEST_COST_WITH_MIN_ROAS")
BUYING_TYPES: Final = frozenset({"AUCTION", "RESERVED"})
FIRST_STATUSES: Final = frozenset({"ACTIVE", "PAUSED"})
STATUSES: Final = frozenset({"ACTIVE", "PAUSED", "ARCHIVED", "DELETED"})
AUTOMATED: Final = frozenset({"AUTOMATED_SHOPPING_ADS", "SMART_APP_PROMOTION"})
PROMOTION_TYPES: Final = AUTOMATED | {"GUIDED_CREATION"}
PACING: Final = frozenset({"standard", "no_pacing", "day_parting"})
BILLING_EVENTS: Final = _set(
    "APP_INSTALLS CLICKS IMPRESSIONS LINK_CLICKS LISTING_INTERACTION NONE OFFER_CLAIMS PAGE_LIKES "
    "POST_ENGAGEMENT PURCHASE THRUPLAY"
)
GOALS: Final = _set(
    "ADVERTISER_SILOED_VALUE AD_RECALL_LIFT APP_INSTALLS APP_INSTALLS_AND_OFFSITE_CONVERSIONS "
    "AUTOMATIC_OBJECTIVE CONVERSATIONS DERIVED_EVENTS ENGAGED_PAGE_VIEWS ENGAGED_USERS EVENT_RESPONSES "
    "IMPRESSIONS IN_APP_VALUE LANDING_PAGE_VIEWS LEAD_GENERATION LINK_CLICKS MEANINGFUL_CALL_ATTEMPT "
    "MESSAGING_APPOINTMENT_CONVERSION MESSAGING_DEEP_CONVERSATION_AND_FOLLOW MESSAGING_PURCHASE_CONVERSION NONE "
    "OFFSITE_CONVERSIONS PAGE_LIKES POST_ENGAGEMENT PROFILE_AND_PAGE_ENGAGEMENT PROFILE_VISIT QUALITY_CALL "
    "QUALITY_LEAD REACH REMINDERS_SET SUBSCRIBERS THRUPLAY TWO_SECOND_CONTINUOUS_VIDEO_VIEWS VALUE "
    "VISIT_INSTAGRAM_PROFILE"
)
DESTINATIONS: Final = _set(
    "APP APPLINKS_AUTOMATIC FACEBOOK FACEBOOK_LIVE FACEBOOK_PAGE IMAGINE INSTAGRAM_DIRECT INSTAGRAM_LIVE "
    "INSTAGRAM_PROFILE INSTAGRAM_PROFILE_AND_FACEBOOK_PAGE MESSAGING_INSTAGRAM_DIRECT_MESSENGER "
    "MESSAGING_INSTAGRAM_DIRECT_MESSENGER_WHATSAPP MESSAGING_INSTAGRAM_DIRECT_WHATSAPP "
    "MESSAGING_MESSENGER_WHATSAPP MESSENGER ON_AD ON_EVENT ON_PAGE ON_POST ON_VIDEO PHONE_CALL SHOP_AUTOMATIC "
    "UNDEFINED WEBSITE WHATSAPP"
)
EVENTS: Final = _set(
    "ACHIEVEMENT_UNLOCKED ADD_PAYMENT_INFO ADD_TO_CART ADD_TO_WISHLIST AD_IMPRESSION COMPLETE_REGISTRATION "
    "CONTACT CONTENT_VIEW CUSTOMIZE_PRODUCT D2_RETENTION D7_RETENTION DONATE FIND_LOCATION INITIATED_CHECKOUT "
    "LEAD LEVEL_ACHIEVED LISTING_INTERACTION MESSAGING_CONVERSATION_STARTED_7D OTHER PURCHASE RATE SCHEDULE "
    "SEARCH SERVICE_BOOKING_REQUEST SPENT_CREDITS START_TRIAL SUBMIT_APPLICATION SUBSCRIBE TUTORIAL_COMPLETION"
)
EU: Final = _set("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK")
CALLS_TO_ACTION: Final = _set(
    "ADD_TO_CART APPLY_NOW ASK_ABOUT_SERVICES ASK_A_QUESTION ASK_FOR_MORE_INFO ASK_US AUDIO_CALL "
    "BOOK_A_CONSULTATION BOOK_NOW BOOK_TRAVEL BROWSE_SHOP BUY BUY_ACTIVITY_TICKETS BUY_NOW BUY_TICKETS "
    "BUY_VIA_MESSAGE CALL CALL_ME CALL_NOW CHAT_NOW CHAT_WITH_US CONFIRM CONTACT CONTACT_US DONATE DONATE_NOW "
    "DOWNLOAD EVENT_RSVP FIND_A_GROUP FIND_OUT_MORE FIND_YOUR_GROUPS FOLLOW_NEWS_STORYLINE FOLLOW_PAGE "
    "FOLLOW_USER GET_A_QUOTE GET_DETAILS GET_DIRECTIONS GET_IN_TOUCH GET_OFFER GET_OFFER_VIEW GET_PROMOTIONS "
    "GET_QUOTE GET_SHOWTIMES GET_STARTED INQUIRE_NOW INSTALL_APP INSTALL_MOBILE_APP JOIN_CHANNEL JOIN_LIVE_VIDEO "
    "LEARN_MORE LIKE_PAGE LISTEN_MUSIC LISTEN_NOW MAKE_AN_APPOINTMENT MESSAGE_PAGE MOBILE_DOWNLOAD NO_BUTTON "
    "OPEN_INSTANT_APP OPEN_LINK ORDER_NOW PAY_TO_ACCESS PLAY_GAME PLAY_GAME_ON_FACEBOOK PURCHASE_GIFT_CARDS "
    "RAISE_MONEY RECORD_NOW REFER_FRIENDS REQUEST_TIME SAY_THANKS SEE_MORE SEE_SHOP SELL_NOW SEND_A_GIFT "
    "SEND_GIFT_MONEY SEND_UPDATES SHARE SHOP_NOW SHOP_WITH_AI SIGN_UP SOTTO_SUBSCRIBE START_A_CHAT START_ORDER "
    "STREAM_NOW SUBSCRIBE SWIPE_UP_PRODUCT SWIPE_UP_SHOP TRY_DEMO TRY_ON_WITH_AI UPDATE_APP USE_APP "
    "USE_MOBILE_APP VIDEO_ANNOTATION VIDEO_CALL VIEW_CART VIEW_CHANNEL VIEW_IN_CART VIEW_PRODUCT VISIT_PAGES_FEED "
    "VISIT_WEBSITE WATCH_LIVE_VIDEO WATCH_MORE WATCH_NOW WATCH_VIDEO WHATSAPP_MESSAGE WOODHENGE_SUPPORT "
)
PREVIEW_FORMATS: Final = _set(
    "AUDIENCE_NETWORK_INSTREAM_VIDEO AUDIENCE_NETWORK_INSTREAM_VIDEO_MOBILE AUDIENCE_NETWORK_OUTSTREAM_VIDEO "
    "AUDIENCE_NETWORK_REWARDED_VIDEO BIZ_DISCO_FEED_MOBILE DESKTOP_FEED_STANDARD FACEBOOK_IFU_REELS_MOBILE "
    "FACEBOOK_PROFILE_FEED_DESKTOP FACEBOOK_PROFILE_FEED_MOBILE FACEBOOK_PROFILE_REELS_MOBILE "
    "FACEBOOK_REELS_BANNER FACEBOOK_REELS_BANNER_DESKTOP FACEBOOK_REELS_BANNER_FEED_ANDROID "
    "FACEBOOK_REELS_BANNER_FEED_ANDROID_LARGE FACEBOOK_REELS_BANNER_FULLSCREEN_IOS "
    "FACEBOOK_REELS_BANNER_FULLSCREEN_MOBILE FACEBOOK_REELS_MOBILE FACEBOOK_REELS_POSTLOOP "
    "FACEBOOK_REELS_POSTLOOP_FEED FACEBOOK_REELS_SIMILAR_PRODUCTS_MOBILE FACEBOOK_REELS_STICKER "
    "FACEBOOK_STORY_MOBILE FACEBOOK_STORY_STICKER_MOBILE INSTAGRAM_EXPLORE_CONTEXTUAL INSTAGRAM_EXPLORE_GRID_HOME "
    "INSTAGRAM_EXPLORE_IMMERSIVE INSTAGRAM_FEED_WEB INSTAGRAM_FEED_WEB_M_SITE INSTAGRAM_LEAD_GEN_MULTI_SUBMIT_ADS "
    "INSTAGRAM_PROFILE_FEED INSTAGRAM_PROFILE_REELS INSTAGRAM_REELS INSTAGRAM_REELS_OVERLAY INSTAGRAM_REELS_WEB "
    "INSTAGRAM_REELS_WEB_M_SITE INSTAGRAM_SEARCH_CHAIN INSTAGRAM_SEARCH_GRID INSTAGRAM_STANDARD INSTAGRAM_STORY "
    "INSTAGRAM_STORY_EFFECT_TRAY INSTAGRAM_STORY_WEB INSTAGRAM_STORY_WEB_M_SITE INSTANT_ARTICLE_RECIRCULATION_AD "
    "INSTANT_ARTICLE_STANDARD INSTREAM_BANNER_DESKTOP INSTREAM_BANNER_FEED_IOS INSTREAM_BANNER_FULLSCREEN_IOS "
    "INSTREAM_BANNER_FULLSCREEN_MOBILE INSTREAM_BANNER_IMMERSIVE_MOBILE INSTREAM_BANNER_MOBILE "
    "INSTREAM_VIDEO_DESKTOP INSTREAM_VIDEO_FULLSCREEN_IOS INSTREAM_VIDEO_FULLSCREEN_MOBILE INSTREAM_VIDEO_IMAGE "
    "INSTREAM_VIDEO_IMMERSIVE_MOBILE INSTREAM_VIDEO_MOBILE JOB_BROWSER_DESKTOP JOB_BROWSER_MOBILE "
    "MARKETPLACE_MOBILE MESSENGER_MOBILE_INBOX_MEDIA MESSENGER_MOBILE_STORY_MEDIA MOBILE_BANNER MOBILE_FEED_BASIC "
    "MOBILE_FEED_STANDARD MOBILE_FULLWIDTH MOBILE_INTERSTITIAL MOBILE_MEDIUM_RECTANGLE MOBILE_NATIVE "
    "RIGHT_COLUMN_STANDARD SUGGESTED_VIDEO_DESKTOP SUGGESTED_VIDEO_FULLSCREEN_MOBILE "
    "SUGGESTED_VIDEO_IMMERSIVE_MOBILE SUGGESTED_VIDEO_MOBILE WATCH_FEED_HOME WATCH_FEED_MOBILE "
    "WHATSAPP_STATUS_MEDIA "
)
TARGETING_KEYS: Final = _set(
    "adgroup_id age_max age_min age_range alternate_auto_targeting_option app_install_state "
    "audience_network_positions behaviors brand_safety_content_filter_levels catalog_based_targeting cities "
    "college_years connections contextual_targeting_categories countries country country_groups custom_audiences "
    "device_platforms direct_install_devices dynamic_audience_ids education_majors education_schools "
    "education_statuses effective_audience_network_positions effective_brand_safety_content_filter_levels "
    "effective_device_platforms effective_facebook_positions effective_instagram_positions "
    "effective_messenger_positions effective_publisher_platforms effective_threads_positions "
    "effective_whatsapp_positions engagement_specs ethnic_affinity exclude_reached_since "
    "excluded_brand_safety_content_types excluded_connections excluded_custom_audiences "
    "excluded_dynamic_audience_ids excluded_engagement_specs excluded_geo_locations excluded_mobile_device_model "
    "excluded_product_audience_specs excluded_publisher_categories excluded_publisher_list_ids "
    "excluded_user_device exclusions facebook_positions family_statuses fb_deal_id flexible_spec "
    "friends_of_connections genders generation geo_locations home_ownership home_type home_value "
    "household_composition income industries instagram_positions install_state_application "
    "instream_video_skippable_excluded interested_in interests is_whatsapp_destination_ad keywords life_events "
    "locales messenger_positions moms net_worth office_type place_page_set_ids political_views politics "
    "product_audience_specs prospecting_audience publisher_platforms radius regions relationship_statuses "
    "site_category subscriber_universe targeting_automation targeting_optimization targeting_relaxation_types "
    "threads_positions user_adclusters user_age_unknown user_device user_event user_os whatsapp_positions "
    "wireless_carrier work_employers work_positions zips "
)
PLACES: Final = _set(
    "cities countries country_groups custom_locations electoral_districts geo_markets large_geo_areas "
    "location_cluster_ids location_types medium_geo_areas metro_areas neighborhoods places political_districts "
    "regions small_geo_areas subcities subneighborhoods zips "
)
PROMOTED_KEYS: Final = _set(
    "ads_signal_source_type application_id boosted_product_set_id conversion_goal_id "
    "custom_attribution_source_ids custom_conversion_id custom_event_str custom_event_type dataset_split_id "
    "dataset_split_ids event_id full_funnel_objective fundraiser_campaign_id instagram_actor_id "
    "is_catalog_user_acknowledged job_listing_id lead_ads_custom_event_str lead_ads_custom_event_type "
    "lead_ads_follow_up_event lead_ads_form_event_source_type lead_ads_offsite_conversion_type "
    "lead_ads_quality_volume_setting lead_ads_selected_pixel_id live_video_destination mcme_conversion_id "
    "multi_event_product object_store_url object_store_urls offer_id offline_conversion_data_set_id "
    "offsite_conversion_event_id omnichannel_object optimization_product_set_id page_id passback_application_id "
    "passback_pixel_id pixel_aggregation_rule pixel_id pixel_rule place_page_set place_page_set_id "
    "product_catalog_id product_item_id product_set product_set_id product_set_optimization retention_days "
    "smart_pse_enabled smart_pse_setting value_semantic_type variation whats_app_business_phone_number_id "
    "whatsapp_phone_number "
)
