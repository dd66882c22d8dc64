"""A database with an account, and stand-ins for bell, switchboard and clock."""

from datetime import UTC, datetime

import pytest

from control_tower.standins import NotedDoorbell, SetClock
from domain.actions import Level, Mode
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, fence
from models.engine import make_engine


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
