"""What Meta refuses of campaigns, ad sets, ads and creatives: code, subcode and the field that is to blame."""

import json
from typing import Any

import pytest

from tests.sandbox.stranger import PAGE, PIXEL, Stranger, ad_set_form

CAMPAIGN = {
    "name": "New", "objective": "OUTCOME_SALES", "special_ad_categories": "[]", "status": "PAUSED",
    "is_adset_budget_sharing_enabled": "false",
}  # fmt: skip
BUDGETED = {name: value for name, value in CAMPAIGN.items() if name != "is_adset_budget_sharing_enabled"}
ES = {"geo_locations": {"countries": ["ES"]}, "targeting_automation": {"advantage_audience": 0}}
START, LATER, LATE = "2026-11-21T00:00:00+0000", "2026-11-21T12:00:00+0000", "2026-12-21T00:00:00+0000"


def refusal(stranger: Stranger, path: str, **form: str) -> tuple[int, int | None, str | None]:
    """The code, subcode and blamed field of a write that must be refused, its validation alone as well; no effect."""
    before = stranger.effects()
    error = stranger.call("POST", path, data=form).json()["error"]
    only = stranger.call("POST", path, data={**form, "execution_options": '["validate_only"]'}).json()["error"]
    assert {**error, "fbtrace_id": ""} == {**only, "fbtrace_id": ""}
    assert error["error_user_title"]
    assert error["error_user_msg"]
    assert stranger.effects() == before
    blame = error.get("error_data", {}).get("blame_field_specs")
    return error["code"], error.get("error_subcode"), blame[0][-1] if blame else None


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({**CAMPAIGN, "objective": "REACH"}, (100, 2490408, "objective")),
        ({**CAMPAIGN, "colour": "red"}, (100, None, "colour")),
        ({**CAMPAIGN, "special_ad_categories": '["CATS"]'}, (100, None, "special_ad_categories")),
        ({**CAMPAIGN, "special_ad_category_country": '["Spain"]'}, (100, None, "special_ad_category_country")),
        ({**CAMPAIGN, "spend_cap": "9999"}, (100, 2446307, "spend_cap")),
        ({**CAMPAIGN, "spend_cap": "lots"}, (100, None, "spend_cap")),
        ({**CAMPAIGN, "is_adset_budget_sharing_enabled": "perhaps"}, (100, None, "is_adset_budget_sharing_enabled")),
        ({**CAMPAIGN, "is_adset_budget_sharing_enabled": "1"}, (100, 4834005, "is_adset_budget_sharing_enabled")),
        ({**CAMPAIGN, "daily_budget": "5000"}, (100, 4834002, "is_adset_budget_sharing_enabled")),
        (BUDGETED, (100, 4834011, "is_adset_budget_sharing_enabled")),
        ({**CAMPAIGN, "bid_strategy": "COST_CAP"}, (100, None, "bid_strategy")),
        ({**BUDGETED, "daily_budget": "5000", "lifetime_budget": "90000"}, (100, None, "daily_budget")),
        ({**BUDGETED, "daily_budget": "99"}, (100, 1487901, "daily_budget")),
        ({**BUDGETED, "daily_budget": "-5000"}, (100, None, "daily_budget")),
        ({**CAMPAIGN, "stop_time": "2026-01-01"}, (100, 1487033, "stop_time")),
        ({**CAMPAIGN, "smart_promotion_type": "AUTOMATED_SHOPPING_ADS"}, (100, None, "smart_promotion_type")),
        ({**CAMPAIGN, "buying_type": "BARTER"}, (100, None, "buying_type")),
        ({**CAMPAIGN, "name": "x" * 401}, (100, None, "name")),
        ({**CAMPAIGN, "adlabels": '[{"id":"1"}]'}, (100, None, "adlabels")),
    ],
)
def test_a_campaign_is_refused_with_what_is_to_blame(
    stranger: Stranger, form: dict[str, str], expected: tuple[int, int | None, str | None]
) -> None:
    assert refusal(stranger, f"{stranger.account}/campaigns", **form) == expected


def targeted(**more: Any) -> dict[str, str]:
    return {"targeting": json.dumps({**ES, **more})}


def windows(*rows: tuple[str, int]) -> dict[str, str]:
    return {"attribution_spec": json.dumps([{"event_type": event, "window_days": days} for event, days in rows])}


LIFETIME = {"daily_budget": "", "lifetime_budget": "90000", "end_time": LATE}
VALUE = {"optimization_goal": "VALUE", "bid_strategy": "LOWEST_COST_WITH_MIN_ROAS"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"optimization_goal": "THRUPLAY"}, (100, None, "optimization_goal")),
        ({"destination_type": "MOON"}, (100, 2446509, "destination_type")),
        ({"destination_type": "ON_VIDEO"}, (100, 2446509, "destination_type")),
        ({"optimization_goal": "REACH", "billing_event": "LINK_CLICKS"}, (100, None, "billing_event")),
        ({"promoted_object": '{"pixel_id":"1"}'}, (100, 1885154, "promoted_object")),
        ({"promoted_object": f'{{"pixel_id":"{PIXEL}","custom_event_type":"SNEEZE"}}'}, (100, None, "promoted_object")),
        ({"promoted_object": '{"moon_id":"1"}'}, (100, None, "promoted_object")),
        ({"daily_budget": "99"}, (100, 1487901, "daily_budget")),
        ({"lifetime_budget": "90000", "end_time": LATE}, (100, None, "daily_budget")),
        ({**LIFETIME, "end_time": ""}, (100, None, "end_time")),
        ({"end_time": "2020-01-01"}, (100, 1487033, "end_time")),
        ({"start_time": START, "end_time": LATER}, (100, None, "end_time")),
        ({"daily_min_spend_target": "900", "daily_spend_cap": "800"}, (100, None, "daily_min_spend_target")),
        ({"bid_strategy": "COST_CAP"}, (100, 1815857, "bid_amount")),
        ({"bid_strategy": "LOWEST_COST_WITHOUT_CAP", "bid_amount": "50"}, (100, 1885204, "bid_amount")),
        ({"bid_amount": "1"}, (100, None, "bid_amount")),
        ({"bid_strategy": "COST_CAP", "bid_amount": "50", "pacing_type": '["no_pacing"]'}, (100, None, "pacing_type")),
        (VALUE, (100, None, "bid_constraints")),
        ({**VALUE, "bid_constraints": '{"roas_average_floor":99}'}, (100, None, "bid_constraints")),
        ({**VALUE, "bid_constraints": '{"roas_average_floor":20000}', "bid_amount": "9"}, (100, 1885204, "bid_amount")),
        (windows(("CLICK_THROUGH", 28)), (100, None, "attribution_spec")),
        ({"adset_schedule": '[{"start_minute":0,"end_minute":60,"days":[1]}]'}, (100, None, "adset_schedule")),
        ({"frequency_control_specs": '[{"event":"IMPRESSIONS","interval_days":91,"max_frequency":1}]'},
         (100, None, "frequency_control_specs")),
        ({"targeting": "{}"}, (100, 1885364, "targeting")),
        ({"targeting": '{"geo_locations":{"countries":["ES"]}}'}, (100, 1870227, "targeting")),
        (targeted(age_max=40, targeting_automation={"advantage_audience": 1}), (100, 1870189, "targeting")),
        (targeted(age_min=12), (100, None, "age_min")),
        (targeted(age_min=50, age_max=40), (100, None, "age_min")),
        (targeted(genders=[3]), (100, None, "genders")),
        (targeted(hair="red"), (100, None, "hair")),
        (targeted(interests="cats"), (100, None, "interests")),
        (targeted(publisher_platforms=["myspace"]), (100, None, "publisher_platforms")),
        (targeted(geo_locations={"countries": ["Spain"]}), (100, None, "geo_locations")),
        (targeted(geo_locations={"cities": [{"radius": 20}]}), (100, None, "geo_locations")),
        (targeted(geo_locations={"cities": [{"key": "1", "radius": 900}]}), (100, None, "geo_locations")),
        ({"is_dynamic_creative": "maybe"}, (100, None, "is_dynamic_creative")),
    ],
)  # fmt: skip
def test_an_ad_set_is_refused_with_what_is_to_blame(
    stranger: Stranger, more: dict[str, str], expected: tuple[int, int | None, str | None]
) -> None:
    form = {**ad_set_form(stranger.named("campaigns", "Own budgets")), "status": "PAUSED", **more}
    sent = {name: value for name, value in form.items() if value}
    assert refusal(stranger, f"{stranger.account}/adsets", **sent) == expected


@pytest.mark.parametrize(
    ("objective", "form"),
    [
        ("OUTCOME_TRAFFIC", {"optimization_goal": "LINK_CLICKS", "billing_event": "LINK_CLICKS"}),
        ("OUTCOME_AWARENESS", {"optimization_goal": "THRUPLAY", "billing_event": "THRUPLAY",
                               "promoted_object": f'{{"page_id":"{PAGE}"}}'}),
        ("OUTCOME_LEADS", {"optimization_goal": "QUALITY_LEAD", "destination_type": "ON_AD",
                           "promoted_object": f'{{"page_id":"{PAGE}"}}'}),
        ("OUTCOME_ENGAGEMENT", {"optimization_goal": "THRUPLAY", "destination_type": "ON_VIDEO"}),
        ("OUTCOME_APP_PROMOTION", {"optimization_goal": "APP_INSTALLS",
                                   "promoted_object": '{"application_id":"1","object_store_url":"https://s"}'}),
        ("OUTCOME_SALES", {**VALUE, "bid_constraints": '{"roas_average_floor":20000}'}),
        ("OUTCOME_SALES", {"bid_strategy": "COST_CAP", "bid_amount": "900"}),
        ("OUTCOME_SALES", windows(("CLICK_THROUGH", 7), ("VIEW_THROUGH", 1))),
    ],
)  # fmt: skip
def test_what_an_objective_allows_is_made(stranger: Stranger, objective: str, form: dict[str, str]) -> None:
    campaign = stranger.new_campaign(objective=objective)
    ad_set = stranger.new_ad_set(campaign, status="PAUSED", **form)
    shown = stranger.get(ad_set, fields=",".join(form))
    assert shown["optimization_goal" if "optimization_goal" in form else "id"]
    stranger.delete(campaign)


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ({"page_id": "1", "link_data": {"link": "https://a"}}, (100, 1885029, "page_id")),
        ({"page_id": PAGE, "video_data": {"video_id": "9"}}, (100, 1443226, "object_story_spec")),
        ({"page_id": PAGE, "link_data": {"link": "https://a", "call_to_action": {"type": "EAT_NOW"}}},
         (100, 1373054, "call_to_action")),
        ({"page_id": PAGE, "link_data": {"child_attachments": [{}, {}], "components": []}},
         (100, 2446580, "object_story_spec")),
        ({"page_id": PAGE}, (100, None, "object_story_spec")),
    ],
)  # fmt: skip
def test_a_story_is_refused_with_what_is_to_blame(
    stranger: Stranger, story: dict[str, Any], expected: tuple[int, int | None, str | None]
) -> None:
    form = {"name": "c", "object_story_spec": json.dumps(story)}
    assert refusal(stranger, f"{stranger.account}/adcreatives", **form) == expected


def test_assets_of_a_feed_differ_and_enhancements_say_whether_they_are_wanted(stranger: Stranger) -> None:
    path = f"{stranger.account}/adcreatives"
    twice = json.dumps({"titles": [{"text": "a"}, {"text": "a"}]})
    assert refusal(stranger, path, asset_feed_spec=twice) == (100, 1815629, "asset_feed_spec")
    many = json.dumps({"titles": [{"text": str(n)} for n in range(6)]})
    assert refusal(stranger, path, asset_feed_spec=many) == (100, None, "asset_feed_spec")
    silent = json.dumps({"creative_features_spec": {"standard_enhancements": {}}})
    form = {"object_story_id": f"{PAGE}_1", "degrees_of_freedom_spec": silent}
    assert refusal(stranger, path, **form) == (100, 3858082, "degrees_of_freedom_spec")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"billing_event": "LINK_CLICKS"}, (100, None, "billing_event")),
        ({"optimization_goal": "PAGE_LIKES"}, (100, None, "optimization_goal")),
        ({"is_dynamic_creative": "true"}, (100, None, "is_dynamic_creative")),
        ({"frequency_control_specs": '[{"event":"IMPRESSIONS","interval_days":7,"max_frequency":2}]'},
         (100, 1815198, "frequency_control_specs")),
        ({"end_time": "2020-01-01"}, (100, 1487033, "end_time")),
        ({"campaign_id": "1"}, (100, None, "campaign_id")),
        ({"sandbox_review": "DISAPPROVED"}, (100, None, "sandbox_review")),
    ],
)  # fmt: skip
def test_an_update_of_an_ad_set_is_refused_with_what_is_to_blame(
    stranger: Stranger, form: dict[str, str], expected: tuple[int, int | None, str | None]
) -> None:
    assert refusal(stranger, stranger.named("adsets", "Gifts"), **form) == expected


def test_a_lifetime_budget_stays_above_what_is_spent_and_what_is_left_is_told(stranger: Stranger) -> None:
    gifts = stranger.named("adsets", "Gifts")
    assert 0 <= int(stranger.get(gifts, fields="budget_remaining")["budget_remaining"]) <= 6_000
    form = dict(ad_set_form(stranger.named("campaigns", "Own budgets")))
    form |= {"lifetime_budget": "900000", "end_time": LATE, "status": "ACTIVE"}
    form.pop("daily_budget")
    lifetime = stranger.post(f"{stranger.account}/adsets", **form)["id"]
    ad = stranger.new_ad(lifetime, status="ACTIVE")
    stranger.advance(hours=30)
    left = int(stranger.get(lifetime, fields="budget_remaining")["budget_remaining"])
    assert 0 < left < 900_000
    low = str(max(100, 900_000 - left - 1_000))
    assert refusal(stranger, lifetime, lifetime_budget=low) == (100, 1885650, "lifetime_budget")
    assert stranger.get(lifetime, fields="end_time")["end_time"].startswith("2026-12-21T01:00:00")
    for made in (ad, lifetime):
        stranger.delete(made)


def test_a_spending_limit_of_a_campaign_goes_with_the_magic_number_and_does_not_touch_its_time(
    stranger: Stranger,
) -> None:
    campaign = stranger.new_campaign(spend_cap="50000")
    before = stranger.get(campaign, fields="spend_cap,updated_time")
    assert before["spend_cap"] == "50000"
    stranger.advance(minutes=5)
    stranger.post(campaign, spend_cap="922337203685478")
    after = stranger.get(campaign, fields="spend_cap,updated_time")
    assert "spend_cap" not in after
    assert after["updated_time"] == before["updated_time"]


def test_an_ad_may_bring_its_creative_along_and_a_dynamic_one_stands_alone(stranger: Stranger) -> None:
    ad_set = stranger.new_ad_set(
        stranger.named("campaigns", "Own budgets"), status="PAUSED", is_dynamic_creative="true"
    )
    spec = json.dumps({"name": "Inline", "object_story_spec": {"page_id": PAGE, "link_data": {"link": "https://a"}}})
    form = {"name": "Ad", "adset_id": ad_set, "creative": spec, "status": "PAUSED"}
    ad = stranger.post(f"{stranger.account}/ads", **form)["id"]
    assert stranger.get(ad, fields="creative{name,effective_object_story_id}")["creative"]["name"] == "Inline"
    assert refusal(stranger, f"{stranger.account}/ads", **form) == (100, None, "adset_id")
    assert stranger.refused("DELETE", ad) == (100, 1340029)
    assert stranger.refused("POST", ad, status="DELETED") == (100, 1340029)
    assert stranger.delete(ad_set) == {"success": True}


def test_validation_alone_may_ask_for_recommendations(stranger: Stranger) -> None:
    only = {"execution_options": '["validate_only","include_recommendations"]'}
    answer = stranger.post(f"{stranger.account}/campaigns", **CAMPAIGN, **only)
    assert answer == {"success": True, "recommendations": []}


def test_an_older_version_asks_for_less(stranger: Stranger) -> None:
    campaign = stranger.call("POST", f"{stranger.account}/campaigns", version="/v23.0", data=BUDGETED).json()["id"]
    form = {**ad_set_form(campaign), "targeting": '{"geo_locations":{"countries":["ES"]}}', "status": "PAUSED"}
    made = stranger.call("POST", f"{stranger.account}/adsets", version="/v23.0", data=form).json()["id"]
    read = stranger.get(made, fields="targeting,dsa_payor,dsa_beneficiary")
    assert read["targeting"]["targeting_automation"] == {"advantage_audience": 1}
    assert read["dsa_payor"] == read["dsa_beneficiary"] == "Shop"
    stranger.delete(campaign)


@pytest.mark.parametrize(
    ("edge", "form"),
    [
        ("adsets", {"promoted_object": '{"custom_event_type":{}}'}),
        ("adsets", {"targeting": '{"geo_locations":{"location_types":[[]]}}'}),
        ("adsets", targeted(publisher_platforms=[{}])),
        ("adsets", {"adset_schedule": '[{"days":[[]]}]'}),
        ("ads", {"creative": '{"name":1,"object_story_id":[]}', "adset_id": "1"}),
        ("adcreatives", {"object_story_spec": json.dumps({"page_id": PAGE, "link_data": {"call_to_action": []}})}),
        ("adcreatives", {"asset_feed_spec": '{"call_to_action_types":[[]]}'}),
    ],
)
def test_what_is_nested_wrongly_is_refused_and_never_crashes(
    stranger: Stranger, edge: str, form: dict[str, str]
) -> None:
    good = ad_set_form(stranger.named("campaigns", "Own budgets")) if edge == "adsets" else {"name": "x"}
    assert stranger.refused("POST", f"{stranger.account}/{edge}", **{**good, **form})[0] == 100


def test_a_call_to_action_may_lead_nowhere(stranger: Stranger) -> None:
    """A value of the wrong shape inside a story is kept as it was sent."""
    action = {"type": "SHOP_NOW", "value": [1]}
    story = json.dumps({"page_id": PAGE, "link_data": {"call_to_action": action}})
    made = stranger.post(f"{stranger.account}/adcreatives", object_story_spec=story)["id"]
    shown = stranger.get(made, fields="call_to_action_type,link_url")
    assert shown == {"id": made, "call_to_action_type": "SHOP_NOW"}
