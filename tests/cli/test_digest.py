"""The digest as people read it."""

import pytest

from domain.actions import ActionState
from models import accounts, ledger
from tests.cli.conftest import NOW, draft


@pytest.fixture
def watched(engine, filled):
    """The account's figures were read, and a raise was only observed an hour before."""
    with engine.begin() as conn:
        (mine,) = accounts.listing(conn)
        accounts.change(conn, mine.id, insights_read_at=NOW)
        ledger.insert_drafts(conn, account_id=mine.id, run_id=None, decided_at=NOW, actor="test",
                             drafts=[draft("503", ActionState.OBSERVED)])  # fmt: skip


def test_a_day_is_told_in_a_table_with_its_caution(on_database, watched):
    done = on_database("digest")
    assert done.code == 0
    assert "budget 40.00 EUR → 48.00 EUR" in done.out
    assert "not seen since" in done.out
    assert "do not prove" in done.out
    assert "\x1b" not in done.out


def test_a_day_is_told_as_one_document(on_database, watched):
    (line,) = on_database("digest", "--day", "2026-11-20", "--json").document["lines"]
    assert (line["object_id"], line["people"], line["since"]["roas"]) == ("503", "unknown", None)
    assert on_database("digest", "--day", "2026-11-19", "--json").document["lines"] == []


def test_a_day_that_is_none_and_an_account_never_read_are_said(on_database, filled, watched, engine):
    assert on_database("digest", "--day", "yesterday").code == 2
    with engine.begin() as conn:
        accounts.change(conn, accounts.listing(conn)[0].id, insights_read_at=None)
    done = on_database("digest")
    assert done.code == 1
    assert "never read" in done.err
