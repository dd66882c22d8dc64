"""What spends at this hour: a few figures of the day under way, cheap enough to be read every five minutes. Values.

Days and hours are the account's own, money is minor units of its currency. Arrays of a frame have one length.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from domain.actions import ObjectKind
from domain.snapshot import Floats, Ints, Texts

HOURS_A_DAY = 24


class HourTotal(NamedTuple):
    """What the whole account did in one hour, as far as it has arrived."""

    on: date
    hour: int  # 0..23; on a day of 25 hours one of them is two hours long, on one of 23 one is missing
    impressions: int
    clicks: int
    spend_minor: int
    purchases: int
    revenue_minor: int


class ObjectTotal(NamedTuple):
    """What one campaign or ad set did on one day, as far as it has arrived; `parent_id` is "" of a campaign."""

    object_id: str
    parent_id: str
    impressions: int
    clicks: int
    spend_minor: int
    purchases: int
    revenue_minor: int


class Source(StrEnum):
    """Whose reading it is."""

    PLATFORM = "platform"  # read for this
    COLLECTOR = "collector"  # summed up from what the collector has just read


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFrame:
    """Objects of one kind by what they spent today, the largest first; `is_whole` = none that spent is missing."""

    object_id: Texts
    parent_id: Texts
    impressions: Ints
    clicks: Ints
    spend_minor: Ints
    purchases: Ints
    revenue_minor: Ints
    is_whole: bool

    def __len__(self) -> int:
        return len(self.object_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSnapshot:
    """One reading of the day under way: what is known at `read_at` of the time up to `as_of`."""

    day: date
    read_at: datetime  # platform's clock
    as_of: datetime  # figures of what happened later have not arrived
    source: Source
    frames: Mapping[ObjectKind, LiveFrame]  # AD_SET, CAMPAIGN


@dataclass(frozen=True, slots=True, kw_only=True)
class HourGrid:
    """The account's hours of consecutive days; arrays are (days, 24). A day without delivery is a row of zeros."""

    first_on: date
    is_known: Floats  # (days,): 1 where the day had any row, else 0
    spend_minor: Floats
    impressions: Floats
    clicks: Floats
    purchases: Floats

    def __len__(self) -> int:
        return len(self.spend_minor)
