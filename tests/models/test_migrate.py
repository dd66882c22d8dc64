"""The schema: what migrations build is what the tables say, up, down and up again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from domain.actions import TRANSITIONS
from models.engine import make_engine
from models.migrate import FOLDER, downgrade, pending, upgrade
from models.tables import metadata


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config


@contextmanager
def _opened(url: str) -> Iterator[Connection]:
    engine = make_engine(url)
    with engine.begin() as conn:
        yield conn
    engine.dispose()


def _schema_differences(url: str) -> list[object]:
    with _opened(url) as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))


def _constraints(url: str, query: str) -> set[tuple[str, ...]]:
    with _opened(url) as conn:
        return {tuple(row) for row in conn.execute(text(query))}


CHECKS = "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"


def test_the_migrated_schema_is_the_one_that_the_tables_describe(database_url: str) -> None:
    """Alembic finds no difference, server defaults and types included."""
    assert _schema_differences(database_url) == []


def test_checks_and_partial_indexes_equal_those_of_the_tables(database_url: str, empty_database_url: str) -> None:
    """What alembic's comparison does not look into: the text of checks and of partial indexes."""
    with _opened(empty_database_url) as conn:
        metadata.create_all(conn)
    assert _constraints(database_url, CHECKS) == _constraints(empty_database_url, CHECKS)
    migrated = {row for row in _constraints(database_url, INDEXES) if row[0] != "alembic_version"}
    assert migrated == _constraints(empty_database_url, INDEXES)


def test_going_up_down_and_up_again_leaves_the_same_schema(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    downgrade(empty_database_url, "base")
    with _opened(empty_database_url) as conn:
        assert inspect(conn).get_table_names() == ["alembic_version"]
        ours = "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'"
        assert conn.execute(text(ours)).scalar_one() == 0
    upgrade(empty_database_url)
    upgrade(empty_database_url)
    assert _schema_differences(empty_database_url) == []


def test_migrations_are_one_row_of_numbers_and_files_stand_in_their_order() -> None:
    script = ScriptDirectory.from_config(_alembic())
    steps = list(reversed(list(script.iterate_revisions("heads", "base"))))
    assert [step.revision for step in steps] == [f"{number:04}" for number in range(1, len(steps) + 1)]
    assert [Path(step.path).name.split("_")[0] for step in steps] == [f"r{step.revision}" for step in steps]


def test_each_step_can_be_taken_alone(empty_database_url: str) -> None:
    steps = pending(empty_database_url)
    assert len(steps) >= 3
    for done, step in enumerate(steps, start=1):
        upgrade(empty_database_url, step)
        assert pending(empty_database_url) == steps[done:]
    for back in reversed(("base", *steps[:-1])):
        downgrade(empty_database_url, back)
    assert pending(empty_database_url) == steps


def test_migrations_run_from_any_folder(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    upgrade(empty_database_url)
    assert pending(empty_database_url) == ()
    assert list(tmp_path.iterdir()) == []


def test_the_database_holds_the_transitions_of_the_domain(database_url: str) -> None:
    with _opened(database_url) as conn:
        rows = conn.execute(text("SELECT before_state, after_state FROM action_transitions"))
        assert {tuple(row) for row in rows} == {(str(a), str(b)) for a, b in TRANSITIONS}


def test_the_fence_has_its_one_open_row(database_url: str) -> None:
    with _opened(database_url) as conn:
        assert conn.execute(text("SELECT id, closed, epoch, reason FROM fence")).all() == [(1, False, 0, "")]
