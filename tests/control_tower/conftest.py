"""A database with an account, and stand-ins for bell, switchboard and clock."""

from datetime import UTC, datetime

import pytest

from actions import stop
from control_tower.commands.ordering import give
from control_tower.commands.parts import Ports, Progress
from control_tower.standins import NotedDoorbell, ObedientSwitchboard, SetClock
from domain import catalogue
from domain.actions import Level, Mode
from domain.catalogue import RHYTHMS
from domain.ids import PlatformAccountId
from domain.modules import Lane
from domain.objects import AccountInfo
from models import accounts, commands, fence, heartbeats
from models.commands import CommandState
from models.engine import make_engine
from models.heartbeats import ProcessKind

_ORDERED = {"meta.collector", "meta.full_cycle", "meta.orphan_sweep"}


@pytest.fixture
def engine(database_url):
    engine = make_engine(database_url, pool_size=8)
    with engine.begin() as conn:
        fence.open_(conn, None)
    yield engine
    engine.dispose()


@pytest.fixture
def open_account(engine):
    def open_one(number=1, zone="Europe/Madrid"):
        info = AccountInfo(
            id=PlatformAccountId(f"act_{number}"),
            name=f"Shop {number}",
            currency="USD",
            zone=zone,
            is_active=True,
            status_text="active",
            minimum_daily_budget_minor=100,
        )
        with engine.begin() as conn:
            account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
            return accounts.get(conn, account_id)

    return open_one


@pytest.fixture
def account(open_account):
    return open_account()


@pytest.fixture
def clock():
    return SetClock(datetime(2026, 3, 1, 10, 7, tzinfo=UTC))


@pytest.fixture
def doorbell():
    return NotedDoorbell()


@pytest.fixture
def switchboard():
    cycles, fast = set(catalogue.queues(Lane.CYCLES)), set(catalogue.queues(Lane.FAST))
    return ObedientSwitchboard(
        workers={"cycles@a": cycles, "cycles@b": set(cycles), "fast@a": fast, "actions@a": set()}
    )


@pytest.fixture
def ports(engine, switchboard, doorbell, clock):
    def errand(command):
        return Progress(state=CommandState.DONE, results={"asked": command.command_type})

    return Ports(
        engine=engine,
        switchboard=switchboard,
        doorbell=doorbell,
        clock_of=lambda _account: clock,
        rhythms=tuple(row for row in RHYTHMS if row.name in _ORDERED),
        check=errand,
        resume=errand,
        finish_stop=lambda stop_id: stop.finish(engine, stop_id),
    )


@pytest.fixture
def order(engine):
    def give_one(command_type, *modules, reason="maintenance", actor="ana", **options):
        with engine.begin() as conn:
            return give(conn, command_type, reason=reason, actor=actor, modules=modules, **options)

    return give_one


@pytest.fixture
def read(engine):
    def one(command_id):
        with engine.begin() as conn:
            return commands.get(conn, command_id)

    return one


@pytest.fixture
def lives(engine):
    def give_sign(*workers):
        with engine.begin() as conn:
            for worker in workers:
                heartbeats.beat(conn, process=worker, kind=ProcessKind.WORKER, detail={})

    return give_sign
