"""Moves a database to a revision of the schema. Works from an installed package and from any folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from models.engine import make_engine

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_305_114_021_001  # any constant: the advisory lock under which schemas change


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema up to the revision, in one transaction; doing it twice, or at once, changes nothing more."""
    with _locked(url) as conn:
        command.upgrade(_config(conn), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the schema back to the revision ("base" = nothing left). Rows in what is dropped are lost."""
    with _locked(url) as conn:
        command.downgrade(_config(conn), revision)


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


def _config(conn: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
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
        conn.execute(text("SET LOCAL lock_timeout = '120s'"))
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield conn
