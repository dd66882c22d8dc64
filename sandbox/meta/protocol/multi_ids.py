"""`GET /?ids=a,b&fields=…` and `GET /EDGE?ids=a,b`: several reads in one call, until v26 took them away."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, Final

import msgspec

from sandbox.meta.graph import Answer
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.quirks import NEWEST, REMOVED_PROTOCOL_FROM, number_of
from sandbox.meta.protocol.request import GraphCall

_MOST: Final = 50
_EDGES: Final = frozenset({"campaigns", "adsets", "ads", "adcreatives", "insights"})
_OK: Final = 200
NOTE: Final = (
    f"up to {_MOST} ids, of a version before v26.0 and before {REMOVED_PROTOCOL_FROM} of the platform's clock; all or "
    "the first refusal; each id counts as a call"
)


def is_of_many(call: GraphCall) -> bool:
    """Say whether a call reads several objects by `ids`."""
    return call.method == "GET" and "ids" in call.params and (not call.path or call.path in {(e,) for e in _EDGES})


def answer_many(call: GraphCall, *, today: date, ask: Callable[[GraphCall], Answer]) -> Answer:
    """Return the answers of all ids under their ids, or the first refusal; each counts as a call of its own.

    Raises:
        GraphError: 100, the version spoken, or the platform's day, has this no more; or there are too many ids.
    """
    if number_of(call.version) >= NEWEST or today >= REMOVED_PROTOCOL_FROM:
        raise parameter("The parameter ids was removed in v26.0: read each object by its id, or several in a batch")
    ids = list(dict.fromkeys(call.items("ids")))
    if not 0 < len(ids) <= _MOST:
        raise parameter(f"Param ids must name 1 to {_MOST} objects")
    if not all(name.removeprefix("act_").isalnum() for name in ids):
        raise GraphError(803, "(#803) Some of the aliases you requested do not exist", subcode=None)
    params = {name: value for name, value in call.params.items() if name != "ids"}
    found: dict[str, Any] = {}
    headers: list[tuple[str, str]] = []
    for name in ids:
        answer = ask(replace(call, path=(name, *call.path), params=params))
        if answer.status != _OK:
            return answer
        found[name], headers = msgspec.json.decode(answer.body), answer.headers
    return Answer(status=_OK, body=msgspec.json.encode(found), headers=headers)
