"""House fields in Meta's forms: what goes out, and what is refused before anything does."""

import json

import pytest

from domain.actions import ActionKind, Json, JsonMap, ObjectKind
from domain.errors import NotSentError, RefusedError, UnknownOutcomeError
from domain.ports import WriteRequest
from tests.meta_client.scripted import ACCOUNT, ACCOUNT_NODE, Kit, Scripted, graph_error, hanging_up

_NAMED = " |op:7F3K9Q2M4XTBA"
_SALE: dict[str, Json] = {"name": "Sale", "objective": "OUTCOME_SALES"}
_SET: dict[str, Json] = {"name": "Set", "optimization_goal": "LINK_CLICKS", "countries": ["ES"]}
_VIDEO: dict[str, Json] = {
    "name": "Clip",
    "page_id": "5",
    "landing_url": "https://x.example",
    "video_id": "9",
    "thumbnail_url": "https://t",
}


def _request(kind: ActionKind, object_kind: ObjectKind, fields: JsonMap, **more: str | None) -> WriteRequest:
    ids = {"object_id": None, "parent_id": None} | more
    return WriteRequest(
        kind=kind, object_kind=object_kind, fields=fields, op_token="7F3K9Q2M4XTBA", request_id="action-1-1", **ids
    )


def _create(kind: ActionKind, fields: JsonMap, parent_id: str | None = None) -> WriteRequest:
    return _request(kind, ObjectKind(kind.removeprefix("create_")), fields, parent_id=parent_id)


def _sent(server: Scripted, kit: Kit, request: WriteRequest) -> tuple[str, dict[str, str]]:
    """Path and form of the write, its proof aside."""
    if "daily_budget_minor" in request.fields or request.fields.get("spend_cap_minor"):
        server.answer(ACCOUNT_NODE)
    server.answer({"success": True} if request.object_id else {"id": "42"})
    kit.writer.write(ACCOUNT, request, deadline_s=5)
    write = server.requests[-1]
    return write.path.removeprefix("/v26.0/"), {k: v for k, v in write.form.items() if k != "appsecret_proof"}


@pytest.mark.parametrize(
    ("kind", "fields", "form"),
    [
        (ActionKind.SET_DAILY_BUDGET, {"daily_budget_minor": 5200}, {"daily_budget": "5200"}),
        (ActionKind.PAUSE, {"status": "paused"}, {"status": "PAUSED"}),
        (ActionKind.EMERGENCY_PAUSE, {"status": "paused"}, {"status": "PAUSED"}),
        (ActionKind.ACTIVATE, {"status": "active"}, {"status": "ACTIVE"}),
        (ActionKind.ARCHIVE, {"status": "archived"}, {"status": "ARCHIVED"}),
    ],
)
def test_an_update_is_one_absolute_value(
    server: Scripted, kit: Kit, kind: ActionKind, fields: JsonMap, form: dict[str, str]
) -> None:
    request = _request(kind, ObjectKind.AD_SET, fields, object_id="123")
    assert _sent(server, kit, request) == ("123", form)


@pytest.mark.parametrize(
    ("minor", "form"),
    [
        (12_000, {"spend_cap": "120"}),
        (12_345, {"spend_cap": "123.45"}),
        (1, {"spend_cap": "0.01"}),
        (100_000_000, {"spend_cap": "1000000"}),
        (0, {"spend_cap_action": "delete"}),
    ],
)
def test_a_spending_limit_is_told_to_the_account_in_major_units(
    server: Scripted, kit: Kit, minor: int, form: dict[str, str]
) -> None:
    request = _request(
        ActionKind.SET_SPENDING_LIMIT, ObjectKind.ACCOUNT, {"spend_cap_minor": minor}, object_id=str(ACCOUNT)
    )
    assert _sent(server, kit, request) == ("act_7", form)


def test_an_update_returns_the_object_and_a_create_the_new_one(server: Scripted, kit: Kit) -> None:
    server.answer({"success": True})
    server.answer({"id": "42"})
    pause = _request(ActionKind.PAUSE, ObjectKind.AD, {}, object_id="123")
    assert kit.writer.write(ACCOUNT, pause, deadline_s=5) == "123"
    assert kit.writer.write(ACCOUNT, _create(ActionKind.CREATE_CAMPAIGN, _SALE), deadline_s=5) == "42"


def test_a_campaign_is_created_paused_and_named_with_the_token(server: Scripted, kit: Kit) -> None:
    """v24 wants to be told about budget sharing where the campaign has no budget."""
    path, form = _sent(server, kit, _create(ActionKind.CREATE_CAMPAIGN, _SALE | {"status": "active"}))
    assert path == "act_7/campaigns"
    assert form == {
        "status": "PAUSED",
        "name": f"Sale{_NAMED}",
        "objective": "OUTCOME_SALES",
        "special_ad_categories": "[]",
        "is_adset_budget_sharing_enabled": "false",
    }


def test_a_campaign_with_a_budget_bids_automatically_and_says_nothing_of_sharing(server: Scripted, kit: Kit) -> None:
    _, form = _sent(server, kit, _create(ActionKind.CREATE_CAMPAIGN, _SALE | {"daily_budget_minor": 5000}))
    assert (form["daily_budget"], form["bid_strategy"]) == ("5000", "LOWEST_COST_WITHOUT_CAP")
    assert "is_adset_budget_sharing_enabled" not in form


@pytest.mark.parametrize(
    ("asked", "told"),
    [("CONVERSIONS", "OUTCOME_SALES"), ("LINK_CLICKS", "OUTCOME_TRAFFIC"), ("sales", "OUTCOME_SALES")],
)
def test_an_objective_of_old_is_told_as_its_successor(server: Scripted, kit: Kit, asked: str, told: str) -> None:
    _, form = _sent(server, kit, _create(ActionKind.CREATE_CAMPAIGN, {"name": "x", "objective": asked}))
    assert form["objective"] == told


def test_conversions_mean_offsite_conversions_on_the_accounts_pixel(server: Scripted, kit: Kit) -> None:
    fields: dict[str, Json] = {
        "name": "Set",
        "optimization_goal": "CONVERSIONS",
        "countries": ["ES", "PT"],
        "pixel_id": "77",
    }
    path, form = _sent(server, kit, _create(ActionKind.CREATE_AD_SET, fields | {"daily_budget_minor": 1000}, "55"))
    assert path == "act_7/adsets"
    assert form["campaign_id"] == "55"
    assert form["optimization_goal"] == "OFFSITE_CONVERSIONS"
    assert json.loads(form["promoted_object"]) == {"pixel_id": "77", "custom_event_type": "PURCHASE"}
    assert json.loads(form["targeting"]) == {
        "geo_locations": {"countries": ["ES", "PT"]},
        "targeting_automation": {"advantage_audience": 0},
    }
    assert (form["status"], form["billing_event"], form["daily_budget"]) == ("PAUSED", "IMPRESSIONS", "1000")


def test_targeting_goes_out_as_given_but_meta_may_not_widen_it(server: Scripted, kit: Kit) -> None:
    targeting: dict[str, Json] = {
        "geo_locations": {"countries": ["FR"]},
        "age_min": 25,
        "targeting_automation": {"advantage_audience": 1},
    }
    _, form = _sent(server, kit, _create(ActionKind.CREATE_AD_SET, _SET | {"targeting": targeting}, "55"))
    assert json.loads(form["targeting"]) == targeting | {"targeting_automation": {"advantage_audience": 0}}


def test_an_ad_set_under_a_campaign_budget_tells_no_bid(server: Scripted, kit: Kit) -> None:
    _, form = _sent(server, kit, _create(ActionKind.CREATE_AD_SET, _SET, "55"))
    assert "bid_strategy" not in form
    assert "daily_budget" not in form


def test_a_video_creative_carries_page_link_and_call(server: Scripted, kit: Kit) -> None:
    fields: dict[str, Json] = _VIDEO | {"title": "T", "body": "B", "call_to_action": "SHOP_NOW"}
    path, form = _sent(server, kit, _create(ActionKind.CREATE_CREATIVE, fields))
    assert path == "act_7/adcreatives"
    assert form["name"] == f"Clip{_NAMED}"
    assert json.loads(form["object_story_spec"]) == {
        "page_id": "5",
        "video_data": {
            "video_id": "9",
            "image_url": "https://t",
            "title": "T",
            "message": "B",
            "call_to_action": {"type": "SHOP_NOW", "value": {"link": "https://x.example"}},
        },
    }


def test_an_ad_joins_its_ad_set_and_its_creative(server: Scripted, kit: Kit) -> None:
    path, form = _sent(server, kit, _create(ActionKind.CREATE_AD, {"name": "Ad", "creative_id": "8"}, "66"))
    assert path == "act_7/ads"
    assert form == {"status": "PAUSED", "name": f"Ad{_NAMED}", "adset_id": "66", "creative": '{"creative_id":"8"}'}


_IMPOSSIBLE = [
    (
        _request(ActionKind.SET_DAILY_BUDGET, ObjectKind.AD, {"daily_budget_minor": 5}, object_id="1"),
        "nothing that Meta",
    ),
    (_request(ActionKind.SET_DAILY_BUDGET, ObjectKind.AD_SET, {}, object_id="1"), "needs daily_budget_minor"),
    (_request(ActionKind.SET_DAILY_BUDGET, ObjectKind.AD_SET, {"daily_budget_minor": 0}, object_id="1"), "above 0"),
    (
        _request(ActionKind.SET_DAILY_BUDGET, ObjectKind.AD_SET, {"daily_budget_minor": 9.5}, object_id="1"),
        "whole number",
    ),
    (_request(ActionKind.SET_SPENDING_LIMIT, ObjectKind.ACCOUNT, {"spend_cap_minor": -1}), "0 for no limit"),
    (_request(ActionKind.SET_SPENDING_LIMIT, ObjectKind.ACCOUNT, {}), "0 for no limit"),
    (_request(ActionKind.SET_SPENDING_LIMIT, ObjectKind.CAMPAIGN, {"spend_cap_minor": 5}, object_id="1"), "nothing"),
    (_request(ActionKind.PAUSE, ObjectKind.CREATIVE, {}, object_id="1"), "nothing that Meta"),
    (_request(ActionKind.PAUSE, ObjectKind.AD, {}), "needs the id"),
    (_request(ActionKind.PAUSE, ObjectKind.AD, {}, object_id="../me"), "needs the id"),
    (_request(ActionKind.MARK_FATIGUED, ObjectKind.AD, {}, object_id="1"), "nothing that Meta"),
    (_create(ActionKind.CREATE_CAMPAIGN, {"name": "x"}), "needs objective"),
    (_create(ActionKind.CREATE_CAMPAIGN, _SALE | {"colour": "red"}), "knows no colour"),
    (_create(ActionKind.CREATE_AD_SET, _SET), "id of its parent"),
    (_create(ActionKind.CREATE_AD_SET, {"name": "x", "optimization_goal": "REACH"}, "55"), "needs countries"),
    (_create(ActionKind.CREATE_AD_SET, _SET | {"optimization_goal": "CONVERSIONS"}, "55"), "needs pixel_id"),
    (_create(ActionKind.CREATE_CREATIVE, {"name": "x", "landing_url": "https://x"}), "needs page_id"),
    (_create(ActionKind.CREATE_CREATIVE, _VIDEO | {"video_id": None}), "video_id or image_hash"),
    (_create(ActionKind.CREATE_AD, {"name": "x"}, "66"), "needs creative_id"),
]


@pytest.mark.parametrize(("request_", "says"), _IMPOSSIBLE, ids=[says for _, says in _IMPOSSIBLE])
def test_what_cannot_be_told_to_meta_is_refused_and_not_sent(
    server: Scripted, kit: Kit, request_: WriteRequest, says: str
) -> None:
    server.answer(ACCOUNT_NODE)
    with pytest.raises(RefusedError, match=says):
        kit.writer.write(ACCOUNT, request_, deadline_s=5)
    assert [request for request in server.requests if request.method == "POST"] == []


def test_a_budget_is_not_sent_while_the_currency_cannot_be_read(server: Scripted, kit: Kit) -> None:
    server.replies.append(hanging_up)
    request = _request(ActionKind.SET_DAILY_BUDGET, ObjectKind.AD_SET, {"daily_budget_minor": 5000}, object_id="1")
    with pytest.raises(NotSentError, match="currency"):
        kit.writer.write(ACCOUNT, request, deadline_s=5)
    assert [request.method for request in server.requests] == ["GET"]
    assert kit.waits == []


def test_an_emergency_pause_needs_no_reading(server: Scripted, kit: Kit) -> None:
    server.answer({"success": True})
    request = _request(ActionKind.EMERGENCY_PAUSE, ObjectKind.CAMPAIGN, {"status": "paused"}, object_id="1")
    assert kit.writer.write(ACCOUNT, request, deadline_s=5) == "1"
    assert [request.method for request in server.requests] == ["POST"]


@pytest.mark.parametrize(
    "body", [{}, {"success": False}, {"id": "9"}, {"success": True, "error": graph_error(1)["error"]}]
)
def test_an_update_that_does_not_say_success_is_unknown(server: Scripted, kit: Kit, body: object) -> None:
    server.answer(body)
    with pytest.raises(UnknownOutcomeError):
        kit.writer.write(ACCOUNT, _request(ActionKind.PAUSE, ObjectKind.AD, {}, object_id="1"), deadline_s=5)


@pytest.mark.parametrize("body", [{"success": True}, {"id": ""}, {"id": 5}, []])
def test_a_create_without_an_id_is_unknown(server: Scripted, kit: Kit, body: object) -> None:
    server.answer(body)
    with pytest.raises(UnknownOutcomeError):
        kit.writer.write(ACCOUNT, _create(ActionKind.CREATE_CAMPAIGN, _SALE), deadline_s=5)
