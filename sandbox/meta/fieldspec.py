"""Reads `fields=id,name,creative{id},ads.limit(2){id}` into a tree."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.meta.errors import GraphError
from sandbox.meta.request import GraphCall

_NAME = re.compile(
    r"[A-Za-z0-9_.:-]+?(?=\.(?:limit|order|filtering|summary|effective_status|date_preset|time_range)\(|[,{}()]|$)"
)
_MAX_DEPTH = 8
_MODIFIER = re.compile(r"\.([a-z_]+)\(([^()]*)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A field asked for, with its modifiers and the fields asked of what it holds."""

    name: str
    modifiers: dict[str, str] = field(default_factory=dict)
    inner: "tuple[Wanted, ...]" = ()


def wanted_fields(call: GraphCall) -> tuple[Wanted, ...]:
    """Return the call's `fields`; empty where it names none.

    Raises:
        GraphError: the text is not balanced.
    """
    text = call.params.get("fields", "").strip()
    if text.startswith("["):
        return tuple(Wanted(name=name) for name in call.items("fields"))
    fields, rest = _read(re.sub(r"\s+", "", text), 0)
    if rest != len(re.sub(r"\s+", "", text)):
        raise _unreadable(text)
    return fields


def spell(fields: Sequence[Wanted]) -> str:
    """Return fields as a caller would write them."""
    return ",".join(
        field.name
        + "".join(f".{name}({value})" for name, value in field.modifiers.items())
        + (f"{{{spell(field.inner)}}}" if field.inner else "")
        for field in fields
    )


def _read(text: str, at: int, *, depth: int = 0) -> tuple[tuple[Wanted, ...], int]:
    found: list[Wanted] = []
    if depth > _MAX_DEPTH:
        raise GraphError(100, f"(#100) Field expansion may be nested {_MAX_DEPTH} deep")
    while at < len(text) and text[at] != "}":
        if text[at] == ",":
            at += 1
            continue
        match = _NAME.match(text, at)
        if match is None:
            raise _unreadable(text)
        at, modifiers = match.end(), {}
        while modifier := _MODIFIER.match(text, at):
            modifiers[modifier.group(1)] = modifier.group(2)
            at = modifier.end()
        inner: tuple[Wanted, ...] = ()
        if at < len(text) and text[at] == "{":
            inner, at = _read(text, at + 1, depth=depth + 1)
            if at >= len(text):
                raise _unreadable(text)
            at += 1
        found.append(Wanted(name=match.group(), modifiers=modifiers, inner=inner))
    return tuple(found), at


def _unreadable(text: str) -> GraphError:
    return GraphError(2500, f"(#2500) Syntax error in the fields expression {text[:80]!r}")
