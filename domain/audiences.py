"""Lists of people, and what people did, as a house hands them to a platform; and what the platform tells of them.

Whatever names a person has no repr, and must never be logged or kept: clients hash it at the edge.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """A custom audience: counts only. The bounds are None while people are sought, or where they are not told."""

    id: str
    name: str
    op_token: str | None  # the operation's token in its name
    kind: str  # the platform's word
    people_low: int | None
    people_high: int | None
    is_ready: bool  # whether ads can be aimed at it
    status_text: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who somebody is, in plain text or hashed already; "" = not known. Phones carry their country's code.

    `born_on` is YYYYMMDD, `gender` m or f, `country` the two letters of ISO 3166.
    """

    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    external_id: str = field(default="", repr=False)  # ours, such as the customer's number
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    born_on: str = field(default="", repr=False)
    gender: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    state: str = field(default="", repr=False)
    zip: str = field(default="", repr=False)
    country: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleAdded:
    """What came of adding people; that somebody was taken does not say that the platform knows them."""

    received: int
    invalid: int  # of those received, by the platform
    unusable: tuple[int, ...]  # places of those that were not sent, since nothing of them tells who they are


class EventSource(StrEnum):
    """Where an event happened."""

    WEBSITE = "website"
    APP = "app"
    EMAIL = "email"
    CHAT = "chat"
    PHONE_CALL = "phone_call"
    STORE = "physical_store"
    SYSTEM = "system_generated"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """What is known of the device; sent as it is, since the platform matches it so."""

    ip_address: str = field(default="", repr=False)
    user_agent: str = field(default="", repr=False)
    click_id: str = field(default="", repr=False)  # the platform's cookie of a click (`_fbc`)
    browser_id: str = field(default="", repr=False)  # the platform's cookie of a browser (`_fbp`)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionEvent:
    """Something that a person did. The same `name` and `event_id` count once, also when they are sent twice."""

    name: str  # "Purchase", "Lead", ...
    event_id: str
    at: datetime
    source: EventSource
    person: Person
    browser: Browser = Browser()
    address: str = field(default="", repr=False)  # of the page; it may quote who it was
    value: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsReceived:
    """What came of sending events: all of them or none are received."""

    received: int
    remarks: tuple[str, ...]
