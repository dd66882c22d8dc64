"""Spans of status: since when the system, or a pair, has been how it is, and how long it was before. No commits.

A span counts up to the last look that agreed with it: time in which nobody looked belongs to no status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

SYSTEM: Final = "system"
LONGEST_GAP_S: Final = 90.0  # between two looks; six of the tower's. After a longer one a new span begins


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSpan:
    """One scope in one status. `ended_at` None = it still holds, as far as `seen_until`."""

    scope: str
    status: str
    since: datetime
    seen_until: datetime
    ended_at: datetime | None


_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('status_spans', 0))")
_GAP: Final = f"seen_until < statement_timestamp() - interval '{LONGEST_GAP_S} seconds'"
_END: Final = text(
    f"UPDATE status_spans s SET ended_at = CASE WHEN {_GAP} THEN s.seen_until ELSE statement_timestamp() END,"  # noqa: S608 - constants
    f" seen_until = CASE WHEN {_GAP} THEN s.seen_until ELSE statement_timestamp() END"
    " FROM unnest(CAST(:scopes AS text[]), CAST(:words AS text[])) AS seen (scope, status)"
    f" WHERE s.ended_at IS NULL AND s.scope = seen.scope AND (s.status <> seen.status OR s.{_GAP})"
)
_KEEP: Final = text(
    "UPDATE status_spans SET seen_until = clock_timestamp() WHERE ended_at IS NULL AND scope = ANY(:scopes)"
)
_BEGIN: Final = text(
    "INSERT INTO status_spans (scope, status)"
    " SELECT scope, status FROM unnest(CAST(:scopes AS text[]), CAST(:words AS text[])) AS seen (scope, status)"
    " ON CONFLICT (scope) WHERE ended_at IS NULL DO NOTHING"
)
_SINCE: Final = text("SELECT scope, status, since, seen_until, ended_at FROM status_spans WHERE ended_at IS NULL")
_LISTING: Final = text(
    "SELECT scope, status, since, seen_until, ended_at FROM status_spans"
    " WHERE scope = :scope AND seen_until >= :since ORDER BY since, id"
)
_SHARES: Final = text(
    "SELECT scope, status, sum(extract(epoch FROM seen_until - greatest(since, :since)))::float8 AS seconds"
    " FROM status_spans WHERE seen_until > :since GROUP BY scope, status"
)
_FORGET: Final = text("DELETE FROM status_spans WHERE ended_at < clock_timestamp() - interval '90 days'")


def note(conn: Connection, statuses: Mapping[str, str]) -> None:
    """Note how each scope is now: the span that holds goes on, or ends and another begins."""
    seen = {"scopes": list(statuses), "words": list(statuses.values())}
    conn.execute(_LOCK)
    conn.execute(_END, seen)
    conn.execute(_BEGIN, seen)
    conn.execute(_KEEP, {"scopes": seen["scopes"]})


def current(conn: Connection) -> Mapping[str, StatusSpan]:
    """Read the spans that hold, by scope."""
    return {row.scope: StatusSpan(**row._mapping) for row in conn.execute(_SINCE)}  # noqa: SLF001 - SQLAlchemy's way


def listing(conn: Connection, scope: str, since: datetime) -> tuple[StatusSpan, ...]:
    """Read the spans of a scope that were seen after `since`, oldest first."""
    rows = conn.execute(_LISTING, {"scope": scope, "since": since})
    return tuple(StatusSpan(**row._mapping) for row in rows)  # noqa: SLF001 - SQLAlchemy's documented way


def seconds(conn: Connection, since: datetime) -> Mapping[str, Mapping[str, float]]:
    """Sum by scope and status the observed seconds after `since`; time in which nobody looked is in none of them."""
    found: dict[str, dict[str, float]] = {}
    for row in conn.execute(_SHARES, {"since": since}):
        found.setdefault(row.scope, {})[row.status] = row.seconds
    return found


def forget_old(conn: Connection) -> int:
    """Drop spans that ended over 90 days ago."""
    return conn.execute(_FORGET).rowcount
