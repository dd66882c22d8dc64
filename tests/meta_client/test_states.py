"""Fresh readings of many objects in one call: what is gone is missing, what cannot be told is an error."""

import json
from dataclasses import replace

import pytest

from domain.actions import ObjectKind
from domain.errors import NeedsPersonError, ThrottledError, TransientError
from domain.ids import PlatformAccountId
from domain.ports import Client
from sandbox.process import SandboxProcess
from tests.meta_client.living import ad_set_at, break_calls, oracle, pause
from tests.meta_client.scripted import ACCOUNT, Kit, Scripted, graph_error


def _item(body: object, code: int = 200) -> dict[str, object]:
    return {"code": code, "headers": [], "body": json.dumps(body)}


def _state(object_id: str, account_id: str = "7") -> dict[str, object]:
    return _item({"id": object_id, "name": "Ad", "account_id": account_id, "status": "ACTIVE"})


def test_many_objects_are_read_in_one_call_and_those_that_are_gone_are_missing(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    sets = [ad_set_at(client, account, place) for place in (0, 1, 2)]
    client.writer.write(account, pause(sets[1].id), deadline_s=20)
    written = len(oracle(platform))
    found = client.reader.states(account, ObjectKind.AD_SET, [*(row.id for row in sets), "999999999999"])
    assert [found[row.id].values["status"] for row in sets] == ["active", "paused", "active"]
    assert found[sets[0].id] == client.reader.state(account, ObjectKind.AD_SET, sets[0].id)
    assert "999999999999" not in found
    assert len(oracle(platform)) == written


def test_a_batch_tells_the_platform_of_each_item_whose_it_is(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    ids = [ad_set_at(client, account, place).id for place in (0, 1)]
    requests = [replace(pause(object_id), request_id=f"action-{object_id}-1") for object_id in ids]
    client.writer.write_many(account, requests, deadline_s=20)
    told = {line["object_id"]: line["request_id"] for line in oracle(platform)[-2:]}
    assert told == {object_id: f"action-{object_id}-1" for object_id in ids}


def test_objects_of_another_account_are_missing(server: Scripted, kit: Kit) -> None:
    server.answer([_state("1"), _state("2", account_id="8")])
    assert list(kit.reader.states(ACCOUNT, ObjectKind.AD, ["1", "2"])) == ["1"]
    assert (server.requests[0].method, server.requests[0].path) == ("POST", "/v26.0/")
    (first, _) = json.loads(server.requests[0].form["batch"])
    assert first["method"] == "GET"
    assert "body" not in first


@pytest.mark.parametrize(
    ("item", "error"),
    [
        (None, TransientError),
        (_item(graph_error(2), 500), TransientError),
        (_item(graph_error(17), 400), ThrottledError),
        (_item(graph_error(190), 400), NeedsPersonError),
    ],
)
def test_an_object_that_cannot_be_told_is_never_taken_for_one_that_is_gone(
    server: Scripted, kit: Kit, item: object, error: type[Exception]
) -> None:
    for _ in range(4):
        server.answer([_state("1"), item])
    with pytest.raises(error):
        kit.reader.states(ACCOUNT, ObjectKind.AD, ["1", "2"])


def test_a_reading_that_fails_in_passing_is_repeated(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    object_id = ad_set_at(client, account, 0).id
    break_calls(platform, "drop_before_commit", match={"path": object_id}, times=1)
    assert list(client.reader.states(account, ObjectKind.AD_SET, [object_id])) == [object_id]
