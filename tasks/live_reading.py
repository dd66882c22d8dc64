"""Reads the day under way in two or three calls, or sums up what the collector has just read. Judges nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection

from domain.actions import ObjectKind
from domain.calls import calling
from domain.live import HourTotal, LiveFrame, LiveSnapshot, ObjectTotal, Source
from domain.ports import CallClass, PlatformReader
from models import live
from models.accounts import Account

MOST: Final = 500
HISTORY_DAYS: Final = 35  # a calendar month, and the days that profiles look at
FRESH: Final = timedelta(minutes=5)  # what the collector read within it is not read again
RESTATED_DAYS: Final = 2  # read again on the first reading of a day
_LEAST_LAG, _MOST_LAG = timedelta(minutes=15), timedelta(hours=2)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read, not kept yet; `calls` are those to the platform."""

    snapshot: LiveSnapshot
    hours: Sequence[HourTotal]
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Up to which day, and hour of it, the account's hours are known; None = none of them."""

    until: date | None
    hour: int


def day_of(account: Account, instant: datetime) -> date:
    """Return the day of an instant in the account's zone."""
    return instant.astimezone(ZoneInfo(account.zone)).date()


def is_collected(account: Account, known: Known, now: datetime) -> bool:
    """Say whether the collector's figures are young enough, and the account's hours before today known."""
    at = account.insights_read_at
    day = day_of(account, now)
    return at is not None and timedelta(0) <= now - at < FRESH and day_of(account, at) == day == known.until


def from_collector(conn: Connection, account: Account, known: Known, now: datetime) -> Reading:
    """Sum up what the collector has just read, without a call."""
    day, at = day_of(account, now), account.insights_read_at or now
    sets = live.collected(conn, account.id, ObjectKind.AD_SET, day, most=MOST)
    hours = live.collected_hours(conn, account.id, day, from_hour=max(0, known.hour - 1))
    frame = live.frame_of(sets, is_whole=len(sets) < MOST)
    if frame.is_whole:
        campaigns = campaigns_of(frame)
    else:
        rows = live.collected(conn, account.id, ObjectKind.CAMPAIGN, day, most=MOST)
        campaigns = live.frame_of(rows, is_whole=len(rows) < MOST)
    frames = {ObjectKind.AD_SET: frame, ObjectKind.CAMPAIGN: campaigns}
    last = max((row.hour for row in hours), default=known.hour)
    snapshot = LiveSnapshot(
        day=day, read_at=now, as_of=as_of(account, day, last, at), source=Source.COLLECTOR, frames=frames
    )
    return Reading(snapshot=snapshot, hours=hours, calls=0)


@calling(CallClass.COLLECT)
def from_platform(reader: PlatformReader, account: Account, known: Known, now: datetime) -> Reading:
    """Ask the platform: the account's hours, its ad sets, and its campaigns where there are too many ad sets."""
    day, own = day_of(account, now), account.platform_account_id
    hours = reader.account_hours(own, hours_since(known, day), day)
    sets = reader.top_spenders(own, ObjectKind.AD_SET, day, most=MOST)
    frame = live.frame_of(sets, is_whole=len(sets) < MOST)
    calls = 2
    if frame.is_whole:
        campaigns = campaigns_of(frame)
    else:
        rows: Sequence[ObjectTotal] = reader.top_spenders(own, ObjectKind.CAMPAIGN, day, most=MOST)
        campaigns, calls = live.frame_of(rows, is_whole=len(rows) < MOST), 3
    last = max((row.hour for row in hours if row.on == day and row.impressions > 0), default=-1)
    frames = {ObjectKind.AD_SET: frame, ObjectKind.CAMPAIGN: campaigns}
    snapshot = LiveSnapshot(
        day=day, read_at=now, as_of=as_of(account, day, last, now), source=Source.PLATFORM, frames=frames
    )
    return Reading(snapshot=snapshot, hours=hours, calls=calls)


def hours_since(known: Known, day: date) -> date:
    """Return from which day on to read hours: all of them once, the last ones once a day, else today's."""
    oldest = day - HISTORY_DAYS * _DAY
    if known.until is None or known.until < oldest:
        return oldest
    return day if known.until >= day else known.until - RESTATED_DAYS * _DAY


def as_of(account: Account, day: date, last_hour: int, read_at: datetime) -> datetime:
    """Return up to when figures have arrived: the end of the last hour with any, but not more than two hours ago.

    An hour under way shows what happened up to a quarter of an hour ago; an account that rests shows nothing new.
    """
    zone = ZoneInfo(account.zone)
    begin = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    end = begin
    if last_hour >= 0:
        end = datetime.combine(day, time(last_hour), tzinfo=zone).astimezone(UTC) + _HOUR
    return max(begin, min(read_at - _LEAST_LAG, max(end, read_at - _MOST_LAG)))


def campaigns_of(frame: LiveFrame) -> LiveFrame:
    """Sum up ad sets by campaign."""
    ids, at = np.unique(frame.parent_id.astype(str), return_inverse=True)
    sums = {
        name: np.bincount(at, weights=getattr(frame, name), minlength=len(ids)).astype(np.int64)
        for name in ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor")
    }
    order = np.argsort(-sums["spend_minor"], kind="stable")
    return LiveFrame(
        object_id=ids.astype(np.object_)[order],
        parent_id=np.full(len(ids), "", np.object_),
        is_whole=frame.is_whole,
        **{name: values[order] for name, values in sums.items()},
    )
