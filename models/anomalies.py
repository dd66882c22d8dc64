"""The store of open and past anomalies, of incidents, and of the account's hours beside what was expected of them.

Functions never commit. Instants are the platform's clock. What is usual is kept by `models/anomaly_states.py`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from decisions.anomaly_values import Told
from decisions.incident_mode import Incident
from decisions.refunds import AccountHour
from domain.actions import JsonMap, ObjectKind
from domain.evidence import Anomaly, Cause
from domain.ids import AccountId
from models.cleaning import clean_json, clean_text
from models.tables import anomalies, anomaly_hours, anomaly_incidents

KEPT: Final = timedelta(days=90)
_OPEN = anomalies.c.closed_at.is_(None)


def current(conn: Connection, account_id: AccountId) -> tuple[Anomaly, ...]:
    """Read the open anomalies, the oldest first."""
    query = select(anomalies).where(anomalies.c.account_id == account_id, _OPEN).order_by(anomalies.c.since)
    return tuple(_anomaly(row) for row in conn.execute(query.order_by(anomalies.c.id)))


def incident(conn: Connection, account_id: AccountId) -> str | None:
    """Return in words the incident that holds automation, None if there is none."""
    found = incident_of(conn, account_id)
    return None if found is None else found.words


def incident_of(conn: Connection, account_id: AccountId) -> Incident | None:
    """Read the incident that is under way."""
    query = select(anomaly_incidents).where(
        anomaly_incidents.c.account_id == account_id, anomaly_incidents.c.closed_at.is_(None)
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else _incident(row)


def past_incident(conn: Connection, account_id: AccountId, incident_id: int) -> tuple[Incident, datetime | None] | None:
    """Read one of the account's incidents, and when it was closed; None if there is none of that id."""
    query = select(anomaly_incidents).where(
        anomaly_incidents.c.account_id == account_id, anomaly_incidents.c.id == incident_id
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else (_incident(row), row.closed_at)


def incidents(conn: Connection, account_id: AccountId, limit: int = 20) -> tuple[tuple[int, Incident, bool], ...]:
    """List the newest incidents: id, what it was, whether it is under way."""
    query = select(anomaly_incidents).where(anomaly_incidents.c.account_id == account_id)
    rows = conn.execute(query.order_by(anomaly_incidents.c.id.desc()).limit(limit))
    return tuple((int(row.id), _incident(row), row.closed_at is None) for row in rows)


def listing(
    conn: Connection, account_id: AccountId, *, only_open: bool, limit: int
) -> tuple[tuple[Anomaly, datetime | None], ...]:
    """List anomalies with when they were closed, open ones first, then the newest."""
    query = select(anomalies).where(anomalies.c.account_id == account_id)
    query = query.where(_OPEN) if only_open else query
    query = query.order_by(_OPEN.desc(), anomalies.c.since.desc(), anomalies.c.id.desc()).limit(limit)
    return tuple((_anomaly(row), row.closed_at) for row in conn.execute(query))


def get(conn: Connection, account_id: AccountId, anomaly_id: int) -> tuple[Anomaly, datetime | None] | None:
    """Read one of the account's anomalies and when it was closed; None if there is none of that id."""
    query = select(anomalies).where(anomalies.c.account_id == account_id, anomalies.c.id == anomaly_id)
    row = conn.execute(query).one_or_none()
    return None if row is None else (_anomaly(row), row.closed_at)


def note(conn: Connection, account_id: AccountId, told: Told, words: str, *, upto: datetime) -> Anomaly:
    """Open an anomaly, or bring the open one of the object and metric up to date."""
    row = insert(anomalies).values(
        account_id=account_id, object_kind=told.object_kind, object_id=told.object_id, metric=told.metric,
        is_up=told.is_up, cause=told.cause, since=told.since, upto=upto, expected=told.expected, seen=told.seen,
        q_value=told.q_value, words=clean_text(words), evidence=clean_json(dict(evidence_of(told))),
    )  # fmt: skip
    names = ("cause", "upto", "expected", "seen", "q_value", "words", "evidence", "is_up", "since")
    written = row.on_conflict_do_update(
        index_elements=["account_id", "object_kind", "object_id", "metric"],
        index_where=text("closed_at IS NULL"),
        set_={name: row.excluded[name] for name in names},
    )
    return _anomaly(conn.execute(written.returning(anomalies)).one())


def close(
    conn: Connection, account_id: AccountId, kind: ObjectKind, keys: Sequence[tuple[str, str]], at: datetime
) -> int:
    """End open anomalies, each an object's id and a metric; return how many there were."""
    ended = 0
    for object_id, metric in keys:
        query = update(anomalies).where(
            anomalies.c.account_id == account_id, anomalies.c.object_kind == kind, anomalies.c.object_id == object_id,
            anomalies.c.metric == metric, _OPEN,
        )  # fmt: skip
        ended += conn.execute(query.values(closed_at=at)).rowcount
    return ended


def keep_incident(conn: Connection, account_id: AccountId, found: Incident | None, at: datetime) -> None:
    """Write down how the incident stands at `at`; None ends the one that was under way."""
    if found is None:
        ended = update(anomaly_incidents).where(
            anomaly_incidents.c.account_id == account_id, anomaly_incidents.c.closed_at.is_(None)
        )
        conn.execute(ended.values(closed_at=at))
        return
    row = insert(anomaly_incidents).values(
        account_id=account_id, cause=found.cause, since=found.since, until=found.until, quiet=found.quiet,
        velocity_cap_minor=found.velocity_cap_minor, words=clean_text(found.words),
    )  # fmt: skip
    names = ("until", "quiet", "velocity_cap_minor")
    conn.execute(
        row.on_conflict_do_update(
            index_elements=["account_id"],
            index_where=text("closed_at IS NULL"),
            set_={name: row.excluded[name] for name in names},
        )
    )


def keep_hour(conn: Connection, account_id: AccountId, hour: AccountHour, clicks: int, purchases: int) -> None:
    """Write an hour of the account down beside what was expected; the first telling stays."""
    row = insert(anomaly_hours).values(
        account_id=account_id, at=hour.at, spend_minor=hour.spend_minor, impressions=hour.impressions, clicks=clicks,
        purchases=purchases, expected_minor=hour.expected_minor, low_minor=hour.low_minor, high_minor=hour.high_minor,
        usual_cpm_minor=hour.usual_cpm_minor,
    )  # fmt: skip
    conn.execute(row.on_conflict_do_nothing())


def hours(conn: Connection, account_id: AccountId, since: datetime, until: datetime) -> tuple[AccountHour, ...]:
    """Read the account's hours that start in [since, until), oldest first."""
    names = ("at", "spend_minor", "expected_minor", "low_minor", "high_minor", "impressions", "usual_cpm_minor")
    query = select(*(anomaly_hours.c[name] for name in names)).where(
        anomaly_hours.c.account_id == account_id, anomaly_hours.c.at >= since, anomaly_hours.c.at < until
    )
    return tuple(AccountHour(**row) for row in conn.execute(query.order_by(anomaly_hours.c.at)).mappings())


def forget_old(conn: Connection) -> int:
    """Drop hours, and anomalies and incidents that are over, of more than 90 days before the account's last hour seen.

    Each account has its platform's clock: a sandbox may be a year ahead of an account that is live.
    """
    newest = (
        select(anomaly_hours.c.account_id, (func.max(anomaly_hours.c.at) - KEPT).label("before"))
        .group_by(anomaly_hours.c.account_id)
        .cte("newest")
    )
    ended = ((anomalies, anomalies.c.closed_at), (anomaly_incidents, anomaly_incidents.c.closed_at))
    return sum(
        conn.execute(
            delete(table).where(table.c.account_id == newest.c.account_id, at < newest.c.before).add_cte(newest)
        ).rowcount
        for table, at in (*ended, (anomaly_hours, anomaly_hours.c.at))
    )


def evidence_of(told: Told) -> JsonMap:
    """The evidence of an anomaly in the words that every decision uses."""
    return {
        "counts": dict(told.counts),
        "posterior": {"mean": told.expected, "low": told.low, "high": told.high, "certainty": 1 - told.q_value},
        "maturity": told.counts.get("maturity"),
    }


def _anomaly(row: Row[Any]) -> Anomaly:
    return Anomaly(
        id=row.id, object_kind=ObjectKind(row.object_kind), object_id=row.object_id, metric=row.metric,
        is_up=row.is_up, cause=Cause(row.cause), since=row.since, expected=row.expected, seen=row.seen,
        q_value=row.q_value, words=row.words, evidence=row.evidence,
    )  # fmt: skip


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        cause=Cause(row.cause), since=row.since, until=row.until, quiet=row.quiet,
        velocity_cap_minor=row.velocity_cap_minor, words=row.words,
    )  # fmt: skip
