"""Connections: one pooled engine per process, the same session settings everywhere, and Postgres' clock."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, func, select
from sqlalchemy.engine import make_url

_PLAIN_DRIVERS: Final = frozenset({"postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg2"})
_CONNECT_TIMEOUT_S: Final = 5
# A transaction that stands idle holds locks: the longest honest one surrounds a send, bounded by its deadline.
_SESSION: Final = {
    "timezone": "UTC",
    "statement_timeout": "300s",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "client_encoding": "UTF8",
    # A machine that vanished says no goodbye: without these its session, and the lead or the lock that it holds, would
    # stand for two hours.
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


def make_engine(
    url: str,
    *,
    pool_size: int = 2,
    application_name: str = "stakazo",
    session: Mapping[str, str] = MappingProxyType({}),
    pre_ping: bool = True,
) -> Engine:
    """Open a pool on the database. Nothing connects yet; each connection is tested when it is taken out.

    `session` overrides settings of the session; without `pre_ping` the caller copes with connections that went away.
    Plain `postgres://`, `postgresql://` and `postgresql+asyncpg://` urls are read as psycopg's.
    """
    parsed = make_url(url)
    if parsed.drivername in _PLAIN_DRIVERS:
        parsed = parsed.set(drivername="postgresql+psycopg")
    # asyncpg spells this option its own way; libpq would refuse it.
    if "ssl" in parsed.query:
        value = parsed.query["ssl"]
        parsed = parsed.difference_update_query(["ssl"]).update_query_dict({"sslmode": value})
    return create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=pre_ping,
        pool_timeout=30,
        hide_parameters=True,
        connect_args={
            "application_name": application_name,
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "keepalives_idle": 30,
            "options": " ".join(f"-c {name}={value}" for name, value in {**_SESSION, **session}.items()),
        },
    )


def db_now(conn: Connection) -> datetime:
    """Read Postgres' clock as an aware UTC instant; it moves within a transaction."""
    now: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)
