"""A migration of tables in use: it gives way, and comes back. (Under whole processes: test_processes.)"""

import shutil
import threading
import time

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from embedded.scratch import as_application
from models import migrate
from models.engine import make_engine

_NEXT = """from alembic import op
revision = "9999"
down_revision = "{head}"


def upgrade():
    op.execute("ALTER TABLE runs ADD COLUMN next_note text")
"""
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stakazo migrate' AND wait_event_type = 'Lock'"
)


@pytest.fixture
def next_version(owner_database_url, tmp_path):
    engine = make_engine(owner_database_url)
    with engine.connect() as conn:
        head = conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    engine.dispose()
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "r9999_next.py").write_text(_NEXT.format(head=head))
    return folder


def test_nobody_queues_up_behind_a_migration_that_waits(owner_database_url, next_version):
    """A long transaction reads the table; others go on reading it; the migration comes through once that one ends."""
    engine = make_engine(as_application(owner_database_url), pool_size=3)
    owner = make_engine(owner_database_url, pool_size=1)  # who may see what others wait for
    mover = threading.Thread(target=lambda: migrate.upgrade(owner_database_url, folder=next_version))
    with engine.connect() as long_one:
        long_one.execute(text("SELECT count(*) FROM runs"))
        mover.start()
        try:
            waits, reads = 0, 0
            for _look in range(2_000):
                with owner.connect() as conn:
                    waits += conn.execute(_WAITING).scalar_one()
                with engine.begin() as conn:
                    conn.execute(text("SET LOCAL statement_timeout = '10s'"))
                    conn.execute(text("SELECT count(*) FROM runs"))
                    reads += bool(waits)
                if reads >= 20:
                    break
                time.sleep(0.01)
        except DBAPIError as error:
            pytest.fail(f"a reader was kept waiting behind the migration: {error.orig}")
        finally:
            long_one.rollback()
            mover.join(60)
    assert reads >= 20
    assert not mover.is_alive()
    assert "next_note" in {column["name"] for column in inspect(engine).get_columns("runs")}
    engine.dispose()
    owner.dispose()
