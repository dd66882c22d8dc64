"""What the protocol had until v26, for every version until 2026-10-27: `date_format`, `debug` and `pretty`."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

import msgspec

from sandbox.meta.graph import Answer
from sandbox.meta.protocol.quirks import NEWEST, REMOVED_PROTOCOL_FROM, number_of
from sandbox.meta.protocol.request import GraphCall

_NAMES: Final = ("date_format", "debug", "pretty")
_ISO: Final = "%Y-%m-%dT%H:%M:%S%z"
# PHP's letters of a date that have one of Python's; others stand for themselves.
_LETTERS: Final = {
    "Y": "%Y", "y": "%y", "m": "%m", "d": "%d", "H": "%H", "h": "%I", "i": "%M", "s": "%S", "A": "%p", "D": "%a",
    "l": "%A", "M": "%b", "F": "%B", "O": "%z", "c": _ISO, "T": "%Z",
}  # fmt: skip


def is_spoken(call: GraphCall, today: date) -> bool:
    """Say whether a call asks for what was removed, in a version and on a day that still have it."""
    has_it = number_of(call.version) < NEWEST and today < REMOVED_PROTOCOL_FROM
    return has_it and any(name in call.params for name in _NAMES)


def in_old_words(call: GraphCall, answer: Answer) -> Answer:
    """Return an answer with dates as `date_format` wants them, `__debug__` and line ends."""
    document: Any = msgspec.json.decode(answer.body)
    style = call.params.get("date_format")
    if style:
        document = _dated(document, style)
    if call.params.get("debug") and isinstance(document, dict):
        document["__debug__"] = {}
    body = msgspec.json.encode(document)
    is_pretty = call.flag("pretty") is True
    return replace(answer, body=msgspec.json.format(body, indent=2) if is_pretty else body)


def _dated(value: Any, style: str) -> Any:
    if isinstance(value, dict):
        return {name: _dated(held, style) for name, held in value.items()}
    if isinstance(value, list):
        return [_dated(held, style) for held in value]
    if not isinstance(value, str) or len(value) != len("2026-01-01T00:00:00+0000") or value[10] != "T":
        return value
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return int(at.timestamp()) if style == "U" else _php(at, style)


def _php(at: datetime, style: str) -> str:
    """Return an instant in PHP's letters; a backslash lets the next sign stand for itself."""
    signs = iter(style[:100])
    return "".join(
        next(signs, "") if sign == "\\" else at.strftime(_LETTERS[sign]) if sign in _LETTERS else sign for sign in signs
    )
