"""Migrated databases: one per test for those who commit, one per file for those whose transaction is rolled back."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from embedded.scratch import scratch_database
from models.engine import make_engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database of the test's own."""
    engine = make_engine(database_url, pool_size=4)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def shared_engine(postgres_url: str, migrated_template: str) -> Iterator[Engine]:
    """An engine on a database that the tests of a file share: nothing may be committed to it."""
    with scratch_database(postgres_url, template=migrated_template) as url:
        engine = make_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def conn(shared_engine: Engine) -> Iterator[Connection]:
    """A transaction that is rolled back at the end of the test."""
    with shared_engine.connect() as conn:
        yield conn
