"""One shop for each test file, its clock frozen unless a test advances it; a stranger to talk to it."""

from collections.abc import Iterator

import pytest

from sandbox.process import SandboxProcess
from tests.sandbox.stranger import Stranger, open_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with open_shop(tmp_path_factory.mktemp("shop")) as process:
        yield process


@pytest.fixture
def stranger(shop: SandboxProcess) -> Iterator[Stranger]:
    """A caller of the file's shop, without faults before and after. Tests write to objects of their own."""
    shop.ask("DELETE", "/faults")
    yield Stranger(shop)
    shop.ask("DELETE", "/faults")
