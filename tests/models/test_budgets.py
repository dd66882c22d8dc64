"""Which daily budgets run, by the mirror and by what it does not show yet. Amounts are minor units."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from domain.actions import ActionKind, ActionState, Level, Mode, ObjectKind, Priority, Proposal
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, budgets, ledger
from models.ledger import Draft
from models.tables import ad_sets, campaigns

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LIFE = {"name": "x", "effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW, "seen_at": NOW}


@pytest.fixture
def account_id(conn):
    """Campaign 1 runs ad set 11 (100), 12 is paused; campaign 2 is paused; campaign 3 carries 700 itself."""
    info = AccountInfo(
        id=PlatformAccountId("act_1"), name="Shop", currency="USD", zone="UTC", is_active=True, status_text="",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
    common = {"account_id": account_id, **LIFE}
    for key, status, own in (("1", "active", None), ("2", "paused", None), ("3", "active", 700)):
        row = {"id": key, "status": status, "daily_budget_minor": own, "objective": "SALES"}
        conn.execute(insert(campaigns), [{**common, **row}])
    sets = [
        ("11", "1", "active", 100),
        ("12", "1", "paused", 50),
        ("21", "2", "active", 30),
        ("31", "3", "active", None),
    ]
    for key, parent, status, own in sets:
        row = {"id": key, "campaign_id": parent, "status": status, "daily_budget_minor": own}
        conn.execute(insert(ad_sets), [{**common, **row, "optimization_goal": "X", "learning": "done"}])
    return account_id


def approve(conn, account_id, object_id, *, reserved, target=None, kind=ActionKind.SET_DAILY_BUDGET):
    proposal = Proposal(
        kind=kind, object_kind=ObjectKind.AD_SET, object_id=object_id, object_name="x", expected_before={},
        target=target or {}, rule="roas", priority=Priority.ROAS, reason="x",
    )  # fmt: skip
    draft = Draft(
        proposal=proposal, state=ActionState.APPROVED, reason="", verdicts=(), cap_reserved_minor=reserved,
        op_token=f"T{object_id}",
    )  # fmt: skip
    (action,) = ledger.insert_drafts(
        conn, account_id=account_id, run_id=None, decided_at=NOW, actor="m", drafts=[draft]
    )
    return action


def apply(conn, action, sent_at):
    claimed = ledger.claim(conn, action.id, owner="e", lease_s=60.0)
    sent = ledger.mark_sent(conn, claimed, actor="e", deadline_s=5.0, reserved_minor=20, platform_at=sent_at)
    return ledger.settle(conn, sent, ActionState.APPLIED, actor="e", reason="")


def total(conn, account_id):
    return budgets.running(conn, account_id).account_minor


def test_active_ad_sets_in_active_campaigns_run_and_campaigns_with_their_own_budget(conn, account_id):
    found = budgets.running(conn, account_id, ["1", "2", "3"])
    assert found == budgets.Running(account_minor=800, campaigns_minor={"1": 100, "2": 30, "3": 700})


def test_raises_under_way_count_in_the_account_and_in_their_campaign(conn, account_id):
    first = approve(conn, account_id, "11", reserved=20)
    approve(conn, account_id, "not in the mirror", reserved=5)
    found = budgets.running(conn, account_id, ["1"])
    assert (found.account_minor, found.campaigns_minor) == (825, {"1": 120})
    assert budgets.running(conn, account_id, ["1"], besides=[first.id]).campaigns_minor == {"1": 100}


def test_a_raise_that_an_older_reading_overwrote_still_counts(conn, account_id):
    """The collector read 100, then we set 120, then the collector wrote down its 100."""
    apply(conn, approve(conn, account_id, "11", reserved=20, target={"daily_budget_minor": 120}), NOW)
    assert total(conn, account_id) == 820
    conn.execute(update(ad_sets).where(ad_sets.c.id == "11").values(daily_budget_minor=120))
    assert total(conn, account_id) == 820
    newer = {"daily_budget_minor": 90, "seen_at": NOW + timedelta(hours=1)}  # a person cut it meanwhile
    conn.execute(update(ad_sets).where(ad_sets.c.id == "11").values(newer))
    assert total(conn, account_id) == 790


def test_an_activation_that_an_older_reading_overwrote_still_counts(conn, account_id):
    action = approve(conn, account_id, "12", reserved=50, target={"status": "active"}, kind=ActionKind.ACTIVATE)
    apply(conn, action, NOW)
    assert total(conn, account_id) == 850


def test_activating_a_campaign_sets_its_active_ad_sets_going(conn, account_id):
    known = budgets.known_objects(conn, account_id, ObjectKind.CAMPAIGN, ["2", "3", "9"])
    assert {key: row.sets_going_minor for key, row in known.items()} == {"2": 30, "3": 700}
