"""The ledger's statements: claims, changes of state, what is counted. Rows are made by the door's own insert."""

import itertools
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from domain.actions import TERMINAL, ActionKind, ActionState, Level, Mode, ObjectKind, Priority, Proposal, Verdict
from domain.errors import LostClaimError
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, ledger, ledger_reads, ledger_sums
from models.ledger import Draft
from models.tables import actions

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOKENS = itertools.count()
_S = ActionState


@pytest.fixture
def account_id(engine):
    info = AccountInfo(
        id=PlatformAccountId("act_1"), name="Shop", currency="USD", zone="UTC", is_active=True, status_text="",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    with engine.begin() as conn:
        return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def draft(object_id="11", *, state=_S.APPROVED, kind=ActionKind.SET_DAILY_BUDGET, reserved=0, verdicts=()):
    proposal = Proposal(
        kind=kind, object_kind=ObjectKind.AD_SET, object_id=object_id, object_name="Set",
        expected_before={"daily_budget_minor": 100}, target={"daily_budget_minor": 120}, rule="roas",
        priority=Priority.ROAS, reason="ROAS 4.0", evidence={"roas": 4.0},
    )  # fmt: skip
    return Draft(
        proposal=proposal, state=state, reason="why", verdicts=verdicts, cap_reserved_minor=reserved,
        op_token=f"TOKEN{next(TOKENS)}",
    )  # fmt: skip


def add(engine, account_id, *drafts):
    with engine.begin() as conn:
        return ledger.insert_drafts(
            conn, account_id=account_id, run_id=None, decided_at=NOW, actor="module", drafts=drafts
        )


def take(engine, action, *, lease_s=60.0, owner="executor"):
    with engine.begin() as conn:
        return ledger.claim(conn, action.id, owner=owner, lease_s=lease_s)


def send(conn, action, *, reserved=20):
    return ledger.mark_sent(conn, action, actor="e", deadline_s=5.0, reserved_minor=reserved, platform_at=NOW)


def test_a_draft_becomes_a_row_with_its_verdicts_and_two_events(engine, account_id):
    verdict = Verdict(guardrail="step", allowed=True, reason="trimmed", trimmed_target={"daily_budget_minor": 120})
    (action,) = add(engine, account_id, draft(verdicts=(verdict,), reserved=20))
    with engine.begin() as conn:
        held = ledger_reads.machinery(conn, action.id)
        lines = ledger.events(conn, action.id)
        assert ledger.get(conn, action.id) == action
    assert held.verdicts == (
        {"guardrail": "step", "allowed": True, "reason": "trimmed", "trimmed_target": {"daily_budget_minor": 120}},
    )
    assert held.cap_reserved_minor == 20
    assert [(line.actor, line.before, line.after) for line in lines] == [
        ("module", None, _S.PROPOSED),
        ("module", _S.PROPOSED, _S.APPROVED),
    ]


def test_rows_come_back_in_the_order_of_their_drafts(engine, account_id):
    rows = add(engine, account_id, *(draft(f"{number}", state=_S.BLOCKED) for number in range(300)))
    assert [row.object_id for row in rows] == [f"{number}" for number in range(300)]
    assert all(row.finished_at is not None for row in rows)


def test_the_database_knows_one_open_action_per_object(engine, account_id):
    add(engine, account_id, draft())
    with pytest.raises(IntegrityError, match="uq_actions_open_object"):
        add(engine, account_id, draft())


def test_a_claim_raises_the_epoch_and_counts_the_crash_before_the_work(engine, account_id):
    (action,) = add(engine, account_id, draft())
    claimed = take(engine, action)
    assert (claimed.epoch, claimed.crash_count, claimed.state) == (1, 1, _S.APPROVED)
    assert take(engine, action, owner="other") is None


def test_a_claim_whose_lease_is_over_is_taken_by_the_next(engine, account_id):
    (action,) = add(engine, account_id, draft())
    take(engine, action, lease_s=0.0)
    again = take(engine, action, owner="other")
    assert (again.epoch, again.crash_count) == (2, 2)


def test_only_one_of_many_that_claim_at_once_gets_the_row(engine, account_id):
    (action,) = add(engine, account_id, draft())
    won, start = [], threading.Barrier(4)

    def race():
        start.wait()
        won.append(take(engine, action))

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claimed is not None for claimed in won) == 1


@pytest.mark.parametrize("state", sorted(TERMINAL & {_S.BLOCKED, _S.OBSERVED, _S.APPLIED}))
def test_what_is_terminal_cannot_be_claimed(engine, account_id, state):
    (action,) = add(engine, account_id, draft(state=state))
    assert take(engine, action) is None


def test_a_row_that_waits_cannot_be_claimed(engine, account_id):
    (action,) = add(engine, account_id, draft())
    claimed = take(engine, action)
    with engine.begin() as conn:
        released = ledger.release(conn, claimed, actor="e", reason="later", wait_s=60.0)
    assert released.crash_count == 0
    assert take(engine, action) is None


def test_who_lost_the_claim_can_write_nothing(engine, account_id):
    (action,) = add(engine, account_id, draft())
    lost = take(engine, action, lease_s=0.0)
    take(engine, action, owner="other")
    writes = [
        lambda conn: send(conn, lost),
        lambda conn: ledger.release(conn, lost, actor="e", reason="", wait_s=0),
        lambda conn: ledger.settle(conn, lost, _S.CONFLICT, actor="e", reason=""),
    ]
    for write in writes:
        with engine.begin() as conn, pytest.raises(LostClaimError):
            write(conn)
    with engine.begin() as conn:
        assert [line.event for line in ledger.events(conn, action.id)] == ["proposed", "judged", "claimed", "claimed"]


def test_a_change_from_a_state_that_is_left_writes_nothing(engine, account_id):
    (action,) = add(engine, account_id, draft())
    claimed = take(engine, action)
    with engine.begin() as conn:
        send(conn, claimed)
    with engine.begin() as conn, pytest.raises(LostClaimError):
        send(conn, claimed)


def test_a_settled_row_keeps_neither_lease_nor_reservation(engine, account_id):
    (action,) = add(engine, account_id, draft(reserved=20))
    with engine.begin() as conn:
        sent = send(conn, ledger.claim(conn, action.id, owner="e", lease_s=60.0))
        ledger.settle(conn, sent, _S.REFUSED, actor="e", reason="no", last_error={"code": 100})
        held = ledger_reads.machinery(conn, action.id)
    assert (held.cap_reserved_minor, held.lease_owner, held.last_error) == (0, None, {"code": 100})


def test_only_terminal_states_are_settled_to(engine, account_id):
    (action,) = add(engine, account_id, draft())
    with engine.begin() as conn, pytest.raises(ValueError, match="not terminal"):
        ledger.settle(conn, action, _S.SENT, actor="e", reason="")


def test_budget_changes_count_from_the_platforms_instant_if_they_may_have_had_an_effect(engine, account_id):
    (action,) = add(engine, account_id, draft())
    hour = timedelta(hours=1)
    with engine.begin() as conn:
        sent = send(conn, ledger.claim(conn, action.id, owner="e", lease_s=60.0))
        ago = {"hour_since": NOW - hour, "day_since": NOW - 24 * hour}
        (found,) = ledger_sums.budget_histories(conn, account_id, ["11", "12"], **ago).items()
        before = sent.expected_before.get("daily_budget_minor")
        assert found == ("11", ledger_sums.BudgetHistory(last_at=NOW, edits=1, day_ago_minor=before))
        later = {"hour_since": NOW + hour, "day_since": NOW + hour}
        (found,) = ledger_sums.budget_histories(conn, account_id, ["11"], **later).values()
        assert (found.edits, found.day_ago_minor) == (0, None)
        ledger.put_back(conn, sent, actor="e", reason="fence", wait_s=0)
        assert ledger_sums.budget_histories(conn, account_id, ["11"], **ago) == {}


def test_a_listing_shows_the_newest_first_and_only_what_is_asked_for(engine, account_id):
    first, second = add(engine, account_id, draft("11"), draft("12", state=_S.BLOCKED))
    with engine.begin() as conn:
        assert [row.id for row in ledger.listing(conn)] == [second.id, first.id]
        assert [row.id for row in ledger.listing(conn, account_id, _S.APPROVED)] == [first.id]
        assert [row.id for row in ledger.listing(conn, limit=1)] == [second.id]


def test_actions_in_doubt_are_those_that_were_sent_and_not_settled(engine, account_id):
    first, _ = add(engine, account_id, draft("11"), draft("12"))
    with engine.begin() as conn:
        send(conn, ledger.claim(conn, first.id, owner="e", lease_s=60.0))
        assert [row.id for row in ledger_reads.in_doubt(conn, account_id)] == [first.id]


def test_a_states_way_is_enforced_by_the_database_too(engine, account_id):
    (action,) = add(engine, account_id, draft(state=_S.BLOCKED))
    with engine.begin() as conn, pytest.raises(IntegrityError, match="cannot go from blocked to sent"):
        conn.execute(update(actions).where(actions.c.id == action.id).values(state=_S.SENT))
