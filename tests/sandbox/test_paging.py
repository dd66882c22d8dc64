"""Pages: forth and back give the same rows, and what is made or deleted meanwhile neither repeats nor drops another."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.meta.protocol.paging import keys_of, page_by_key, walk
from sandbox.meta.protocol.request import GraphCall, read_call
from tests.sandbox.stranger import Stranger

FUZZED = settings(max_examples=300, deadline=None)
EDGES = ["campaigns", "adsets", "ads", "adcreatives", "activities", "adlabels"]


@dataclass(eq=False)
class Made:
    order: int


def call_of(url: str | None, limit: int) -> GraphCall:
    query = url.partition("?")[2] if url else f"limit={limit}"
    return read_call(method="GET", path="/v26.0/1/x", query=query, headers={"host": "h"}, body=b"")


def back(stranger: Stranger, page: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The pages before one, nearest first, by following `previous`."""
    found = []
    while "previous" in page.get("paging", {}):
        page = stranger.session.get(page["paging"]["previous"], timeout=30).json()
        found.append(page["data"])
        assert len(found) < 100
    return found


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_walking_back_gives_the_pages_that_were_walked(stranger: Stranger, edge: str, limit: int) -> None:
    stranger.new_ad_set(stranger.new_campaign())
    stranger.new_creative()
    pages = [stranger.get(f"{stranger.account}/{edge}", limit=limit)]
    while "next" in pages[-1].get("paging", {}):
        pages.append(stranger.session.get(pages[-1]["paging"]["next"], timeout=30).json())
        assert len(pages) < 100
    assert "previous" not in pages[0].get("paging", {})
    assert back(stranger, pages[-1]) == [page["data"] for page in reversed(pages[:-1])]
    rows = [row for page in pages for row in page["data"]]
    assert rows == stranger.get(f"{stranger.account}/{edge}", limit=5_000)["data"]


def test_next_and_previous_are_of_this_host_and_carry_the_caller_s_parameters(stranger: Stranger) -> None:
    first = stranger.get(f"{stranger.account}/ads", limit=2, fields="name")
    page = stranger.session.get(first["paging"]["next"], timeout=30).json()
    for name in ("next", "previous"):
        link = page["paging"][name]
        assert link.startswith(f"{stranger.process.graph}/v26.0/{stranger.account}/ads?")
        assert "fields=name" in link
        assert link.count("after=") + link.count("before=") == 1
        assert "access_token" not in link


def test_a_page_past_the_end_has_no_cursors_in_either_direction(stranger: Stranger) -> None:
    page = stranger.get(f"{stranger.account}/campaigns", limit=100)
    cursors = page["paging"]["cursors"]
    assert stranger.get(f"{stranger.account}/campaigns", after=cursors["after"]) == {"data": []}
    assert stranger.get(f"{stranger.account}/campaigns", before=cursors["before"]) == {"data": []}


def test_a_page_is_cut_at_the_ceiling_and_a_limit_that_is_none_is_refused(stranger: Stranger) -> None:
    edge = f"{stranger.account}/campaigns"
    assert len(stranger.get(edge, limit=10**9)["data"]) == len(stranger.rows(edge, limit=2))
    for limit in ("0", "-1", "x", "nan"):
        assert stranger.refused("GET", edge, limit=limit) == (100, None)


@given(
    start=st.integers(0, 12), limit=st.integers(1, 4), is_rising=st.booleans(),
    events=st.lists(st.one_of(st.just(-1), st.integers(0, 30)), max_size=12),
)  # fmt: skip
@FUZZED
def test_objects_made_or_deleted_between_pages_neither_repeat_nor_drop_others(
    start: int, limit: int, is_rising: bool, events: list[int]
) -> None:
    """-1 makes an object, another number deletes the one of that order."""
    made = [Made(n) for n in range(start)]
    deleted: set[int] = set()
    seen: list[int] = []
    url: str | None = None
    for turn in range(60):
        page = walk(call := call_of(url, limit), made, lambda one: one.order not in deleted, is_rising=is_rising)
        seen += [one.order for one in page.rows]
        assert page.has_previous == any(
            one.order not in deleted and ((one.order < page.first_key) == is_rising)
            for one in made if page.rows and one.order != page.first_key
        ) or turn == 0  # fmt: skip
        if turn < len(events):
            if events[turn] < 0:
                made.append(Made(len(made)))
            else:
                deleted.add(events[turn])
        if not page.has_more:
            break
        url = page.links(call)["paging"]["next"]
    assert all((a < b) == is_rising for a, b in pairwise(seen))
    assert set(range(start)) - deleted <= set(seen)


@given(ids=st.sets(st.integers(1, 60), max_size=14), limit=st.integers(1, 4), falls=st.booleans(),
       events=st.lists(st.tuples(st.booleans(), st.integers(1, 90)), max_size=8))  # fmt: skip
@FUZZED
def test_rows_with_ids_that_fall_or_rise_page_as_steadily(
    ids: set[int], limit: int, falls: bool, events: list[tuple[bool, int]]
) -> None:
    held, gone, seen, url = set(ids), set[int](), [], None
    for turn in range(60):
        rows = [{"id": str(n)} for n in sorted(held - gone, reverse=falls)]
        page = page_by_key(call := call_of(url, limit), rows, keys_of(rows))
        seen += [int(row["id"]) for row in page.rows]
        if turn < len(events):
            is_new, number = events[turn]
            (held if is_new and number not in gone else gone).add(number)
        if not page.has_more:
            break
        url = page.links(call)["paging"]["next"]
    assert all((a > b) == falls for a, b in pairwise(seen))
    assert len(seen) < limit or (ids - gone) <= set(seen)


@given(count=st.integers(0, 12), limit=st.integers(1, 5))
@FUZZED
def test_back_from_any_page_is_where_one_came_from(count: int, limit: int) -> None:
    rows = [{"name": str(n)} for n in range(count)]
    call, pages = call_of(None, limit), []
    for _ in range(20):
        page = page_by_key(call, rows, keys_of(rows))
        pages.append(list(page.rows))
        if not page.has_more:
            break
        call = call_of(page.links(call)["paging"]["next"], limit)
    for earlier in reversed(pages[:-1]):
        call = call_of(page.links(call)["paging"]["previous"], limit)
        page = page_by_key(call, rows, keys_of(rows))
        assert list(page.rows) == earlier
    assert [row for rows_of_page in pages for row in rows_of_page] == rows
