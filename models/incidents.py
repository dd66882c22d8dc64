"""The store of incidents: what people are or were told of, one open row per kind and scope. Functions never commit.

Every instant is Postgres' clock. Who is told when is derived from these rows in `models/notices.py`: whoever notes a
finding need not know of channels, and nobody is told of what was rolled back.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, select, text, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from domain.actions import Json
from domain.alerts import Finding, Severity, kind
from domain.errors import BadInputError
from models.cleaning import clean_json, clean_text
from models.tables import Instant, incidents

SETTLE: Final = timedelta(minutes=2)  # what comes back within it is the same incident, and nobody was told it was over
KEPT: Final = timedelta(days=90)  # as the audit and the logs of health
ONCE_IN: Final = timedelta(hours=1)  # an event of the same kind and scope is counted, not told again
UNSEEN_FOR: Final = timedelta(seconds=20)  # more than one look of 15 s: a state has to be missing twice to be over
LONGEST_BODY: Final = 4_000

_NOW = func.clock_timestamp(type_=Instant)
_OPEN = incidents.c.resolved_at.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that people were told of. An event is over as it happens; a state is open while it holds."""

    id: int
    kind: str
    scope: str
    severity: Severity
    title: str
    body: str
    detail: Mapping[str, Any]
    times: int  # looks that found it, or how often the event happened
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    false_by: str | None  # who called it a false alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many incidents began, and how many of them a person called a false alarm."""

    opened: int
    called_false: int


def note(conn: Connection, finding: Finding) -> int:
    """Write a finding down: open its incident, or bring the open one up to date; returns the incident's id.

    May be repeated at every look. The severity of an incident only rises. An event that was told within the hour is
    counted there if it happened again, which its detail shows.

    Raises:
        BadInputError: there is no such kind.
    """
    is_state = kind(finding.kind).holds
    found = _same(conn, finding, is_state=is_state)
    if found is None:
        return _open(conn, finding, is_state=is_state)
    incident_id, detail = found
    is_repeat = not is_state and detail == dict(finding.detail)
    if not is_repeat:
        _renew(conn, incident_id, finding, is_state=is_state)
    return incident_id


def resolve(conn: Connection, slug: str, scope: str) -> bool:
    """End the open incident of this kind and scope now; False if there is none."""
    ended = update(incidents).where(_OPEN, incidents.c.kind == slug, incidents.c.scope == clean_text(scope))
    return conn.execute(ended.values(resolved_at=_NOW)).rowcount > 0


def resolve_missing(
    conn: Connection,
    kinds: Collection[str],
    found: Collection[tuple[str, str]],
    *,
    unseen_for: timedelta = UNSEEN_FOR,
) -> tuple[int, ...]:
    """End open incidents of these kinds that are not among `found` (kind, scope) and were not seen for a while.

    Name only kinds that could be judged: what cannot be seen is not over. Returns the ids that ended.
    """
    wanted: list[ColumnElement[bool]] = [_OPEN, incidents.c.kind.in_(kinds), incidents.c.updated_at < _NOW - unseen_for]
    if found:
        wanted.append(
            tuple_(incidents.c.kind, incidents.c.scope).not_in([(slug, clean_text(scope)) for slug, scope in found])
        )
    ended = update(incidents).where(*wanted).values(resolved_at=_NOW).returning(incidents.c.id)
    return tuple(sorted(conn.execute(ended).scalars()))


def get(conn: Connection, incident_id: int) -> Incident:
    """Read one.

    Raises:
        BadInputError: there is none of that id.
    """
    row = conn.execute(select(incidents).where(incidents.c.id == incident_id)).one_or_none()
    if row is None:
        raise BadInputError(f"no alert {incident_id}; `stakazo alerts --all` lists them")
    return as_incident(row)


def listing(
    conn: Connection,
    *,
    only_open: bool = True,
    slug: str | None = None,
    since: datetime | None = None,
    least: Severity = Severity.INFO,
    limit: int = 100,
) -> tuple[Incident, ...]:
    """Read incidents, from a severity up: the open ones first, the gravest of them first, then the newest."""
    query = (
        select(incidents)
        .where(
            _OPEN if only_open else true(),
            incidents.c.kind == slug if slug else true(),
            incidents.c.opened_at >= since if since else true(),
            incidents.c.severity >= least,
        )
        .order_by(
            _OPEN.desc(),
            case((_OPEN, incidents.c.severity), else_=0).desc(),
            incidents.c.opened_at.desc(),
            incidents.c.id.desc(),
        )
        .limit(limit)
    )
    return tuple(as_incident(row) for row in conn.execute(query))


def acknowledge(conn: Connection, incident_id: int, by: str) -> Incident:
    """Somebody sees to it: nobody is reminded of it any more. The first who said so stays.

    Raises:
        BadInputError: there is none of that id.
    """
    first = update(incidents).where(incidents.c.id == incident_id, incidents.c.acknowledged_at.is_(None))
    conn.execute(first.values(acknowledged_by=by, acknowledged_at=_NOW))
    return get(conn, incident_id)


def call_false(conn: Connection, incident_id: int, by: str) -> Incident:
    """Mark it as a false alarm, which the report counts; an open one is acknowledged by that, too.

    Raises:
        BadInputError: there is none of that id.
    """
    conn.execute(update(incidents).where(incidents.c.id == incident_id).values(false_by=by))
    return acknowledge(conn, incident_id, by)


def tally(conn: Connection, since: datetime) -> Tally:
    """Count those that began since then; tests are none."""
    query = select(func.count(), func.count(incidents.c.false_by)).where(
        incidents.c.opened_at >= since, incidents.c.kind != "test"
    )
    opened, called_false = conn.execute(query).one()
    return Tally(opened=opened, called_false=called_false)


def forget_older(conn: Connection, age: timedelta) -> int:
    """Drop incidents that ended so long ago, and their notices; returns how many."""
    return conn.execute(delete(incidents).where(incidents.c.resolved_at < _NOW - age)).rowcount


def _same(conn: Connection, finding: Finding, *, is_state: bool) -> tuple[int, Mapping[str, Any]] | None:
    """The row that this finding belongs to: the open one, or one that ended a moment ago; held until the commit."""
    if not is_state:  # two who note one event at once: nothing else would keep the second from a row of its own
        key = f"{finding.kind}/{finding.scope}"
        conn.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})
    is_recent = incidents.c.resolved_at > _NOW - (SETTLE if is_state else ONCE_IN)
    query = select(incidents.c.id, incidents.c.detail).where(
        incidents.c.kind == finding.kind, incidents.c.scope == clean_text(finding.scope), _OPEN | is_recent
    )
    newest = (
        query.order_by(_OPEN.desc(), incidents.c.id.desc()).limit(1).with_for_update(key_share=True)
    )  # notices of it may be written
    row = conn.execute(newest).one_or_none()
    return None if row is None else (row.id, row.detail)


def _open(conn: Connection, finding: Finding, *, is_state: bool) -> int:
    values = {
        "kind": finding.kind,
        "scope": clean_text(finding.scope),
        "title": title_of(finding),
        "resolved_at": None if is_state else _NOW,
        **_told(finding),
    }
    row = insert(incidents).values(**values)
    if is_state:  # somebody else may have opened it meanwhile
        row = row.on_conflict_do_update(
            index_elements=[incidents.c.kind, incidents.c.scope],
            index_where=text("resolved_at IS NULL"),
            set_={"times": incidents.c.times + 1, "updated_at": _NOW},
        )
    return int(conn.execute(row.returning(incidents.c.id)).scalar_one())


def _renew(conn: Connection, incident_id: int, finding: Finding, *, is_state: bool) -> None:
    told = _told(finding)
    told["severity"] = func.greatest(incidents.c.severity, told["severity"])
    if is_state:
        told["resolved_at"] = None
    changed = update(incidents).where(incidents.c.id == incident_id)
    conn.execute(changed.values(times=incidents.c.times + 1, updated_at=_NOW, **told))


def title_of(finding: Finding) -> str:
    """The headline of a finding, such as "A worker is silent: cycles@host"."""
    head = kind(finding.kind).title
    return clean_text(f"{head}: {finding.scope}" if finding.scope else head)


def _told(finding: Finding) -> dict[str, Any]:
    detail: dict[str, Json] = dict(finding.detail)  # type: ignore[arg-type]  # findings carry JSON
    return {
        "severity": int(finding.severity or kind(finding.kind).severity),
        "body": clean_text(finding.text)[:LONGEST_BODY],
        "detail": clean_json(detail),
    }


def as_incident(row: Row[Any]) -> Incident:
    """Read a row of the table."""
    values = {**row._mapping, "severity": Severity(row.severity)}  # noqa: SLF001 - SQLAlchemy's public name
    return Incident(**values)
