"""Queued writes: they take effect by and by, in order, each with its own result; what is left can be cancelled."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.sandbox.stranger import Stranger, open_shop

CAMPAIGN = {"name": "Q", "objective": "OUTCOME_SALES", "special_ad_categories": "[]", "status": "PAUSED",
            "is_adset_budget_sharing_enabled": "false"}  # fmt: skip
COUNTS = "total_count,initial_count,in_progress_count,success_count,error_count,canceled_count,is_completed"


def queue(stranger: Stranger, items: list[dict[str, Any]], **more: str) -> str:
    form = {"name": "set", "adbatch": json.dumps(items), **more}
    return str(stranger.post(f"{stranger.account}/async_batch_requests", **form)["id"])


def rename(campaign: str, name: str) -> dict[str, str]:
    return {"name": "", "relative_url": campaign, "body": urlencode({"name": name})}


def test_queued_writes_take_effect_by_halves_while_the_clock_stands(stranger: Stranger) -> None:
    campaign = stranger.new_campaign("n0")
    made = queue(stranger, [rename(campaign, f"n{n}") for n in (1, 2, 3, 4)])
    assert stranger.get(campaign, fields="name")["name"] == "n0"
    half = stranger.get(made, fields=COUNTS)
    assert (half["success_count"], half["initial_count"], half["is_completed"]) == (2, 2, False)
    assert stranger.get(campaign, fields="name")["name"] == "n2"
    whole = stranger.get(made, fields=COUNTS)
    assert (whole["success_count"], whole["total_count"], whole["is_completed"]) == (4, 4, True)
    assert stranger.get(campaign, fields="name")["name"] == "n4"
    rows = stranger.get(f"{made}/requests", fields="status,result,input")["data"]
    assert [row["status"] for row in rows] == ["SUCCESS"] * 4
    assert rows[0]["input"]["relative_url"] == campaign
    assert stranger.get(rows[0]["id"])["status"] == "SUCCESS"


def test_a_bad_request_fails_alone_and_what_refers_to_it_with_it(stranger: Stranger) -> None:
    items = [
        {"name": "bad", "relative_url": f"{stranger.account}/campaigns", "body": "name=only"},
        {"name": "good", "relative_url": f"{stranger.account}/campaigns", "body": urlencode(CAMPAIGN)},
        {"name": "", "relative_url": "{result=bad:$.id}", "body": "name=x"},
        {"name": "", "relative_url": "{result=good:$.id}", "body": "name=renamed"},
    ]
    made = queue(stranger, items)
    for _ in range(2):
        stranger.get(made)
    rows = stranger.get(f"{made}/requests")["data"]
    assert [row["status"] for row in rows] == ["ERROR", "SUCCESS", "ERROR_DEPENDENCY", "SUCCESS"]
    assert rows[0]["result"]["error"]["code"] == 100
    assert stranger.get(rows[1]["result"]["id"], fields="name")["name"] == "renamed"


def test_ads_are_made_from_a_list_of_specs(stranger: Stranger) -> None:
    ad_set = stranger.new_ad_set(stranger.new_campaign())
    spec = {"name": "Q", "adset_id": ad_set, "creative": {"creative_id": stranger.new_creative()}, "status": "PAUSED"}
    form = {"name": "ads", "ad_specs": json.dumps([spec, spec]), "notification_mode": "OFF"}
    made = stranger.post(f"{stranger.account}/asyncadrequestsets", **form)["id"]
    for _ in range(2):
        stranger.get(made)
    assert len(stranger.rows(f"{ad_set}/ads")) == 2
    assert made in [row["id"] for row in stranger.rows(f"{stranger.account}/asyncadrequestsets")]


@pytest.mark.parametrize(
    "adbatch", ["x", "[]", "[1]", '[{"body":"name=x"}]', '[{"relative_url":"1?access_token=secret"}]', "[{}]",
                '[{"relative_url":"1","body":"access_token=secret"}]', json.dumps([{"relative_url": "1"}] * 1001)]
)  # fmt: skip
def test_what_is_no_list_of_writes_is_refused_and_nothing_is_kept(stranger: Stranger, adbatch: str) -> None:
    before = stranger.effects()
    assert stranger.refused("POST", f"{stranger.account}/async_batch_requests", adbatch=adbatch)[0] == 100
    assert stranger.effects() == before


def test_a_queued_request_that_asks_for_its_own_set_is_done_once(stranger: Stranger) -> None:
    """Telling a set moves it on: a request of it that tells it must not move it on in turn, without an end."""
    item = {"name": "q", "relative_url": f"{stranger.account}/asyncadrequestsets?method=get", "body": "limit=1"}
    made = queue(stranger, [item])
    for _ in range(2):
        stranger.get(made)
    told = stranger.get(made, fields=COUNTS)
    assert (told["success_count"], told["is_completed"]) == (1, True)


def test_a_set_keeps_the_platform_s_time_survives_a_kill_and_can_be_cancelled(tmp_path: Path) -> None:
    with open_shop(tmp_path) as process:
        stranger = Stranger(process)
        campaign = stranger.new_campaign("n0")
        made = queue(stranger, [rename(campaign, f"n{n}") for n in range(1, 41)])
        stranger.advance(seconds=1)
        assert stranger.get(made, fields=COUNTS)["success_count"] == 10
        process.kill()
        process.restart()
        stranger.advance(seconds=1)
        assert stranger.get(made, fields=COUNTS)["success_count"] == 20
        assert stranger.get(campaign, fields="name")["name"] == "n20"
        assert stranger.delete(made) == {"success": True}
        stranger.advance(seconds=60)
        told = stranger.get(made, fields=COUNTS)
        assert (told["success_count"], told["canceled_count"], told["is_completed"]) == (20, 20, True)
        assert stranger.get(campaign, fields="name")["name"] == "n20"
