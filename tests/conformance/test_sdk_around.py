"""Meta's own SDK on the rest: writes by and by, ends of every kind of thing, targeting tools, labels' own edges."""

import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adasyncrequestset import AdAsyncRequestSet
from facebook_business.adobjects.adcreative import AdCreative
from facebook_business.adobjects.adlabel import AdLabel
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.adspixel import AdsPixel
from facebook_business.adobjects.campaign import Campaign
from facebook_business.adobjects.customaudience import CustomAudience
from facebook_business.adobjects.user import User
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError

from sandbox.process import SandboxProcess
from tests.conformance.building import TARGETING, new_ad, new_ad_set, new_campaign, new_creative, png
from tests.sandbox.stranger import PIXEL

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the SDK's, about fields and enums newer than it


def test_many_writes_take_hold_by_and_by(account: AdAccount, shop: SandboxProcess):
    ad_sets = [new_ad_set(account, new_campaign(account), name=f"Later {place}") for place in range(4)]
    items = [{"name": f"r{row['id']}", "relative_url": row["id"], "body": "name=Done"} for row in ad_sets]
    items.append({"name": "bad", "relative_url": ad_sets[0]["id"], "body": "daily_budget=1"})
    made = account.create_async_batch_request(params={"name": "Rename", "adbatch": items})
    shop.ask("POST", "/advance", {"minutes": 1})
    told = AdAsyncRequestSet(made["id"]).api_get(fields=["is_completed", "success_count", "error_count", "total_count"])
    assert (told["is_completed"], told["success_count"], told["error_count"], told["total_count"]) == (True, 4, 1, 5)
    assert {AdSet(row["id"]).api_get(fields=["name"])["name"] for row in ad_sets} == {"Done"}
    requests = AdAsyncRequestSet(made["id"]).get_requests(fields=["status", "scope_object_id"])
    assert sorted(row["status"] for row in requests) == ["ERROR", "SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"]


def test_every_kind_of_thing_comes_to_an_end(account: AdAccount, tmp_path):
    image = account.create_ad_image(params={"filename": str(png(tmp_path / "a.png", grey=77))})
    ad_set = new_ad_set(account, new_campaign(account))
    creative = new_creative(account, image["hash"])
    ad = new_ad(account, ad_set, creative)
    Ad(ad["id"]).api_delete()
    AdSet(ad_set["id"]).api_delete()
    AdCreative(creative["id"]).api_delete()
    for thing in (Ad(ad["id"]), AdSet(ad_set["id"])):
        assert thing.api_get(fields=["status"])["status"] == "DELETED"
    audience = account.create_custom_audience(
        params={"name": "Short", "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
    )
    CustomAudience(audience["id"]).api_delete()
    assert audience["id"] not in {row["id"] for row in account.get_custom_audiences()}


def test_the_oldest_campaigns_are_deleted_together(account: AdAccount):
    before = len(list(account.get_campaigns(params={"limit": 100})))
    account.delete_campaigns(params={"delete_strategy": "DELETE_OLDEST", "object_count": 1})
    assert len(list(account.get_campaigns(params={"limit": 100}))) == before - 1


def test_ad_sets_and_ads_are_copied(account: AdAccount, tmp_path):
    image = account.create_ad_image(params={"filename": str(png(tmp_path / "b.png", grey=78))})
    ad_set = new_ad_set(account, new_campaign(account))
    ad = new_ad(account, ad_set, new_creative(account, image["hash"]))
    copy = AdSet(ad_set["id"]).create_copy(params={"deep_copy": True, "status_option": "PAUSED"})
    assert len(list(AdSet(copy["copied_adset_id"]).get_ads())) == 1
    again = Ad(ad["id"]).create_copy(params={"adset_id": copy["copied_adset_id"], "status_option": "PAUSED"})
    assert Ad(again["copied_ad_id"]).api_get(fields=["adset_id"])["adset_id"] == copy["copied_adset_id"]


def test_a_label_lists_what_carries_it(account: AdAccount):
    label = account.create_ad_label(params={"name": "spring"})
    campaign = new_campaign(account, adlabels=[{"id": label["id"]}])
    assert [row["id"] for row in AdLabel(label["id"]).get_campaigns(fields=["name"])] == [campaign["id"]]
    Campaign(campaign["id"]).create_ad_label(params={"adlabels": [{"name": "second"}]})
    held = Campaign(campaign["id"]).api_get(fields=["adlabels"])["adlabels"]
    assert {row["name"] for row in held} == {"spring", "second"}


def test_targeting_is_searched_browsed_spelt_out_and_validated(account: AdAccount):
    found = account.get_targeting_search(params={"q": "cook"})
    assert found
    assert account.get_targeting_browse()
    lines = account.get_targeting_sentence_lines(params={"targeting_spec": TARGETING})
    assert "Portugal" in str(lines[0].export_all_data())
    (valid,) = account.get_targeting_valid_a_t_i_on(
        params={"targeting_list": [{"type": found[0]["type"], "id": found[0]["id"]}]}
    )
    assert valid["valid"] is True


def test_an_app_subscribes_to_an_account_and_leaves_it(account: AdAccount):
    account.create_subscribed_app()
    assert len(list(account.get_subscribed_apps())) == 1
    account.delete_subscribed_apps()
    assert list(account.get_subscribed_apps()) == []


def test_empty_edges_are_empty_lists_and_rules_are_refused_in_words(account: AdAccount):
    assert list(account.get_saved_audiences()) == list(account.get_custom_conversions()) == []
    with pytest.raises(FacebookRequestError) as told:
        account.create_ad_rules_library(
            params={"name": "Stop", "evaluation_spec": {"evaluation_type": "SCHEDULE", "filters": []},
                    "execution_spec": {"execution_type": "PAUSE"}}
        )  # fmt: skip
    assert told.value.api_error_code() == 3


def test_pixels_tell_what_they_received_and_people_what_they_may(account: AdAccount, redirected: FacebookAdsApi):
    assert AdsPixel(PIXEL).get_stats(params={"aggregation": "event"}) is not None
    (page,) = User("me").get_accounts(fields=["id", "name", "tasks"])
    assert "ADVERTISE" in page["tasks"]
    assert account.get_assigned_users(params={"business": User("me").get_businesses()[0]["id"]})
