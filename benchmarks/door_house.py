"""What the measurements of the door start from: a database, a platform in a process of its own, accounts of ad sets.

Every ad set is alone in its campaign and carries 100.00 USD a day, so that a batch may hold 50 of them.
"""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from actions.executor import MOST_AT_ONCE, Executor
from actions.guardrails import Limits
from actions.timing import Timing
from benchmarks.door_platform import BUDGET
from domain.actions import ActionKind, Level, Mode, ObjectKind, Priority, Proposal
from domain.ids import AccountId, PlatformAccountId
from domain.objects import AccountInfo
from domain.ports import Client, ClientOptions
from embedded import postgres
from meta_client import open_client
from models import accounts, migrate
from models.engine import make_engine

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
# One run may take up everything: how many a cycle may is not what is measured here.
LIMITS = Limits(actions_per_cycle=1_000_000)
_FURNISH = (
    """
    INSERT INTO campaigns (account_id, id, status, name, effective_status, created_at, updated_at, seen_at, objective)
    SELECT :account, format('c%s-%s', CAST(:account AS int), n), 'active', 'Campaign', 'ACTIVE', :at, :at, :at, 'SALES'
    FROM generate_series(1, :count) AS n
    """,
    """
    INSERT INTO ad_sets (account_id, id, campaign_id, status, name, effective_status, created_at, updated_at, seen_at,
                         optimization_goal, learning, daily_budget_minor)
    SELECT :account, (CAST(:account AS bigint) * 1000000 + n)::text, format('c%s-%s', CAST(:account AS int), n),
           'active', 'Ad set', 'ACTIVE', :at, :at, :at, 'X', 'done', :budget
    FROM generate_series(1, :count) AS n
    """,
)


class Standing:
    """A platform's clock that stands where it is set."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the instant that it was set to."""
        return self.at

    def speed(self) -> float:
        """Return none: it stands."""
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The measured platform's address, and its switches."""

    graph: str

    def client(self) -> Client:
        """Open a client of it, as the house does."""
        return open_client(
            ClientOptions(base_url=self.graph, token=lambda: "EAAdoor", app_secret=lambda: None, read_timeout_s=30.0)
        )

    def ask(self, path: str) -> Any:
        """Use one of its switches, or read its log."""
        with urllib.request.urlopen(f"{self.graph}{path}", timeout=60) as answer:
            return json.load(answer)


@contextmanager
def open_platform() -> Iterator[Platform]:
    """Run the platform in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.door_platform"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Platform(**json.loads(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def open_database(folder: Path) -> Iterator[str]:
    """Run a Postgres that keeps what it commits, as in production, with every migration applied."""
    with postgres.start(folder) as server:
        migrate.upgrade(server.url)
        yield server.url


def furnish(engine: Engine, *, name: str, ad_sets: int) -> AccountId:
    """Open an account with its mirror."""
    info = AccountInfo(
        id=PlatformAccountId(f"act_{name}"), name="Shop", currency="USD", zone="UTC", is_active=True, status_text="",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    with engine.begin() as conn:
        account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
        refresh(conn, account_id, NOW)
        for statement in _FURNISH:
            conn.execute(text(statement), {"account": account_id, "count": ad_sets, "at": NOW, "budget": BUDGET})
    return account_id


def refresh(conn: Any, account_id: AccountId, now: datetime) -> None:
    """As if everything had just been collected."""
    accounts.change(conn, account_id, tree_read_at=now, insights_read_at=now, activities_read_at=now)


def ad_set_id(account_id: AccountId, number: int) -> str:
    """Name an account's n-th ad set, from 1."""
    return str(account_id * 1_000_000 + number)


def raise_of(account_id: AccountId, number: int, before: int = BUDGET) -> Proposal:
    """A step of a tenth, up from the first budget and back."""
    target = BUDGET + BUDGET // 10 if before == BUDGET else BUDGET
    return Proposal(
        kind=ActionKind.SET_DAILY_BUDGET,
        object_kind=ObjectKind.AD_SET,
        object_id=ad_set_id(account_id, number),
        object_name="Ad set",
        expected_before={"daily_budget_minor": before},
        target={"daily_budget_minor": target},
        rule="roas",
        priority=Priority.ROAS,
        reason="ROAS 4.0 over 3.0",
    )


def executor_of(
    engine: Engine, client: Client, clock: Any, owner: str, *, timing: Timing | None = None, most: int = MOST_AT_ONCE
) -> Executor:
    """Build the executor as it is."""
    return Executor(
        engine, lambda _: client, lambda _: clock, owner, timing or Timing(), limits=LIMITS, most_at_once=most
    )


def open_engine(url: str, senders: int) -> Engine:
    """Open a pool with a connection for each sender."""
    return make_engine(url, pool_size=senders + 2, application_name="door")
