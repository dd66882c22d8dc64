"""Pages along cursors, smaller pages, and the few repeats of reads."""

import json

import pytest

from domain.actions import ObjectKind
from domain.errors import GoneError, NeedsPersonError, ThrottledError, TransientError
from domain.ids import PlatformAccountId
from meta_client import wire
from meta_client.pages import Pager, Patience
from tests.meta_client.scripted import (
    ACCOUNT,
    ACCOUNT_NODE,
    Kit,
    Scripted,
    graph_error,
    hanging_up,
    open_kit,
    truncated,
)

_TIME = "2026-11-20T10:00:00+0000"
_NEXT = "https://elsewhere.example/never-followed?access_token=x"


def _ad(number: int) -> dict[str, object]:
    return {
        "id": str(number),
        "adset_id": "2",
        "campaign_id": "3",
        "name": f"ad {number}",
        "status": "ACTIVE",
        "effective_status": "ACTIVE",
        "created_time": _TIME,
        "updated_time": _TIME,
        "creative": {"id": "4"},
    }


def _page(rows: list[dict[str, object]], after: str | None, *, more: bool) -> dict[str, object]:
    paging: dict[str, object] = {"cursors": {"before": "b", "after": after}} if after else {}
    return {"data": rows, "paging": paging | ({"next": _NEXT} if more else {})}


def _ids(kit: Kit) -> list[str]:
    return [ad.id for page in kit.reader.ads(ACCOUNT) for ad in page]


def test_pages_follow_the_cursor_until_there_is_no_next(server: Scripted, kit: Kit) -> None:
    server.answer(_page([_ad(1), _ad(2)], "c=1&/", more=True))
    server.answer(_page([], "c2", more=True))  # an empty page with a next is legal
    server.answer(_page([_ad(3)], "c3", more=False))  # a cursor without a next is the end
    assert _ids(kit) == ["1", "2", "3"]
    assert [request.query.get("after") for request in server.requests] == [None, "c=1&/", "c2"]
    assert {request.path for request in server.requests} == {"/v26.0/act_7/ads"}


def test_archived_objects_are_asked_for_and_deleted_ones_not(server: Scripted, kit: Kit) -> None:
    server.answer({"data": []})
    _ids(kit)
    (condition,) = json.loads(server.requests[0].query["filtering"])
    assert (condition["field"], condition["operator"]) == ("ad.effective_status", "IN")
    assert "ARCHIVED" in condition["value"]
    assert "DELETED" not in condition["value"]


def test_a_page_that_is_too_heavy_is_asked_for_again_in_halves_down_to_a_floor(server: Scripted, kit: Kit) -> None:
    heavy = graph_error(1, message="Please reduce the amount of data you're asking for, then retry your request")
    server.answer(_page([_ad(1)], "c1", more=True))
    server.answer(heavy, status=500)
    server.answer(heavy, status=500)
    server.answer(_page([_ad(2)], "c2", more=True))
    server.answer(_page([_ad(3)], "c3", more=False))
    assert _ids(kit) == ["1", "2", "3"]
    asked = [(request.query["limit"], request.query.get("after")) for request in server.requests]
    assert asked == [("500", None), ("500", "c1"), ("250", "c1"), ("125", "c1"), ("125", "c2")]
    assert kit.waits == []


def test_a_page_too_heavy_at_the_floor_is_given_up(server: Scripted, kit: Kit) -> None:
    for _ in range(20):
        server.answer(graph_error(100, 1487534), status=400)
    with pytest.raises(TransientError):
        _ids(kit)
    assert [request.query["limit"] for request in server.requests] == ["500", "250", "125", "62", "31", "15", "10"]


def test_a_read_that_failed_in_passing_is_repeated_with_growing_waits(server: Scripted, kit: Kit) -> None:
    server.replies += [hanging_up, truncated]
    server.answer(b"<html>", status=502)
    server.answer(_page([_ad(1)], None, more=False))
    assert _ids(kit) == ["1"]
    assert len(kit.waits) == 3
    assert all(low <= wait <= 2 * low for low, wait in zip((0.5, 1.0, 2.0), kit.waits, strict=True))


def test_no_repeat_begins_once_the_patience_is_over(server: Scripted) -> None:
    waits: list[float] = []
    pager = Pager(open_kit(server.url).transport, patience=Patience(give_up_after_s=0), sleep=waits.append)
    server.replies += [hanging_up] * 10
    with pytest.raises(TransientError):
        list(pager.edge(wire.Ad, "act_7/ads", {}, about="ads", limit=10))
    assert (len(server.requests), waits) == (1, [])


def test_repeats_end(server: Scripted, kit: Kit) -> None:
    server.replies += [hanging_up] * 10
    with pytest.raises(TransientError):
        _ids(kit)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("code", "kind"),
    [(17, ThrottledError), (190, NeedsPersonError), (803, GoneError)],
    ids=["throttle", "token", "gone"],
)
def test_what_waiting_here_cannot_mend_is_raised_at_once(
    server: Scripted, kit: Kit, code: int, kind: type[Exception]
) -> None:
    server.answer(graph_error(code), status=400)
    with pytest.raises(kind):
        _ids(kit)
    assert len(server.requests) == 1
    assert kit.waits == []


def test_a_cursor_that_does_not_move_ends_in_an_error_and_not_in_a_circle(server: Scripted, kit: Kit) -> None:
    server.answer(_page([_ad(1)], "c1", more=True))
    server.answer(_page([_ad(1)], "c1", more=True))
    with pytest.raises(TransientError, match="next page"):
        _ids(kit)


def test_a_row_of_a_wrong_shape_is_an_error_that_names_the_field(server: Scripted, kit: Kit) -> None:
    for _ in range(4):
        server.answer({"data": [_ad(1) | {"status": "SLEEPING"}]})
    with pytest.raises(TransientError, match=r"data\[0\]\.status"):
        _ids(kit)


def test_the_currency_of_an_account_is_read_once(server: Scripted, kit: Kit) -> None:
    server.answer(ACCOUNT_NODE)
    for _ in range(2):
        server.answer({"data": []})
    list(kit.reader.campaigns(ACCOUNT))
    list(kit.reader.ad_sets(PlatformAccountId("7")))
    assert [request.path for request in server.requests] == [
        "/v26.0/act_7",
        "/v26.0/act_7/campaigns",
        "/v26.0/act_7/adsets",
    ]


def test_an_object_of_another_account_is_gone_for_this_one(server: Scripted, kit: Kit) -> None:
    server.answer({"id": "5", "name": "x", "account_id": "8", "status": "ACTIVE"})
    with pytest.raises(GoneError, match="belongs to account 8"):
        kit.reader.state(ACCOUNT, ObjectKind.AD, "5")
