"""Conversions API: `MetaEvents` is Meta's `domain.asset_ports.EventWriter`. People leave here as digests only."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from domain.asset_ports import Sending
from domain.audiences import Browser, ConversionEvent, EventSource, EventsReceived
from domain.errors import RefusedError
from domain.ids import PlatformAccountId
from domain.money import Money, exponent
from meta_client.redact import plain
from meta_client.supply.people import TELLING, digests
from meta_client.supply.sender import Sender, Told, require_id

MOST_EVENTS = 1_000  # in one call
_OLDEST = MappingProxyType({EventSource.STORE: timedelta(days=62)})
_OLDEST_USUAL = timedelta(days=7)
_PURCHASE = "Purchase"
_ENCODER = msgspec.json.Encoder(decimal_format="number")  # amounts go out exactly, never through a float
_PERSON = MappingProxyType(
    {
        "email": "em",
        "phone": "ph",
        "external_id": "external_id",
        "first_name": "fn",
        "last_name": "ln",
        "born_on": "db",
        "gender": "ge",
        "city": "ct",
        "state": "st",
        "zip": "zp",
        "country": "country",
    }
)


class _Received(Told, kw_only=True):
    events_received: int
    messages: list[str] = msgspec.field(default_factory=list)


class MetaEvents:
    """Sends events, each of which counts once by its name and id."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def send_events(
        self,
        account: PlatformAccountId,
        pixel_id: str,
        events: Sequence[ConversionEvent],
        *,
        now: datetime,
        sending: Sending,
        test_code: str = "",
    ) -> EventsReceived:
        """Send events, all or none.

        Raises:
            RefusedError: one of them breaks a rule of Meta's, which is told by its place.
            UnknownOutcomeError: the same events can be sent again within 48 hours: they count once.
        """
        about = f"sending of {len(events)} events to pixel {require_id(pixel_id, 'a pixel')}"
        if not 0 < len(events) <= MOST_EVENTS:
            raise RefusedError(f"{about}: 1 to {MOST_EVENTS} at once; nothing was sent")
        form = {"data": _ENCODER.encode([_shown(event, f"event {n}", now) for n, event in enumerate(events)]).decode()}
        if test_code:
            form["test_event_code"] = test_code
        told = self._sender.send(_Received, account, f"{pixel_id}/events", form, about=about, sending=sending)
        return EventsReceived(received=told.events_received, remarks=tuple(plain(text) for text in told.messages))


def _shown(event: ConversionEvent, about: str, now: datetime) -> dict[str, Any]:
    """An event as Meta takes it.

    Raises:
        RefusedError: Meta would refuse the whole request for it.
    """
    oldest = _OLDEST.get(event.source, _OLDEST_USUAL)
    if not event.name.strip() or not event.event_id.strip():
        raise RefusedError(f"{about} needs a name and an event_id; nothing was sent")
    if not now - oldest <= event.at <= now:
        raise RefusedError(f"{about} is of {event.at:%Y-%m-%d %H:%M}; Meta takes the last {oldest.days} days; "
                           "nothing was sent")  # fmt: skip
    if event.name == _PURCHASE and event.value is None:
        raise RefusedError(f"{about}: a Purchase needs its value; nothing was sent")
    known, device = digests(event.person), _device(event.browser)
    if not TELLING & known.keys() and not device.keys() - {"client_user_agent"}:
        raise RefusedError(f"{about} does not tell who it was; nothing was sent")
    shown: dict[str, Any] = {
        "event_name": event.name,
        "event_time": int(event.at.timestamp()),
        "event_id": event.event_id,
        "action_source": event.source.value,
        "user_data": {_PERSON[field]: value for field, value in known.items()} | device,
    }
    if event.address:
        shown["event_source_url"] = event.address
    if event.value is not None:
        shown["custom_data"] = {"currency": event.value.currency, "value": _major(event.value)}
    return shown


def _device(browser: Browser) -> dict[str, str]:
    told = {
        "client_ip_address": browser.ip_address,
        "client_user_agent": browser.user_agent,
        "fbc": browser.click_id,
        "fbp": browser.browser_id,
    }
    return {key: value for key, value in told.items() if value}


def _major(money: Money) -> Decimal:
    """Events are worth major units, by ISO and not by Meta's own offset: 1234 JPY is 1234, 1234 cents are 12.34."""
    return Decimal(money.minor).scaleb(-exponent(money.currency))
