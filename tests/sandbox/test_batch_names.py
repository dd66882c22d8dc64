"""Items of a batch that need one another: names, references into answers, order, what is left out and what fails."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession

from tests.sandbox.stranger import Stranger, ad_set_form, creative_form

CAMPAIGN = {"name": "B", "objective": "OUTCOME_SALES", "special_ad_categories": "[]", "status": "PAUSED",
            "is_adset_budget_sharing_enabled": "false"}  # fmt: skip


def batch(stranger: Stranger, items: list[Any], **options: Any) -> Any:
    return stranger.call("POST", "", data={"batch": json.dumps(items)}, **options).json()


def post(url: str, form: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"method": "POST", "relative_url": url, "body": urlencode(form), **more}


def get(url: str, **more: Any) -> dict[str, Any]:
    return {"method": "GET", "relative_url": url, **more}


def body(row: dict[str, Any]) -> Any:
    return json.loads(row["body"])


def test_a_whole_tree_is_made_by_references_in_bodies(stranger: Stranger) -> None:
    act = stranger.account
    ad_set = {**ad_set_form("{result=campaign:$.id}"), "status": "PAUSED"}
    ad = {"name": "Ad", "adset_id": "{result=set:$.id}", "creative": '{"creative_id":"{result=look:$.id}"}'}
    rows = batch(
        stranger,
        [
            post(f"{act}/campaigns", CAMPAIGN, name="campaign"),
            post(f"v26.0/{act}/adsets", ad_set, name="set"),
            post(f"/{act}/adcreatives/", creative_form(), name="look"),
            post(f"{act}/ads", ad, name="ad", omit_response_on_success=False),
            get("{result=ad:$.id}?fields=name,adset{campaign{name}}"),
        ],
    )
    assert rows[:3] == [None, None, None]
    assert body(rows[4])["id"] == body(rows[3])["id"]
    assert body(rows[4])["adset"]["campaign"]["name"] == "B"


def test_a_reference_may_lead_to_many_values_and_stand_encoded_in_a_query(stranger: Stranger) -> None:
    filtering = '[{"field":"campaign.id","operator":"IN","value":[{result=all:$.data[*].id}]}]'
    rows = batch(
        stranger,
        [
            get(f"{stranger.account}/campaigns?limit=2", name="all", omit_response_on_success=False),
            get(f"{stranger.account}/adsets?fields=campaign_id&limit=100&filtering={quote(filtering)}"),
            get("{result=all:$.data.1.id}?fields=name"),
        ],
    )
    ids = [row["id"] for row in body(rows[0])["data"]]
    assert {row["campaign_id"] for row in body(rows[1])["data"]} <= set(ids)
    assert body(rows[2])["id"] == ids[1]


def test_what_is_needed_comes_first_wherever_it_stands(stranger: Stranger) -> None:
    campaign = stranger.new_campaign("before")
    rows = batch(
        stranger,
        [
            get(f"{campaign}?fields=name", depends_on="rename"),
            post(campaign, {"name": "after"}, name="rename", omit_response_on_success=False),
        ],
    )
    assert body(rows[0])["name"] == "after"
    assert body(rows[1])["success"] is True


def test_what_needs_a_failed_one_is_not_sent(stranger: Stranger) -> None:
    before = stranger.effects()
    rows = batch(
        stranger,
        [
            post(f"{stranger.account}/campaigns", {"name": "bad"}, name="campaign"),
            post(f"{stranger.account}/adsets", ad_set_form("{result=campaign:$.id}"), name="set"),
            get("{result=set:$.id}"),
            get(stranger.account),
        ],
    )
    assert [row["code"] for row in rows] == [400, 424, 424, 200]
    assert body(rows[1])["error"]["type"] == "GraphBatchException"
    assert "campaign" in body(rows[1])["error"]["message"]
    assert stranger.effects() == before


@pytest.mark.parametrize(
    "url", ["{result=nobody:$.id}", "{result=me:$.nothing}", "{result=me:id}", "{result=me:$[?(1)]}"]
)
def test_a_reference_that_leads_nowhere_fails_its_item_alone(stranger: Stranger, url: str) -> None:
    rows = batch(stranger, [get("me", name="me", omit_response_on_success=False), get(url), get("me")])
    assert [row["code"] for row in rows] == [200, 400, 200]


def test_items_that_need_each_other_in_a_circle_fail(stranger: Stranger) -> None:
    rows = batch(stranger, [get("me", name="a", depends_on="b"), get("me", name="b", depends_on="a"), get("me")])
    assert [row["code"] for row in rows] == [424, 424, 200]


def test_an_answer_that_nobody_needs_is_left_out_only_when_asked(stranger: Stranger) -> None:
    rows = batch(stranger, [get("me", name="alone"), get("me", omit_response_on_success=True), get("999", name="x")])
    assert [row and row["code"] for row in rows] == [200, None, 400]


def test_an_item_takes_the_files_that_it_names(stranger: Stranger) -> None:
    item = {"method": "POST", "relative_url": "me", "attached_files": "none"}
    (row,) = batch(stranger, [item], files={"source0": ("a.png", b"\x89PNG\r\n\x1a\n--x\r\n")})
    assert "none" in body(row)["error"]["message"]


def test_a_batch_that_takes_too_long_is_refused_as_a_whole(stranger: Stranger) -> None:
    campaign = stranger.new_campaign("before")
    for effect, name in ((False, "before"), (True, "after")):
        stranger.process.ask("POST", "/faults", {"script": [{"do": "batch_timeout", "effect": effect}]})
        answer = stranger.call("POST", "", data={"batch": json.dumps([post(campaign, {"name": "after"})])})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, 960)
        assert answer.json()["error"]["is_transient"] is True
        assert stranger.get(campaign, fields="name")["name"] == name


def test_the_official_sdk_asks_again_for_items_that_came_back_as_null(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FacebookSession, "GRAPH", stranger.process.graph)
    api = FacebookAdsApi(FacebookSession(access_token=stranger.process.token))
    stranger.process.ask("POST", "/faults", {"script": [{"do": "batch_null", "match": {"path": "/me"}, "times": 2}]})
    seen: list[str] = []
    asked = api.new_batch()
    for path in ("me", stranger.account, "me"):
        asked.add("GET", (path,), success=lambda answer: seen.append(answer.json()["id"]))
    again = asked.execute()
    assert seen == [stranger.account]
    assert len(again) == 2
    assert again.execute() is None
    assert len(seen) == 3


def test_images_come_with_the_items_that_name_them(stranger: Stranger) -> None:
    item = {"method": "POST", "relative_url": f"{stranger.account}/adimages", "attached_files": "source0"}
    header = b"\x00\x00\x00\rIHDR" + b"\x00\x00\x00\x01" * 2 + b"\x08\x06\x00\x00\x00"
    png = b"\x89PNG\r\n\x1a\n" + header + b"\x00" * 40
    rows = batch(stranger, [item, {**item, "attached_files": "source1"}],
                 files={"source0": ("a.png", png), "source1": ("b.png", png + b"b")})  # fmt: skip
    assert [row["code"] for row in rows] == [200, 200], rows
    hashes = [next(iter(body(row)["images"].values()))["hash"] for row in rows]
    assert len(set(hashes)) == 2
