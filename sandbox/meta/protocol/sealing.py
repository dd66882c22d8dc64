"""Calls that are kept on disk before they take effect: what they say of persons is made unreadable first. Pure.

A sealed call does what the open one would have done: digests stand for values, and what was invalid stays invalid.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from sandbox.meta.people.people_keys import NORMALISERS, digest_of, is_hashed
from sandbox.meta.protocol.request import GraphCall

_INVALID: Final = "?"
_THERE: Final = "-"
_PERSONAL_KEYS: Final = frozenset(
    {"em", "ph", "ge", "db", "ln", "fn", "ct", "st", "zp", "country"}
)  # that must be hashed by whoever sends them
Json = dict[str, Any]


def sealed(call: GraphCall) -> GraphCall:
    """Return a call that may be kept; one that says nothing of persons comes back as it is."""
    edge = call.path[-1] if call.path else ""
    if edge in _SEALS:
        return replace(call, params=_sealed_params(edge, call.params), raw_query=())
    if "batch" not in call.params:
        return call
    items = call.get("batch")
    if not isinstance(items, list):
        return call
    text = msgspec.json.encode([sealed_item(item) for item in items]).decode()
    return replace(call, params={**call.params, "batch": text}, raw_query=())


def sealed_item(item: Any) -> Any:
    """Return an item of a batch (relative_url, body) that may be kept."""
    if not isinstance(item, dict):
        return item
    path, _, query = str(item.get("relative_url", "")).partition("?")
    edge = path.rstrip("/").rpartition("/")[2]
    if edge not in _SEALS:
        return item
    asked, body = (dict(parse_qsl(str(text or ""), keep_blank_values=True)) for text in (query, item.get("body")))
    url = path + (f"?{urlencode(_sealed_params(edge, asked))}" if asked else "")
    return {**item, "relative_url": url, "body": urlencode(_sealed_params(edge, body))}


def _sealed_params(edge: str, params: dict[str, str]) -> dict[str, str]:
    name, seal = _SEALS[edge]
    if name not in params:
        return params
    try:
        document = msgspec.json.decode(params[name])
    except (msgspec.DecodeError, RecursionError):
        document = None
    return {**params, name: msgspec.json.encode(seal(document)).decode()}


def _users(payload: Any) -> Any:
    """Seal a customer list; one that cannot be read is refused later as it would have been."""
    if not isinstance(payload, dict):
        return _INVALID
    schema, data = payload.get("schema"), payload.get("data")
    keys = [str(key).upper() for key in (schema if isinstance(schema, list) else [schema])]
    if not isinstance(data, list) or not all(key in NORMALISERS for key in keys):
        return {"schema": schema, "data": []}
    return {"schema": schema, "data": [_row(keys, row) for row in data]}


def _row(keys: list[str], row: Any) -> Any:
    values = row if isinstance(row, list) else [row]
    if len(values) != len(keys):
        return [_INVALID] * len(values)
    found = [
        value if value in (None, "") else digest_of(key, value) or _INVALID
        for key, value in zip(keys, values, strict=True)
    ]
    return found if isinstance(row, list) else found[0]


def _events(events: Any) -> Any:
    if not isinstance(events, list):
        return _INVALID
    return [_event(event) for event in events]


def _event(event: Any) -> Any:
    if isinstance(event, str):
        try:
            event = msgspec.json.decode(event)
        except (msgspec.DecodeError, RecursionError):
            event = None
    if not isinstance(event, dict):
        return _INVALID
    kept: Json = {name: event[name] for name in ("event_name", "event_time", "action_source") if name in event}
    if event.get("event_source_url"):
        kept["event_source_url"] = _THERE
    if "event_id" in event:
        kept["event_id"] = sealed_event_id(event["event_id"])
    if "custom_data" in event:
        custom = event["custom_data"]
        is_read = isinstance(custom, dict)
        kept["custom_data"] = {k: custom[k] for k in ("currency", "value") if k in custom} if is_read else _INVALID
    person = event.get("user_data")
    kept["user_data"] = {k: _fact(k, v) for k, v in person.items()} if isinstance(person, dict) else None
    return kept


def _fact(key: str, value: Any) -> Any:
    if value in (None, "", []):
        return value
    if key not in _PERSONAL_KEYS:
        return _THERE
    values = value if isinstance(value, list) else [value]
    return [one if isinstance(one, str) and is_hashed(one) else _INVALID for one in values]


def sealed_event_id(event_id: Any) -> Any:
    """Return an event's id as a digest; one that is a digest, or none at all, as it is."""
    if not isinstance(event_id, str | int) or event_id == "" or is_hashed(str(event_id)):
        return event_id
    return hashlib.sha256(str(event_id).encode("utf-8", "replace")).hexdigest()


_SEALS: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "users": ("payload", _users), "events": ("data", _events),
}  # fmt: skip
