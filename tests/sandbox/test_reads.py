"""Reads of Meta's dialect, as a stranger's client sees them: tokens, fields, paging, filters, hidden objects."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from tests.sandbox.stranger import EVERY_FIELD, PAGE, Stranger


@pytest.fixture
def ad_set(stranger: Stranger) -> str:
    return stranger.named("adsets", "Gifts")


def filtered(stranger: Stranger, edge: str, field: str, operator: str, value: Any) -> set[str]:
    filtering = json.dumps([{"field": field, "operator": operator, "value": value}])
    return {row["name"] for row in stranger.rows(f"{stranger.account}/{edge}", fields="name", filtering=filtering)}


def test_the_token_is_taken_from_the_header_the_query_and_the_form(stranger: Stranger) -> None:
    token, url = stranger.process.token, f"{stranger.process.graph}/v26.0/{stranger.account}"
    for scheme in ("Bearer", "OAuth"):
        assert requests.get(url, headers={"Authorization": f"{scheme} {token}"}, timeout=30).ok
    assert requests.get(url, params={"access_token": token}, timeout=30).ok
    wanted = {"access_token": token, "execution_options": '["validate_only"]', "name": "Gifts"}
    node = stranger.named("adsets", "Gifts")
    assert requests.post(f"{stranger.process.graph}/v26.0/{node}", data=wanted, timeout=30).json() == {"success": True}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer EAAwrong"}])
def test_a_missing_or_wrong_token_is_401_with_code_190(stranger: Stranger, headers: dict[str, str]) -> None:
    answer = requests.get(f"{stranger.process.graph}/v26.0/{stranger.account}", headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)


def test_a_node_shows_its_id_alone_unless_fields_are_named(stranger: Stranger, ad_set: str) -> None:
    assert stranger.get(ad_set) == {"id": ad_set}
    shown = stranger.get(
        f"{ad_set}/", fields="name,daily_budget,status,effective_status,learning_stage_info,created_time"
    )
    assert (shown["name"], shown["daily_budget"], shown["status"]) == ("Gifts", "6000", "ACTIVE")
    assert shown["learning_stage_info"]["status"] in {"LEARNING", "SUCCESS", "FAIL"}


def test_money_ids_and_names_of_the_account_have_meta_s_types(stranger: Stranger) -> None:
    fields = "account_id,name,currency,timezone_name,account_status,amount_spent,min_daily_budget,spend_cap"
    shown = stranger.get(stranger.account, fields=fields)
    assert (shown["id"], shown["account_id"]) == (stranger.account, stranger.account.removeprefix("act_"))
    assert (shown["currency"], shown["timezone_name"], shown["account_status"]) == ("EUR", "Europe/Madrid", 1)
    assert isinstance(shown["amount_spent"], str)
    assert int(shown["amount_spent"]) > 0
    assert isinstance(shown["min_daily_budget"], int)


def test_unknown_fields_nodes_edges_and_versions_are_refused_by_their_codes(stranger: Stranger, ad_set: str) -> None:
    assert stranger.refused("GET", ad_set, fields="name,colour") == (100, None)
    assert stranger.refused("GET", stranger.account, fields="colour") == (100, None)
    assert stranger.refused("GET", "999", fields="name") == (100, 33)
    assert stranger.refused("GET", "act_999/campaigns") == (100, 33)
    assert stranger.refused("GET", f"{ad_set}/colours") == (2500, None)
    assert stranger.refused("GET", ad_set, fields="name{") == (2500, None)
    answer = stranger.call("GET", ad_set, version="")
    assert answer.json()["error"]["code"] == 2635
    assert stranger.call("GET", ad_set, version="/v25.0").headers["facebook-api-version"] == "v25.0"


def test_a_version_that_has_ended_is_served_by_the_oldest_that_lives_and_says_so(stranger: Stranger, ad_set: str):
    served = {version: stranger.call("GET", ad_set, version=version).headers for version in ("/v24.0", "/v26.0")}
    assert served["/v24.0"]["facebook-api-version"] == "v25.0"
    assert "v26.0" in served["/v24.0"]["X-Ad-Api-Version-Warning"]
    assert "X-Ad-Api-Version-Warning" not in served["/v26.0"]


def test_fields_expand_into_parents_edges_and_their_modifiers(stranger: Stranger, ad_set: str) -> None:
    shown = stranger.get(ad_set, fields="name,campaign{name},ads.limit(1){name,creative{id,name}}")
    assert shown["campaign"]["name"] == "Own budgets"
    (ad,) = shown["ads"]["data"]
    assert {"name", "creative", "id"} == ad.keys()
    following = stranger.session.get(shown["ads"]["paging"]["next"], timeout=30).json()
    assert [set(row) for row in following["data"]] == [{"name", "creative", "id"}]
    assert {ad["name"], following["data"][0]["name"]} == {"Box", "Card"}


@pytest.mark.parametrize("fields", ["id,name", '["id","name"]', "[id,name]", "['id', 'name']", "id, name"])
def test_fields_may_be_written_in_every_way_that_clients_do(stranger: Stranger, ad_set: str, fields: str) -> None:
    assert stranger.get(ad_set, fields=fields) == {"id": ad_set, "name": "Gifts"}


@pytest.mark.parametrize("edge", ["campaigns", "adsets", "ads", "adcreatives"])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_cover_everything_exactly_once_newest_first(stranger: Stranger, edge: str, limit: int) -> None:
    path = f"{stranger.account}/{edge}"
    whole = [row["id"] for row in stranger.get(path, limit=5_000)["data"]]
    assert [row["id"] for row in stranger.rows(path, limit=limit)] == whole
    assert len(set(whole)) == len(whole) >= 3
    assert stranger.get(path, summary="true", limit=1)["summary"]["total_count"] == len(whole)


def test_next_is_of_the_sandbox_s_own_host_and_there_are_no_cursors_past_the_end(stranger: Stranger) -> None:
    path = f"{stranger.account}/ads"
    page = stranger.get(path, limit=2, fields="name")
    following = urlsplit(page["paging"]["next"])
    assert f"{following.scheme}://{following.netloc}" == stranger.process.graph
    asked = dict(parse_qsl(following.query))
    assert asked == {"limit": "2", "fields": "name", "after": page["paging"]["cursors"]["after"]}
    last = stranger.get(path, limit=5_000)
    assert "next" not in last["paging"]
    beyond = stranger.get(path, limit=2, after=last["paging"]["cursors"]["after"])
    assert beyond == {"data": []}


def test_next_holds_the_token_of_who_sent_it_in_the_query_and_of_nobody_else(stranger: Stranger) -> None:
    token, url = stranger.process.token, f"{stranger.process.graph}/v26.0/{stranger.account}/ads"
    page = requests.get(url, params={"access_token": token, "limit": 2}, timeout=30).json()
    assert requests.get(page["paging"]["next"], timeout=30).ok
    assert token not in stranger.get(f"{stranger.account}/ads", limit=2)["paging"]["next"]


@pytest.mark.parametrize(
    "after", ["nonsense!", "bnVsbA", "Wzk5OTk5OTk5OTk5LDEsMF0", "WzEsOTk5OTk5OTksMF0", "LTU", "InRleHQi", "ñ"]
)
def test_a_cursor_that_was_never_given_out_is_refused(stranger: Stranger, after: str) -> None:
    for edge in ("ads", "activities", "insights"):
        assert stranger.refused("GET", f"{stranger.account}/{edge}", after=after) == (100, None)


def test_filters_choose_by_name_status_number_time_and_parent(stranger: Stranger) -> None:
    assert filtered(stranger, "adsets", "name", "CONTAIN", "oo") == {"Cooks"}
    assert filtered(stranger, "adsets", "adset.name", "EQUAL", "Gifts") == {"Gifts"}
    assert filtered(stranger, "ads", "campaign.name", "IN", ["Campaign budget"]) == {"Sea", "Sun"}
    assert "Worn" in filtered(stranger, "ads", "ad.effective_status", "IN", ["CAMPAIGN_PAUSED"])
    assert {"Quote"} == filtered(stranger, "ads", "effective_status", "IN", ["PAUSED"]) & {"Quote", "Film", "Worn"}
    assert filtered(stranger, "adsets", "daily_budget", "EQUAL", 9_000) == {"Cooks"}
    assert "Cooks" not in filtered(stranger, "adsets", "daily_budget", "NOT_EQUAL", "9000")
    assert filtered(stranger, "adsets", "daily_budget", "IN_RANGE", [5_500, 6_500]) == {"Gifts"}
    assert filtered(stranger, "campaigns", "campaign.updated_time", "GREATER_THAN", 4_000_000_000) == set()
    wanted = stranger.rows(f"{stranger.account}/ads", fields="name", effective_status='["CAMPAIGN_PAUSED"]')
    assert {row["name"] for row in wanted} >= {"Worn"}


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("colour", "EQUAL", "red"), ("name", "GREATER_THAN", 5), ("name", "RESEMBLES", "x"), ("name", "IN", "x"),
        ("name", "EQUAL", ["x"]), ("daily_budget", "IN_RANGE", [1]), ("daily_budget", "GREATER_THAN", "much"),
        ("name", "IN", [{"a": 1}]), ("updated_time", "AFTER", None), ("name", ["EQUAL"], "x"),
    ],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_refused_with_code_100(
    stranger: Stranger, field: str, operator: Any, value: Any
) -> None:
    filtering = json.dumps([{"field": field, "operator": operator, "value": value}])
    assert stranger.refused("GET", f"{stranger.account}/adsets", filtering=filtering) == (100, None)


def test_archived_and_deleted_objects_are_hidden_until_asked_for(stranger: Stranger) -> None:
    kept, archived, deleted = (stranger.new_campaign(name) for name in ("kept", "archived", "deleted"))
    stranger.post(archived, status="ARCHIVED")
    stranger.delete(deleted)
    path, mine = f"{stranger.account}/campaigns", {kept, archived, deleted}

    def listed(**params: Any) -> set[str]:
        return {row["id"] for row in stranger.rows(path, **params)} & mine

    def delivery(*words: str) -> set[str]:
        return listed(filtering=json.dumps([{"field": "campaign.delivery_info", "operator": "IN", "value": words}]))

    assert listed() == {kept}
    assert listed(effective_status='["ARCHIVED"]') == {archived}
    assert listed(effective_status="PAUSED,ARCHIVED") == {kept, archived}
    assert stranger.refused("GET", path, effective_status='["DELETED"]') == (100, 1815001)
    asked = json.dumps([{"field": "campaign.effective_status", "operator": "IN", "value": ["ACTIVE", "DELETED"]}])
    assert stranger.refused("GET", path, filtering=asked) == (100, 1815001)
    assert (delivery("archived"), delivery("deleted"), delivery("inactive")) == ({archived}, {deleted}, {kept})
    assert delivery("deleted", "permanently_deleted", "archived", "inactive") == mine
    assert stranger.get(deleted, fields="effective_status")["effective_status"] == "DELETED"


def test_delivery_info_tells_what_delivers_from_what_only_is_on(stranger: Stranger) -> None:
    campaign = stranger.new_campaign("idle", status="ACTIVE")
    asked = [{"field": "campaign.delivery_info", "operator": "IN", "value": ["not_delivering"]}]
    assert [row["id"] for row in stranger.rows(f"{stranger.account}/campaigns", filtering=json.dumps(asked))] == [
        campaign
    ]
    assert {"Own budgets", "Campaign budget"} <= filtered(stranger, "campaigns", "delivery_info", "IN", ["active"])
    stranger.delete(campaign)


def test_a_child_shows_its_parent_s_status_and_keeps_its_own(stranger: Stranger) -> None:
    ad = stranger.get(stranger.named("ads", "Worn"), fields="status,effective_status,configured_status")
    assert (ad["status"], ad["configured_status"], ad["effective_status"]) == ("ACTIVE", "ACTIVE", "CAMPAIGN_PAUSED")


def test_who_the_token_is_and_what_it_may_is_told(stranger: Stranger) -> None:
    assert stranger.get("me", fields="id,name")["name"]
    (account,) = stranger.get("me/adaccounts", fields="name,currency")["data"]
    assert account["id"] == stranger.account
    granted = {row["permission"] for row in stranger.get("me/permissions")["data"]}
    assert {"ads_read", "ads_management"} <= granted
    known = stranger.get("debug_token", input_token=stranger.process.token)["data"]
    assert known["is_valid"] is True
    assert stranger.get("debug_token", input_token="other")["data"]["is_valid"] is False


def test_every_client_s_listing_field_is_there_for_every_kind(stranger: Stranger) -> None:
    for edge in ("campaigns", "adsets", "ads"):
        for row in stranger.rows(f"{stranger.account}/{edge}", fields=EVERY_FIELD):
            assert {"id", "name", "status", "effective_status", "created_time", "updated_time"} <= row.keys()


def test_nobody_leaves_leads_here_and_who_asks_for_them_is_told_so(stranger: Stranger) -> None:
    assert stranger.get(f"{stranger.named('ads', 'Film')}/leads", fields="id,created_time") == {"data": []}
    assert stranger.get(f"{PAGE}/leadgen_forms") == {"data": []}
