"""Meta's own SDK sends batches: fifty reads, writes, an item that fails, an item that comes back as nothing."""

import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.campaign import Campaign
from facebook_business.api import FacebookAdsApi, FacebookResponse
from facebook_business.exceptions import FacebookRequestError

from sandbox.process import SandboxProcess
from tests.conformance.building import new_ad_set, new_campaign, png


class Told:
    """What the callbacks of a batch were told."""

    def __init__(self) -> None:
        self.good: list[FacebookResponse] = []
        self.bad: list[FacebookResponse] = []

    @property
    def callbacks(self) -> dict[str, object]:
        return {"success": self.good.append, "failure": self.bad.append}


def test_reads_in_a_batch_come_back_in_their_order(account: AdAccount, redirected: FacebookAdsApi):
    campaigns = [new_campaign(account, name=f"Of a batch {place}") for place in range(12)]
    told, batch = Told(), redirected.new_batch()
    for campaign in campaigns:
        Campaign(campaign["id"]).api_get(fields=["name"], batch=batch, **told.callbacks)
    assert batch.execute() is None
    assert [answer.json()["name"] for answer in told.good] == [f"Of a batch {place}" for place in range(12)]
    assert told.bad == []


def test_writes_in_a_batch_take_hold_and_one_that_fails_hurts_no_other(account: AdAccount, redirected: FacebookAdsApi):
    campaign = new_campaign(account)
    first, second = (new_ad_set(account, campaign, name=name) for name in ("One", "Two"))
    told, batch = Told(), redirected.new_batch()
    AdSet(first["id"]).api_update(params={"daily_budget": 4_000}, batch=batch, **told.callbacks)
    AdSet(second["id"]).api_update(params={"daily_budget": 1}, batch=batch, **told.callbacks)
    account.create_campaign(
        params={"name": "Made in a batch", "objective": "OUTCOME_TRAFFIC", "special_ad_categories": [],
                "status": "PAUSED", "is_adset_budget_sharing_enabled": False},
        batch=batch, **told.callbacks,
    )  # fmt: skip
    assert batch.execute() is None
    assert (len(told.good), len(told.bad)) == (2, 1)
    error = told.bad[0].error()
    assert isinstance(error, FacebookRequestError)
    assert (error.http_status(), error.api_error_code()) == (400, 100)
    assert AdSet(first["id"]).api_get(fields=["daily_budget"])["daily_budget"] == "4000"
    assert AdSet(second["id"]).api_get(fields=["daily_budget"])["daily_budget"] == "2500"
    assert Campaign(told.good[1].json()["id"]).api_get(fields=["name"])["name"] == "Made in a batch"


def test_an_item_that_comes_back_as_nothing_is_sent_again_by_the_sdk(
    account: AdAccount, redirected: FacebookAdsApi, shop: SandboxProcess
):
    campaigns = [new_campaign(account, name=f"Item {place}") for place in range(3)]
    middle = f"/{campaigns[1]['id']}$"
    shop.ask("POST", "/faults", {"script": [{"do": "batch_null", "match": {"path": middle}}]})
    told, batch = Told(), redirected.new_batch()
    for campaign in campaigns:
        Campaign(campaign["id"]).api_get(fields=["name"], batch=batch, **told.callbacks)
    again = batch.execute()
    assert [answer.json()["name"] for answer in told.good] == ["Item 0", "Item 2"]
    assert len(again) == 1
    assert again.execute() is None
    assert told.good[-1].json()["name"] == "Item 1"
    assert told.bad == []


def test_a_later_item_speaks_of_what_an_earlier_one_made(account: AdAccount, redirected: FacebookAdsApi):
    told, batch = Told(), redirected.new_batch()
    form = {"name": "Parent", "objective": "OUTCOME_SALES", "special_ad_categories": [], "status": "PAUSED",
            "is_adset_budget_sharing_enabled": False}  # fmt: skip
    batch.add("POST", (account["id"], "campaigns"), params=form, **told.callbacks)["name"] = "parent"
    batch.add("GET", ("{result=parent:$.id}",), params={"fields": "name"}, **told.callbacks)
    batch.execute()
    assert [answer.json().get("name") for answer in told.good if "name" in answer.json()] == ["Parent"]


def test_images_are_uploaded_in_a_batch(account: AdAccount, redirected: FacebookAdsApi, tmp_path):
    told, batch = Told(), redirected.new_batch()
    opened = png(tmp_path / "batched.png", grey=33).open("rb")
    with opened:
        batch.add("POST", (account["id"], "adimages"), files={"source0": opened}, **told.callbacks)
        batch.execute()
    assert told.bad == []
    ((image,),) = (answer.json()["images"].values() for answer in told.good)
    assert len(image["hash"]) == 32


def test_more_than_fifty_items_are_refused(account: AdAccount, redirected: FacebookAdsApi):
    batch = redirected.new_batch()
    for _ in range(51):
        account.api_get(fields=["name"], batch=batch)
    with pytest.raises(FacebookRequestError):
        batch.execute()
