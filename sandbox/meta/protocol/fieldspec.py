"""Reads `fields=id,name,creative{id},ads.limit(2){id}` into a tree."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from sandbox.meta.protocol.errors import GraphError
from sandbox.meta.protocol.request import GraphCall

_NAME = re.compile(
    r"[A-Za-z0-9_.:-]+?(?=\.(?:limit|order|filtering|summary|effective_status|status|date_preset|time_range"
    r"|time_increment|updated_since|is_completed|after|ad_format)\(|[,{}()]|$)"
)
_MAX_DEPTH = 8
_REMEMBERED = 2_000  # no longer texts are kept: memory is bounded
_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|\s+')  # what is quoted, a filter's value, keeps its spaces
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
        text = ",".join(call.items("fields"))
    return _remembered(text) if len(text) <= _REMEMBERED else _tree(text)


def _tree(text: str) -> tuple[Wanted, ...]:
    text = _SPACE.sub(lambda found: found.group(1) or "", text)
    fields, rest = _read(text, 0)
    if rest != len(text):
        raise _unreadable(text)
    return fields


_remembered = lru_cache(maxsize=256)(_tree)  # clients ask for the same fields again and again


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
