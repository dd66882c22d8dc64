"""Lenient JSON, as Graph reads it: unquoted words, single quotes, trailing commas, Python's literals.

Everything that comes back is plain JSON data that can be written again; a text that is none stays the text it is.
"""

import re
from typing import Any, Final

import msgspec

_MAX_DEPTH: Final = 64
_MAX_LENGTH: Final = 1_000_000
_MAX_DIGITS: Final = 18
_SPACE: Final = re.compile(r"\s*")
_BARE: Final = re.compile(r"[^,:\[\](){}'\"]+")
_BARE_VALUE: Final = re.compile(r"[^,\[\](){}'\"]+")  # a word that stands as a value may hold a colon, as times do
_INTEGER: Final = re.compile(r"[+-]?\d+")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_WORDS: Final[dict[str, Any]] = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_CLOSES: Final = {"[": "]", "{": "}", "(": ")"}
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_ESCAPE: Final = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|(?:x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8}))|(.))",
    re.DOTALL,
)
_LAST_SIGN: Final = 0x10FFFF
_HIGH: Final = range(0xD800, 0xDC00)
_LOW: Final = range(0xDC00, 0xE000)


def loose(text: str) -> Any:
    """Read a value: strict JSON, then lenient JSON where it looks like a list, an object or a quoted text."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        pass
    if text.lstrip()[:1] not in ("[", "{", "(", "'", '"') or len(text) > _MAX_LENGTH:
        return text
    try:
        value, at = _value(text, 0, 0)
    except _Strange:
        return text
    return value if _skip(text, at) == len(text) else text


def unquoted(text: str) -> str:
    """Return a text without the quotes that samples put around whole values: `name="x"` is x."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        value = loose(text)
        return value if isinstance(value, str) else text
    return text


def flag_of(value: Any) -> bool | None:
    """Return a yes or no in any of its spellings; None where it is absent or neither."""
    word = str(value).strip().strip("\"'").lower()
    return True if word in ("true", "1") else False if word in ("false", "0") else None


class _Strange(Exception):  # noqa: N818 - it never leaves this file
    """The text is no lenient JSON."""


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    at = _skip(text, at)
    first = text[at : at + 1]
    if depth > _MAX_DEPTH or not first:
        raise _Strange
    if first in "'\"":
        return _quoted(text, at)
    if first == "{":
        return _object(text, at + 1, depth + 1)
    if first in "[(":
        return _list(text, at + 1, _CLOSES[first], depth + 1)
    match = _BARE_VALUE.match(text, at)
    if match is None:
        raise _Strange
    return _bare(match.group().strip()), match.end()


def _list(text: str, at: int, close: str, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while True:
        at = _skip(text, at)
        if text[at : at + 1] == close:
            return found, at + 1
        value, at = _value(text, at, depth)
        found.append(value)
        at = _after(text, at, close)


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while True:
        at = _skip(text, at)
        if text[at : at + 1] == "}":
            return found, at + 1
        key, at = _key(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise _Strange
        found[key], at = _value(text, at + 1, depth)
        at = _after(text, at, "}")


def _after(text: str, at: int, close: str) -> int:
    """Return where the next value may begin: past a comma, or on the bracket that closes."""
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        return at + 1
    if text[at : at + 1] != close:
        raise _Strange
    return at


def _key(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] in ("'", '"'):
        return _quoted(text, at)
    match = _BARE.match(text, at)
    if match is None:
        raise _Strange
    return match.group().strip(), match.end()


def _quoted(text: str, at: int) -> tuple[str, int]:
    match = _QUOTED.match(text, at)
    if match is None:
        raise _Strange
    return _ESCAPE.sub(_unescaped, match.group()[1:-1]), match.end()


def _unescaped(match: re.Match[str]) -> str:
    if match[5] is not None:
        return _ESCAPES.get(match[5], match[5])
    high = int(match[1] or match[3] or match[4], 16)
    if high > _LAST_SIGN:
        return "\ufffd"
    low = int(match[2], 16) if match[2] else 0
    if high in _HIGH and low in _LOW:
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    rest = "\ufffd" if low else ""
    return ("\ufffd" if high in _HIGH or high in _LOW else chr(high)) + rest


def _bare(word: str) -> Any:
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(word) and len(word) <= _MAX_DIGITS:
        return int(word)
    if _NUMBER.fullmatch(word):
        number = float(word)
        return number if abs(number) < 1e300 else word  # noqa: PLR2004 - beyond it JSON has no number
    return word
