"""What the database keeps of stops: one open a scope, opened once, and emergency pauses of an open one only."""

import pytest
from sqlalchemy import Connection, insert, text, update
from sqlalchemy.exc import IntegrityError

from domain.errors import BadInputError
from domain.ids import AccountId, StopId
from models import stop_items, stops
from models.tables import accounts, actions
from models.tables import stops as stops_table


@pytest.fixture
def account_ids(conn: Connection) -> tuple[AccountId, AccountId]:
    first, second = (
        conn.execute(
            insert(accounts)
            .values(
                platform="meta", platform_account_id=f"act_{number}", name="A", currency="USD", zone="UTC", mode="stub",
                level="auto", minimum_daily_budget_minor=100,
            )
            .returning(accounts.c.id)
        ).scalar_one()
        for number in (1, 2)
    )  # fmt: skip
    return AccountId(first), AccountId(second)


def order(conn: Connection, account_id: AccountId | None) -> StopId:
    stop_id = stops.add(conn, account_id=account_id, reason="drill", actor="os:ann", pauses=False)
    assert stop_id is not None
    return stop_id


def emergency(conn: Connection, account_id: AccountId, stop_id: int | None, kind: str = "emergency_pause") -> int:
    row = insert(actions).values(
        account_id=account_id, kind=kind, object_kind="campaign", object_id="1", object_name="C", rule="r", priority=1,
        reason="because", state="approved", op_token=f"T{stop_id}{kind}", target={"status": "paused"},
        decided_at=text("now()"), stop_id=stop_id,
    )  # fmt: skip
    return int(conn.execute(row.returning(actions.c.id)).scalar_one())


def test_a_scope_has_one_open_stop_at_a_time(conn: Connection, account_ids: tuple[AccountId, AccountId]) -> None:
    everyone, own = order(conn, None), order(conn, account_ids[0])
    assert stops.add(conn, account_id=None, reason="again", actor="os:bob", pauses=True) is None
    assert [row.id for row in stops.covering(conn, account_ids[0])] == [everyone, own]
    assert [row.id for row in stops.covering(conn, account_ids[1])] == [everyone]
    stops.open_(conn, everyone, actor="os:bob")
    assert order(conn, None) != everyone


def test_a_stop_is_opened_once_and_keeps_what_it_was(conn: Connection) -> None:
    stop_id = order(conn, None)
    stops.open_(conn, stop_id, actor="os:bob")
    for change in ({"opened_by": "os:eve"}, {"opened_at": None}, {"reason": "never"}, {"actor": "os:eve"}):
        with pytest.raises(IntegrityError), conn.begin_nested():
            conn.execute(update(stops_table).where(stops_table.c.id == stop_id).values(change))


@pytest.mark.parametrize("name", ["quiet_at", "fenced_at", "paused_at", "listed_at"])
def test_its_times_are_written_once(conn: Connection, name: str) -> None:
    stop_id = order(conn, None)
    change = update(stops_table).where(stops_table.c.id == stop_id).values({name: text("clock_timestamp()")})
    conn.execute(change)
    with pytest.raises(IntegrityError, match="has its times already"):
        conn.execute(change)


def test_an_emergency_pause_needs_an_open_stop_of_its_account(
    conn: Connection, account_ids: tuple[AccountId, AccountId]
) -> None:
    own, other = account_ids
    stop_id = order(conn, own)
    emergency(conn, own, stop_id)
    with pytest.raises(IntegrityError, match="is not open for account"), conn.begin_nested():
        emergency(conn, other, stop_id)
    with pytest.raises(IntegrityError), conn.begin_nested():
        emergency(conn, own, None)
    with pytest.raises(IntegrityError, match="ck_actions_stop"), conn.begin_nested():
        emergency(conn, own, stop_id, kind="pause")
    stops.open_(conn, stop_id, actor="os:ann")
    with pytest.raises(IntegrityError, match="is not open for account"), conn.begin_nested():
        emergency(conn, own, stop_id)


def test_an_emergency_pause_is_not_sent_once_its_stop_is_over(
    conn: Connection, account_ids: tuple[AccountId, AccountId]
) -> None:
    stop_id = order(conn, None)
    action_id = emergency(conn, account_ids[0], stop_id)
    stops.open_(conn, stop_id, actor="os:ann")
    with pytest.raises(IntegrityError, match="it pauses nothing"):
        conn.execute(update(actions).where(actions.c.id == action_id).values(state="sent"))


def test_a_stop_counts_as_paused_once_all_its_pauses_are_settled(
    conn: Connection, account_ids: tuple[AccountId, AccountId]
) -> None:
    stop_id = stops.add(conn, account_id=None, reason="drill", actor="os:ann", pauses=True)
    assert stop_id is not None
    stops.note_drained(conn, stop_id, is_quiet=True, in_doubt=())
    assert not stops.note_paused(conn, stop_id)  # not listed yet
    action_id = emergency(conn, account_ids[0], stop_id)
    item = {"stop_id": stop_id, "account_id": account_ids[0], "object_kind": "campaign", "object_name": "C"}
    stop_items.add(conn, [{**item, "object_id": "1", "status_before": "active", "action_id": action_id}])
    stops.note_listed(conn, stop_id)
    assert not stops.note_paused(conn, stop_id)
    assert stops.unfinished(conn) == (stop_id,)
    for state in ("sent", "applied"):
        conn.execute(update(actions).where(actions.c.id == action_id).values(state=state))
    assert stops.note_paused(conn, stop_id)
    assert stops.unfinished(conn) == ()
    assert stops.get(conn, stop_id).paused_at is not None


def test_a_stop_that_is_not_there_is_named(conn: Connection) -> None:
    with pytest.raises(BadInputError, match="no stop 99"):
        stops.get(conn, StopId(99))
