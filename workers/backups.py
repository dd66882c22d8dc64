"""Backup and restore of the database, by Postgres' own programs: consistent while everything runs.

A restored house does not know what it did after the backup. So it wakes up stopped, in the transaction before the
application's role may even read it: nothing runs and nothing is sent until a person has looked and resumes.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, func, select, text
from sqlalchemy.engine import URL, make_url

from actions.stop import Order, order_in
from domain.actions import IN_FLIGHT
from domain.errors import BadInputError, NotReadyError
from domain.ids import StopId
from embedded import postgres
from models import migrate, roles
from models.audit_verify import Verified, verify
from models.engine import db_now, make_engine
from models.tables import actions, stops

_ACTOR: Final = "stakazo backup restore"
_TIMEOUT_S: Final = 3600.0
_VARIABLES: Final = {  # what an address may say behind its "?", and how Postgres' programs are told
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "ssl": "PGSSLMODE",  # asyncpg's word for it
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "gssencmode": "PGGSSENCMODE",
    "channel_binding": "PGCHANNELBINDING",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A backup that is on the disk."""

    path: Path
    size_bytes: int
    taken_at: datetime  # Postgres' clock, just before
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A database that was filled again. `in_flight` actions were approved or sent when the backup was taken."""

    taken_from: Path
    audit: Verified
    stop: StopId
    open_stops: int
    in_flight: int
    is_split: bool  # whether the application has a role of its own


def write(owner_url: str, path: Path) -> Written:
    """Write a backup of a database that may be in use; a file of that name is replaced once the new one is whole.

    Raises:
        NotReadyError: Postgres refused, or the disk did; says what it said.
    """
    engine = make_engine(owner_url, pool_size=1, application_name="stakazo backup")
    try:
        with engine.begin() as conn:
            taken_at = db_now(conn)
            revision = str(conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    finally:
        engine.dispose()
    draft = path.with_name(f"{path.name}.part")
    try:
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))  # it holds sealed tokens and all figures
    except OSError as error:
        raise NotReadyError(
            f"{draft} cannot be written: {error.strerror}; name a file in a folder that is yours"
        ) from None
    try:
        _run("pg_dump", ("--format=custom", "--no-owner", "--no-privileges", f"--file={draft}"), make_url(owner_url))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return Written(path=path, size_bytes=path.stat().st_size, taken_at=taken_at, revision=revision)


def restore(owner_url: str, app_url: str, path: Path) -> Restored:
    """Fill an empty database from a backup, bring it to this version's schema, stop everything, admit the application.

    Raises:
        BadInputError: the database is not empty, or there is no such file.
        NotReadyError: Postgres refused; the database is as empty as before.
    """
    if not path.is_file():
        raise BadInputError(f"there is no file {path}")
    engine = make_engine(owner_url, pool_size=1, application_name="stakazo restore")
    try:
        with engine.connect() as conn:
            _require_empty(conn)
        words = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(path))
        _run("pg_restore", (f"--dbname={_named(make_url(owner_url))}", *words), make_url(owner_url))
        migrate.upgrade(owner_url)
        with engine.begin() as conn:
            wanted = Order(reason=f"restored from {path.name}", actor=_ACTOR, halts=True)
            ((stop_id, _is_new),) = order_in(conn, (None,), wanted)
            verified = verify(conn)
            in_flight = conn.execute(select(func.count()).where(actions.c.state.in_(IN_FLIGHT))).scalar_one()
            open_stops = conn.execute(select(func.count()).where(stops.c.opened_at.is_(None))).scalar_one()
    finally:
        engine.dispose()
    is_split = roles.admit(owner_url, app_url)  # only now may any process of ours read it
    return Restored(
        taken_from=path, audit=verified, stop=stop_id, open_stops=open_stops, in_flight=in_flight, is_split=is_split
    )


def _require_empty(conn: Connection) -> None:
    query = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    found = conn.execute(text(query)).scalar_one()
    if found:
        name = conn.execute(text("SELECT current_database()")).scalar_one()
        raise BadInputError(
            f'the database "{name}" holds {found} tables; restore into an empty one: CREATE DATABASE anew, and name it'
            " in DATABASE_OWNER_URL and DATABASE_URL"
        )


def _run(program: str, words: Sequence[str], url: URL) -> None:
    """Run a program of Postgres; the password goes by its environment, never by its command line."""
    env = {
        "PATH": os.environ.get("PATH", ""),
        "PGHOST": url.host or "",
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username or "",
        "PGPASSWORD": url.password or "",
        "PGDATABASE": url.database or "",
        "PGCONNECT_TIMEOUT": "10",
        **{_VARIABLES[name]: ",".join(told) for name, told in url.normalized_query.items() if name in _VARIABLES},
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own command line
            [postgres.program(program), "--no-password", *words],
            env=env, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotReadyError(
            f"{program} was not through after {_TIMEOUT_S:.0f} s and was ended; run it by hand"
        ) from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise NotReadyError(f"{program} failed: {said[0]}")


def _named(url: URL) -> str:
    """The database by a connection string without a secret: pg_restore wants it said."""
    return f"dbname={quote(url.database or '', safe='')}"
