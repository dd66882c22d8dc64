"""Creates, updates and deletes: what is refused and how, that a refusal leaves nothing, and what the log says."""

import json
from typing import Any

import pytest

from sandbox.process import SandboxProcess
from tests.sandbox.stranger import Stranger, ad_set_form, creative_form

CAMPAIGN = {
    "name": "New", "objective": "OUTCOME_SALES", "special_ad_categories": "[]",
    "is_adset_budget_sharing_enabled": "false",
}  # fmt: skip
NAMES = [
    "line\nbreak", "carriage\r\nreturn", "escape \x1b[31mred", "nul\x00inside", "emoji 🫒 زيت 油", "=HYPERLINK(1)",
    "100 % & more; a=b+c", '"quoted" \\ back', "[1,2]", "{'a': 1}", "null", "true", " spaces ", "\ufeffmark\u202e",
]  # fmt: skip


def without(form: dict[str, str], *names: str, **more: str) -> dict[str, str]:
    return {name: value for name, value in {**form, **more}.items() if name not in names}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (without(CAMPAIGN, "special_ad_categories"), (100, None)),
        (without(CAMPAIGN, special_ad_categories='["CATS"]'), (100, None)),
        (without(CAMPAIGN, objective="CONVERSIONS"), (100, 2490408)),
        (without(CAMPAIGN, objective="MAKE_MONEY"), (100, None)),
        (without(CAMPAIGN, "is_adset_budget_sharing_enabled"), (100, 4834011)),
        (without(CAMPAIGN, daily_budget="5000"), (100, 4834002)),
        (without(CAMPAIGN, "is_adset_budget_sharing_enabled", daily_budget="99"), (100, 1487901)),
        (without(CAMPAIGN, "is_adset_budget_sharing_enabled", daily_budget="1e30"), (100, None)),
        (without(CAMPAIGN, "is_adset_budget_sharing_enabled", daily_budget="1" * 40), (100, None)),
        (without(CAMPAIGN, "is_adset_budget_sharing_enabled", daily_budget="much"), (100, None)),
        (without(CAMPAIGN, name=""), (100, None)),
        (without(CAMPAIGN, name="x" * 401), (100, None)),
        (without(CAMPAIGN, status="ARCHIVED"), (100, None)),
        (without(CAMPAIGN, adlabels="[1]"), (100, None)),
    ],
)
def test_a_campaign_that_meta_would_refuse_is_refused_and_leaves_nothing(
    stranger: Stranger, form: dict[str, str], expected: tuple[int, int | None]
) -> None:
    before = stranger.effects()
    assert stranger.refused("POST", f"{stranger.account}/campaigns", **form) == expected
    assert (
        stranger.refused("POST", f"{stranger.account}/campaigns", **form, execution_options='["validate_only"]')
        == expected
    )
    assert stranger.effects() == before


@pytest.mark.parametrize(
    ("drop", "more", "expected"),
    [
        ("targeting", {}, (100, None)),
        ("daily_budget", {}, (100, 1885272)),
        ("promoted_object", {}, (100, 1885154)),
        ("campaign_id", {}, (100, None)),
        ("", {"campaign_id": "999"}, (100, 33)),
        ("", {"targeting": "{}"}, (100, 1885364)),
        ("", {"daily_budget": "50"}, (100, 1487901)),
        ("", {"lifetime_budget": "90000"}, (100, None)),
        ("daily_budget", {"lifetime_budget": "90000"}, (100, None)),
        ("", {"bid_strategy": "COST_CAP"}, (100, 1815857)),
        ("", {"billing_event": "CLICKS"}, (100, None)),
        ("", {"optimization_goal": "LUCK"}, (100, None)),
    ],
)
def test_an_ad_set_that_meta_would_refuse_is_refused_and_leaves_nothing(
    stranger: Stranger, drop: str, more: dict[str, str], expected: tuple[int, int | None]
) -> None:
    form = without(ad_set_form(stranger.named("campaigns", "Own budgets")), drop)
    before = stranger.effects()
    assert stranger.refused("POST", f"{stranger.account}/adsets", **{**form, **more}) == expected
    assert stranger.effects() == before


@pytest.mark.parametrize(
    "story",
    [
        '"text"', "{}", '{"page_id":"1","link_data":{}}', '{"page_id":"104215550100771"}',
        '{"page_id":"104215550100771","link_data":{},"video_data":{}}',
    ],
)  # fmt: skip
def test_a_creative_needs_the_account_s_page_and_exactly_one_part(stranger: Stranger, story: str) -> None:
    before = stranger.effects()
    assert stranger.refused("POST", f"{stranger.account}/adcreatives", name="c", object_story_spec=story)[0] == 100
    assert stranger.effects() == before


def test_the_refusal_blames_the_field_and_says_what_to_do(stranger: Stranger) -> None:
    form = without(CAMPAIGN, "special_ad_categories")
    error = stranger.call("POST", f"{stranger.account}/campaigns", data=form).json()["error"]
    assert error["error_data"]["blame_field_specs"] == [["special_ad_categories"]]
    assert error["error_user_title"]
    assert "empty list" in error["error_user_msg"]
    assert error["type"] == "OAuthException"
    assert error["is_transient"] is False


def test_a_tree_is_created_read_back_and_each_effect_is_one_line(stranger: Stranger) -> None:
    before = stranger.effects()
    campaign = stranger.new_campaign("Tree op:ABCDEF123456")
    ad_set = stranger.new_ad_set(campaign, status="PAUSED", adlabels='[{"name":"op:LABEL999"}]')
    ad = stranger.new_ad(ad_set, status="PAUSED")
    lines = stranger.oracle()[before:]
    assert [line["kind"] for line in lines] == ["campaign", "adset", "adcreative", "ad"]
    assert [line["object_id"] for line in lines][::3] == [campaign, ad]
    assert [line["op_token"] for line in lines] == ["ABCDEF123456", "LABEL999", None, None]
    assert [line["seq"] for line in lines] == list(range(before + 1, before + 5))
    assert {line["outcome"] for line in lines} == {"answered"}
    assert lines[0]["change"]["name"] == [None, "Tree op:ABCDEF123456"]
    shown = stranger.get(ad, fields="adset{daily_budget,targeting,adlabels{name}},campaign{objective,status}")
    assert shown["adset"]["daily_budget"] == "5000"
    assert shown["adset"]["targeting"]["geo_locations"] == {"countries": ["ES"]}
    assert [label["name"] for label in shown["adset"]["adlabels"]] == ["op:LABEL999"]
    assert (shown["campaign"]["objective"], shown["campaign"]["status"]) == ("OUTCOME_SALES", "PAUSED")


def test_validate_only_answers_success_and_writes_nothing(stranger: Stranger) -> None:
    campaign, before = stranger.named("campaigns", "Own budgets"), stranger.effects()
    only = {"execution_options": '["validate_only"]'}
    calls = {
        f"{stranger.account}/campaigns": CAMPAIGN, f"{stranger.account}/adsets": ad_set_form(campaign),
        f"{stranger.account}/adcreatives": creative_form(), campaign: {"status": "PAUSED", "name": "Other"},
        stranger.named("adsets", "Gifts"): {"daily_budget": "7700"},
    }  # fmt: skip
    for path, form in calls.items():
        assert stranger.post(path, **form, **only) == {"success": True}
    assert stranger.effects() == before
    assert stranger.get(campaign, fields="name,status")["name"] == "Own budgets"


def test_an_update_is_one_line_with_before_and_after_and_none_where_nothing_changes(stranger: Stranger) -> None:
    ad_set = stranger.new_ad_set(stranger.named("campaigns", "Own budgets"), status="PAUSED")
    before = stranger.effects()
    assert stranger.call("POST", ad_set, data={"daily_budget": "6100"}, headers={"X-Request-Id": "r-1"}).ok
    assert stranger.post(ad_set, daily_budget="6100", status="PAUSED") == {"success": True}
    (line,) = stranger.oracle()[before:]
    assert line["change"] == {"daily_budget": [5000, 6100]}
    assert (line["method"], line["path"], line["actor"], line["request_id"]) == ("POST", f"/{ad_set}", "api", "r-1")


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        ("North", {"daily_budget": "5000"}, (100, 1885621)),
        ("Gifts", {"daily_budget": "99"}, (100, 1487901)),
        ("Gifts", {"lifetime_budget": "99000"}, (100, None)),
        ("Gifts", {"daily_budget": ""}, (100, None)),
        ("Gifts", {"colour": "red"}, (100, None)),
        ("Gifts", {"status": "RESTING"}, (100, None)),
        ("Gifts", {"daily_budget": "7000", "status": "RESTING"}, (100, None)),
        ("Gifts", {"status": "PAUSED", "targeting": "{}"}, (100, 1885364)),
    ],
)
def test_a_refused_update_changes_nothing_not_even_its_good_half(
    stranger: Stranger, name: str, form: dict[str, str], expected: tuple[int, int | None]
) -> None:
    node, before = stranger.named("adsets", name), stranger.effects()
    assert stranger.refused("POST", node, **form) == expected
    assert stranger.effects() == before


def test_an_ad_set_budget_under_a_campaign_budget_is_refused_on_create_too(stranger: Stranger) -> None:
    form = ad_set_form(stranger.named("campaigns", "Campaign budget"))
    assert stranger.refused("POST", f"{stranger.account}/adsets", **form) == (100, 1885621)
    campaign = stranger.named("campaigns", "Own budgets")
    assert stranger.refused("POST", campaign, daily_budget="5000") == (100, 1885621)


def test_archived_moves_only_to_deleted_and_deleted_keeps_only_its_name_editable(stranger: Stranger) -> None:
    campaign = stranger.new_campaign()
    stranger.post(campaign, status="ARCHIVED")
    assert stranger.refused("POST", campaign, status="ACTIVE") == (100, 1487566)
    stranger.post(campaign, status="DELETED")
    assert stranger.refused("POST", campaign, status="PAUSED") == (100, 1487566)
    assert stranger.post(campaign, name="gone") == {"success": True}
    before = stranger.effects()
    assert stranger.delete(campaign) == {"success": True}
    assert stranger.effects() == before
    assert stranger.refused("POST", f"{stranger.account}/adsets", **ad_set_form(campaign)) == (100, 1487056)


def test_a_creative_is_immutable_but_for_name_status_and_labels(stranger: Stranger) -> None:
    creative = stranger.new_creative()
    assert stranger.refused("POST", creative, object_story_spec=creative_form()["object_story_spec"]) == (100, None)
    assert stranger.post(creative, name="Renamed") == {"success": True}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back_exactly_as_it_was_sent(stranger: Stranger, name: str) -> None:
    campaign = stranger.new_campaign(name)
    assert stranger.get(campaign, fields="name")["name"] == name
    filtering = json.dumps([{"field": "name", "operator": "EQUAL", "value": name}])
    assert [row["id"] for row in stranger.rows(f"{stranger.account}/campaigns", filtering=filtering)] == [campaign]
    assert stranger.oracle()[-1]["change"]["name"] == [None, name]
    stranger.delete(campaign)


@pytest.mark.parametrize("how", ["form", "query", "multipart", "json"])
@pytest.mark.parametrize("name", ["plain", "two\r\nlines\n", "🫒", "nul\x00", "--boundary"])
def test_every_encoding_of_a_write_says_the_same(stranger: Stranger, how: str, name: str) -> None:
    form: dict[str, Any] = {**CAMPAIGN, "name": name, "status": "PAUSED"}
    options = {
        "form": {"data": form}, "query": {"params": form}, "json": {"json": {**form, "special_ad_categories": []}},
        "multipart": {"files": {key: (None, value.encode()) for key, value in form.items()}},
    }  # fmt: skip
    campaign = stranger.call("POST", f"{stranger.account}/campaigns", **options[how]).json()["id"]
    assert stranger.get(campaign, fields="name,objective") == {
        "id": campaign, "name": name, "objective": "OUTCOME_SALES"
    }  # fmt: skip
    stranger.delete(campaign)


def test_a_method_may_be_named_in_a_parameter(stranger: Stranger) -> None:
    campaign = stranger.new_campaign()
    assert stranger.post(campaign, method="delete") == {"success": True}
    assert stranger.get(campaign, fields="status")["status"] == "DELETED"


def test_odd_values_read_the_same_after_a_restart(stranger: Stranger, shop: SandboxProcess) -> None:
    """Literals that JSON does not know are held as they will be read from the log again."""
    campaign = stranger.named("campaigns", "Own budgets")
    odd = ["(1, 2)", "{1, 2}", "{(1,): 2}", "[b'x']", "'\\ud800'", "[1j]", "[" * 3_000, "1" * 60, "[...]", "NaN"]
    form = {**ad_set_form(campaign), "status": "PAUSED"}
    specs = [f"{{'odd': {value}}}" for value in odd]
    answers = [stranger.call("POST", f"{stranger.account}/adsets", data={**form, "bid_adjustments": s}) for s in specs]
    assert {answer.status_code for answer in answers} == {200, 400}
    sets = [answer.json()["id"] for answer in answers if answer.ok]

    def shown() -> list[Any]:
        return [stranger.get(ad_set, fields="bid_adjustments") for ad_set in sets]

    before = shown()
    shop.kill()
    shop.restart()
    assert shown() == before


def test_an_edit_by_a_person_is_an_effect_of_another_actor_and_bound_by_the_same_rules(stranger: Stranger) -> None:
    ad_set = stranger.new_ad_set(stranger.named("campaigns", "Own budgets"), status="PAUSED")
    edit = {"object_id": ad_set, "changes": {"daily_budget": 5_500}, "actor": "Marta"}
    stranger.process.ask("POST", "/human_edit", edit)
    assert stranger.oracle()[-1]["actor"] == "Marta"
    (event, *_) = stranger.get(f"{stranger.account}/activities", oid=ad_set)["data"]
    assert (event["actor_name"], event["event_type"]) == ("Marta", "update_ad_set_budget")
    with pytest.raises(ValueError, match="too low"):
        stranger.process.ask("POST", "/human_edit", {**edit, "changes": {"daily_budget": 1}})
