"""Many updates in one call, each with an outcome of its own."""

import json

import pytest

from domain.actions import ActionKind, ObjectKind
from domain.errors import (
    InvariantError,
    NotSentError,
    PlatformError,
    RefusedError,
    ThrottledError,
    UnknownOutcomeError,
)
from domain.ports import WriteRequest
from tests.meta_client.scripted import ACCOUNT, Kit, Scripted, graph_error, hanging_up, open_kit, pausing

_DONE = {"code": 200, "headers": [], "body": '{"success":true}'}


def _item(body: object, code: int = 400, **headers: str) -> dict[str, object]:
    pairs = [{"name": name.replace("_", "-"), "value": value} for name, value in headers.items()]
    return {"code": code, "headers": pairs, "body": json.dumps(body)}


def _kinds(results: list[str | PlatformError]) -> list[object]:
    return [result if isinstance(result, str) else type(result) for result in results]


def test_each_item_has_its_own_outcome_in_order(server: Scripted, kit: Kit) -> None:
    usage = json.dumps({"7": [{"type": "ads_management", "estimated_time_to_regain_access": 2}]})
    server.answer(
        [
            _DONE,
            None,
            _item(graph_error(100)),
            _item(graph_error(80004), x_business_use_case_usage=usage),
            _item(graph_error(2), 500),
            {"code": 200, "headers": None, "body": "<html>"},
            {"code": 200, "headers": [], "body": '{"success":false}'},
        ]
    )
    results = kit.writer.write_many(ACCOUNT, [pausing(str(n)) for n in range(1, 8)], deadline_s=5)
    unknown = UnknownOutcomeError
    assert _kinds(results) == ["1", unknown, RefusedError, ThrottledError, unknown, unknown, unknown]
    assert isinstance(results[3], ThrottledError)
    assert results[3].retry_after_s == 120
    assert "ad_set 3" in str(results[2])


def test_the_updates_go_out_as_one_form(server: Scripted, kit: Kit) -> None:
    server.answer([_DONE, _DONE])
    kit.writer.write_many(ACCOUNT, [pausing("1"), pausing("2", ActionKind.ACTIVATE)], deadline_s=5)
    (request,) = server.requests
    own = [{"name": "X-Request-Id", "value": "action-1-1"}]
    assert request.path == "/v26.0/"
    assert json.loads(request.form["batch"]) == [
        {"method": "POST", "relative_url": "1", "body": "status=PAUSED", "headers": own},
        {"method": "POST", "relative_url": "2", "body": "status=ACTIVE", "headers": own},
    ]
    assert request.headers["x-request-id"] == "action-1-1"


def test_an_answer_that_is_too_short_leaves_the_rest_unknown(server: Scripted, kit: Kit) -> None:
    server.answer([_DONE])
    results = kit.writer.write_many(ACCOUNT, [pausing("1"), pausing("2")], deadline_s=5)
    assert _kinds(results) == ["1", UnknownOutcomeError]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(graph_error(17), ThrottledError), (graph_error(960), UnknownOutcomeError), (b"[{", UnknownOutcomeError)],
    ids=["throttled", "timed out", "truncated"],
)
def test_an_error_of_the_call_stands_for_every_item(
    server: Scripted, kit: Kit, answer: object, kind: type[PlatformError]
) -> None:
    server.answer(answer, status=400)
    assert _kinds(kit.writer.write_many(ACCOUNT, [pausing("1"), pausing("2")], deadline_s=5)) == [kind, kind]


def test_a_batch_whose_connection_broke_is_unknown_and_one_that_never_left_was_not_sent(
    server: Scripted, kit: Kit
) -> None:
    server.replies.append(hanging_up)
    assert _kinds(kit.writer.write_many(ACCOUNT, [pausing()], deadline_s=5)) == [UnknownOutcomeError]
    nowhere = open_kit("http://127.0.0.1:1")
    assert _kinds(nowhere.writer.write_many(ACCOUNT, [pausing()], deadline_s=5)) == [NotSentError]


def test_what_cannot_be_told_to_meta_is_left_out_and_the_rest_sent(server: Scripted, kit: Kit) -> None:
    server.answer([_DONE])
    results = kit.writer.write_many(ACCOUNT, [pausing("not/an/id"), pausing("2")], deadline_s=5)
    assert _kinds(results) == [RefusedError, "2"]
    assert len(json.loads(server.requests[0].form["batch"])) == 1


def test_an_empty_batch_sends_nothing(server: Scripted, kit: Kit) -> None:
    assert kit.writer.write_many(ACCOUNT, [], deadline_s=5) == []
    assert server.requests == []


def test_more_than_fifty_or_a_create_is_a_bug_of_the_caller(server: Scripted, kit: Kit) -> None:
    create = WriteRequest(
        kind=ActionKind.CREATE_CAMPAIGN,
        object_kind=ObjectKind.CAMPAIGN,
        object_id=None,
        parent_id=None,
        fields={"name": "x", "objective": "SALES"},
        op_token="7F3K9Q2M4XTBA",
        request_id="action-1-1",
    )
    for requests in ([pausing()] * 51, [create]):
        with pytest.raises(InvariantError):
            kit.writer.write_many(ACCOUNT, requests, deadline_s=5)
    assert server.requests == []
