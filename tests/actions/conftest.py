"""An engine on a migrated database of the test's own, and a stage on it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from models.engine import make_engine
from tests.actions.stage import Stage, set_stage


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, pool_size=20)
    yield engine
    engine.dispose()


@pytest.fixture
def stage(engine: Engine) -> Stage:
    return set_stage(engine)
