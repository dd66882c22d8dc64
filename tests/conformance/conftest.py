"""One shop for each file, and the official SDK that speaks to it, unmodified but for its host."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession

from sandbox.process import SandboxProcess
from tests.conformance import seen
from tests.conformance.clients import Cli
from tests.sandbox.stranger import open_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with open_shop(tmp_path_factory.mktemp("shop")) as process:
        yield process


@pytest.fixture
def witness(request: pytest.FixtureRequest) -> Iterator[seen.Witness]:
    """Keeps which client of this test used which route."""
    own = seen.Witness(request.node.nodeid.removeprefix("tests/conformance/"))
    yield own
    own.testify()


@pytest.fixture
def redirected(shop: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[FacebookAdsApi]:
    """The SDK's default api on the file's shop."""
    monkeypatch.setattr(FacebookSession, "GRAPH", shop.graph)
    api = FacebookAdsApi.init(access_token=shop.token, crash_log=False, timeout=60)
    yield api
    api._session.requests.close()
    FacebookAdsApi.set_default_api(None)


@pytest.fixture
def account(redirected: FacebookAdsApi, shop: SandboxProcess, witness: seen.Witness) -> Iterator[AdAccount]:
    """The file's shop as the SDK's ad account; what the test calls is seen as the SDK's."""
    shop.ask("DELETE", "/faults")
    with witness.of(seen.SDK, shop):
        yield AdAccount(f"act_{shop.account_ids[0]}")


@pytest.fixture
def cli(shop: SandboxProcess, tmp_path: Path) -> Cli:
    """meta-ads-cli on the file's shop."""
    return Cli(shop, tmp_path)
