"""The shape of answers (their keys, JSON types, headers), and where two shapes differ. Pure."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from domain.contract import Difference
from meta_client.contract.tape import Exchange

ABSENT: Final = "absent"
_ID: Final = re.compile(r"\d{5,}")
_TYPES: Final = {dict: "object", list: "list", str: "text", int: "number", float: "number", bool: "bool"}
_INNER: Final = frozenset({"body"})  # of a batch: JSON within JSON
Shape = Mapping[str, frozenset[str]]


def shapes(exchanges: Sequence[Exchange]) -> Mapping[str, Shape]:
    """The shape of each question's answers, all its pages and repeats together: place → JSON types seen there."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in exchanges:
        for place, kind in _places(one):
            found[_question(one)][place].add(kind)
    return {name: {place: frozenset(kinds) for place, kinds in places.items()} for name, places in found.items()}


def differences(recorded: Sequence[Exchange], present: Sequence[Exchange]) -> tuple[Difference, ...]:
    """Where two checks were answered in other shapes; questions that one of them did not ask are left out."""
    old, new = shapes(recorded), shapes(present)
    return tuple(
        Difference(question=name, place=place, recorded=_said(old[name], place), present=_said(new[name], place))
        for name in sorted(old.keys() & new.keys())
        for place in sorted(old[name].keys() | new[name].keys())
        if old[name].get(place) != new[name].get(place)
    )


def contradicts(one: Difference) -> bool:
    """Whether the same place has another type, rather than that one account had nothing to tell there."""
    return ABSENT not in (one.recorded, one.present) and not set(one.recorded.split(" or ")) & set(
        one.present.split(" or ")
    )


def _said(shape: Shape, place: str) -> str:
    return " or ".join(sorted(shape[place])) if place in shape else ABSENT


def _question(one: Exchange) -> str:
    """What was asked, without whom: reads of one clause to one kind of place."""
    return f"{one.clause}: {one.method} /{_ID.sub('ID', one.path)}"


def _places(one: Exchange) -> Iterator[tuple[str, str]]:
    yield "status", str(one.status)
    for name, value in one.headers.items():
        yield f"header {name}", "text"
        yield from _inner(value, f"header {name}")
    yield from _walk(one.body, "")


def _walk(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if place:
        yield place, _TYPES.get(type(value), "null")
    if isinstance(value, dict):
        for key, item in value.items():
            inner = f"{place}.{_ID.sub('ID', key)}".removeprefix(".")
            yield from _walk(item, inner)
            if key in _INNER and isinstance(item, str):
                yield from _inner(item, inner)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item, f"{place}[]")


def _inner(text: str, place: str) -> Iterator[tuple[str, str]]:
    """The shape of a text that is JSON itself."""
    try:
        content = json.loads(text)
    except ValueError:
        return
    if isinstance(content, dict | list):
        for inner, kind in _walk(content, ""):
            yield f"{place} {inner}", kind
