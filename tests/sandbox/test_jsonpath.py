"""The paths of batch references: what they lead to, and that no text and no document breaks them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.meta.protocol.jsonpath import find, read_path

PAGE = {"data": [{"id": "1", "of": {"id": "a"}}, {"id": "2", "of": {"id": "b"}}], "paging": {"next": "x"}, "a-b": 5}
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "id", "data"]), inner, max_size=3)
    ),
    max_leaves=12,
)
PARTS = st.sampled_from([".a", ".id", "[0]", "[-1]", "[*]", ".*", "..id", "..*", "['data']", ".0", "[", "]", ".", "x"])


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [PAGE]), ("$.data.*.id", ["1", "2"]), ("$.data[*].id", ["1", "2"]), ("$.data[0].id", ["1"]),
        ("$.data[-1].of.id", ["b"]), ("$.data.1.id", ["2"]), ("$['data'][0]['id']", ["1"]), ("$.a-b", [5]),
        ("$..id", ["1", "a", "2", "b"]), ("$.data[5].id", []), ("$.nothing.id", []), ("$.paging.*", ["x"]),
        ("$.data.id", []), (" $.data[0].of ", [{"id": "a"}]),
    ],
)  # fmt: skip
def test_a_path_leads_to_properties_places_and_all_children(path: str, found: list[Any]) -> None:
    assert find(PAGE, path) == found


@pytest.mark.parametrize("path", ["", "data", "$.data[?(@.id)]", "$.data[0:2]", "$x", "$.", "$..", "$[", "$.a" * 40])
def test_a_path_that_cannot_be_read_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        read_path(path)


def test_a_path_that_leads_to_too_much_is_refused() -> None:
    with pytest.raises(ValueError, match="more than"):
        find([[0] * 100] * 100, "$..*..*..*")


@given(
    document=DOCUMENTS, path=st.one_of(st.text(max_size=20), st.lists(PARTS, max_size=6).map("".join).map("$".__add__))
)
@settings(max_examples=400, deadline=None)
def test_no_path_and_no_document_break_it(document: Any, path: str) -> None:
    try:
        found = find(document, path)
    except ValueError:
        return
    assert isinstance(found, list)
