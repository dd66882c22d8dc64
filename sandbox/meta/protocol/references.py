"""References of an item of a batch to the answer of another: `{result=NAME:$.data.*.id}` in path and parameters."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from sandbox.meta.protocol.errors import parameter
from sandbox.meta.protocol.jsonpath import find
from sandbox.meta.protocol.request import GraphCall

_REFERENCE: Final = re.compile(r"\{result=([^:{}]{1,200}):([^{}]{0,400})\}")


def named_in(call: GraphCall) -> tuple[str, ...]:
    """Return the names that a call refers to."""
    return tuple(name for text in _texts(call) for name, _ in _REFERENCE.findall(text))


def resolved(call: GraphCall, answers: Mapping[str, bytes]) -> GraphCall:
    """Return a call with what its references lead to; several values are joined by commas.

    Raises:
        GraphError: 100, a path that cannot be read, or that leads to nothing.
    """
    if not named_in(call):
        return call
    documents: dict[str, Any] = {}

    def put(match: re.Match[str]) -> str:
        name = match[1]
        if name not in documents:
            documents[name] = msgspec.json.decode(answers[name])
        return _joined(documents[name], name, match[2])

    path = "/".join(_REFERENCE.sub(put, part) for part in call.path)
    return replace(
        call,
        path=tuple(part for part in path.split("/") if part),
        params={name: _REFERENCE.sub(put, value) for name, value in call.params.items()},
    )


def _texts(call: GraphCall) -> Iterable[str]:
    return (*call.path, *(f"{name}={value}" for name, value in call.params.items()))


def _joined(document: Any, name: str, path: str) -> str:
    try:
        found = find(document, path)
    except ValueError as error:
        text = f"The reference to {name!r} cannot be read: {error}"
        raise parameter(text) from error
    if not found and "*" not in path:
        raise parameter(f"The answer of {name!r} has nothing at {path}")
    return ",".join(value if isinstance(value, str) else msgspec.json.encode(value).decode() for value in found)
