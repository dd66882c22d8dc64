"""What the optimizer expected is kept, and held against what came once that has matured."""

import itertools
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Connection, update

from decisions.allocation_record import Planned
from domain.actions import ActionKind, ActionState, Level, Mode, ObjectKind, Priority, Proposal
from domain.ids import AccountId, ActionId, PlatformAccountId
from domain.objects import AccountInfo, InsightRow
from domain.panel import MaturityCurve
from models import accounts, allocations, insights, ledger
from models.ledger import Draft
from models.tables import allocations as table

DAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 15, 5, tzinfo=UTC)
TOKENS = itertools.count()
CURVE = MaturityCurve(share=np.array([0.25] + [0.5] * 9 + [1.0]), cohorts=0.0)  # half arrives after nine days


@pytest.fixture
def account_id(conn: Connection) -> AccountId:
    info = AccountInfo(
        id=PlatformAccountId("act_1"), name="Shop", currency="USD", zone="UTC", is_active=True, status_text="",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def planned(object_id: str = "s1", **over: float) -> Planned:
    values = {
        "budget_minor": 1_000, "target_minor": 1_200, "revenue_minor": 2_000.0, "target_revenue_minor": 2_300.0,
        "worth": 0.8, "price": 1.0, "gain_minor": 40.0, "noise_minor": 10.0,
    }  # fmt: skip
    return Planned(object_kind=ObjectKind.AD_SET, object_id=object_id, **(values | over))  # type: ignore[arg-type]


def action(conn: Connection, account_id: AccountId, object_id: str, state: ActionState) -> ActionId:
    proposal = Proposal(
        kind=ActionKind.SET_DAILY_BUDGET, object_kind=ObjectKind.AD_SET, object_id=object_id, object_name="Set",
        expected_before={"daily_budget_minor": 1_000}, target={"daily_budget_minor": 1_200}, rule="allocation",
        priority=Priority.ROAS, reason="more",
    )  # fmt: skip
    draft = Draft(
        proposal=proposal, state=state, reason="", verdicts=(), cap_reserved_minor=0, op_token=f"A{next(TOKENS)}"
    )
    (made,) = ledger.insert_drafts(
        conn, account_id=account_id, run_id=None, decided_at=NOW, actor="optimization", drafts=(draft,)
    )
    return made.id


def record(
    conn: Connection, account_id: AccountId, on: date, state: ActionState = ActionState.APPLIED
) -> ActionId:  # fmt: skip
    made = action(conn, account_id, "s1", state)
    at = datetime(on.year, on.month, on.day, 4, tzinfo=UTC)
    allocations.record(
        conn, account_id, planned_on=on, planned_at=at, planned=[planned()],
        action_ids={(ObjectKind.AD_SET, "s1"): made},
    )  # fmt: skip
    return made


def days(conn: Connection, account_id: AccountId, count: int, *, first: date = DAY) -> None:
    """Each day 12.00 spent and 24.00 earned by the ad set, in two ads; another ad set earns the world."""
    rows = [
        InsightRow(ad, ad_set, "c1", first + timedelta(days=back), -1, 1_000, 10, 600, 1, revenue)
        for back in range(count)
        for ad, ad_set, revenue in (("a1", "s1", 1_200), ("a2", "s1", 1_200), ("a3", "s2", 10**9))
    ]
    insights.upsert_daily(conn, account_id, [rows], NOW)


def only(conn: Connection, account_id: AccountId) -> allocations.Kept:
    (row,) = allocations.listing(conn, account_id, 10)
    return row


def settle(conn: Connection, account_id: AccountId, until: date) -> int:
    return allocations.settle(conn, account_id, until=until, now=NOW, curve=CURVE)


def test_a_change_waits_until_its_days_have_matured(conn: Connection, account_id: AccountId) -> None:
    record(conn, account_id, DAY)
    days(conn, account_id, 13)
    assert settle(conn, account_id, DAY + timedelta(days=12)) == 0
    assert only(conn, account_id).settled_at is None
    assert settle(conn, account_id, DAY + timedelta(days=13)) == 1
    assert settle(conn, account_id, DAY + timedelta(days=13)) == 0


def test_realised_is_what_came_over_what_the_old_budget_was_to_bring(conn: Connection, account_id: AccountId) -> None:
    # 7 days of 12.00 spend and 24.00 revenue; ages on 14 March are 14 .. 8: five over nine days old are mature, the two
    # of ages 9 and 8 are half there and count double: 5 x 24 + 2 x 48 = 216.00, 30.86 a day.
    # 0.8 x (30.857 - 20) - (12 - 10) = 6.69 a day
    record(conn, account_id, DAY)
    days(conn, account_id, 14)
    settle(conn, account_id, DAY + timedelta(days=13))
    row = only(conn, account_id)
    assert (row.days, row.spent_minor, row.matured_minor) == (7, 8_400, 21_600)
    assert row.realised_minor == 669


def test_a_newer_change_ends_the_days_of_the_older_one(conn: Connection, account_id: AccountId) -> None:
    record(conn, account_id, DAY)
    record(conn, account_id, DAY + timedelta(days=2))
    days(conn, account_id, 16)
    settle(conn, account_id, DAY + timedelta(days=15))
    rows = allocations.listing(conn, account_id, 10)
    assert {row.planned_on: row.days for row in rows} == {DAY: 2, DAY + timedelta(days=2): 7}


def test_what_was_never_applied_is_settled_without_a_gain(conn: Connection, account_id: AccountId) -> None:
    record(conn, account_id, DAY, ActionState.BLOCKED)
    days(conn, account_id, 14)
    settle(conn, account_id, DAY + timedelta(days=13))
    row = only(conn, account_id)
    assert (row.days, row.realised_minor) == (0, None)


def test_a_blocked_change_does_not_end_the_days_of_one_in_force(conn: Connection, account_id: AccountId) -> None:
    record(conn, account_id, DAY)
    record(conn, account_id, DAY + timedelta(days=1), ActionState.BLOCKED)
    days(conn, account_id, 15)
    settle(conn, account_id, DAY + timedelta(days=14))
    assert {row.planned_on: row.days for row in allocations.listing(conn, account_id, 10)}[DAY] == 7


def test_totals_sum_what_was_predicted_and_realised_over_the_days(conn: Connection, account_id: AccountId) -> None:
    record(conn, account_id, DAY)
    days(conn, account_id, 14)
    settle(conn, account_id, DAY + timedelta(days=13))
    record(conn, account_id, DAY + timedelta(days=13))
    assert allocations.totals(conn, account_id) == (1, 1, 7 * 40, 7 * 669)


def test_a_second_plan_on_a_day_replaces_what_of_the_first_came_to_nothing(
    conn: Connection, account_id: AccountId
) -> None:
    record(conn, account_id, DAY, ActionState.BLOCKED)
    allocations.record(
        conn, account_id, planned_on=DAY, planned_at=NOW, planned=[planned("s2")], action_ids={}
    )  # fmt: skip
    assert only(conn, account_id).object_id == "s2"


@pytest.mark.parametrize("state", [ActionState.APPLIED, ActionState.APPROVED, ActionState.AWAITING_APPROVAL])
def test_a_second_plan_on_a_day_leaves_a_change_that_stands_on_record(
    conn: Connection, account_id: AccountId, state: ActionState
) -> None:
    first = record(conn, account_id, DAY, state)
    blocked = action(conn, account_id, "s1", ActionState.BLOCKED)
    kept = allocations.record(
        conn, account_id, planned_on=DAY, planned_at=NOW, planned=[planned(target_minor=900), planned("s2")],
        action_ids={(ObjectKind.AD_SET, "s1"): blocked},
    )  # fmt: skip
    assert kept == 1
    found = {row.object_id: (row.action_id, row.target_minor) for row in allocations.listing(conn, account_id, 10)}
    assert found == {"s1": (first, 1_200), "s2": (None, 1_200)}


def test_changes_of_half_a_year_before_the_account_s_last_plan_are_forgotten(
    conn: Connection, account_id: AccountId
) -> None:
    record(conn, account_id, DAY)
    conn.execute(update(table).values(planned_at=datetime(2020, 1, 1, tzinfo=UTC)))
    assert allocations.forget_old(conn) == 0  # of an account whose clock stands there, it is the newest
    record(conn, account_id, DAY + timedelta(days=1))
    assert allocations.forget_old(conn) == 1
    assert only(conn, account_id).planned_on == DAY + timedelta(days=1)
