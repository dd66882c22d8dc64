"""What edges of records have in common: rows with the fields asked for, and parameters that an edge does not take."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sandbox.meta.accounts.activities import listed
from sandbox.meta.context import Context, Json
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.fields import narrowed
from sandbox.meta.protocol.fieldspec import wanted_fields
from sandbox.meta.protocol.params import instant_s
from sandbox.meta.protocol.request import GraphCall

_ALWAYS: Final = frozenset(
    {"after", "before", "date_format", "debug", "execution_options", "fields", "format", "include_headers", "limit",
     "locale", "method", "offset", "pretty", "summary", "suppress_http_code"}
)  # fmt: skip
_YEAR_3000_S: Final = 32_503_680_000


def picked(context: Context, row: Json, *, known: frozenset[str], of: str) -> Json:
    """Return the fields of a row that the call asks for, its `id` where it names none; what is None is left out.

    Raises:
        GraphError: 100, a field that a thing of this type has not.
    """
    asked = wanted_fields(context.call)
    strange = next((one.name for one in asked if one.name not in known), None)
    if strange is not None:
        raise parameter(f"Tried accessing nonexisting field ({strange}) on node type ({of})")
    shown = {one.name: narrowed(row[one.name], one.inner) for one in asked if row.get(one.name) is not None}
    if "id" in row:
        shown.setdefault("id", row["id"])
    return shown


def page(context: Context, rows: Iterable[Json], *, known: frozenset[str], of: str) -> Json:
    """Return rows as an edge with cursors, each with the fields asked for."""
    return listed(context, [picked(context, row, known=known, of=of) for row in rows])


def take_only(call: GraphCall, names: Iterable[str], *, edge: str) -> None:
    """Refuse a parameter that an edge does not take.

    Raises:
        GraphError: 100, with the parameter's name.
    """
    strange = sorted(set(call.params) - set(names) - _ALWAYS)
    if strange:
        raise parameter(f"The parameter {strange[0]} is not one that {edge} takes")


def number(value: Any, name: str, *, least: float, most: float) -> float:
    """Return a number within bounds, read from what the caller sent.

    Raises:
        GraphError: 100, it is none or lies outside.
    """
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = float("nan")
    if isinstance(value, bool) or not least <= found <= most:
        raise parameter(f"Param {name} must be a number from {least:g} to {most:g}")
    return found


def whole(value: Any, name: str, *, least: int, most: int) -> int:
    """Return a whole number within bounds.

    Raises:
        GraphError: 100, it is none or lies outside.
    """
    found = number(value, name, least=least, most=most)
    if found != int(found):
        raise parameter(f"Param {name} must be a whole number")
    return int(found)


def text_of(value: Any, name: str, *, most: int = 400) -> str:
    """Return a text that is there and not too long.

    Raises:
        GraphError: 100.
    """
    if not isinstance(value, str) or not value.strip():
        raise parameter(f"Param {name} must be a non-empty string")
    if len(value) > most:
        raise parameter(f"Param {name} has {len(value)} characters; at most {most} are allowed")
    return value


def ids_of(value: Any, name: str) -> list[str]:
    """Return a list of ids, each given as digits or as an object with an `id`.

    Raises:
        GraphError: 100.
    """
    rows = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    found = [str(row.get("id", "")) if isinstance(row, dict) else str(row) for row in rows]
    if not all(one.removeprefix("act_").isdigit() for one in found):
        raise parameter(f"Param {name} must be a list of ids")
    return found


def needed(name: str) -> GraphError:
    """Return the refusal of a call that lacks a parameter."""
    return GraphError(100, f"(#100) Missing required parameter: {name}", blame=[[name]], title="Missing parameter")


def choice(call: GraphCall, name: str, allowed: frozenset[str], *, default: str | None = None) -> str:
    """Return a parameter that must be one of some words.

    Raises:
        GraphError: 100, it is absent without a default, or another word.
    """
    value = call.params.get(name, default)
    if value is None:
        raise needed(name)
    value = value.strip().strip('"')
    if value not in allowed:
        raise parameter(f'Param {name} must be one of {{{", ".join(sorted(allowed))}}} - got "{value[:80]}".')
    return value


def flag(call: GraphCall, name: str) -> bool:
    """Return a yes/no parameter; absent is no."""
    return call.params.get(name, "").strip().strip('"').lower() in ("true", "1")


def instant_of(value: Any, name: str) -> float | None:
    """Return a time as seconds since 1970; 0 and absent are None.

    Raises:
        GraphError: 100, it is no time.
    """
    if value in (None, 0, "0", ""):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = instant_s(str(value))
    if isinstance(value, bool) or not 0 <= found < _YEAR_3000_S:
        raise parameter(f"Param {name} must be a date, a time or a unix timestamp")
    return found
