"""The outbox of alerts: one row per incident, channel and event, written before it is sent. Functions never commit.

Every instant is Postgres' clock. A row is taken by pushing its `due_at` ahead: who dies while sending loses nothing,
and the worst is that people are told twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, case, func, insert, or_, select, update

from domain.alerts import Severity
from models.cleaning import clean_text
from models.incidents import Incident, as_incident
from models.tables import Instant, incidents, notices

LEASE: Final = timedelta(seconds=90)  # longer than the slowest channel may take
GIVE_UP: Final = timedelta(hours=24)
RECENT: Final = timedelta(days=1)  # incidents that ended longer ago are told to nobody any more
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 15.0, 900.0
_LONGEST_ERROR = 300

_NOW = func.clock_timestamp(type_=Instant)
_WAITING = notices.c.sent_at.is_(None) & notices.c.given_up_at.is_(None)


class Event(StrEnum):
    """What of an incident is told."""

    OPENED = "opened"
    ESCALATED = "escalated"
    REMINDED = "reminded"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Something that a channel should be told, not before `due_at`."""

    incident_id: int
    channel: str
    event: Event
    severity: Severity
    title: str
    body: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that a channel is, or was, to be told."""

    id: int
    incident_id: int
    channel: str
    event: Event
    severity: Severity
    title: str
    body: str
    wanted_at: datetime
    due_at: datetime
    attempts: int
    sent_at: datetime | None
    given_up_at: datetime | None
    error: str | None

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be sent."""
        return self.sent_at is None and self.given_up_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """How a channel does, from its notices. `failures` are those in a row since it last took one."""

    channel: str
    waiting: int
    failures: int
    last_sent_at: datetime | None
    last_error: str | None


def add(conn: Connection, wish: Wish) -> int:
    """Write down that a channel is to be told; returns the notice's id."""
    row = insert(notices).values(
        incident_id=wish.incident_id,
        channel=wish.channel,
        event=wish.event,
        severity=int(wish.severity),
        title=clean_text(wish.title),
        body=clean_text(wish.body),
        due_at=wish.due_at,
    )
    return int(conn.execute(row.returning(notices.c.id)).scalar_one())


def current(conn: Connection) -> tuple[tuple[Incident, tuple[Notice, ...]], ...]:
    """Incidents that are open or ended lately, each with its notices of all channels, oldest first."""
    is_current = or_(incidents.c.resolved_at.is_(None), incidents.c.resolved_at > _NOW - RECENT)
    found = [as_incident(row) for row in conn.execute(select(incidents).where(is_current).order_by(incidents.c.id))]
    ids = [row.id for row in found]
    told: dict[int, list[Notice]] = {incident_id: [] for incident_id in ids}
    query = select(notices).where(notices.c.incident_id == func.any(ids)).order_by(notices.c.id)
    for row in conn.execute(query):
        told[row.incident_id].append(_notice(row))
    return tuple((incident, tuple(told[incident.id])) for incident in found)


def take(conn: Connection, channel: str, notice_id: int | None = None) -> Notice | None:
    """Take the channel's most urgent due notice for the lease, or the one of this id, due or not; None if none is."""
    due = (
        select(notices.c.id)
        .where(notices.c.channel == channel, _WAITING)
        .where(notices.c.due_at <= _NOW if notice_id is None else notices.c.id == notice_id)
        .order_by(notices.c.severity.desc(), notices.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = update(notices).where(notices.c.id == due.scalar_subquery())
    taken = taken.values(due_at=_NOW + LEASE, attempts=notices.c.attempts + 1)
    row = conn.execute(taken.returning(notices)).one_or_none()
    return None if row is None else _notice(row)


def sent(conn: Connection, notice_id: int) -> None:
    """It has arrived."""
    conn.execute(update(notices).where(notices.c.id == notice_id).values(sent_at=_NOW, error=None))


def failed(conn: Connection, notice: Notice, error: str, *, failures: int) -> None:
    """The channel did not take it, the `failures`-th time in a row: all that waits for it waits, longer each time.

    After a day it is given up.
    """
    pause_s = min(_FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10), _LONGEST_PAUSE_S)
    again_at = _NOW + timedelta(seconds=pause_s)
    told = {
        "error": clean_text(error)[:_LONGEST_ERROR],
        "due_at": again_at,
        "given_up_at": case((notices.c.wanted_at < _NOW - GIVE_UP, _NOW), else_=None),
    }
    conn.execute(update(notices).where(notices.c.id == notice.id).values(told))
    others = (notices.c.channel == notice.channel) & _WAITING & (notices.c.due_at < again_at)
    conn.execute(update(notices).where(others).values(due_at=again_at))


def withdraw(conn: Connection, ids: Sequence[int], why: str) -> None:
    """Do not send them any more."""
    if ids:
        gone = update(notices).where(notices.c.id.in_(ids), _WAITING)
        conn.execute(gone.values(given_up_at=_NOW, error=func.coalesce(notices.c.error, why)))


def withdraw_others(conn: Connection, channels: Sequence[str]) -> int:
    """Give up what waits for channels that are not set up any more; returns how many."""
    gone = update(notices).where(_WAITING, notices.c.channel.not_in(list(channels)))
    return conn.execute(gone.values(given_up_at=_NOW, error="the channel is not set up any more")).rowcount


def states(conn: Connection, channels: Iterable[str]) -> Mapping[str, ChannelState]:
    """Tell of each of these channels how it does."""
    names = list(channels)
    newest = select(notices.c.channel, func.max(notices.c.sent_at).label("at")).where(notices.c.channel.in_(names))
    last = newest.group_by(notices.c.channel).subquery()
    is_since = or_(last.c.at.is_(None), notices.c.due_at > last.c.at)
    has_failed = notices.c.sent_at.is_(None) & notices.c.error.is_not(None) & (notices.c.attempts > 0) & is_since
    query = (
        select(
            notices.c.channel,
            _count(_WAITING).label("waiting"),
            func.coalesce(func.sum(notices.c.attempts).filter(has_failed), 0).label("failures"),
            func.max(notices.c.sent_at).label("last_sent_at"),
            func.max(notices.c.error).filter(has_failed).label("last_error"),
        )
        .join(last, last.c.channel == notices.c.channel)
        .group_by(notices.c.channel)
    )
    found = {row.channel: ChannelState(**row._mapping) for row in conn.execute(query)}  # noqa: SLF001 - SQLAlchemy's public name
    nothing = {"waiting": 0, "failures": 0, "last_sent_at": None, "last_error": None}
    return {name: found.get(name) or ChannelState(channel=name, **nothing) for name in names}  # type: ignore[arg-type]


def of_incident(conn: Connection, incident_id: int) -> tuple[Notice, ...]:
    """Every notice of an incident, oldest first."""
    query = select(notices).where(notices.c.incident_id == incident_id).order_by(notices.c.id)
    return tuple(_notice(row) for row in conn.execute(query))


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(condition)


def _notice(row: Row[Any]) -> Notice:
    values = {**row._mapping, "event": Event(row.event), "severity": Severity(row.severity)}  # noqa: SLF001 - as above
    return Notice(**values)
