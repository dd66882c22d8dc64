"""Real servers for every test: started on first use, one of each per pytest process, gone with it."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from embedded.scratch import as_application, database_name, scratch_database, scratch_postgres, scratch_redis
from tests import canary, fuzzing

os.environ.pop("COLUMNS", None)  # xdist sets it in its workers; consoles made on import would keep its 80 for good
# Machines and commands are processes: without files of compiled code, each would compile the whole house anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

fuzzing.set_up()  # before the first property is imported

_LEAKS: list[str] = []
_LONG = ("simulation", "journeys", "faults", "production")  # whole machines: begun last, one would outlast the others


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders that take minutes; files keep their order otherwise."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in _LONG)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Look for tokens in what a test printed, logged or failed with."""
    told = (*(text for _, text in report.sections), report.longreprtext)
    if any(map(canary.is_in, told)):
        _LEAKS.append(f"output of {report.nodeid}")


@pytest.fixture(scope="session", autouse=True)
def _no_token_leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """At the end of the session no file and no output that the tests made holds a token in clear."""
    yield
    require_none([*_LEAKS, *canary.in_folder(tmp_path_factory.getbasetemp())])


def require_none(leaks: Iterable[str]) -> None:
    """Fail where a token was found; says where, never which."""
    found = list(leaks)
    if found:
        pytest.fail(f"a token stands in clear in: {', '.join(found[:20])}", pytrace=False)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The url of a throwaway Postgres. Tests share it: take a database of your own from the fixtures below."""
    with scratch_postgres() as server:
        yield server.url


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A database of the test's own, without tables."""
    with scratch_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """The name of a database with all migrations applied, to be copied and never written to."""
    from models.migrate import upgrade  # late: tests that need no tables do not wait for the models' import
    from models.roles import admit  # late for the same reason

    with scratch_database(postgres_url) as url:
        upgrade(url)
        admit(url, as_application(url))
        yield database_name(url)


@pytest.fixture
def owner_database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A migrated database of the test's own, as the role that owns its tables: a copy takes some 50 ms."""
    with scratch_database(postgres_url, template=migrated_template) as url:
        yield url
        require_none(canary.in_database(url))


@pytest.fixture
def database_url(owner_database_url: str) -> str:
    """The same database as the role that the application runs as: the suite shows that it needs no more rights."""
    return as_application(owner_database_url)


@pytest.fixture(scope="session")
def redis_server_url() -> Iterator[str]:
    """The url of a throwaway Redis with whatever earlier tests left in it."""
    with scratch_redis() as server:
        yield server.url


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """The url of a throwaway Redis, empty when the test begins."""
    with Redis.from_url(redis_server_url) as client:
        leaks = list(canary.in_redis(client))
        client.flushall()
    require_none(f"{leak} of the test before" for leak in leaks)
    return redis_server_url
