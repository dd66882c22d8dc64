"""What may be taken along with an action: due updates of its account, run and kind of object, and nothing else."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, insert, update

from domain.actions import ActionKind, ActionState, Level, Mode, ObjectKind, Priority, Proposal
from domain.ids import AccountId, PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, ledger, ledger_claims, ledger_moves
from models.ledger import Draft
from models.tables import actions, ad_sets, campaigns

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
_LIFE = {"effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW, "seen_at": NOW, "name": "thing"}


@pytest.fixture
def account_id(conn: Connection) -> AccountId:
    """Ad sets 10..15, two of each campaign 1, 2, 3."""
    info = AccountInfo(
        id=PlatformAccountId("act_1"), name="Shop", currency="USD", zone="UTC", is_active=True, status_text="",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
    common = {"account_id": account_id, "status": "active", **_LIFE}
    for number in (1, 2, 3):
        conn.execute(insert(campaigns), [{**common, "id": str(number), "objective": "SALES"}])
        row = {"campaign_id": str(number), "optimization_goal": "X", "learning": "done", "daily_budget_minor": 10_000}
        conn.execute(insert(ad_sets), [{**common, **row, "id": f"1{number * 2 + side - 2}"} for side in (0, 1)])
    return account_id


def add(conn, account_id, object_id, *, kind=ActionKind.SET_DAILY_BUDGET, of=ObjectKind.AD_SET, **more):
    proposal = Proposal(
        kind=kind, object_kind=of, object_id=object_id, object_name="thing", expected_before={}, target={"x": 1},
        rule="r", priority=more.pop("priority", Priority.ROAS), reason="why",
    )  # fmt: skip
    draft = Draft(
        proposal=proposal, state=ActionState.APPROVED, reason="", verdicts=(), cap_reserved_minor=7,
        op_token=f"token-{object_id}-{kind}",
    )  # fmt: skip
    (action,) = ledger.insert_drafts(
        conn, account_id=account_id, run_id=None, decided_at=NOW, actor="t", drafts=[draft]
    )
    if more:
        conn.execute(update(actions).where(actions.c.id == action.id).values(**more))
    return action


def claim(conn, action, most=50):
    return [row.object_id for row in ledger_claims.claim(conn, action.id, owner="e", lease_s=60, most=most)]


def test_one_ad_set_of_each_campaign_goes_along_the_highest_priority_first(conn, account_id):
    lead = add(conn, account_id, "10")
    for object_id in ("11", "12", "13", "14"):
        add(conn, account_id, object_id, priority=Priority.SAFETY if object_id == "13" else Priority.ROAS)
    assert claim(conn, lead) == ["13", "10", "14"]
    assert claim(conn, lead) == []  # held now


def test_no_more_are_taken_than_asked_for(conn, account_id):
    lead = add(conn, account_id, "10")
    add(conn, account_id, "12"), add(conn, account_id, "14", priority=Priority.SAFETY)
    assert claim(conn, lead, most=2) == ["14", "10"]


@pytest.mark.parametrize(
    "other",
    [
        {"kind": ActionKind.CREATE_AD, "of": ObjectKind.AD_SET},
        {"of": ObjectKind.AD, "kind": ActionKind.PAUSE},
        {"state": "sent"},
        {"crash_count": 1},
        {"next_at": datetime(2099, 1, 1, tzinfo=UTC)},
        {"lease_until": datetime(2099, 1, 1, tzinfo=UTC), "lease_owner": "x"},
    ],
)
def test_what_is_not_alike_and_free_stays(conn, account_id, other):
    lead = add(conn, account_id, "10")
    add(conn, account_id, "12", **other)
    assert claim(conn, lead) == ["10"]


@pytest.mark.parametrize("own", [{"crash_count": 1}, {"kind": ActionKind.CREATE_AD}, {"state": "sent"}])
def test_an_action_that_must_be_alone_takes_nothing_along(conn, account_id, own):
    lead = add(conn, account_id, "10", **own)
    add(conn, account_id, "12")
    assert claim(conn, lead) == ["10"]


def test_a_row_that_was_lost_is_missing_and_the_others_move(conn, account_id):
    lead = add(conn, account_id, "10")
    add(conn, account_id, "12")
    held = ledger_claims.claim(conn, lead.id, owner="e", lease_s=60, most=50)
    conn.execute(update(actions).where(actions.c.id == lead.id).values(epoch=99))
    assert ledger_claims.still_held(conn, held) == {held[1].id}
    moves = [ledger_moves.released(action, reason="later", wait_s=60) for action in held]
    moved = ledger_moves.move(conn, moves, actor="e")
    assert list(moved) == [held[1].id]
    assert [line.event for line in ledger.events(conn, lead.id)][-1] == "claimed"
    assert [line.event for line in ledger.events(conn, held[1].id)][-1] == "released"
