"""An engine on a migrated database of the test's own."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from models.engine import make_engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, pool_size=8)
    yield engine
    engine.dispose()
