"""What Meta's own SDK makes of our refusals: its error classes and every field that it reads."""

import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.campaign import Campaign
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError

from sandbox.process import SandboxProcess
from tests.conformance.building import new_ad_set, new_campaign


def _refusal(work: object, *args: object, **named: object) -> FacebookRequestError:
    with pytest.raises(FacebookRequestError) as told:
        work(*args, **named)
    return told.value


def test_a_validation_tells_code_subcode_title_message_and_whom_to_blame(account: AdAccount):
    error = _refusal(new_ad_set, account, new_campaign(account), daily_budget=1)
    assert (error.http_status(), error.api_error_code(), error.api_error_type()) == (400, 100, "OAuthException")
    assert error.api_error_subcode() == 1_487_901 or error.api_error_subcode() == 1_885_272
    assert error.api_error_message()
    assert error.api_transient_error() is False
    assert error.api_blame_field_specs() == [["daily_budget"]]
    assert error.body()["error"]["error_user_title"]
    assert error.body()["error"]["error_user_msg"]
    assert error.body()["error"]["fbtrace_id"]
    assert error.request_context()["method"] == "POST"


def test_a_required_field_that_is_missing_is_named(account: AdAccount):
    error = _refusal(account.create_campaign, params={"name": "No objective", "special_ad_categories": []})
    assert error.api_error_code() == 100
    assert "objective" in error.api_error_message()


def test_an_object_that_does_not_exist_is_100_33(account: AdAccount):
    error = _refusal(Campaign("120200099999999999").api_get, fields=["name"])
    assert (error.api_error_code(), error.api_error_subcode()) == (100, 33)


def test_a_field_that_does_not_exist_is_named(account: AdAccount):
    error = _refusal(account.get_campaigns, params={"fields": "name,shoe_size"})
    assert error.api_error_code() == 100
    assert "shoe_size" in error.api_error_message()


def test_a_wrong_token_is_190(account: AdAccount, redirected: FacebookAdsApi):
    redirected._session.requests.params["access_token"] = "EAAnobody"
    error = _refusal(account.api_get, fields=["name"])
    assert error.api_error_code() == 190
    assert error.api_error_type() == "OAuthException"


def test_a_token_that_ran_out_is_190_463(account: AdAccount, shop: SandboxProcess):
    shop.ask("POST", "/faults", {"script": [{"do": "expired_token"}]})
    error = _refusal(account.api_get, fields=["name"])
    assert (error.api_error_code(), error.api_error_subcode()) == (190, 463)


def test_a_limit_is_told_with_its_headers(account: AdAccount, shop: SandboxProcess):
    shop.ask("POST", "/faults", {"script": [{"do": "throttle", "seconds": 1}]})
    error = _refusal(account.get_campaigns)
    assert error.api_error_code() in {4, 17, 613, 80_000, 80_004}
    headers = {name.lower() for name in error.http_headers()}
    assert {"x-business-use-case-usage", "x-ad-account-usage"} <= headers
    shop.ask("POST", "/advance", {"minutes": 10})
    assert account.get_campaigns() is not None


def test_a_failure_in_passing_says_so(account: AdAccount, shop: SandboxProcess):
    shop.ask("POST", "/faults", {"script": [{"do": "refuse", "code": 2, "status": 500}]})
    error = _refusal(account.api_get, fields=["name"])
    assert (error.http_status(), error.api_error_code(), error.api_transient_error()) == (500, 2, True)


def test_a_gateways_page_makes_the_sdk_stumble_over_a_text(account: AdAccount, shop: SandboxProcess):
    """It takes any body for an answer; tap-facebook retries on this very TypeError."""
    shop.ask("POST", "/faults", {"script": [{"do": "html_502"}]})
    with pytest.raises(TypeError, match="string indices"):
        account.get_campaigns()


def test_an_error_in_an_answer_of_200_is_an_error(account: AdAccount, shop: SandboxProcess):
    shop.ask("POST", "/faults", {"script": [{"do": "error_in_200", "code": 1}]})
    error = _refusal(account.api_get, fields=["name"])
    assert (error.http_status(), error.api_error_code()) == (200, 1)


def test_an_edge_that_does_not_exist_is_2500_or_100(account: AdAccount, redirected: FacebookAdsApi):
    error = _refusal(redirected.call, "GET", (account["id"], "shoes"))
    assert error.api_error_code() in {100, 2500}


def test_the_proof_of_the_apps_secret_is_checked(account: AdAccount, redirected: FacebookAdsApi):
    redirected._session.requests.params["appsecret_proof"] = "0" * 64
    assert account.api_get(fields=["name"])["name"] == "Shop"  # no secret is set on this shop: nothing to check
