"""What the database refuses by itself, whoever asks: illegal steps, changed decisions, a rewritten audit."""

from collections.abc import Iterator
from itertools import product

import pytest
from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from domain.actions import TRANSITIONS, ActionState
from domain.ids import AccountId, ActionId
from embedded.scratch import scratch_database
from models import audit
from models.engine import make_engine
from models.tables import accounts, actions
from models.tables import audit as audit_table

EVERY_PAIR = [pair for pair in product(ActionState, ActionState) if pair[0] != pair[1]]


def account(conn: Connection) -> int:
    row = insert(accounts).values(
        platform="meta", platform_account_id="act_1", name="A", currency="USD", zone="UTC", mode="stub", level="auto",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    return conn.execute(row.returning(accounts.c.id)).scalar_one()


def action(conn: Connection, state: str) -> int:
    row = insert(actions).values(
        account_id=account(conn), kind="pause", object_kind="ad", object_id="9", object_name="Ad", rule="r", priority=1,
        reason="because", state=state, op_token="T0KEN", target={"status": "paused"}, decided_at=text("now()"),
    )  # fmt: skip
    return conn.execute(row.returning(actions.c.id)).scalar_one()


@pytest.mark.parametrize(("before", "after"), EVERY_PAIR, ids=lambda state: state.value)
def test_only_steps_of_the_table_can_be_taken(conn: Connection, before: ActionState, after: ActionState) -> None:
    row = action(conn, before)
    step = update(actions).where(actions.c.id == row).values(state=after)
    if (before, after) in TRANSITIONS:
        assert conn.execute(step).rowcount == 1
        return
    with pytest.raises(IntegrityError, match=f"cannot go from {before} to {after}"):
        conn.execute(step)


def test_a_row_may_change_without_a_step(conn: Connection) -> None:
    row = action(conn, "applied")
    assert conn.execute(update(actions).where(actions.c.id == row).values(state="applied", attempts=3)).rowcount == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "activate"), ("object_kind", "campaign"), ("object_id", "10"), ("op_token", "OTHER")],
)
@pytest.mark.parametrize("state", ["proposed", "approved", "applied"])
def test_the_object_and_the_token_of_an_action_never_change(
    conn: Connection, state: str, column: str, value: str
) -> None:
    row = action(conn, state)
    with pytest.raises(IntegrityError, match="keeps its account, kind, object and token"):
        conn.execute(update(actions).where(actions.c.id == row).values({column: value}))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("target", {"daily_budget_minor": 5}),
        ("expected_before", {"daily_budget_minor": 5}),
        ("proposed_by", "somebody else"),
        ("needs_approval", True),
    ],
)
@pytest.mark.parametrize("state", ["proposed", "awaiting_approval", "approved", "sent"])
def test_what_was_judged_and_approved_never_changes(conn: Connection, state: str, column: str, value: object) -> None:
    row = action(conn, state)
    with pytest.raises(IntegrityError, match="keeps its values, its proposer and its need of approval"):
        conn.execute(update(actions).where(actions.c.id == row).values({column: value}))


@pytest.fixture
def owner(postgres_url: str, migrated_template: str) -> Iterator[Connection]:
    """The owner's transaction, rolled back: what holds against it holds against whoever has fewer rights."""
    with scratch_database(postgres_url, template=migrated_template) as url:
        engine = make_engine(url)
        with engine.connect() as conn:
            audit.note(conn, actor="me", event="thing.made")
            yield conn
        engine.dispose()


@pytest.mark.parametrize("table", ["audit", "audit_heads", "the partition"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_audit_is_only_added_to_even_by_the_owner(owner: Connection, table: str, statement: str) -> None:
    if table == "the partition":
        table = owner.execute(text("SELECT tableoid::regclass::text FROM audit")).scalar_one()
    change = "seq = 0" if table == "audit_heads" else "actor = 'someone else'"
    with pytest.raises(IntegrityError, match=r"append-only|only follows"):
        owner.execute(text(statement.format(table, change)))


def test_the_audit_stays_when_its_account_goes(conn: Connection) -> None:
    row = action(conn, "applied")
    of = conn.execute(select(actions.c.account_id).where(actions.c.id == row)).scalar_one()
    audit.note(conn, actor="me", event="made", account_id=AccountId(of), action_id=ActionId(row))
    conn.execute(delete(accounts).where(accounts.c.id == of))
    assert conn.execute(select(func.count()).select_from(actions)).scalar_one() == 0
    assert conn.execute(select(audit_table.c.chain, audit_table.c.action_id)).all() == [(of, row)]


def test_the_fence_cannot_have_a_second_row(conn: Connection) -> None:
    with pytest.raises(IntegrityError):
        conn.execute(text("INSERT INTO fence (id) VALUES (2)"))
