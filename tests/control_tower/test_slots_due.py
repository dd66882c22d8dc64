"""Where a cycle stands among its slots: the last claimed, the next, and those that nobody claimed in time."""

from datetime import UTC, datetime, timedelta

import pytest

from control_tower.slots_due import slots, view
from domain.catalogue import RHYTHMS
from models.tables import runs
from tests.control_tower.healthy import add_run

CYCLE = next(row for row in RHYTHMS if row.name == "meta.full_cycle")
AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
HALF = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("now", "missed"),
    [
        (AT + timedelta(minutes=29), 0),
        (AT + timedelta(minutes=45), 0),  # 10:30 stands unclaimed for just half an interval
        (AT + timedelta(minutes=46), 1),
        (AT + timedelta(minutes=75), 1),
        (AT + timedelta(minutes=76), 2),
    ],
)
def test_a_slot_is_missed_once_nobody_claimed_it_for_half_an_interval(now, missed):
    assert len(view(CYCLE, "UTC", now, last_slot=AT).missed) == missed


def test_a_cycle_that_was_never_planned_has_missed_nothing_and_has_a_next_slot():
    found = view(CYCLE, "UTC", AT + timedelta(minutes=7), last_slot=None)

    assert (found.last_slot, found.missed, found.next_slot) == (None, (), AT + HALF)


def test_a_cycle_of_an_account_tells_its_last_slot_and_run_a_person_s_run_beside(engine, account):
    with engine.begin() as conn:
        add_run(conn, account, AT, CYCLE.name)
        add_run(
            conn, account, AT + timedelta(minutes=5), CYCLE.name, slot_at=AT + timedelta(minutes=5), triggered_by="ana"
        )
        found = slots(conn, account, CYCLE, AT + timedelta(minutes=50))

    assert (found.last_slot, found.next_slot) == (AT, AT + 2 * HALF)
    assert found.last_run.triggered_by == "ana"
    assert found.missed == (AT + HALF,)


def test_another_account_s_slots_say_nothing_of_this_one(engine, account, open_account):
    other = open_account(2)
    with engine.begin() as conn:
        add_run(conn, other, AT, CYCLE.name)
        conn.execute(runs.delete().where(runs.c.account_id == account.id))
        assert slots(conn, account, CYCLE, AT).last_slot is None
