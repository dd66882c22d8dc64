"""How the text of one parameter becomes a typed value. Each reader takes the call and the name, and refuses by name."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.meta.protocol.errors import GraphError
from sandbox.meta.protocol.request import GraphCall

Reader = Callable[[GraphCall, str], Any]
# What any call may carry beside the parameters of its edge.
ALWAYS: Final = frozenset(
    {"execution_options", "fields", "format", "locale", "include_headers", "pretty", "debug", "date_format",
     "suppress_http_code", "summary", "transport", "sdk", "return_structure", "callback", "filename", "account_id"}
)  # fmt: skip
_YES: Final = frozenset({"true", "1"})
_NO: Final = frozenset({"false", "0"})
_MOST: Final = 2**63 - 1
_SHOWN: Final = 80


def unfit(name: str, text: str) -> GraphError:
    """Return the refusal of one parameter's value; the message names it, the blame points to it."""
    return GraphError(
        100, f"(#100) Param {name} {text}", blame=[[name]], title="Invalid parameter", user=f"{name} {text}"
    )  # fmt: skip


def required(name: str) -> GraphError:
    """Return the refusal of a call that lacks a parameter."""
    return GraphError(
        100, f"(#100) Missing required parameter: {name}", blame=[[name]], title="Missing parameter",
        user=f"Give {name}; it is required.",
    )  # fmt: skip


def read_params(call: GraphCall, table: Mapping[str, Reader], *, what: str) -> dict[str, Any]:
    """Return every parameter of the table that the call names, read.

    Raises:
        GraphError: 100, a parameter that there is none of, or a value of the wrong type.
    """
    strange = sorted(call.params.keys() - table.keys() - ALWAYS)
    if strange:
        raise GraphError(
            100, f"(#100) Unexpected parameter: {strange[0]} is none of {what}", blame=[[strange[0]]],
            title="Unexpected parameter", user=f"{strange[0]} is not a parameter of {what}.",
        )  # fmt: skip
    return {name: table[name](call, name) for name in sorted(call.params.keys() & table.keys())}


def text(call: GraphCall, name: str) -> str:
    """Read a text as it was sent."""
    return call.params[name]


def token(call: GraphCall, name: str) -> str:
    """Read an id or a word, with or without quotes."""
    value = call.params[name].strip().strip('"')
    if not value:
        raise unfit(name, "must not be empty")
    return value


def integer(call: GraphCall, name: str) -> int:
    """Read a whole number that is not negative; "5.0" is one."""
    try:
        number = float(call.params[name].strip().strip('"'))
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number != int(number) or not 0 <= number <= _MOST:
        raise unfit(name, "must be an integer")
    plain = call.params[name].strip().strip('"')
    return int(plain) if plain.isdecimal() else int(number)


def boolean(call: GraphCall, name: str) -> bool:
    """Read a yes or no."""
    word = call.params[name].strip().strip('"').lower()
    if word not in _YES | _NO:
        raise unfit(name, "must be a boolean")
    return word in _YES


def instant(call: GraphCall, name: str) -> int:
    """Read a date, a time or a unix time as seconds since 1970; 0 stands for none."""
    value = call.params[name].strip().strip('"')
    try:
        at_s = float(value)
    except ValueError:
        at_s = instant_s(value)
    if not math.isfinite(at_s) or not 0 <= at_s < 32_503_680_000:  # noqa: PLR2004 - the year 3000
        raise unfit(name, "must be a date, a time or a unix timestamp")
    return int(at_s)


def instant_s(value: str) -> float:
    """Return a written instant as seconds since 1970, in UTC where it names no zone; NaN where it is none."""
    try:
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return math.nan


def record(call: GraphCall, name: str) -> dict[str, Any]:
    """Read a JSON object."""
    value = call.get(name)
    if not isinstance(value, dict):
        raise unfit(name, "must be a JSON object")
    return value


def rows(call: GraphCall, name: str) -> list[dict[str, Any]]:
    """Read an array of JSON objects; one alone is an array of one."""
    value = call.get(name)
    value = [value] if isinstance(value, dict) else value
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise unfit(name, "must be an array of objects")
    return value


def structure(call: GraphCall, name: str) -> Any:
    """Read a JSON object or array, whatever it holds."""
    value = call.get(name)
    if not isinstance(value, dict | list):
        raise unfit(name, "must be a JSON object or array")
    return value


def texts(call: GraphCall, name: str) -> list[str]:
    """Read an array of texts."""
    return call.items(name)


def one_of(allowed: frozenset[str]) -> Reader:
    """Return the reader of one word of some."""

    def read(call: GraphCall, name: str) -> str:
        value = call.params[name].strip().strip('"')
        if value not in allowed:
            raise unfit(name, f'must be one of {{{", ".join(sorted(allowed))}}} - got "{value[:_SHOWN]}".')
        return value

    return read


def some_of(allowed: frozenset[str]) -> Reader:
    """Return the reader of an array of words of some."""

    def read(call: GraphCall, name: str) -> list[str]:
        found = call.items(name)
        strange = sorted(set(found) - allowed)
        if strange:
            raise unfit(name, f"has a value that is none of {{{', '.join(sorted(allowed))}}}: {strange[0][:_SHOWN]}")
        return found

    return read
