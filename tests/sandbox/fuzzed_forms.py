"""Forms that every edge takes, to be spoilt in one place: they find more than noise. No facts.

`$name` stands for the id of a real thing, `$soon`, `$later`, `$past` for instants (`fuzzed_shop.py` puts them in).
"""

# ruff: noqa: E501 - tables of odd values

import json
from typing import Any

from sandbox.meta.route import Route
from tests.sandbox.stranger import PAGE, PIXEL, TARGETING, ad_set_form

Key = tuple[str, str, str]  # method, kind of thing, edge
Form = dict[str, Any]

_CAMPAIGN = {"name": "Q", "objective": "OUTCOME_SALES", "special_ad_categories": [], "status": "PAUSED",
             "is_adset_budget_sharing_enabled": False}  # fmt: skip
_AD_SET = {**ad_set_form("$campaign"), "targeting": json.loads(TARGETING), "status": "PAUSED", "end_time": "$later",
           "promoted_object": {"pixel_id": PIXEL, "custom_event_type": "PURCHASE"}, "adlabels": [{"name": "x"}],
           "attribution_spec": [{"event_type": "CLICK_THROUGH", "window_days": 7}]}  # fmt: skip
_STORY = {"page_id": PAGE, "link_data": {"link": "https://a.example", "message": "m", "name": "n",
                                         "call_to_action": {"type": "SHOP_NOW"}}}  # fmt: skip
_TREE = {"status_option": "PAUSED", "rename_options": {"rename_strategy": "DEEP_RENAME", "rename_suffix": "!"}}
_TIMES = {"start_time": "$soon", "end_time": "$later"}
_SPEC = {"geo_locations": {"countries": ["ES"], "cities": [{"key": "1", "radius": 10}]}, "age_min": 20, "genders": [1],
         "flexible_spec": [{"interests": [{"id": "1"}]}], "exclusions": {"interests": [{"id": "2"}]},
         "custom_audiences": [{"id": "$customaudience"}], "publisher_platforms": ["facebook"]}  # fmt: skip
_PERSON = {"em": ["0" * 64], "external_id": "x"}
_EVENT = {"event_name": "Purchase", "event_time": "$past", "action_source": "website", "user_data": _PERSON,
          "custom_data": {"currency": "EUR", "value": 3}, "event_id": "1", "event_source_url": "x"}  # fmt: skip
_RULE = {"inclusions": {"operator": "or", "rules": [{"event_sources": [{"id": PIXEL, "type": "pixel"}],
         "retention_seconds": 999_999, "filter": {"operator": "and", "filters": []}}]}}  # fmt: skip
_USERS = {"payload": {"schema": ["EMAIL", "FN"], "data": [["a@b.example", "Ana"], ["", ""]]},
          "session": {"session_id": 1, "batch_seq": 1, "last_batch_flag": True, "estimated_num_total": 2}}  # fmt: skip
_SCHEDULE = {"time_start": "$soon", "time_end": "$later", "budget_value": 9_500, "budget_value_type": "ABSOLUTE",
             "recurrence_type": "ONE_TIME"}  # fmt: skip
_LABELS = {"adlabels": [{"name": "one"}, {"name": "two"}]}
_BY_LABEL = {"ad_label_ids": ["$adlabel"], "operator": "ANY", "fields": "id,name"}
_INSIGHTS = {"level": "ad", "fields": "ad_id,impressions,clicks,spend,actions,action_values,cost_per_action_type",
             "time_range": {"since": "2026-11-15", "until": "2026-11-19"}, "time_increment": "1",
             "breakdowns": ["age", "gender"], "action_breakdowns": ["action_type"], "limit": 3,
             "action_attribution_windows": ["7d_click", "1d_view"], "sort": ["spend_descending"],
             "filtering": [{"field": "ad.impressions", "operator": "GREATER_THAN", "value": 0}]}  # fmt: skip
_MASS = {"delete_strategy": "DELETE_OLDEST", "object_count": 1}
_QUEUE = {"name": "set", "adbatch": [{"name": "a", "relative_url": "$campaign", "body": "name=q"},
                                     {"name": "b", "relative_url": "{result=a:$.id}", "body": {"name": "q"}}]}  # fmt: skip
_FOUND = {"q": "cook", "limit": 3, "type": "adinterest"}
_TREE_FIELDS = "id,name,status,effective_status,configured_status,created_time,updated_time,adlabels,account_id"

FORMS: dict[Key, Form] = {
    ("POST", "account", "campaigns"): _CAMPAIGN | {"adlabels": [{"name": "x"}]},
    ("POST", "account", "adsets"): _AD_SET,
    ("POST", "account", "adcreatives"): {"name": "C", "object_story_spec": _STORY, "url_tags": "a=b"},
    ("POST", "account", "ads"): {"name": "A", "adset_id": "$adset", "creative": {"creative_id": "$adcreative"},
                                 "status": "PAUSED"},
    ("POST", "campaign", ""): {"name": "n", "status": "PAUSED", "adlabels": [{"name": "x"}], "spend_cap": 900_000},
    ("POST", "adset", ""): {"name": "n", "status": "PAUSED", "targeting": _AD_SET["targeting"], "end_time": "$later"},
    ("POST", "ad", ""): {"name": "n", "status": "PAUSED", "creative": {"creative_id": "$adcreative"}},
    ("POST", "adcreative", ""): {"name": "n", "adlabels": [{"name": "x"}]},
    ("POST", "campaign", "copies"): {**_TREE, "deep_copy": False, "parameter_overrides": {"name": "x"}},
    ("POST", "adset", "copies"): {**_TREE, "deep_copy": False, "campaign_id": "$campaign", "end_time": "$later"},
    ("POST", "ad", "copies"): {**_TREE, "adset_id": "$adset"},
    ("POST", "account", "customaudiences"): {"name": "x", "subtype": "WEBSITE", "rule": _RULE, "retention_days": 9},
    ("POST", "customaudience", ""): {"name": "x", "description": "y", "customer_file_source": "USER_PROVIDED_ONLY"},
    ("POST", "customaudience", "users"): _USERS,
    ("DELETE", "customaudience", "users"): _USERS,
    ("POST", "adspixel", ""): {"name": "P"},
    ("POST", "adspixel", "events"): {"data": [_EVENT, _EVENT], "test_event_code": "x"},
    ("GET", "adspixel", "stats"): {"aggregation": "event", "start_time": "$past", "end_time": "$soon", "event": "x"},
    ("GET", "account", "reachestimate"): {"targeting_spec": _SPEC},
    ("GET", "account", "delivery_estimate"): {"targeting_spec": _SPEC, "optimization_goal": "REACH"},
    ("GET", "adset", "delivery_estimate"): {"targeting_spec": _SPEC, "fields": "estimate_dau"},
    ("POST", "business", "ad_studies"): {
        **_TIMES, "name": "x", "type": "SPLIT_TEST", "confidence_level": 0.9,
        "cells": [{"name": word, "treatment_percentage": 50, "adsets": [id_]} for word, id_ in
                  (("A", "$adset"), ("B", "$other"))],
    },
    ("POST", "ad_study", ""): {"name": "x", "description": "y"},
    ("POST", "campaign", "budget_schedules"): _SCHEDULE,
    ("POST", "adset", "budget_schedules"): _SCHEDULE,
    ("POST", "budget_schedule", ""): {"budget_value": 9_600},
    ("GET", "adset", "budget_schedules"): {"time_start": "$past", "time_stop": "$later"},
    ("POST", "app", "subscriptions"): {"object": "ad_account", "callback_url": "ftp://127.0.0.1/", "verify_token": "x",
                                       "fields": ["in_process_ad_objects"]},
    ("DELETE", "app", "subscriptions"): {"object": "ad_account", "fields": "in_process_ad_objects"},
    ("POST", "account", "subscribed_apps"): {"app_id": "$app"},
    ("DELETE", "account", "subscribed_apps"): {"app_id": "$app"},
    ("POST", "account", "async_batch_requests"): _QUEUE,
    ("POST", "account", "asyncadrequestsets"): {"name": "set", "ad_specs": [{"name": "A", "adset_id": "$adset"}]},
    ("POST", "account", ""): {"spend_cap": "900000", "name": "Shop", "default_dsa_payor": "A",
                              "default_dsa_beneficiary": "B"},
    ("POST", "account", "account_controls"): {"audience_controls": {"age_min": 20, "geo_locations":
                                              {"countries": ["ES"]}}, "placement_controls": {}},
    ("POST", "account", "adimages"): {"bytes": "$png", "name": "a.png"},
    ("GET", "account", "adimages"): {"hashes": ["$hash"], "fields": "id,hash,name", "minwidth": 1},
    ("DELETE", "account", "adimages"): {"hash": "$hash"},
    ("POST", "account", "advideos"): {"upload_phase": "start", "file_size": 999, "title": "t"},
    ("DELETE", "account", "advideos"): {"video_id": "$advideo"},
    ("POST", "advideo", ""): {"title": "t", "description": "d"},
    ("POST", "account", "adlabels"): {"name": "l"},
    ("GET", "account", "generatepreviews"): {"creative": {"creative_id": "$adcreative"},
                                             "ad_format": "DESKTOP_FEED_STANDARD", "width": 9},
    ("GET", "ad", "previews"): {"ad_format": "DESKTOP_FEED_STANDARD"},
    ("GET", "adcreative", "previews"): {"ad_format": "DESKTOP_FEED_STANDARD"},
    ("GET", "root", "debug_token"): {"input_token": "$token"},
    ("GET", "root", "oauth/access_token"): {"grant_type": "fb_exchange_token", "client_id": "$app",
                                            "client_secret": "s3cret", "fb_exchange_token": "$token"},
    ("GET", "root", "search"): _FOUND | {"location_types": ["city", "region"], "country_code": "ES"},
    ("GET", "root", "ads_archive"): {"search_terms": "x", "ad_reached_countries": ["ES"]},
    ("GET", "account", "targetingsearch"): _FOUND | {"limit_type": "interests"},
    ("GET", "account", "targetingsuggestions"): {"targeting_list": [{"type": "interests", "id": "1"}]},
    ("GET", "account", "targetingvalidation"): {"targeting_list": [{"type": "interests", "id": "1"}],
                                                "id_list": ["1"], "name_list": ["x"]},
    ("GET", "account", "targetingsentencelines"): {"targeting_spec": _SPEC},
    ("GET", "account", "activities"): {"fields": "event_type,event_time,extra_data", "since": "$past",
                                       "until": "$soon", "limit": 2},
    ("GET", "user", ""): {"fields": "id,name"},
    ("GET", "account", "assigned_users"): {"business": "2220000000000001", "limit": 2},
}  # fmt: skip
FORMS[("POST", "root", "oauth/access_token")] = FORMS[("GET", "root", "oauth/access_token")]
for _kind in ("campaign", "adset", "ad", "adcreative"):
    FORMS[("POST", _kind, "adlabels")] = FORMS[("DELETE", _kind, "adlabels")] = _LABELS
    FORMS[("GET", _kind, "")] = {"fields": f"{_TREE_FIELDS},adlabels{{name}}" if _kind != "adcreative" else "id,name"}
    FORMS[("GET", "account", f"{_kind}s")] = {"fields": "id,name", "limit": 2, "summary": "total_count"}
    FORMS[("GET", "account", f"{_kind}sbylabels")] = _BY_LABEL
for _kind in ("campaign", "adset", "ad"):
    FORMS[("DELETE", "account", f"{_kind}s")] = _MASS
    FORMS[("GET", "account", f"{_kind}s")] |= {
        "filtering": [{"field": f"{_kind}.effective_status", "operator": "IN", "value": ["ACTIVE", "PAUSED"]}],
        "sort": "name_ascending", "fields": f"{_TREE_FIELDS}", "date_preset": "last_7d",
        "effective_status": ["ACTIVE", "PAUSED"], "updated_since": "$past",
    }  # fmt: skip
for _kind in ("account", "campaign", "adset", "ad"):
    FORMS[("GET", _kind, "insights")] = FORMS[("POST", _kind, "insights")] = _INSIGHTS
FORMS[("POST", "adcreative", "adlabels")] = {"adlabels": [{"name": "one"}]}
_READ: Form = {"fields": "id", "limit": "2", "after": "MA"}


def form_of(route: Route) -> Form:
    """The form of a row; a plain reading where it has none of its own, nothing where it deletes."""
    own = FORMS.get((route.method, route.of, route.edge))
    if own is not None:
        return own
    if route.method != "GET":
        return {}
    return {"limit": "2"} if route.edge else {"fields": "id"}


def _names(held: Any) -> set[str]:
    if isinstance(held, dict):
        return {str(key) for key in held} | {name for value in held.values() for name in _names(value)}
    return {name for value in held for name in _names(value)} if isinstance(held, list) else set()


NAMES = tuple(sorted(_names(list(FORMS.values())) | _names(_READ) | {
    "date_preset", "since", "until", "oid", "bid_amount", "bid_constraints", "lifetime_budget", "asset_feed_spec",
    "tracking_specs", "execution_options", "adset_schedule", "frequency_control_specs", "pacing_type", "start_time",
    "destination_type", "degrees_of_freedom_spec", "time_ranges", "before", "lookalike_spec", "origin_audience_id",
    "creative_test_config", "upload_session_id", "start_offset", "file_url", "slideshow_spec", "copy_from", "ids",
    "data", "schema", "use_account_attribution_setting", "product_id_limit", "default_summary", "locale", "effective",
    "before_date", "delete_offset", "spend_cap_action", "input_token", "order", "include_headers", "date_format",
}))  # fmt: skip
WORDS = (
    "id,name", "ACTIVE", "DELETED", "ARCHIVED", "PAUSED", "LOOKALIKE", "CUSTOM", "MULTIPLIER", "REACH", "SPLIT_TEST_V2",
    "event_total_counts", "DELETE_ANY", "DELETE_ARCHIVED_BEFORE", "transfer", "finish", "cancel", "last_30d", "maximum",
    "campaign", "adset", "age", "hourly_stats_aggregated_by_advertiser_time_zone", "country", "impression_device",
    "monthly", "all_days", "total_count", "insights{spend}", "adsets{ads{creative}}", "insights.limit(1){spend}",
    "adgeolocation", "adTargetingCategory", "adlocale", "CONTAIN", "IN", "NOT_IN", "EQUAL", "campaign.name", "MA",
    "ad.delivery_info", "$campaign", "$adset", "$ad", "$adcreative", "$customaudience", "$advideo", "$hash",
    "act_1", "../..", "me", "1795188600", "$soon", "$past", "2026-11-20", "USER_PROVIDED_ONLY", "validate_only",
)  # fmt: skip
ODD = (
    "", "null", "[]", "{}", "[[]]", "[null]", '[{"a":{}}]', "true", "-1", "0", "1e999", "nan", "inf", "NaN",
    "-Infinity",
    "1" * 50, "1" + "0" * 400, "-" + "9" * 5_000, "1e308", "9223372036854775808", "{'a'", "[1,2", "'", '"', "\x00",
    "\ud7ff", "\ud800", "🫒", "{" * 400, "[" * 4_000, "[" * 70_000, "a{" * 900, "%00", "(1,2)", "{1:2}", "[...]",
    "1970-01-01", "9999-12-31T23:59:59", "0001-01-01", "0001-01-01T00:00:00+1400", "9999-12-31T23:59:59-1400",
    '{"since":"9999-12-31","until":"9999-12-31"}', '{"since":"0001-01-01","until":"0001-01-02"}', '["PAUSED"]',
    '{"creative_id":{}}', '{"geo_locations":1}', '[{"name":{}}]', '[{"name":"x","x":"\\ud800"}]', "x" * 5_000,
    '[{"field":"name","operator":"IN","value":[[]]}]', "x.limit(999999999999)", "x.limit(-1){id}", "id,,id,name{",
    '[{"field":"updated_time","operator":"GREATER_THAN","value":' + "9" * 400 + "}]", "1 = 1", "{result=a:$.id}",
    '{"page_id":"104215550100771","link_data":{"call_to_action":"BUY"}}', "\u0661\u0662", "1_000", "²", "\uff11\uff12",
    '{"page_id":"104215550100771","link_data":[1]}', '{"daily_budget":1e400}', "\u0663.\u0661", "\u2028", "a\r\nb: c",
)  # fmt: skip
