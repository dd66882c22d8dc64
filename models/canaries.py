"""Canaries: what every worker must process each minute, as a sign that its pool works. Postgres' clock; no commits.

A canary that was not done stays *sent* at its first sending: how long a worker owes it is what counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from models.engine import db_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """How many seconds ago a worker was sent the canary that counts, and did one; None = never."""

    sent_s: float | None
    done_s: float | None

    @property
    def owed_s(self) -> float | None:
        """For how long it owes one; None = it owes none."""
        if self.sent_s is None or (self.done_s is not None and self.done_s <= self.sent_s):
            return None
        return self.sent_s


_BEGUN: Final = text(
    "INSERT INTO canaries (worker) VALUES (:worker) ON CONFLICT (worker) DO UPDATE SET sent_at = NULL, done_at = NULL"
)
_SENT: Final = text(
    "INSERT INTO canaries AS c (worker, sent_at) VALUES (:worker, :at) ON CONFLICT (worker) DO UPDATE"
    " SET sent_at = CASE WHEN c.sent_at IS NULL OR c.done_at >= c.sent_at THEN :at ELSE c.sent_at END"
)
_DONE: Final = text(
    "INSERT INTO canaries (worker, done_at) VALUES (:worker, clock_timestamp())"
    " ON CONFLICT (worker) DO UPDATE SET done_at = clock_timestamp()"
)
_LISTING: Final = text(
    "SELECT worker, extract(epoch FROM clock_timestamp() - sent_at)::float8 AS sent_s,"
    " extract(epoch FROM clock_timestamp() - done_at)::float8 AS done_s FROM canaries ORDER BY worker"
)
_FORGET: Final = text(
    "DELETE FROM canaries WHERE NOT EXISTS (SELECT 1 FROM heartbeats h WHERE h.process = canaries.worker)"
    " RETURNING worker"
)


def begin(conn: Connection, worker: str) -> None:
    """A worker of this name starts: what one before it owed is not its debt."""
    conn.execute(_BEGUN, {"worker": worker})


def send(conn: Connection, worker: str, *, at: datetime | None = None) -> None:
    """Note that the worker was sent one, `at` an instant before it went; None = now."""
    conn.execute(_SENT, {"worker": worker, "at": at or db_now(conn)})


def done(conn: Connection, worker: str) -> None:
    """Note, from a process of its pool, that it did one."""
    conn.execute(_DONE, {"worker": worker})


def listing(conn: Connection) -> Mapping[str, Canary]:
    """Read all, by worker."""
    return {row.worker: Canary(sent_s=row.sent_s, done_s=row.done_s) for row in conn.execute(_LISTING)}


def forget_gone(conn: Connection) -> tuple[str, ...]:
    """Drop those of workers whose signs of life are forgotten; returns their names."""
    return tuple(conn.execute(_FORGET).scalars())
