"""Meta's own SDK on what stands beside the tree: labels, audiences, conversions, estimates, targeting, studies."""

import hashlib

import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.campaign import Campaign
from facebook_business.adobjects.customaudience import CustomAudience
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.user_data import UserData
from facebook_business.adobjects.targetingsearch import TargetingSearch
from facebook_business.exceptions import FacebookRequestError

from sandbox.process import SandboxProcess
from tests.conformance.building import TARGETING, new_ad_set, new_campaign
from tests.sandbox.stranger import PIXEL

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the SDK's, about fields and enums newer than it
S_2026_11_20 = 1_795_132_800


def test_a_label_is_made_given_and_found_by(account: AdAccount):
    label = account.create_ad_label(params={"name": "harvest"})
    campaign = new_campaign(account, name="Labelled", adlabels=[{"name": "harvest"}])
    ad_set = new_ad_set(account, campaign)
    AdSet(ad_set["id"]).api_update(params={"adlabels": [{"id": label["id"]}]})
    assert "harvest" in {row["name"] for row in account.get_ad_labels(fields=["name"])}
    asked = {"ad_label_ids": [label["id"]], "operator": "ANY"}
    assert [row["id"] for row in account.get_campaigns_by_labels(params=asked)] == [campaign["id"]]
    assert [row["id"] for row in account.get_ad_sets_by_labels(params=asked)] == [ad_set["id"]]
    (held,) = AdSet(ad_set["id"]).api_get(fields=["adlabels"])["adlabels"]
    assert held["name"] == "harvest"


def _hashed(*addresses: str) -> list[list[str]]:
    return [[hashlib.sha256(address.encode()).hexdigest()] for address in addresses]


def test_an_audience_takes_and_loses_users_that_arrive_hashed(account: AdAccount):
    audience = account.create_custom_audience(
        params={"name": "Buyers", "subtype": CustomAudience.Subtype.custom, "description": "Who bought before",
                "customer_file_source": "USER_PROVIDED_ONLY"}
    )  # fmt: skip
    users = [f"buyer{place}@shop.example" for place in range(20)]
    payload = {"schema": ["EMAIL_SHA256"], "data": _hashed(*users)}
    told = CustomAudience(audience["id"]).create_user(params={"payload": payload})
    assert (told["audience_id"], told["num_received"], told["num_invalid_entries"]) == (audience["id"], 20, 0)
    told = CustomAudience(audience["id"]).add_users("EMAIL_SHA256", users[:5])  # the SDK hashes these itself
    assert told.json()["num_received"] == 5
    told = CustomAudience(audience["id"]).remove_users("EMAIL_SHA256", users[:5])
    assert told.json()["num_received"] == 5
    read = CustomAudience(audience["id"]).api_get(fields=["name", "subtype", "approximate_count_lower_bound"])
    assert (read["name"], read["subtype"]) == ("Buyers", "CUSTOM")
    assert audience["id"] in {row["id"] for row in account.get_custom_audiences(fields=["name"])}


def test_events_of_the_conversions_api_are_received(account: AdAccount):
    event = Event(
        event_name="Purchase", event_time=S_2026_11_20, event_id="order-1", action_source=ActionSource.WEBSITE,
        event_source_url="https://shop.example/thanks", user_data=UserData(emails=["buyer@shop.example"]),
        custom_data=CustomData(currency="EUR", value=41.5),
    )  # fmt: skip
    told = EventRequest(pixel_id=PIXEL, events=[event, event]).execute()
    assert told.events_received == 2
    assert told.fbtrace_id
    with pytest.raises(FacebookRequestError):
        EventRequest(pixel_id=PIXEL, events=[Event(event_name="Purchase", event_time=1)]).execute()


def test_reach_and_delivery_are_estimated(account: AdAccount):
    narrow, wide = ({**TARGETING, "age_min": least} for least in (50, 18))
    (few,), (many,) = (list(account.get_reach_estimate(params={"targeting_spec": spec})) for spec in (narrow, wide))
    assert 0 < few["users_lower_bound"] < many["users_upper_bound"]
    params = {"optimization_goal": "OFFSITE_CONVERSIONS", "targeting_spec": wide, "promoted_object": {
        "pixel_id": PIXEL, "custom_event_type": "PURCHASE"}}  # fmt: skip
    (estimate,) = account.get_delivery_estimate(params=params)
    assert estimate["estimate_ready"] is True
    assert estimate["daily_outcomes_curve"]


def test_interests_and_places_are_searched(account: AdAccount):
    interests = TargetingSearch.search(params={"q": "cooking", "type": "adinterest"})
    assert interests
    assert all(row["id"] and row["audience_size_lower_bound"] <= row["audience_size_upper_bound"] for row in interests)
    places = TargetingSearch.search(params={"q": "Portu", "type": "adgeolocation", "location_types": ["country"]})
    assert "PT" in {row["key"] for row in places}
    ad_set = new_ad_set(
        account, new_campaign(account), targeting={**TARGETING, "interests": [{"id": interests[0]["id"]}]}
    )
    assert AdSet(ad_set["id"]).api_get(fields=["targeting"])["targeting"]


def test_learning_review_and_previews_are_read(account: AdAccount):
    (cooks,) = (row for row in account.get_ad_sets(fields=["name"]) if row["name"] == "Cooks")
    read = AdSet(cooks["id"]).api_get(fields=["learning_stage_info", "effective_status"])
    assert read["learning_stage_info"]["status"] in {"LEARNING", "SUCCESS", "FAIL"}
    (film,) = (row for row in AdSet(cooks["id"]).get_ads(fields=["name"]) if row["name"] == "Film")
    (shown,) = Ad(film["id"]).get_previews(params={"ad_format": "DESKTOP_FEED_STANDARD"})
    assert "iframe" in shown["body"]


def test_an_hour_of_more_budget_is_scheduled(account: AdAccount, shop: SandboxProcess):
    campaign = new_campaign(account, daily_budget=5_000, is_adset_budget_sharing_enabled=None)
    begin = S_2026_11_20 + 2 * 86_400
    told = Campaign(campaign["id"]).create_budget_schedule(
        params={"time_start": begin, "time_end": begin + 6 * 3_600, "budget_value": 9_000,
                "budget_value_type": "ABSOLUTE"}
    )  # fmt: skip
    assert told["id"]
