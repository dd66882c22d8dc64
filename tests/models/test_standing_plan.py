"""The steps of the newest plan are read in work that grows with their number, on a server that has counted no table."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event

from decisions.allocation_record import Planned
from domain.actions import Level, Mode, ObjectKind
from domain.evidence import Finding
from domain.ids import AccountId, PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, allocations, findings, standing_plan

NOW = datetime(2026, 3, 15, 5, tzinfo=UTC)
EXPLAIN = "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "


@pytest.fixture
def account_id(conn: Connection) -> AccountId:
    info = AccountInfo(
        id=PlatformAccountId("act_1"), name="Shop", currency="USD", zone="UTC", is_active=True, status_text="",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def plan(conn: Connection, account_id: AccountId, ids: list[str]) -> None:
    """Write a plan down with a finding of each step, as the optimizer does; nobody has counted the rows since."""
    steps = [
        Planned(
            object_kind=ObjectKind.AD_SET, object_id=key, budget_minor=1_000, target_minor=1_200, revenue_minor=2_000.0,
            target_revenue_minor=2_300.0, worth=0.8, price=1.0, gain_minor=40.0, noise_minor=10.0,
        )
        for key in ids
    ]  # fmt: skip
    allocations.record(conn, account_id, planned_on=NOW.date(), planned_at=NOW, planned=steps, action_ids={})
    told = (
        Finding(object_kind=ObjectKind.AD_SET, object_id=key, verdict="raise", words=f"more for {key}", evidence={})
        for key in ids
    )
    findings.replace(conn, account_id, "optimization", NOW, told)


def rows_visited(conn: Connection, account_id: AccountId, ids: list[str]) -> int:
    """Read the steps, then count the rows that every statement of it looked at, those it threw away included."""
    seen: list[tuple[str, Any]] = []

    def note(*arguments: Any) -> None:
        seen.append((arguments[2], arguments[3]))

    event.listen(conn, "before_cursor_execute", note)
    try:
        assert len(standing_plan.steps(conn, account_id, NOW)) == len(ids)
    finally:
        event.remove(conn, "before_cursor_execute", note)
    assert seen
    plans = [conn.exec_driver_sql(EXPLAIN + statement, asked).scalar_one() for statement, asked in seen]
    return int(sum(looked_at(node) for (told,) in plans for node in nodes(told["Plan"])))


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def looked_at(node: dict[str, Any]) -> float:
    thrown_away = sum(value for name, value in node.items() if name.startswith("Rows Removed"))
    return float((node["Actual Rows"] + thrown_away) * node["Actual Loops"])


def test_each_step_is_looked_at_a_few_times_and_never_beside_each_other_one(
    conn: Connection, account_id: AccountId
) -> None:
    """Joined with their findings by a server without statistics, 10,000 steps took 9.6 s: each met each."""
    ids = [str(n) for n in range(1_000)]
    plan(conn, account_id, ids)
    assert rows_visited(conn, account_id, ids) < 20 * len(ids)
