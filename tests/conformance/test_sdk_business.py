"""Meta's own SDK on what is around an account: its business, pages, pixel, controls, studies."""

import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adspixel import AdsPixel
from facebook_business.adobjects.adstudy import AdStudy
from facebook_business.adobjects.business import Business
from facebook_business.adobjects.page import Page
from facebook_business.adobjects.user import User
from facebook_business.api import FacebookAdsApi

from tests.conformance.building import new_ad_set, new_campaign
from tests.sandbox.stranger import PAGE, PIXEL

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the SDK's, about fields and enums newer than it
DAY_S = 86_400
S_2026_11_22 = 1_795_305_600


def test_the_business_shows_its_accounts_pages_and_pixels(account: AdAccount):
    (business,) = User("me").get_businesses(fields=["id", "name"])
    held = Business(business["id"])
    assert [row["id"] for row in held.get_owned_ad_accounts(fields=["name"])] == [account["id"]]
    assert PAGE in {row["id"] for row in held.get_owned_pages(fields=["name"])}
    assert held.api_get(fields=["name"])["name"] == business["name"]


def test_pages_and_pixels_are_read_by_id(account: AdAccount):
    assert Page(PAGE).api_get(fields=["name", "category"])["name"]
    assert AdsPixel(PIXEL).api_get(fields=["name", "is_unavailable"])["is_unavailable"] is False


def test_the_token_tells_what_it_may_do(account: AdAccount, redirected: FacebookAdsApi):
    granted = {row["permission"] for row in User("me").get_permissions() if row["status"] == "granted"}
    assert {"ads_read", "ads_management"} <= granted
    token = redirected._session.access_token
    told = redirected.call("GET", ("debug_token",), params={"input_token": token}).json()["data"]
    assert told["is_valid"] is True
    assert granted <= set(told["scopes"])


def test_the_accounts_limit_is_set_and_taken_away(account: AdAccount):
    spent = int(account.api_get(fields=["amount_spent"])["amount_spent"])
    account.api_update(params={"spend_cap": spent // 100 + 5_000})
    assert int(account.api_get(fields=["spend_cap"])["spend_cap"]) == (spent // 100 + 5_000) * 100
    account.api_update(params={"spend_cap_action": "delete"})
    assert account.api_get(fields=["spend_cap"]).get("spend_cap", "0") == "0"


def test_ads_that_run_are_counted(account: AdAccount):
    (volume,) = account.get_ads_volume(fields=["ads_running_or_in_review_count"])
    active = account.get_ads(params={"effective_status": ["ACTIVE"]})
    assert volume["ads_running_or_in_review_count"] >= len(list(active)) > 0


def test_an_ab_test_divides_two_ad_sets(account: AdAccount):
    campaign = new_campaign(account)
    cells = [
        {"name": name, "treatment_percentage": 50, "adsets": [new_ad_set(account, campaign, name=name)["id"]]}
        for name in ("Left", "Right")
    ]
    (business,) = User("me").get_businesses()
    study = Business(business["id"]).create_ad_study(
        params={"name": "Which half", "type": "SPLIT_TEST", "cells": cells, "start_time": S_2026_11_22,
                "end_time": S_2026_11_22 + 7 * DAY_S}
    )  # fmt: skip
    assert AdStudy(study["id"]).api_get(fields=["name", "type"])["type"] == "SPLIT_TEST"
    assert {row["name"] for row in AdStudy(study["id"]).get_cells(fields=["name", "treatment_percentage"])} == {
        "Left", "Right"
    }  # fmt: skip
    assert study["id"] in {row["id"] for row in account.get_ad_studies(fields=["name"])}
