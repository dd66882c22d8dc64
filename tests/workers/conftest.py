"""A database with an account, and the parts of a house that a run needs, without a platform behind them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from control_tower.standins import NotedDoorbell, SetClock
from domain.actions import Level, Mode
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, fence, runs
from models.engine import make_engine
from workers.settings import Settings, read_settings

SLOT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


@dataclass
class PartsOfAHouse:
    """What `serve` needs of a house."""

    engine: Engine
    settings: Settings = field(default_factory=read_settings)
    doorbell: NotedDoorbell = field(default_factory=NotedDoorbell)
    clock: SetClock = field(default_factory=lambda: SetClock(SLOT))

    def client_of(self, account):
        raise AssertionError("these tests speak to no platform")

    def clock_of(self, account):
        return self.clock


@pytest.fixture
def engine(database_url):
    engine = make_engine(database_url, pool_size=8)
    with engine.begin() as conn:
        fence.open_(conn, None)
    yield engine
    engine.dispose()


@pytest.fixture
def house(engine):
    return PartsOfAHouse(engine=engine)


@pytest.fixture
def account(engine):
    info = AccountInfo(
        id=PlatformAccountId("act_1"),
        name="Shop",
        currency="USD",
        zone="Europe/Madrid",
        is_active=True,
        status_text="active",
        minimum_daily_budget_minor=100,
    )
    with engine.begin() as conn:
        account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
        return accounts.get(conn, account_id)


@pytest.fixture
def plan(engine, account):
    def plan_one(task="meta.full_cycle", slot_at=SLOT):
        with engine.begin() as conn:
            return runs.plan(
                conn,
                task=task,
                account_id=account.id,
                mode=account.mode,
                level=account.level,
                slot_at=slot_at,
                now_at=slot_at,
            )

    return plan_one
