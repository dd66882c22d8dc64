"""The answer to "why": gates now, what the door would say, the last cycles; on a living account over real HTTP."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from actions import door
from domain.actions import ActionState, Priority, Proposal
from domain.errors import BadInputError
from models import accounts, ledger_reads, marks
from tasks import full_cycle, why

pytestmark = pytest.mark.usefixtures("by_classic")


def _actions(house, run):
    with house.engine.begin() as conn:
        return ledger_reads.of_run(conn, run.id)


def _changes(house, run):
    return [row for row in _actions(house, run) if row.object_kind in {"ad_set", "campaign"}]


def test_what_a_cycle_wanted_is_told_with_its_gate_figures_and_ages(house, do, account):
    run = do(full_cycle.run)
    for row in _changes(house, run):
        found = why.explain(house, account.id, row.object_id, cycles=5)
        (line,) = [line for line in found.cycles if line.run.id == run.id]
        (wanted,) = [one for one in line.wanted if one.action.id == row.id]
        assert wanted.module == "full_cycle"
        assert wanted.action.evidence["insights_age_s"] is not None
        if row.state is ActionState.BLOCKED:
            assert wanted.blocked_by
            assert wanted.action.state_reason


def test_every_object_that_no_rule_wants_to_change_names_the_gate_of_each_rule(house, do, account):
    do(full_cycle.run)
    with house.engine.begin() as conn:
        ids = conn.execute(text("SELECT id FROM ad_sets UNION ALL SELECT id FROM ads ORDER BY id")).scalars().all()
    quiet = 0
    for object_id in ids[:12]:
        found = why.explain(house, account.id, object_id, cycles=1)
        for rule in found.rules:
            quiet += bool(rule.binding)
            assert all(gate.figure and gate.wants and gate.age_s is not None for gate in rule.binding)
    assert quiet > 12


def test_nothing_is_written_by_asking(house, do, account):
    do(full_cycle.run)
    query = text("SELECT (SELECT count(*) FROM actions), (SELECT count(*) FROM audit), (SELECT count(*) FROM runs)")
    with house.engine.begin() as conn:
        before = conn.execute(query).one()
        object_id = conn.execute(text("SELECT id FROM ad_sets LIMIT 1")).scalar_one()
    why.explain(house, account.id, object_id, cycles=3)
    with house.engine.begin() as conn:
        assert conn.execute(query).one() == before


def test_a_mark_is_the_gate_that_is_named(house, do, account):
    run = do(full_cycle.run)
    wish = next(row for row in _changes(house, run) if row.state is ActionState.APPROVED)
    with house.engine.begin() as conn:
        conn.execute(text("UPDATE actions SET state = 'cancelled' WHERE state = 'approved'"))
        marks.put(conn, account.id, wish.object_kind, wish.object_id, reason="the founder's", set_by="anna")
    found = why.explain(house, account.id, wish.object_id, cycles=1)
    assert found.now
    assert all("never_touch" in (row.blocked_by or "") for row in found.now)


def test_what_stops_the_whole_account_stands_above_all(house, do, account):
    run = do(full_cycle.run)
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, is_paused=True)
    found = why.explain(house, account.id, _changes(house, run)[0].object_id, cycles=1)
    assert "paused" in found.hindrance


def test_an_unknown_object_is_refused_with_where_to_look(house, do, account):
    do(full_cycle.run)
    with pytest.raises(BadInputError, match="adset list"):
        why.explain(house, account.id, "nowhere", cycles=1)


def test_a_change_is_explained_however_many_cycles_have_run_since(house, do, account):
    run = do(full_cycle.run)
    wish = _changes(house, run)[0]
    later = _later(house, run, state="succeeded", stats_snapshot={})
    found = why.explain(house, account.id, wish.object_id, cycles=1)
    assert [line.run.id for line in found.cycles] == [later, run.id]
    assert found.cycles[1].wanted[0].action.reason == wish.reason


def test_a_cycle_that_runs_is_not_said_to_have_wanted_nothing(house, do, account):
    run = do(full_cycle.run)
    _later(house, run, state="running", stats_snapshot={})
    found = why.explain(house, account.id, _changes(house, run)[0].object_id, cycles=1)
    assert found.cycles[0].note == "it has not ended yet"


def _later(house, run, **fields):
    """Plant a run like this one in the next slot but one."""
    by_run = (
        "INSERT INTO runs OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(r, CAST(:new AS jsonb))).*"
        " FROM runs r WHERE id = :id"
    )
    new = {"id": 10**6, "slot_at": (run.slot_at + timedelta(hours=1)).isoformat(), **fields}
    with house.engine.begin() as conn:
        conn.execute(text(by_run), {"new": json.dumps(new), "id": run.id})
    return 10**6


def test_what_people_changed_is_told_and_skipped_slots_hide_no_cycle(house, do, account):
    run = do(full_cycle.run)
    wish = _changes(house, run)[0]
    _later(house, run, state="skipped", reason="nothing ran")
    with house.engine.begin() as conn:
        asked = Proposal(
            kind=wish.kind, object_kind=wish.object_kind, object_id=wish.object_id, object_name=wish.object_name,
            expected_before=wish.expected_before, target=wish.target, rule="person", priority=Priority.PERSON,
            reason="the spring sale", evidence={},
        )  # fmt: skip
        proposed = door.propose(
            conn, account=account, run_id=None, now=run.slot_at, proposals=[asked], actor="os:anna"
        )  # fmt: skip
        (own,) = proposed.actions
    found = why.explain(house, account.id, wish.object_id, cycles=1)
    assert [(row.action.id, row.action.proposed_by) for row in found.outside] == [(own.id, "os:anna")]
    assert [line.run.id for line in found.cycles] == [run.id]
