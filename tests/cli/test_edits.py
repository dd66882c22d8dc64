"""`stakazo edits` as a person uses it: who changed what, until when we keep off, what we went over, and letting go."""

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from domain.actions import ActionState, ObjectKind
from models import hand_edits, ledger
from models.hand_edits import FoundBy, HandEdit
from models.tables import actions
from tests.cli.conftest import NOW, draft


@pytest.fixture
def edited(engine, filled):
    """Marta moved a budget that we then overwrote, Iker paused an ad later, and a look before a write met a change."""
    with engine.begin() as conn:
        account_id = conn.execute(text("SELECT id FROM accounts")).scalar_one()
        (action,) = ledger.insert_drafts(
            conn, account_id=account_id, run_id=None, decided_at=NOW, actor="test",
            drafts=[draft("503", ActionState.APPROVED)],
        )  # fmt: skip
        conn.execute(update(actions).where(actions.c.id == action.id).values(read_to_write_ms=40))
        rows = [
            HandEdit(
                object_kind=ObjectKind.AD_SET, object_id="503", event="update_ad_set_budget", edited_at=NOW,
                found_by=FoundBy.OVERWRITTEN, actor_id="1", actor_name="Marta", action_id=action.id,
                before={"daily_budget_minor": 4_000}, after={"daily_budget_minor": 5_000},
            ),
            HandEdit(
                object_kind=ObjectKind.AD, object_id="77", event="update_ad_run_status",
                edited_at=NOW + timedelta(hours=1), found_by=FoundBy.ACTIVITIES, actor_id="2",
                actor_name="=cmd|Iker\x1b[2J", before={"status": "active"}, after={"status": "paused"},
            ),
        ]  # fmt: skip
        hand_edits.record(conn, account_id, rows, rest=timedelta(hours=24))
    return action


def test_what_we_went_over_comes_first_with_the_way_back(on_database, edited):
    done = on_database("edits", "list")
    assert done.code == 0
    first, second = [line for line in done.out.splitlines() if "2026-11-20" in line]
    assert "Marta" in first
    assert "40.00 EUR → 50.00 EUR" in first
    assert 'stakazo change adset 503 --daily-budget "50.00' in first  # an undo would go back before Marta's too
    assert "active → paused" in second
    assert "2026-11-21 13:00:00Z" in second
    assert "\x1b" not in done.out


def test_the_list_is_one_document_for_machines(on_database, edited):
    rows = on_database("edits", "list", "--json").document["edits"]
    assert [(row["edit"]["object_id"], row["edit"]["found_by"]) for row in rows] == [
        ("503", "overwritten"),
        ("77", "activities"),
    ]


def test_without_an_edit_it_says_so(on_database, filled):
    assert "none is known" in on_database("edits", "list").out


def test_a_release_lets_the_object_go_and_is_on_record(on_database, edited, engine):
    done = on_database("edits", "release", "77", "--reason", "agreed with Iker", "--json")
    assert done.code == 0
    assert len(done.document["released"]) == 1
    with engine.begin() as conn:
        held = hand_edits.hands_off(conn, done.document["account"], None, NOW + timedelta(hours=2))
        told = conn.execute(text("SELECT detail FROM audit WHERE event = 'edit.released'")).scalar_one()
    assert [key for _, key in held] == ["503"]
    assert told["reason"] == "agreed with Iker"
    assert "released by" in on_database("edits", "list").out


def test_releasing_what_nobody_holds_is_refused_with_the_way_out(on_database, edited):
    done = on_database("edits", "release", "999", "--reason", "x")
    assert done.code == 2
    assert "stakazo edits list" in done.err
    assert on_database("edits", "release", "77", "--reason", " ").code == 2


def test_the_window_is_told_in_milliseconds(on_database, edited):
    told = on_database("edits", "window", "--json").document["window"]
    assert told == {"writes": 1, "p50_ms": 40, "p99_ms": 40, "max_ms": 40, "overwritten": 1}
    assert "40 ms" in on_database("edits", "window").out
