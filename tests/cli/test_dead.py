"""`stakazo actions dead` and `stakazo actions orphans` as people use them."""

import pytest
from sqlalchemy import Engine, update

from domain.actions import ActionState
from models import ledger, orphans
from models.tables import accounts, actions
from tests.cli.conftest import NASTY, NOW, Run


@pytest.fixture
def dead_id(filled: None, engine: Engine) -> int:
    with engine.begin() as conn:
        (row,) = ledger.listing(conn, state=ActionState.APPROVED)
        claimed = ledger.claim(conn, row.id, owner="worker-1", lease_s=0.0)
        assert claimed is not None
        ledger.settle(conn, claimed, ActionState.DEAD, actor="worker-1", reason="its executor died 3 times in a row")
    return row.id


def test_dead_letters_are_listed_shown_and_requeued(on_database: Run, engine: Engine, dead_id: int) -> None:
    (row,) = on_database("actions", "dead", "list", "--json").document["dead"]
    assert (row["action"]["id"], row["was_sent"]) == (dead_id, False)
    shown = on_database("actions", "dead", "show", str(dead_id))
    assert "worker-1" in shown.out
    assert "judged again, then sent" in shown.out
    done = on_database("actions", "dead", "requeue", str(dead_id), "--reason", "more memory")
    assert (done.code, "is approved again" in done.err) == (0, True)
    with engine.begin() as conn:
        assert ledger.get(conn, dead_id).state is ActionState.APPROVED
    assert "Dead letters: none" in on_database("actions", "dead", "list").out


def test_one_that_may_have_been_sent_is_read_back(on_database: Run, engine: Engine, dead_id: int) -> None:
    with engine.begin() as conn:
        conn.execute(update(actions).where(actions.c.id == dead_id).values(sent_at=NOW))
    assert "read back first, and never sent again" in on_database("actions", "dead", "show", str(dead_id)).out
    told = on_database("actions", "dead", "requeue", str(dead_id), "--reason", "looked", "--json")
    assert told.document["action"]["state"] == "unknown"


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("words", [("show", "1"), ("requeue", "1", "--reason", "x")])
def test_what_is_not_dead_is_refused_with_the_way_to_those_that_are(on_database: Run, words: tuple[str, ...]) -> None:
    told = on_database("actions", "dead", *words)
    assert (told.code, "actions dead list" in told.err) == (2, True)


def test_orphans_are_listed_with_names_made_harmless(on_database: Run, engine: Engine, dead_id: int) -> None:
    with engine.begin() as conn:
        key = {"account_id": conn.execute(accounts.select()).first().id, "object_kind": "campaign", "object_id": "77"}
        told = {"object_name": NASTY, "status": "paused", "why": "it landed late", "spend_minor": 0}
        orphans.record(conn, [{**key, **told, "made_at": NOW, "action_id": dead_id}])
    shown = on_database("actions", "orphans")
    assert "it landed late" in shown.out
    assert "no: look at it" in shown.out
    assert "\x1b" not in shown.out
    assert on_database("actions", "orphans", "--json").document["orphans"][0]["action_id"] == dead_id
