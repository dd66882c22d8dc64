"""Conversions API: POST {pixel}/events and what came of them, {pixel}/stats. Only counts are kept, of nobody.

One event that breaks a rule fails the whole request, and the refusal names its place. What is kept of a request: how
many events of each name and hour there were, and shortened digests of their ids, by which the same event counts once.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from sandbox.meta.accounts.activities import listed
from sandbox.meta.context import Context, Json
from sandbox.meta.people.known_events import KnownEvents
from sandbox.meta.people.people_keys import is_hashed
from sandbox.meta.protocol.errors import GraphError, parameter, trace_id
from sandbox.meta.protocol.record_edges import choice, instant_of, needed, take_only
from sandbox.meta.protocol.sealing import sealed_event_id
from sandbox.meta.route import Route
from sandbox.records import Record, RecordKind

MOST_EVENTS: Final = 1_000
OLDEST_S: Final = 7 * 86_400
OLDEST_STORE_S: Final = 62 * 86_400  # what happened in a shop may be told later
_SAME_EVENT_S: Final = 48 * 3_600  # the same event_name and event_id within this time is one event
_KEY_BYTES: Final = 12
_MAX_NAME: Final = 100
_ACTION_SOURCES: Final = frozenset(
    {"email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "business_messaging",
     "other"}
)  # fmt: skip
_HASHED: Final = frozenset({"em", "ph", "ge", "db", "ln", "fn", "ct", "st", "zp", "country"})
_PLAIN: Final = frozenset(
    {"anon_id", "client_ip_address", "client_user_agent", "ctwa_clid", "external_id", "fb_login_id", "fbc", "fbp",
     "ig_account_id", "ig_sid", "lead_id", "madid", "page_id", "page_scoped_user_id", "subscription_id"}
)  # fmt: skip
_TELL_LITTLE: Final = frozenset({"ge", "db", "ct", "st", "zp", "country", "fn", "ln", "client_user_agent"})
_TAKES: Final = frozenset(
    {"data", "namespace_id", "partner_agent", "platforms", "progress", "test_event_code", "trace", "upload_id",
     "upload_source", "upload_tag"}
)  # fmt: skip
_TOO_OLD, _TOO_EARLY, _NOBODY = 2_804_003, 2_804_004, 2_804_050  # the first two are not confirmed


class EventsEdge:
    """What one running dialect receives; by which events are known again is read from each record once."""

    def __init__(self) -> None:
        self._known: dict[str, KnownEvents] = {}  # by account

    def receive(self, context: Context, pixel: Record) -> Json:
        """Answer `POST /{pixel}/events`.

        Raises:
            GraphError: 100 with the place of the first event that breaks a rule; none is kept then.
        """
        call = context.call
        take_only(call, _TAKES, edge="adspixel/events")
        events = _events(context)
        for place, event in enumerate(events):
            _check(event, place=place, now_s=context.platform.clock.now_s())
        if context.is_only_checked():
            return {"success": True}
        values = {
            "pixel_id": pixel.id, "received": len(events), "is_test": bool(call.params.get("test_event_code")),
            **_tally(events, self._known_of(context, pixel)),
        }  # fmt: skip
        context.note(RecordKind.EVENTS, pixel.account_id, values)
        return {"events_received": len(events), "messages": _remarks(events), "fbtrace_id": trace_id()}

    def _known_of(self, context: Context, pixel: Record) -> Callable[[str], bool]:
        known = self._known.setdefault(pixel.account_id, KnownEvents(_keys_of))
        requests = context.platform.world.records.of(pixel.account_id, RecordKind.EVENTS)
        return known.since(requests, pixel.id, context.platform.clock.now_s() - _SAME_EVENT_S)

    def routes(self) -> tuple[Route, ...]:
        """Return the rows of this edge and of what came of it."""
        return (
            Route(
                method="POST", of=RecordKind.PIXEL, edge="events", answer=self.receive,
                note=f"up to {MOST_EVENTS} events, 7 days back (62 in a shop), hashed values only; the same event_name "
                "and event_id within 48 h count once; events change nothing in the market or in reports",
            ),
            Route(
                method="GET", of=RecordKind.PIXEL, edge="stats", answer=tell_stats,
                note="aggregation event and event_total_counts, of what the Conversions API received; the browser's "
                "pixel does not fire here",
            ),
        )  # fmt: skip


def received(context: Context, pixel: Record) -> dict[str, int]:
    """Return how many events of each name a pixel has counted, each event once."""
    counts: Counter[str] = Counter()
    for request in _requests(context, pixel):
        for name, hours in request.values["counts"].items():
            counts[name] += sum(hours.values())
    return dict(counts)


def tell_stats(context: Context, pixel: Record) -> Json:
    """Answer `GET /{pixel}/stats?aggregation=event`: counts by hour, the latest hour first.

    Raises:
        GraphError: 100, another aggregation or a time that is none.
    """
    call = context.call
    take_only(call, ("aggregation", "start_time", "end_time", "event", "event_source"), edge="adspixel/stats")
    choice(call, "aggregation", frozenset({"event", "event_total_counts"}))
    now_s = context.platform.clock.now_s()
    since_s = instant_of(call.get("start_time"), "start_time") or now_s - OLDEST_S
    until_s = instant_of(call.get("end_time"), "end_time") or now_s
    wanted, source = call.params.get("event"), call.params.get("event_source", "SERVER").upper()
    hours: dict[int, Counter[str]] = {}
    for request in _requests(context, pixel) if source == "SERVER" else ():
        for name, counts in request.values["counts"].items():
            for hour, count in counts.items():
                if since_s - 3_600 < int(hour) * 3_600 <= until_s and wanted in (None, name):
                    hours.setdefault(int(hour), Counter())[name] += count
    if call.params["aggregation"].strip('"') == "event_total_counts":
        totals: Counter[str] = sum(hours.values(), Counter())
        return listed(context, [_stat("event_total_counts", int(since_s), totals)] if totals else [])
    return listed(context, [_stat("event", hour * 3_600, hours[hour]) for hour in sorted(hours, reverse=True)])


def _stat(aggregation: str, start_s: int, counts: Counter[str]) -> Json:
    start = datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    data = [{"value": name, "count": count} for name, count in sorted(counts.items())]
    return {"start_time": start, "aggregation": aggregation, "data": data}


def _requests(context: Context, pixel: Record) -> Iterator[Record]:
    for request in context.platform.world.records.of(pixel.account_id, RecordKind.EVENTS):
        if request.values["pixel_id"] == pixel.id:
            yield request


def _events(context: Context) -> list[Json]:
    """Return the events; each may be an object or its text."""
    if "data" not in context.call.params:
        raise needed("data")
    data = context.call.get("data")
    if not isinstance(data, list) or not data:
        raise parameter("Param data must be a list of events that is not empty")
    if len(data) > MOST_EVENTS:
        raise parameter(f"Param data has {len(data)} events; one request takes at most {MOST_EVENTS}")
    return [_event(row, place) for place, row in enumerate(data)]


def _event(row: Any, place: int) -> Json:
    if isinstance(row, str):
        try:
            row = msgspec.json.decode(row)
        except (msgspec.DecodeError, RecursionError):
            row = None
    if not isinstance(row, dict):
        raise _bad(place, "data", "is not a JSON object")
    return row


def _check(event: Json, *, place: int, now_s: float) -> None:
    """Refuse an event that breaks a rule; values are not repeated, for they may tell of a person."""
    name = event.get("event_name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _MAX_NAME:
        raise _bad(place, "event_name", f"must be a text of 1 to {_MAX_NAME} characters")
    source = event.get("action_source")
    if not isinstance(source, str) or source not in _ACTION_SOURCES:
        raise _bad(place, "action_source", f"must be one of {', '.join(sorted(_ACTION_SOURCES))}")
    _check_time(event.get("event_time"), place=place, is_store=source == "physical_store", now_s=now_s)
    event_id = event.get("event_id")
    if event_id is not None and not isinstance(event_id, str | int):
        raise _bad(place, "event_id", "must be a text")
    _check_person(event.get("user_data"), place=place)
    _check_custom(event.get("custom_data"), place=place, is_purchase=name == "Purchase")


def _check_time(value: Any, *, place: int, is_store: bool, now_s: float) -> None:
    try:
        at_s = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        at_s = float("nan")
    if not abs(at_s) < 1e11:  # noqa: PLR2004 - seconds since 1970; milliseconds would be above
        raise _bad(place, "event_time", "must be a unix time in seconds")
    if at_s > now_s:
        raise _bad(place, "event_time", f"is {int(at_s - now_s)} s in the future", subcode=_TOO_EARLY)
    oldest_s = OLDEST_STORE_S if is_store else OLDEST_S
    if at_s < now_s - oldest_s:
        days = oldest_s // 86_400
        raise _bad(place, "event_time", f"is more than {days} days in the past; send events earlier", subcode=_TOO_OLD)


def _check_person(person: Any, *, place: int) -> None:
    if not isinstance(person, dict):
        raise _bad(place, "user_data", "must be a JSON object", subcode=_NOBODY)
    for key in sorted(_HASHED & person.keys()):
        values = person[key] if isinstance(person[key], list) else [person[key]]
        if not all(value in (None, "") or (isinstance(value, str) and is_hashed(value)) for value in values):
            raise _bad(place, f"user_data[{key}]", "must be hashed: a SHA-256 digest in hexadecimal, never the value")
    known = {key for key in person if key in _HASHED | _PLAIN and person[key] not in (None, "", [])}
    if not known - _TELL_LITTLE:
        raise _bad(place, "user_data", "says too little of who it was: give em, ph, external_id, fbc, fbp or client_ip_"
                   "address too", subcode=_NOBODY)  # fmt: skip


def _check_custom(custom: Any, *, place: int, is_purchase: bool) -> None:
    if custom is not None and not isinstance(custom, dict):
        raise _bad(place, "custom_data", "must be a JSON object")
    custom = custom or {}
    currency, value = custom.get("currency"), custom.get("value")
    if is_purchase and (currency is None or value is None):
        raise _bad(place, "custom_data", "of a Purchase needs a currency and a value")
    if currency is not None and not (isinstance(currency, str) and len(currency) == 3 and currency.isalpha()):  # noqa: PLR2004 - ISO 4217
        raise _bad(place, "custom_data[currency]", "must be a currency of three letters")
    if value is not None and not _is_amount(value):
        raise _bad(place, "custom_data[value]", "must be a number that is not negative")


def _is_amount(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and 0 <= float(value) < 1e15  # noqa: PLR2004 - no order is worth more
    except (TypeError, ValueError, OverflowError):
        return False


def _bad(place: int, name: str, text: str, *, subcode: int | None = None) -> GraphError:
    return GraphError(
        100, "Invalid parameter", subcode=subcode, title="Event refused", blame=[["data", str(place), name]],
        user=f"data[{place}]: {name} {text}. No event of the request was received.",
    )  # fmt: skip


def _tally(events: list[Json], is_known: Callable[[str], bool]) -> Json:
    """Return the new events by name and hour, and the keys by which they will be known again."""
    counts: dict[str, Counter[str]] = {}
    fresh: dict[str, None] = {}
    for event in events:
        key = _key(event)
        if key in fresh or (key and is_known(key)):
            continue
        if key:
            fresh[key] = None
        counts.setdefault(event["event_name"], Counter())[str(int(float(event["event_time"])) // 3_600)] += 1
    return {"counts": {name: dict(hours) for name, hours in counts.items()}, "keys": "".join(fresh)}


def _key(event: Json) -> str:
    """Return by what an event is known again, nothing where it has no id."""
    if event.get("event_id") in (None, ""):
        return ""
    text = f"{event['event_name']}\0{sealed_event_id(event['event_id'])}"
    return base64.b64encode(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:_KEY_BYTES]).decode()


def _keys_of(request: Record) -> Iterator[str]:
    keys, width = request.values["keys"], _KEY_BYTES * 4 // 3
    for at in range(0, len(keys), width):
        yield keys[at : at + width]


def _remarks(events: list[Json]) -> list[str]:
    """Return what is worth a word without being refused."""
    rules: tuple[tuple[Callable[[Json], bool], str], ...] = (
        (lambda event: event["action_source"] == "website" and not event.get("event_source_url"),
         "website events should have an event_source_url"),
        (lambda event: bool(event["user_data"].keys() - _HASHED - _PLAIN), "user_data has keys that are not known"),
    )  # fmt: skip
    found = []
    for matches, text in rules:
        count = sum(1 for event in events if matches(event))
        if count:
            found.append(f"{count} of {len(events)} events: {text}")
    return found
