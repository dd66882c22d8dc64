"""Meta's own SDK builds, changes and ends a tree."""

import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adcreative import AdCreative
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.campaign import Campaign
from facebook_business.exceptions import FacebookRequestError

from tests.conformance.building import TARGETING, new_ad, new_ad_set, new_campaign, new_creative, png


def test_a_tree_of_campaign_ad_set_image_creative_and_ad_is_built_and_read_back(account: AdAccount, tmp_path):
    campaign = new_campaign(account, name="Autumn · España ☀")
    ad_set = new_ad_set(account, campaign)
    image = account.create_ad_image(params={"filename": str(png(tmp_path / "oil.png"))})
    creative = new_creative(account, image["hash"])
    ad = new_ad(account, ad_set, creative)
    read = Ad(ad["id"]).api_get(fields=["name", "status", "effective_status", "adset_id", "campaign_id", "creative"])
    assert (read["adset_id"], read["campaign_id"]) == (ad_set["id"], campaign["id"])
    assert read["creative"]["id"] == creative["id"]
    assert (read["status"], read["effective_status"]) == ("PAUSED", "PAUSED")
    above = Campaign(campaign["id"]).api_get(fields=["name", "objective", "special_ad_categories", "account_id"])
    assert above["name"] == "Autumn · España ☀"
    assert above["objective"] == "OUTCOME_SALES"
    assert above["account_id"] == account["id"].removeprefix("act_")
    held = AdSet(ad_set["id"]).api_get(fields=["daily_budget", "targeting", "promoted_object", "billing_event"])
    assert held["daily_budget"] == "2500"
    assert held["targeting"]["geo_locations"]["countries"] == ["PT"]
    assert held["promoted_object"]["custom_event_type"] == "PURCHASE"
    story = AdCreative(creative["id"]).api_get(fields=["object_story_spec", "image_hash", "call_to_action_type"])
    assert story["object_story_spec"]["link_data"]["image_hash"] == story["image_hash"] == image["hash"]
    assert story["call_to_action_type"] == "SHOP_NOW"


def test_updates_take_hold(account: AdAccount):
    campaign = new_campaign(account)
    ad_set = new_ad_set(account, campaign)
    Campaign(campaign["id"]).api_update(params={"name": "Renamed", "status": Campaign.Status.active})
    AdSet(ad_set["id"]).api_update(params={"daily_budget": 3_000, "status": AdSet.Status.active})
    AdSet(ad_set["id"]).api_update(params={"targeting": TARGETING | {"geo_locations": {"countries": ["IT", "FR"]}}})
    assert Campaign(campaign["id"]).api_get(fields=["name"])["name"] == "Renamed"
    read = AdSet(ad_set["id"]).api_get(fields=["daily_budget", "status", "targeting"])
    assert (read["daily_budget"], read["status"]) == ("3000", "ACTIVE")
    assert read["targeting"]["geo_locations"]["countries"] == ["IT", "FR"]


def test_a_creative_takes_a_new_name_and_an_ad_another_creative(account: AdAccount, tmp_path):
    ad_set = new_ad_set(account, new_campaign(account))
    image = account.create_ad_image(params={"filename": str(png(tmp_path / "a.png", grey=20))})
    first, second = (new_creative(account, image["hash"], name=name) for name in ("One", "Two"))
    ad = new_ad(account, ad_set, first)
    AdCreative(first["id"]).api_update(params={"name": "One, renamed"})
    Ad(ad["id"]).api_update(params={"creative": {"creative_id": second["id"]}})
    assert AdCreative(first["id"]).api_get(fields=["name"])["name"] == "One, renamed"
    assert Ad(ad["id"]).api_get(fields=["creative"])["creative"]["id"] == second["id"]


def test_validation_alone_writes_nothing(account: AdAccount):
    before = len(list(account.get_campaigns(params={"limit": 100})))
    new_campaign(account, execution_options=["validate_only"])
    assert len(list(account.get_campaigns(params={"limit": 100}))) == before


def test_what_is_deleted_leaves_the_lists_and_stays_readable_by_id(account: AdAccount):
    campaign = new_campaign(account, name="To be deleted")
    Campaign(campaign["id"]).api_delete()
    assert campaign["id"] not in {row["id"] for row in account.get_campaigns(params={"limit": 100})}
    assert Campaign(campaign["id"]).api_get(fields=["effective_status"])["effective_status"] == "DELETED"
    with pytest.raises(FacebookRequestError) as told:
        Campaign(campaign["id"]).api_update(params={"status": "ACTIVE"})
    assert told.value.api_error_code() == 100


def test_what_is_archived_is_listed_only_to_who_asks(account: AdAccount):
    campaign = new_campaign(account, name="To be archived")
    Campaign(campaign["id"]).api_update(params={"status": Campaign.Status.archived})
    asked = [{"field": "effective_status", "operator": "IN", "value": ["ARCHIVED"]}]
    assert campaign["id"] not in {row["id"] for row in account.get_campaigns(params={"limit": 100})}
    assert campaign["id"] in {row["id"] for row in account.get_campaigns(params={"filtering": asked})}


def test_a_campaign_is_copied_with_all_below_it(account: AdAccount, tmp_path):
    campaign = new_campaign(account, name="Original")
    image = account.create_ad_image(params={"filename": str(png(tmp_path / "b.png", grey=60))})
    new_ad(account, new_ad_set(account, campaign), new_creative(account, image["hash"]))
    told = Campaign(campaign["id"]).create_copy(
        params={"deep_copy": True, "status_option": "PAUSED", "rename_options": {"rename_suffix": " - again"}}
    )
    copy = Campaign(told["copied_campaign_id"])
    assert copy.api_get(fields=["name"])["name"] == "Original - again"
    assert len(list(copy.get_ad_sets())) == len(list(copy.get_ads())) == 1
