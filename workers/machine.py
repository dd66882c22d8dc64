"""Everything on one machine: servers, migrations, sandbox, accounts, workers, tower, beat and Flower, in that order.

The supervisor keeps the processes alive; this file only knows the order, and what must be true before the next step.
"""

import os
import signal
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import requests
from sqlalchemy import Connection

from domain import catalogue
from domain.actions import Level, Mode
from domain.ids import AccountId, PlatformAccountId
from embedded import postgres, redis
from embedded.child import ChildSpec
from embedded.events import Event
from embedded.ports import PortBook
from embedded.supervisor import Supervisor
from models import accounts, engine, migrate, roles
from workers import addresses, commands
from workers.bootstrap import House
from workers.flower import FlowerLogin, flower_login
from workers.settings import Settings

_READY_S = 60.0
_PROBE_S = 1.0
_FLOWER_PORT = 5555
_METRICS_PORT = 9464


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine whose processes run."""

    house: House
    supervisor: Supervisor
    started_at: datetime  # Postgres' clock
    accounts: tuple[AccountId, ...]
    flower_address: str
    flower_login: FlowerLogin
    metrics_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """A machine that nobody but its driver moves: no beat, no Flower, workers that live on, a sandbox that stands."""

    house: House
    supervisor: Supervisor
    accounts: tuple[AccountId, ...]
    environment: Mapping[str, str]

    def start_sandbox(self, settings: Settings, *, name: str) -> None:
        """Start another sandbox, standing still, on the data folder that `settings` name; it ends with the machine."""
        line = replace(commands.sandbox_line(settings, 0.0), name=name)
        ready = _readiness("sandbox", settings, {})
        logs = addresses.folders(self.house.settings).logs
        self.supervisor.start(_child(line, settings, self.environment, logs, ready))


@contextmanager
def started(
    settings: Settings,
    *,
    speed: float,
    on_event: Callable[[Event], None],
    on_stage: Callable[[str], None] = lambda _stage: None,
) -> Iterator[Machine]:
    """Start everything; leaving stops every process in reverse order. `on_stage` hears what begins next.

    Raises:
        AlreadyRunning: another process works on this data folder.
        ChildFailed: a process did not become ready; carries the tail of its log.
        StopRequested: Ctrl-C.
    """
    rooms = addresses.folders(settings)
    with _served(settings, on_event, on_stage) as (house, supervisor, ports, environment):
        with house.engine.connect() as conn:
            started_at = engine.db_now(conn)
        login = flower_login(rooms.home)
        pages = {
            "flower": ports.reserve("flower", preferred=_FLOWER_PORT),
            "metrics": ports.reserve("metrics", preferred=_METRICS_PORT),
        }
        lines = commands.command_lines(
            settings, login=login, flower_port=pages["flower"], metrics_port=pages["metrics"], speed=speed
        )
        opened = _start_lines(supervisor, house, lines, environment, pages, on_stage)
        yield Machine(
            house=house,
            supervisor=supervisor,
            started_at=started_at,
            accounts=opened,
            flower_address=_page(pages["flower"]),
            flower_login=login,
            metrics_address=f"{_page(pages['metrics'])}/metrics",
        )


@contextmanager
def stepped(
    settings: Settings,
    *,
    on_event: Callable[[Event], None],
    on_stage: Callable[[str], None] = lambda _stage: None,
) -> Iterator[Stepped]:
    """Start what a stepped simulation drives; leaving stops every process in reverse order; raises as `started`."""
    with _served(settings, on_event, on_stage) as (house, supervisor, _ports, environment):
        opened = _start_lines(supervisor, house, commands.stepped_lines(settings), environment, {}, on_stage)
        yield Stepped(house=house, supervisor=supervisor, accounts=opened, environment=environment)


@contextmanager
def _served(
    settings: Settings, on_event: Callable[[Event], None], on_stage: Callable[[str], None]
) -> Iterator[tuple[House, Supervisor, PortBook, Mapping[str, str]]]:
    """Servers and a migrated database, and the house on them."""
    rooms = addresses.folders(settings)
    external = tuple(
        (name, "given by the environment")
        for name, url in (("postgres", settings.database_url), ("redis", settings.redis_url))
        if url
    )
    ports = PortBook(rooms.ports)
    with Supervisor(folder=rooms.home, on_event=on_event, external=external) as supervisor, closing(ports):
        environment = _start_servers(supervisor, settings, rooms, ports, on_stage)
        on_stage("migrations")
        migrate_as_owner(settings, environment["DATABASE_URL"])
        with House.open(settings, name="stakazo-up") as house:
            yield house, supervisor, ports, environment


def migrate_as_owner(settings: Settings, app_url: str) -> bool:
    """Bring the schema up to date as the owner and admit the application's role; says whether there are two roles."""
    owner_url = addresses.owner_url(settings) or app_url
    migrate.upgrade(owner_url)
    return roles.admit(owner_url, app_url)


def _start_lines(  # noqa: PLR0917 - what a start needs
    supervisor: Supervisor,
    house: House,
    lines: Iterable[commands.CommandLine],
    environment: Mapping[str, str],
    pages: Mapping[str, int],
    on_stage: Callable[[str], None],
) -> tuple[AccountId, ...]:
    """Start processes in their order; open the sandbox's accounts once it answers."""
    opened: tuple[AccountId, ...] = ()
    logs = addresses.folders(house.settings).logs
    for line in lines:
        on_stage(line.name)
        supervisor.start(_spec(line, house.settings, environment, logs, pages))
        if line.name == "sandbox":
            on_stage("accounts")
            opened = open_stub_accounts(house)
    return opened


def open_stub_accounts(house: House) -> tuple[AccountId, ...]:
    """Open every account that the sandbox shows, at level auto; idempotent: what a person set stays."""
    opened = []
    for platform in catalogue.built_platforms():
        if house.settings.of(platform.slug).api_mode is not Mode.STUB:
            continue
        shown = house.client(platform.slug, Mode.STUB).reader.accounts()
        with house.engine.begin() as conn:
            opened += [
                accounts.open_account(conn, platform=platform.slug, info=info, mode=Mode.STUB, level=Level.AUTO)
                for info in shown
            ]
            _rest_vanished(conn, platform.slug, {info.id for info in shown})
    return tuple(opened)


def _rest_vanished(conn: Connection, platform: str, shown: Container[PlatformAccountId]) -> None:
    """Pause accounts of a sandbox that was replaced (`sandbox import --replace`): nobody answers for them any more."""
    for account in accounts.listing(conn, platform):
        if account.mode is Mode.STUB and account.platform_account_id not in shown and not account.is_paused:
            accounts.change(conn, account.id, is_paused=True)


def _start_servers(
    supervisor: Supervisor,
    settings: Settings,
    rooms: addresses.Folders,
    ports: PortBook,
    on_stage: Callable[[str], None],
) -> Mapping[str, str]:
    """Start the embedded servers that no setting replaces; return the addresses for every other process."""
    urls = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    if urls["DATABASE_URL"] is None:
        on_stage("postgres")
        server = postgres.prepare(rooms.postgres, ports=ports, log_path=rooms.logs / "postgres.log")
        supervisor.start(server.spec)
        urls["DATABASE_URL"] = postgres.app_url(rooms.postgres, port=server.port)
    if urls["REDIS_URL"] is None:
        on_stage("redis")
        server = redis.prepare(rooms.redis, ports=ports, log_path=rooms.logs / "redis.log")
        supervisor.start(server.spec)
        urls["REDIS_URL"] = server.url
    return {name: url for name, url in urls.items() if url}


def _spec(
    line: commands.CommandLine, settings: Settings, environment: Mapping[str, str], logs: Path, pages: Mapping[str, int]
) -> ChildSpec:
    """`pages` are the ports of processes that people or Prometheus look at."""
    spec = _child(line, settings, environment, logs, _readiness(line.name, settings, pages))
    if line.name not in pages:
        return spec
    return replace(spec, port=pages[line.name], address=_page(pages[line.name]))


def _child(
    line: commands.CommandLine,
    settings: Settings,
    environment: Mapping[str, str],
    logs: Path,
    ready: Callable[[int], bool] | None,
) -> ChildSpec:
    common = {"STAKAZO_HOME": str(settings.home), "PYTHONUNBUFFERED": "1", "DATABASE_OWNER_URL": "", **environment}
    return ChildSpec(
        name=line.name,
        argv=line.argv,
        env={**common, **line.env},
        log_path=logs / f"{line.name}.log",
        ready=ready,
        ready_timeout_s=_READY_S,
        stop_signal=signal.SIGTERM,
        stop_timeout_s=line.stop_timeout_s,
        stops_with=line.stops_with,
    )


def _readiness(name: str, settings: Settings, pages: Mapping[str, int]) -> Callable[[int], bool] | None:
    """Only what the next step needs is waited for: the sandbox before its accounts, Flower before it is told."""
    if name == "sandbox":
        return lambda pid: _sandbox_answers(settings, pid)
    if name == "flower":
        return lambda _pid: _answers(f"{_page(pages['flower'])}/healthcheck")
    return None


def _page(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _sandbox_answers(settings: Settings, pid: int) -> bool:
    return addresses.sandbox_pid(settings) == pid and _answers(f"{addresses.sandbox_admin_url(settings)}/health")


def _answers(url: str) -> bool:
    try:
        return bool(requests.get(url, timeout=_PROBE_S).ok)
    except requests.RequestException:
        return False


def is_supervised() -> bool:
    """Whether this process is a child of `started`."""
    return "STAKAZO_SUPERVISED_RUN" in os.environ
