"""A scripted server and a client of it, new for each test; the sandbox, one for each file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.asset_ports import AssetReader, AssetWriters, PlanningReader
from domain.ids import PlatformAccountId
from domain.ports import Client
from sandbox.process import SandboxProcess, start
from tests.meta_client.living import open_client_of
from tests.meta_client.scripted import Kit, Scripted, open_kit


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def kit(server: Scripted) -> Kit:
    return open_kit(server.url)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    folder: Path = tmp_path_factory.mktemp("sandbox")
    with start(folder, scenario="demo", speed=0, start_at="2026-11-20T15:30:00") as process:
        yield process


@pytest.fixture
def platform(running: SandboxProcess) -> Iterator[SandboxProcess]:
    """The sandbox, without faults before and after."""
    running.ask("DELETE", "/faults")
    yield running
    running.ask("DELETE", "/faults")


@pytest.fixture
def account(running: SandboxProcess) -> PlatformAccountId:
    return PlatformAccountId(running.account_ids[0])


@pytest.fixture
def client(platform: SandboxProcess) -> Client:
    return open_client_of(platform)


@pytest.fixture
def assets(client: Client) -> AssetReader:
    assert client.assets is not None
    return client.assets


@pytest.fixture
def planning(client: Client) -> PlanningReader:
    assert client.planning is not None
    return client.planning


@pytest.fixture
def writers(client: Client) -> AssetWriters:
    assert client.asset_writers is not None
    return client.asset_writers
