"""A scripted server and a client of it, new for each test."""

from collections.abc import Iterator

import pytest

from tests.meta_client.scripted import Kit, Scripted, open_kit


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def kit(server: Scripted) -> Kit:
    return open_kit(server.url)
