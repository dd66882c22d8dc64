"""Meta's own SDK runs into the limits of an app in development, is told so, waits on the platform's clock, goes on."""

import json

import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adset import AdSet
from facebook_business.exceptions import FacebookRequestError

from sandbox.process import SandboxProcess
from tests.conformance.building import new_ad_set, new_campaign

_MOST = 400  # no limit of development lies above


def _until_refused(work) -> tuple[int, FacebookRequestError]:
    for place in range(_MOST):
        try:
            work(place)
        except FacebookRequestError as error:
            return place, error
    raise AssertionError("nothing was refused")


def test_reads_use_the_score_up_and_it_decays(account: AdAccount, shop: SandboxProcess):
    shop.ask("POST", "/tier", {"tier": "development_access"})
    done, error = _until_refused(lambda _: account.get_campaigns(params={"limit": 1}))
    assert done > 10
    assert error.api_error_code() in {17, 613, 80_000, 80_004}
    assert error.http_status() == 400
    assert error.api_transient_error() is True
    told = json.loads(error.http_headers()["x-business-use-case-usage"])
    used = {row["type"]: row for row in told[account["id"][4:]]}["ads_management"]
    assert used["estimated_time_to_regain_access"] > 0
    assert used["ads_api_access_tier"] == "development_access"
    with pytest.raises(FacebookRequestError):
        account.get_campaigns(params={"limit": 1})
    shop.ask("POST", "/advance", {"hours": 2})
    assert len(account.get_campaigns(params={"limit": 1})) == 1


def test_the_budget_of_an_ad_set_changes_four_times_an_hour(account: AdAccount, shop: SandboxProcess):
    shop.ask("POST", "/tier", {"tier": "standard_access"})
    shop.ask("POST", "/advance", {"hours": 2})
    ad_set = new_ad_set(account, new_campaign(account))
    done, error = _until_refused(
        lambda place: AdSet(ad_set["id"]).api_update(params={"daily_budget": 3_000 + 100 * place})
    )
    assert (done, error.api_error_code(), error.api_error_subcode()) == (4, 613, 1_487_632)
    shop.ask("POST", "/advance", {"minutes": 61})
    AdSet(ad_set["id"]).api_update(params={"daily_budget": 9_000})
    assert AdSet(ad_set["id"]).api_get(fields=["daily_budget"])["daily_budget"] == "9000"
