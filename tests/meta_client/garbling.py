"""Real answers of a sandbox, kept once and said again; one of them spoilt where a test wants it. No facts."""

# ruff: noqa: E501 - tables of odd values

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
from hypothesis import strategies as st

from sandbox.process import SandboxProcess
from tests.meta_client.scripted import TOKEN, Received, Reply, Scripted, answering, graph_error

Key = tuple[str, str, str]
_KEPT_HEADERS = ("x-", "facebook-api-version", "content-type")
_PLACE = "@@here@@"


@dataclass(frozen=True, kw_only=True)
class Told:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Echo(Scripted):
    """Passes on what it does not know to a sandbox, while it has one, and says again what it knows; `spoil` changes it."""

    platform: SandboxProcess | None = None
    known: dict[Key, Told] = field(default_factory=dict, repr=False)
    asked: list[Key] = field(default_factory=list, repr=False)
    spoil: Callable[[Key, Told], Told] = lambda _, told: told

    def pick(self, received: Received | None) -> Reply:
        """Answer what is known."""
        assert received is not None
        key = (received.method, received.target, received.body)
        self.asked.append(key)
        if self.platform is not None:
            self.known[key] = self._passed_on(received, self.platform)
        held = self.known.get(key)
        if held is None:
            return answering(graph_error(100), 400)
        told = self.spoil(key, held)
        return answering(told.body, told.status, told.headers)

    @staticmethod
    def _passed_on(received: Received, platform: SandboxProcess) -> Told:
        answer = requests.request(
            received.method, platform.graph + received.target, data=received.body, timeout=30,
            headers={"Authorization": f"Bearer {platform.token}", "Content-Type": received.headers.get("content-type", "")},
        )  # fmt: skip
        kept = {name: value for name, value in answer.headers.items() if name.lower().startswith(_KEPT_HEADERS)}
        return Told(status=answer.status_code, headers=kept, body=answer.content)


RAW = (
    "null", "true", "false", "0", "-1", "1e400", "-0", "1e3", "12.5", "9" * 30, "1" + "0" * 400, "9" * 5_000, "NaN",
    "Infinity", '""', '"NaN"', '"Infinity"', '"sNaN"', '"-inf"', '"1e999998"', '"1e-999999999"', '"1E+9999999999"',
    '"1_000"', '"1_0.00"', '"\\uff11\\uff12.00"', '"+5"', '" 5 "', '"0x10"', '"12,34"', '"1.2.3"', '"-1.20"', '".50"',
    '"' + "9" * 30 + '.00"', '"' + "9" * 5_000 + '"', '"\\ud800"', '"\\u0000"', '"a\\tb\\n"', "[]", "{}", "[[]]",
    "[" * 100_000, "[" * 2_000 + "]" * 2_000, '{"a":' * 5_000, '{"id":"1","id":"2"}', "[null]", "[1,2]", '{"code":1}',
    f'"{TOKEN}"', f'{{"message":"{TOKEN}"}}', f'"?access_token={TOKEN}"', '"0001-01-01T00:00:00+1400"',
    '"9999-12-31T23:59:59-1400"', '"2026-11-20T10:00:00"', '"2026-13-45"', '"9999-99-99"', '"24:00"', '"-1:00"', '"DELETED"',
    "1795188600", "99999999999999999", '"act_1"', '"\\u0661\\u0662"', '"²3:00:00"', '"Job Failed"', '"Job Completed"',
)  # fmt: skip
BODIES = (
    b"", b"null", b"[]", b"{}", b"<html>502</html>", b"\xef\xbb\xbf{}", b"\xff\xfe", b'{"data":', b'{"error":null}', b"0",
    b'{"error":{"code":"x"}}', b'{"error":[]}', b'{"error":{"code":1e400}}', b"[" * 100_000, b'{"error":' * 20_000,
    b'{"data":[],"paging":{"next":"x","cursors":{"after":"' + b"A" * 9_000 + b'"}}}', b'{"data":[{}]}', b"[null]",
    b'{"data":' + b"[" * 90_000, json.dumps({"error": {"code": 190, "message": TOKEN, "fbtrace_id": TOKEN}}).encode(),
    json.dumps({"error": {"code": 100, "error_data": TOKEN, "error_user_msg": f"access_token={TOKEN}"}}).encode(),
    json.dumps({"error": {"code": 100, "error_data": "[" * 50_000, "message": "x"}}).encode(),
    json.dumps({"error": {"code": 100, "error_data": {"blame_field_specs": [[TOKEN], {"a": 1}, None]}}}).encode(),
)  # fmt: skip
USAGE = (
    "", "{", "[]", "null", '{"acc_id_util_pct":' + "9" * 400 + "}", '{"acc_id_util_pct":1e400}', "[" * 60_000,
    '{"acc_id_util_pct":-5,"reset_time_duration":-7}', '{"1":[{"type":[],"call_count":"x"}]}',
    '{"1":[{"type":"ads_insights","estimated_time_to_regain_access":' + "9" * 320 + "}]}", '{"ads_api_access_tier":{}}',
    '{"ads_api_access_tier":[]}', f'{{"ads_api_access_tier":"{TOKEN}"}}',
)  # fmt: skip
USAGE_HEADERS = (
    "X-Ad-Account-Usage", "X-Business-Use-Case-Usage", "X-App-Usage", "X-FB-Ads-Insights-Throttle",
    "X-Ad-Api-Version-Warning", "facebook-api-version",
)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn, told: Told) -> Told:
    """An answer with one thing wrong: a value, a key, its end, its bytes, its status, its headers, or all of it."""
    way = draw(st.sampled_from(("value", "value", "value", "value", "key", "cut", "byte", "body", "headers", "status")))
    if way in ("value", "key") and told.body[:1] in (b"{", b"["):
        change = with_value(draw(st.sampled_from(RAW))) if way == "value" else without
        return _with_body(told, _changed(draw, json.loads(told.body), change))
    if way == "cut":
        return _with_body(told, told.body[: draw(st.integers(0, len(told.body)))])
    if way == "byte" and told.body:
        at = draw(st.integers(0, len(told.body) - 1))
        return _with_body(told, told.body[:at] + draw(st.binary(min_size=1, max_size=3)) + told.body[at + 1 :])
    if way == "headers":
        more = {draw(st.sampled_from(USAGE_HEADERS)): draw(st.sampled_from(USAGE))}
        more |= draw(st.sampled_from(({}, {"Content-Encoding": "gzip"}, {"Content-Type": "text/html; charset=x"})))
        return Told(status=told.status, headers=told.headers | more, body=told.body)
    status = (
        draw(st.sampled_from((200, 200, 201, 204, 301, 400, 401, 403, 404, 429, 500, 503))) if way != "body" else 200
    )
    body = draw(st.sampled_from(BODIES)) if way == "body" or draw(st.booleans()) else told.body
    return Told(status=status, headers=told.headers, body=body)


Change = Callable[[Any, Any], None]


def with_value(raw: str) -> Change:
    """Put these very letters in a value's place, whether they are JSON or not."""

    def change(holder: Any, key: Any) -> None:
        holder[key] = f"{_PLACE}{raw}"

    return change


def without(holder: Any, key: Any) -> None:
    """Take a key out."""
    del holder[key]


def written(document: Any) -> bytes:
    """A document with letters put in, as bytes."""
    text = json.dumps(document)
    at = text.find(f'"{_PLACE}')
    if at < 0:
        return text.encode()
    content, end = json.JSONDecoder().raw_decode(text, at)
    return (text[:at] + str(content).removeprefix(_PLACE) + text[end:]).encode()


def _changed(draw: st.DrawFn, document: Any, change: Change) -> bytes:
    """A document with one place changed, at any depth; a text that is a document itself is one more depth."""
    held, key = document, None
    while keys := _keys(held if key is None else held[key]):
        if key is not None and draw(st.integers(0, 3)) == 0:
            break
        held = held if key is None else held[key]
        key = draw(st.sampled_from(keys))
    if key is None:
        return b"null"
    inner = held[key]
    if isinstance(inner, str) and inner[:1] == "{":
        held[key] = _changed(draw, json.loads(inner), change).decode()
    else:
        change(held, key)
    return written(document)


def _keys(held: Any) -> list[Any]:
    """The places within a list or an object: of a list the first few, which are as good as all."""
    return list(held) if isinstance(held, dict) else list(range(min(len(held), 3))) if isinstance(held, list) else []


def _with_body(told: Told, body: bytes) -> Told:
    return Told(status=told.status, headers=told.headers, body=body)
