"""A migrated database per test, as an engine; and a transaction on it that is rolled back."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from models.engine import make_engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, pool_size=4)
    yield engine
    engine.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as conn:
        yield conn
