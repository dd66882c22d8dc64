"""No bytes break the reading of a call: what comes out is a call, or a refusal in Meta's words."""

import contextlib
import gzip
from urllib.parse import quote

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.meta.batches import parts as batch
from sandbox.meta.protocol.errors import GraphError
from sandbox.meta.protocol.fieldspec import wanted_fields
from sandbox.meta.protocol.loose import loose
from sandbox.meta.protocol.paging import decode_cursor, limit_of, page_by_key, walk
from sandbox.meta.protocol.references import resolved
from sandbox.meta.protocol.request import GraphCall, read_call

FUZZED = settings(max_examples=500, deadline=None)
SIGNS = st.text(alphabet="[]{}()'\",:\\ abu0159dD8.-+eE\n\ud800", max_size=40)
TEXTS = st.one_of(st.text(max_size=40), SIGNS)
KINDS = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "",
     "multipart/mixed",
     "multipart/form-data; boundary=x", 'multipart/form-data; boundary="x"', "multipart/form-data; boundary="]
)  # fmt: skip
PART = st.sampled_from(
    [b"--x", b"--x--", b"\r\n", b"\r\n\r\n", b'Content-Disposition: form-data; name="a"', b'; filename="f"', b"\n",
     b"; name*=utf-8''%ff", b"content-disposition:", b"\xff\x00", b"name", b"--", b'"']
)  # fmt: skip
BODIES = st.one_of(
    st.binary(max_size=80), TEXTS.map(lambda text: text.encode("utf-8", "replace")),
    st.lists(PART, max_size=14).map(b"".join), st.binary(max_size=40).map(gzip.compress),
)  # fmt: skip
ENCODINGS = st.sampled_from(["", "gzip", "deflate", "br", "identity"])
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["a", "a[]", "a[0]", "a[b][c]", "a[b]", "[a]", "a[", "a]", "a[[]]", "method", "access_token", ""]
)
ITEM_VALUES = st.one_of(
    st.none(), st.integers(), st.booleans(), SIGNS.filter(lambda text: text.isascii()),
    st.lists(st.text(max_size=3), max_size=2),
    st.sampled_from(["{result=a:$.id}", "{result=b:$..*}", "{result=a:$[}", "me?fields={result=a:$}", "a", "b", "a,b"]),
    st.dictionaries(st.sampled_from(["a", "name"]), st.text(max_size=4), max_size=2),
)  # fmt: skip
KEYS = st.sampled_from(
    ["method", "relative_url", "body", "name", "depends_on", "attached_files", "headers", "access_token",
     "omit_response_on_success"]
)  # fmt: skip
ITEMS = st.lists(st.dictionaries(KEYS, ITEM_VALUES), max_size=4)
HEADERS = st.fixed_dictionaries({"content-type": KINDS, "content-encoding": ENCODINGS, "authorization": TEXTS})


def call_of(**params: str) -> GraphCall:
    return GraphCall(method="GET", path=("1",), version="v26.0", params=params, token=None)


@given(text=TEXTS)
@FUZZED
def test_a_lenient_value_is_always_data_that_can_be_written(text: str) -> None:
    value = loose(text)
    with contextlib.suppress(UnicodeEncodeError):
        text.encode()  # a text that no wire carries may come back as it is
        msgspec.json.encode(value)


@given(value=DATA)
@FUZZED
def test_python_s_spelling_of_data_reads_as_that_data(value: object) -> None:
    plain = msgspec.json.decode(msgspec.json.encode(value))
    assert loose(msgspec.json.encode(plain).decode()) == plain
    if isinstance(plain, list | dict):
        assert loose(repr(plain)) == plain


@given(query=TEXTS, body=BODIES, headers=HEADERS, path=TEXTS)
@FUZZED
def test_no_bytes_break_the_reading_of_a_call(query: str, body: bytes, headers: dict[str, str], path: str) -> None:
    with contextlib.suppress(GraphError):
        call = read_call(method="POST", path=path, query=query, headers=headers, body=body)
        for name in call.params:
            call.get(name)
            call.items(name)
            call.flag(name)


@given(pairs=st.lists(st.tuples(NAMES, TEXTS), max_size=5))
@FUZZED
def test_no_names_break_the_reading_of_a_call(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{quote(name)}={quote(value, errors='replace')}" for name, value in pairs)
    read_call(method="GET", path="/v26.0/1", query=query, headers={}, body=b"")


@given(text=TEXTS)
@FUZZED
def test_no_parameter_of_a_read_breaks_it(text: str) -> None:
    for params in ({"fields": text, "limit": text}, {"after": text}, {"before": text}):
        call = call_of(**params)
        for read in (wanted_fields, limit_of, lambda call: page_by_key(call, [1]), lambda call: walk(call, [], bool)):
            with contextlib.suppress(GraphError):
                read(call)
    with contextlib.suppress(GraphError):
        decode_cursor(text)


@given(items=ITEMS)
@FUZZED
def test_no_items_break_the_reading_of_a_batch(items: list[dict[str, object]]) -> None:
    outer = call_of(batch=msgspec.json.encode(items).decode())
    for item in batch.items_of(outer):
        assert (item.call is None) == (item.problem is not None)
        if item.call is not None:
            with contextlib.suppress(GraphError):
                resolved(item.call, dict.fromkeys(item.needs, b'{"id":"1","data":[{"id":null}]}'))
