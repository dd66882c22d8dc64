"""Turns whatever Meta answered into one error of the house's tree, by `error_table.py`. Pure.

The rule that decides everything: a write whose answer is not a well-formed refusal may have happened.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.errors import (
    GoneError,
    NeedsPersonError,
    PlatformError,
    RefusedError,
    ThrottledError,
    TransientError,
    UnknownOutcomeError,
)
from meta_client.error_table import Class, Retry, Rule, find_rule
from meta_client.redact import plain
from meta_client.usage import read_usage
from meta_client.wire import UNREADABLE

_SERVER_ERROR = 500
_WRONG_OFFSET = 1363037
_OFFSET_DIGITS = 15


class TooMuchDataError(TransientError):
    """The page was too heavy: the same question with a smaller limit may pass."""


class WrongOffsetError(RefusedError):
    """A chunk of an upload does not begin where the platform stands: it wants the byte `next_offset_bytes` next."""

    def __init__(self, message: str, *, next_offset_bytes: int, **facts: Any) -> None:
        self.next_offset_bytes = next_offset_bytes
        super().__init__(message, **facts)


class _Graph(msgspec.Struct):
    """Meta's error object; every field is optional, since odd answers lack some."""

    code: int | None = None
    error_subcode: int | None = None
    message: str | None = None
    error_user_title: str | None = None
    error_user_msg: str | None = None
    error_data: Any = None
    is_transient: bool = False
    fbtrace_id: str | None = None


class _Envelope(msgspec.Struct):
    error: _Graph


_DECODER = msgspec.json.Decoder(_Envelope, strict=False)


def to_error(
    status: int, headers: Mapping[str, str], body: bytes, *, is_write: bool, about: str = "the request"
) -> PlatformError:
    """Classify an answer that is not a success (an error inside a 200 included); `about` names what was asked."""
    try:
        graph = _DECODER.decode(body).error
    except UNREADABLE:
        return _odd(status, about, is_write=is_write)
    if graph.code is None:
        return _odd(status, about, is_write=is_write)
    rule = find_rule(graph.code, graph.error_subcode, f"{graph.message or ''} {graph.error_user_msg or ''}")
    facts = _facts(graph, status)
    text = _text(about, rule, graph)
    offset = _offset(graph.error_data) if graph.error_subcode == _WRONG_OFFSET else None
    if offset is not None:  # also where it calls itself transient: what the platform has is what it says here
        return WrongOffsetError(text, next_offset_bytes=offset, **facts)
    if is_write and not _is_trusted_refusal(status, rule, graph):
        return UnknownOutcomeError(f"{text}; it may have happened: read it back before anything else", **facts)
    return _by_rule(rule, graph, text, facts, headers)


def _is_trusted_refusal(status: int, rule: Rule, graph: _Graph) -> bool:
    """Whether a write surely had no effect: Meta's own answer, signed with its trace id, by a code that says so.

    A throttle may call itself transient (code 4 does) and still has refused. For every other code the flag, like a
    5xx, was seen on creates that had happened (facts/reliability.md §3.4).
    """
    if status >= _SERVER_ERROR or not graph.fbtrace_id or rule.error is Class.UNCERTAIN:
        return False
    return rule.error is Class.THROTTLED or not graph.is_transient


def _by_rule(rule: Rule, graph: _Graph, text: str, facts: dict[str, Any], headers: Mapping[str, str]) -> PlatformError:
    if rule.error is Class.THROTTLED:
        wait_s = _wait_s(rule, headers)
        return ThrottledError(
            f"{text} at least {wait_s:.0f} s", retry_after_s=wait_s, is_of_account=not rule.wait_is_own, **facts
        )
    if rule.retry is Retry.SMALLER:
        return TooMuchDataError(text, **facts)
    if rule.error is Class.UNCERTAIN or graph.is_transient:
        return TransientError(text, **facts)
    if rule.error is Class.PERSON:
        return NeedsPersonError(text, **facts)
    return GoneError(text, **facts) if rule.error is Class.GONE else RefusedError(text, **facts)


def _wait_s(rule: Rule, headers: Mapping[str, str]) -> float:
    """The headers know best when the account is welcome again, except of limits that are the object's own."""
    if rule.wait_is_own:
        return rule.wait_s
    reading = read_usage(headers)
    if reading.regain_s > 0:
        return reading.regain_s
    return min(rule.wait_s, reading.block_s) if reading.block_s is not None else rule.wait_s


def _odd(status: int, about: str, *, is_write: bool) -> PlatformError:
    """HTML, nothing, half a JSON document, or JSON without an error: some machine on the way, or Meta in trouble."""
    text = f"{about}: an answer that is not Meta's (HTTP {status})"
    if is_write:
        return UnknownOutcomeError(
            f"{text}; it may have happened: read it back before anything else", http_status=status
        )
    return TransientError(text, http_status=status)


def _facts(graph: _Graph, status: int) -> dict[str, Any]:
    trace = plain(graph.fbtrace_id) if graph.fbtrace_id else None
    return {"code": graph.code, "subcode": graph.error_subcode, "trace_id": trace, "http_status": status}


def _text(about: str, rule: Rule, graph: _Graph) -> str:
    number = str(graph.code) if graph.error_subcode is None else f"{graph.code}/{graph.error_subcode}"
    trace = f", trace {plain(graph.fbtrace_id)}" if graph.fbtrace_id else ""
    fields = _blamed(graph.error_data)
    blame = f" ({', '.join(fields)})" if fields else ""
    said = plain(graph.error_user_msg or graph.message or "")
    quote = f'; Meta says "{said}"' if said else ""
    advice = f"; {rule.advice}" if rule.advice else ""
    return f"{about}: {rule.meaning}{blame} (code {number}{trace}){quote}{advice}"


def _blamed(data: Any) -> list[str]:
    """Names of the fields that Meta blames: `{"blame_field_specs": [["daily_budget"]]}`."""
    specs = _object(data).get("blame_field_specs")
    if not isinstance(specs, list):
        return []
    return [plain(".".join(map(str, path if isinstance(path, list) else [path]))) for path in specs]


def _offset(data: Any) -> int | None:
    """The byte that an upload is to go on from: `{"start_offset": "1048576"}`."""
    text = str(_object(data).get("start_offset", ""))
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _OFFSET_DIGITS else None


def _object(data: Any) -> dict[str, Any]:
    """An error's data, which sometimes comes as a string."""
    if isinstance(data, str):
        try:
            data = msgspec.json.decode(data)
        except UNREADABLE:
            return {}
    return data if isinstance(data, dict) else {}
