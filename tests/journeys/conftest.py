"""A machine for the journeys that break nothing: started once for all of them that run in this pytest process."""

from collections.abc import Iterator

import pytest

from tests.journeys.running import Machine, machine


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("shared") / "home") as running:
        yield running
