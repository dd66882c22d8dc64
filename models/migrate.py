"""Moves a database to a revision of the schema. Works from an installed package and from any folder.

While everything runs, too: a table in use is waited for shortly and then given up, so that nobody queues up behind us,
and the whole migration, one transaction, is tried again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from domain.errors import NotReadyError
from models.engine import make_engine

FOLDER: Final = Path(__file__).parent / "migrations"
_LOCK = 7_305_114_021_001  # any constant: the advisory lock under which schemas change
_TURN_S = 120  # for another migration to end
# Under Postgres' deadlock_timeout of 1 s, so that in a deadlock it is the migration that gives way, not a worker.
_TABLE_MS = 800
_TRIES = 60
_PAUSE_S = 1.0  # in which those who had to queue get on
_IN_USE: Final = frozenset({"55P03", "40P01"})  # the lock was not to be had, deadlock


def upgrade(url: str, revision: str = "head", *, folder: Path = FOLDER) -> None:
    """Bring the schema up to the revision, in one transaction; doing it twice, or at once, changes nothing more.

    Raises:
        NotReadyError: somebody holds on to a table; nothing was changed.
    """
    _until_free(url, lambda conn: command.upgrade(_config(conn, folder), revision))


def downgrade(url: str, revision: str) -> None:
    """Take the schema back to the revision ("base" = nothing left). Rows in what is dropped are lost.

    Raises:
        NotReadyError: somebody holds on to a table; nothing was changed.
    """
    _until_free(url, lambda conn: command.downgrade(_config(conn), revision))


def pending(url: str) -> tuple[str, ...]:
    """Revisions that the database still lacks, oldest first; empty = up to date."""
    with _connected(url) as conn:
        held = set(MigrationContext.configure(conn).get_current_heads())
    script = ScriptDirectory.from_config(_config())
    missing = [step.revision for step in script.iterate_revisions("heads", "base")]
    for revision in held:
        applied = {step.revision for step in script.iterate_revisions(revision, "base")}
        missing = [name for name in missing if name not in applied]
    return tuple(reversed(missing))


def _until_free(url: str, change: Callable[[Connection], None]) -> None:
    for _try in range(_TRIES):
        try:
            with _locked(url) as conn:
                return change(conn)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _IN_USE:
                raise
        time.sleep(_PAUSE_S)
    raise NotReadyError(
        f"a table was in use each of the {_TRIES} times that it was to be changed; nothing was. See who holds it in"
        " pg_stat_activity (state, xact_start), then once more"
    )


def _config(conn: Connection | None = None, folder: Path = FOLDER) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    return config


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = make_engine(url, application_name="stakazo migrate")
    try:
        with engine.begin() as conn:
            yield conn
    finally:
        engine.dispose()


@contextmanager
def _locked(url: str) -> Iterator[Connection]:
    """A transaction that no other migration shares; a second process waits, then finds nothing to do."""
    with _connected(url) as conn:
        conn.execute(text(f"SET LOCAL lock_timeout = '{_TURN_S}s'"))
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        conn.execute(text(f"SET LOCAL lock_timeout = '{_TABLE_MS}ms'"))
        yield conn
