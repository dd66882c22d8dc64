"""Copies of campaigns, ad sets and ads: what is made, how it is named, what it delivers, and what is refused."""

import json
from typing import Any

import pytest

from tests.sandbox.stranger import Stranger, ad_set_form, minor

NAMES = "name,status,campaign_id,adset_id,creative"


def oldest(stranger: Stranger, edge: str, name: str) -> str:
    """The scenario's own object of a name: its copies may be named alike."""
    found = stranger.rows(f"{stranger.account}/{edge}", fields="name", limit=200)
    return str([row["id"] for row in found if row["name"] == name][-1])


@pytest.fixture
def campaign(stranger: Stranger) -> str:
    return oldest(stranger, "campaigns", "Campaign budget")


def test_a_copied_ad_is_paused_and_named_as_a_copy(stranger: Stranger) -> None:
    source = oldest(stranger, "ads", "Worn")
    answer = stranger.post(f"{source}/copies")
    made = answer["copied_ad_id"]
    assert answer["ad_object_ids"] == [{"ad_object_type": "ad", "source_id": source, "copied_id": made}]
    shown = stranger.get(made, fields=f"{NAMES},source_ad_id")
    was = stranger.get(source, fields=NAMES)
    assert (shown["name"], shown["status"], shown["source_ad_id"]) == ("Worn - Copy", "PAUSED", source)
    assert (shown["creative"], shown["adset_id"]) == (was["creative"], was["adset_id"])


def test_a_shallow_copy_has_no_children(stranger: Stranger, campaign: str) -> None:
    made = stranger.post(f"{campaign}/copies")["copied_campaign_id"]
    assert stranger.rows(f"{made}/adsets") == []
    shown = stranger.get(made, fields="daily_budget,objective,source_campaign_id,status")
    was = stranger.get(campaign, fields="daily_budget,objective")
    assert shown == {**was, "id": made, "source_campaign_id": campaign, "status": "PAUSED"}


def test_a_deep_copy_makes_one_line_of_the_log_for_each_object(stranger: Stranger, campaign: str) -> None:
    before = stranger.effects()
    answer = stranger.post(f"{campaign}/copies", deep_copy="true")
    kinds = [row["ad_object_type"] for row in answer["ad_object_ids"]]
    assert kinds == ["campaign", "ad_set", "ad", "ad_set", "ad"]
    lines = stranger.oracle()[before:]
    assert [line["object_id"] for line in lines] == [row["copied_id"] for row in answer["ad_object_ids"]]
    assert len(stranger.rows(f"{answer['copied_campaign_id']}/ads")) == 2


@pytest.mark.parametrize(
    ("options", "top", "below"),
    [
        ({}, "Campaign budget - Copy", "North"),
        ({"rename_strategy": "DEEP_RENAME"}, "Campaign budget - Copy", "North - Copy"),
        ({"rename_strategy": "NO_RENAME"}, "Campaign budget", "North"),
        ({"rename_prefix": "B ", "rename_suffix": ""}, "B Campaign budget", "North"),
        ({"rename_strategy": "DEEP_RENAME", "rename_prefix": "B "}, "B Campaign budget - Copy", "B North - Copy"),
    ],
)
def test_copies_are_named_as_asked(
    stranger: Stranger, campaign: str, options: dict[str, str], top: str, below: str
) -> None:
    made = stranger.post(f"{campaign}/copies", deep_copy="true", rename_options=json.dumps(options))
    held = made["copied_campaign_id"]
    assert stranger.get(held, fields="name")["name"] == top
    assert below in [row["name"] for row in stranger.rows(f"{held}/adsets", fields="name")]


@pytest.mark.parametrize(
    ("option", "statuses"),
    [(None, ["PAUSED", "PAUSED", "PAUSED"]), ("ACTIVE", ["ACTIVE", "ACTIVE", "ACTIVE"]),
     ("INHERITED_FROM_SOURCE", ["ACTIVE", "ACTIVE", "PAUSED"])],
)  # fmt: skip
def test_copies_have_the_status_that_is_asked(stranger: Stranger, option: str | None, statuses: list[str]) -> None:
    form = {} if option is None else {"status_option": option}
    made = stranger.post(f"{oldest(stranger, 'adsets', 'Cooks')}/copies", deep_copy="1", **form)["copied_adset_id"]
    assert [row["status"] for row in stranger.rows(f"{made}/ads", fields="status")[::-1]] == statuses


def test_more_than_three_ads_are_not_copied_in_one_call(stranger: Stranger) -> None:
    source = oldest(stranger, "campaigns", "Own budgets")
    before = stranger.effects()
    assert stranger.refused("POST", f"{source}/copies", deep_copy="true") == (100, 1_885_194)
    assert stranger.effects() == before
    assert stranger.post(f"{source}/copies")["copied_campaign_id"]


def test_more_than_three_ads_are_copied_by_and_by(stranger: Stranger) -> None:
    source = oldest(stranger, "campaigns", "Own budgets")
    items = [{"name": "copy", "relative_url": f"{source}/copies", "body": "deep_copy=true"}]
    queued = stranger.post(f"{stranger.account}/async_batch_requests", name="Copies", adbatch=json.dumps(items))["id"]
    stranger.advance(minutes=1)
    (row,) = stranger.rows(f"{queued}/requests", fields="status,result")
    assert row["status"] == "SUCCESS"
    assert len(row["result"]["ad_object_ids"]) >= 8


def test_only_checking_makes_nothing(stranger: Stranger, campaign: str) -> None:
    before = stranger.effects()
    answer = stranger.post(f"{campaign}/copies", deep_copy="true", execution_options='["validate_only"]')
    assert (answer, stranger.effects()) == ({"success": True}, before)


def test_an_ad_set_goes_where_it_is_sent_with_its_times(stranger: Stranger) -> None:
    source, target = oldest(stranger, "adsets", "Cooks"), oldest(stranger, "campaigns", "Resting")
    times = {"start_time": "2026-12-01T00:00:00+0000", "end_time": "2026-12-09T00:00:00+0000"}
    made = stranger.post(f"{source}/copies", campaign_id=target, **times)["copied_adset_id"]
    shown = stranger.get(made, fields="campaign_id,daily_budget,start_time,end_time,targeting,adlabels{name}")
    assert (shown["campaign_id"], shown["daily_budget"]) == (target, "9000")
    assert (shown["start_time"][:10], shown["end_time"][:10]) == ("2026-12-01", "2026-12-09")
    assert shown["targeting"] == stranger.get(source, fields="targeting")["targeting"]
    assert made in [row["id"] for row in stranger.rows(f"{source}/copies")]


@pytest.mark.parametrize(
    ("edge", "name", "params", "code"),
    [
        ("adsets", "Cooks", {"end_time": "2026-11-01T00:00:00+0000"}, (100, 1_487_033)),
        ("adsets", "Cooks", {"start_time": "1797000000", "end_time": "1796000000"}, (100, 1_487_033)),
        ("adsets", "Cooks", {"campaign_id": "17"}, (100, 33)),
        ("adsets", "Cooks", {"adset_id": "17"}, (100, None)),
        ("ads", "Sea", {"deep_copy": "true"}, (100, None)),
        ("ads", "Sea", {"status_option": "DELETED"}, (100, None)),
        ("ads", "Sea", {"rename_options": "[1]"}, (100, None)),
        ("ads", "Sea", {"rename_options": '{"rename_strategy":"SOME"}'}, (100, None)),
        ("ads", "Sea", {"rename_options": json.dumps({"rename_suffix": "x" * 400})}, (100, None)),
        ("campaigns", "Campaign budget", {"parameter_overrides": '{"objective":"OUTCOME_LEADS"}'}, (100, None)),
        ("campaigns", "Campaign budget", {"parameter_overrides": '{"daily_budget":3}'}, (100, 1_487_901)),
        ("campaigns", "Own budgets", {"parameter_overrides": '{"daily_budget":3000}'}, (100, None)),
    ],
)
def test_what_cannot_be_copied_is_refused_and_leaves_nothing(
    stranger: Stranger, edge: str, name: str, params: dict[str, Any], code: tuple[int, int | None]
) -> None:
    before = stranger.effects()
    source = oldest(stranger, edge, name)
    assert stranger.refused("POST", f"{source}/copies", **params) == code
    assert stranger.effects() == before


def test_an_ad_set_with_a_budget_does_not_go_under_a_campaign_budget(stranger: Stranger, campaign: str) -> None:
    own, shared = oldest(stranger, "adsets", "Cooks"), oldest(stranger, "campaigns", "Own budgets")
    assert stranger.refused("POST", f"{own}/copies", campaign_id=campaign) == (100, 1_885_621)
    north = stranger.rows(f"{campaign}/adsets", fields="name")[0]["id"]
    assert stranger.refused("POST", f"{north}/copies", campaign_id=shared) == (100, 1_885_272)


def test_a_full_ad_set_takes_no_copy(stranger: Stranger) -> None:
    ad_set = stranger.new_ad_set(oldest(stranger, "campaigns", "Own budgets"), status="PAUSED")
    ad = stranger.new_ad(ad_set, status="PAUSED")
    for _ in range(49):
        stranger.post(f"{ad}/copies")
    assert stranger.refused("POST", f"{ad}/copies")[0] == 100
    assert len(stranger.rows(f"{ad_set}/ads", limit=100)) == 50


def test_an_ad_set_of_dynamic_creative_takes_no_second_ad(stranger: Stranger) -> None:
    campaign = oldest(stranger, "campaigns", "Own budgets")
    ad_set = stranger.new_ad_set(campaign, status="PAUSED", is_dynamic_creative="true")
    ad = oldest(stranger, "ads", "Worn")
    assert stranger.post(f"{ad}/copies", adset_id=ad_set)["copied_ad_id"]
    assert stranger.refused("POST", f"{ad}/copies", adset_id=ad_set) == (100, None)


def test_a_copy_of_what_has_ended_has_no_end_unless_it_needs_one(stranger: Stranger) -> None:
    campaign = oldest(stranger, "campaigns", "Own budgets")
    end = {"end_time": "2026-11-24T15:30:00+0000"}
    daily = stranger.new_ad_set(campaign, status="PAUSED", **end)
    form = {name: value for name, value in ad_set_form(campaign).items() if name != "daily_budget"}
    whole = stranger.post(f"{stranger.account}/adsets", **form, lifetime_budget="90000", status="PAUSED", **end)["id"]
    made = stranger.post(f"{whole}/copies")["copied_adset_id"]
    assert "end_time" in stranger.get(made, fields="end_time")
    stranger.advance(to="2026-11-26T00:00:00")
    made = stranger.post(f"{daily}/copies")["copied_adset_id"]
    assert "end_time" not in stranger.get(made, fields="end_time")
    assert stranger.refused("POST", f"{whole}/copies") == (100, 1_487_033)
    assert stranger.post(f"{whole}/copies", end_time="2026-12-24T00:00:00+0000")["copied_adset_id"]


def test_an_override_changes_the_copy_only(stranger: Stranger, campaign: str) -> None:
    overrides = '{"name":"Dear","daily_budget":12000}'
    made = stranger.post(f"{campaign}/copies", parameter_overrides=overrides)["copied_campaign_id"]
    assert stranger.get(made, fields="name,daily_budget") == {"id": made, "name": "Dear", "daily_budget": "12000"}
    assert stranger.get(campaign, fields="daily_budget")["daily_budget"] == "8000"


def test_a_copy_delivers_with_its_source_s_appeal(stranger: Stranger) -> None:
    """The hidden truth of the copy is the source's, and money is spent on it."""
    source = oldest(stranger, "adsets", "Gifts")
    answer = stranger.post(f"{source}/copies", deep_copy="true", status_option="ACTIVE")
    stranger.advance(days=2)
    truth = {row["ad_id"]: row for row in stranger.process.ask("GET", "/truth")["ads"]}
    pairs = [(row["source_id"], row["copied_id"]) for row in answer["ad_object_ids"] if row["ad_object_type"] == "ad"]
    for old, new in pairs:
        assert all(truth[old][name] == truth[new][name] for name in ("ctr", "cvr", "order_value_minor", "fatigue"))
        assert truth[old]["audience_size"] == truth[new]["audience_size"]
    rows = stranger.insights(answer["copied_adset_id"], level="ad", date_preset="maximum")
    assert {row["ad_id"] for row in rows} == {new for _, new in pairs}
    assert all(minor(row["spend"]) > 0 for row in rows)
