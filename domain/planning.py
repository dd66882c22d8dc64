"""What a platform says before anything is spent: whom ads can be aimed at, how many people that is, what money buys.

People are counted by the month unless a name says otherwise; the platform's own estimates, never measurements.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """Something that people care for; `id` is what a targeting names. Bounds are None where they are not told."""

    id: str
    name: str
    path: tuple[str, ...]  # from the widest word to its own
    people_low: int | None
    people_high: int | None


class PlaceKind(StrEnum):
    """What sort of place it is; the platform's smaller ones are OTHER."""

    COUNTRY = "country"
    REGION = "region"
    CITY = "city"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Somewhere that ads can be aimed at; `key` is what a targeting names, `country` the two letters of ISO 3166."""

    key: str
    name: str
    kind: PlaceKind
    country: str
    region: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachEstimate:
    """How many people a targeting reaches; None where the platform will not say. Not to be used unless `is_ready`."""

    people_low: int | None
    people_high: int | None
    is_ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPoint:
    """What one day's `spend_minor` (the account's currency) is expected to buy; `actions` are the goal's events."""

    spend_minor: int
    impressions: int
    people: int
    actions: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEstimate:
    """What a targeting and a goal promise; the curve rises with the spend and is empty where none is told."""

    people_a_day: int | None
    people_low: int | None
    people_high: int | None
    curve: tuple[DeliveryPoint, ...]
    currency: str
    is_ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumBudgets:
    """The least daily budgets of an ad set in the account's currency, by how often what is paid for happens."""

    currency: str
    impressions_minor: int
    video_views_minor: int
    frequent_minor: int  # of what happens often, such as clicks
    rare_minor: int  # of what happens seldom, such as purchases
