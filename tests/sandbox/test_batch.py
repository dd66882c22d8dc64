"""Batches: items in order, each on its own, at most fifty, and nothing of one that is refused as a whole."""

import json
from typing import Any

import pytest

from tests.sandbox.stranger import Stranger


def batch(stranger: Stranger, items: Any, *, version: str = "/v26.0", **more: str) -> Any:
    text = items if isinstance(items, str) else json.dumps(items)
    return stranger.call("POST", "", version=version, data={"batch": text, **more}).json()


def get(url: str) -> dict[str, str]:
    return {"method": "GET", "relative_url": url}


def test_fifty_items_are_answered_in_order(stranger: Stranger) -> None:
    ids = [row["id"] for row in stranger.rows(f"{stranger.account}/ads", limit=100)]
    asked = [ids[n % len(ids)] for n in range(50)]
    rows = batch(stranger, [get(f"v26.0/{node}/?fields=name") for node in asked])
    assert [json.loads(row["body"])["id"] for row in rows] == asked
    assert {row["code"] for row in rows} == {200}


def test_fifty_one_items_are_refused_and_none_takes_effect(stranger: Stranger) -> None:
    campaign, before = stranger.new_campaign(), stranger.effects()
    items = [{"method": "POST", "relative_url": campaign, "body": f"name=n{n}"} for n in range(51)]
    assert batch(stranger, items)["error"]["code"] == 100
    assert stranger.effects() == before
    assert len(batch(stranger, items[:50])) == 50
    assert stranger.effects() == before + 50
    assert stranger.get(campaign, fields="name")["name"] == "n49"


def test_each_item_has_its_own_code_and_a_bad_one_does_not_stop_the_next(stranger: Stranger) -> None:
    campaign, before = stranger.new_campaign("first"), stranger.effects()
    rows = batch(
        stranger,
        [
            {"method": "POST", "relative_url": f"/v26.0/{campaign}/", "body": "name=second"},
            get("999?fields=name"),
            get(f"{campaign}?fields=colour"),
            {"method": "POST", "relative_url": campaign, "body": "status=RESTING"},
            {"relative_url": f"{campaign}?fields=name"},
            {"method": "DELETE", "relative_url": campaign},
            {**get("me"), "access_token": "EAAother"},
            {"method": "GET"},
            "text",
            get("me?x=[") | {"body": "{result=nobody:$.id}"},
        ],
    )
    assert [row["code"] for row in rows] == [200, 400, 400, 400, 200, 200, 401, 400, 400, 400]
    assert json.loads(rows[1]["body"])["error"]["error_subcode"] == 33
    assert json.loads(rows[4]["body"])["name"] == "second"
    assert stranger.effects() == before + 2


def test_items_carry_their_headers_unless_they_are_not_wanted(stranger: Stranger) -> None:
    items = [get(stranger.account)]
    (row,) = batch(stranger, items)
    assert {"X-Ad-Account-Usage", "facebook-api-version"} <= {header["name"] for header in row["headers"]}
    (bare,) = batch(stranger, items, include_headers="false")
    assert bare.keys() == {"code", "body"}


def test_every_item_is_charged_for(stranger: Stranger) -> None:
    def used(row: dict[str, Any]) -> float:
        headers = {header["name"]: header["value"] for header in row["headers"]}
        return float(json.loads(headers["X-Ad-Account-Usage"])["acc_id_util_pct"])

    rows = batch(stranger, [get(stranger.account)] * 40)
    assert used(rows[-1]) - used(rows[0]) == pytest.approx(39 * 100 / 9_000, abs=0.02)


def test_a_batch_needs_neither_a_version_nor_strict_json(stranger: Stranger) -> None:
    (row,) = batch(stranger, f"[{{'method':'GET','relative_url':'{stranger.account}/campaigns?limit=1'}},]", version="")
    page = json.loads(row["body"])
    assert page["paging"]["next"].startswith(f"{stranger.process.graph}/v26.0/{stranger.account}/campaigns?")


@pytest.mark.parametrize("items", ["", "{}", "text", "5", "[", "null"])
def test_what_is_no_list_is_refused(stranger: Stranger, items: str) -> None:
    assert batch(stranger, items)["error"]["code"] == 100


def test_a_batch_inside_a_batch_is_refused(stranger: Stranger) -> None:
    inner = {"method": "POST", "relative_url": "", "body": "batch=[]"}
    (row,) = batch(stranger, [inner])
    assert row["code"] == 400
    assert batch(stranger, []) == []
