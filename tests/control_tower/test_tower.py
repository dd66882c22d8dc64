"""The tower makes the world equal to the desired state, rings what waits, and outlives outages. One leads."""

from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from control_tower.leadership import Leadership
from control_tower.loop import CROWDED, Rhythms, Tower
from control_tower.planner import Planner
from control_tower.standins import ObedientSwitchboard
from domain.catalogue import RHYTHMS
from domain.ids import ActionId
from models import heartbeats, module_states
from models.engine import make_engine
from models.heartbeats import ProcessKind
from models.module_states import Desired

CYCLE, COLLECTOR, ACTIONS = "meta.full_cycle", "meta.collector", "meta.actions"
SWEEP = "meta.orphan_sweep"
TWO = tuple(row for row in RHYTHMS if row.name in {COLLECTOR, CYCLE})


@pytest.fixture
def switchboard():
    return ObedientSwitchboard(
        workers={"cycles@a": {COLLECTOR, CYCLE, SWEEP}, "actions@a": {ACTIONS}, "stranger@a": {"x"}}
    )


@pytest.fixture
def make_tower(engine, clock, doorbell, switchboard):
    made = []

    def make(name="tower@a:1", due_actions=(), rest=lambda _s: True, of=engine, expire=lambda _conn: 0):
        tower = Tower(
            engine=of,
            doorbell=doorbell,
            switchboard=switchboard,
            planner=Planner(engine=of, rhythms=TWO, clock_of=lambda _a: clock, doorbell=doorbell),
            due_actions=lambda _conn, _limit: due_actions,
            expire=expire,
            name=name,
            rest=rest,
            now_s=lambda: 0.0,
            rhythms=Rhythms(),
        )
        made.append(tower)
        return tower

    yield make
    for tower in made:
        tower.resign()


def _stop(engine, pair):
    with engine.begin() as conn:
        module_states.set_desired(conn, [pair], Desired.STOPPED, reason="drill", changed_by="ana")


def test_a_stopped_module_s_queue_is_taken_from_every_worker(engine, make_tower, switchboard):
    switchboard.workers["cycles-2@b"] = {COLLECTOR, CYCLE, SWEEP}
    _stop(engine, "meta.full_cycle")
    make_tower().round()

    assert switchboard.workers["cycles@a"] == {COLLECTOR, SWEEP}
    assert switchboard.workers["cycles-2@b"] == {COLLECTOR, SWEEP}


def test_a_started_module_s_queue_is_given_back(engine, make_tower, switchboard):
    switchboard.workers["cycles@a"] = set()
    make_tower().round()

    assert switchboard.workers["cycles@a"] == {COLLECTOR, CYCLE, SWEEP}


def test_drift_is_undone_and_strangers_are_left_alone(make_tower, switchboard):
    switchboard.workers["actions@a"] = set()  # somebody clicked in Flower
    make_tower().round()

    assert switchboard.workers["actions@a"] == {ACTIONS}
    assert switchboard.workers["stranger@a"] == {"x"}


def test_a_worker_that_does_not_obey_is_not_taken_for_obedient(engine, make_tower, switchboard):
    switchboard.deaf.add("cycles@a")
    _stop(engine, "meta.full_cycle")

    assert make_tower().reconcile(frozenset({"meta.full_cycle"})) is False


def test_missed_slots_are_planned_without_beat(account, make_tower, doorbell):
    make_tower().round()

    assert [task for task, _ in doorbell.runs] == [COLLECTOR]


def test_runs_whose_message_was_lost_are_rung_again(engine, account, make_tower, doorbell):
    make_tower().round()
    doorbell.runs.clear()
    with engine.begin() as conn:
        conn.execute(text("UPDATE runs SET ring_at = now() - interval '1 second'"))
    make_tower("tower@a:2").ring_due(frozenset())

    assert sorted(task for task, _ in doorbell.runs) == [COLLECTOR, CYCLE]


def test_runs_of_a_stopped_module_are_not_rung(engine, account, make_tower, doorbell):
    tower = make_tower()
    tower.round()
    doorbell.runs.clear()
    with engine.begin() as conn:
        conn.execute(text("UPDATE runs SET ring_at = now() - interval '1 second'"))
    tower.ring_due(frozenset({"meta.full_cycle"}))

    assert [task for task, _ in doorbell.runs] == [COLLECTOR]


def test_actions_that_wait_are_rung(make_tower, doorbell):
    make_tower(due_actions=[(ActionId(7), "meta", "account act_1 · pause ad 3")]).ring_due(frozenset())

    assert doorbell.actions == [(ACTIONS, ActionId(7))]


def test_what_nobody_answers_is_ended_by_the_tower_that_leads(make_tower):
    asked = []
    make_tower(expire=lambda conn: asked.append(conn) or 1).round()

    assert len(asked) == 1


def test_a_queue_whose_workers_are_behind_is_not_rung_fuller(make_tower, doorbell, switchboard):
    switchboard.lengths[ACTIONS] = CROWDED
    make_tower(due_actions=[(ActionId(7), "meta", "")]).ring_due(frozenset())

    assert doorbell.actions == []


def test_of_two_towers_one_leads_until_it_ends(make_tower):
    first, second = make_tower("tower@a:1"), make_tower("tower@b:1")

    assert first.round() is True
    assert second.round() is False
    first.resign()
    assert second.round() is True


def test_every_tower_gives_signs_of_life(engine, make_tower):
    make_tower("tower@a:1").round()
    make_tower("tower@b:1").round()

    with engine.begin() as conn:
        signs = heartbeats.listing(conn, ProcessKind.TOWER)
    assert {(sign.process, sign.detail["leads"]) for sign in signs} == {("tower@a:1", True), ("tower@b:1", False)}


def test_a_leader_whose_session_was_cut_leads_no_more_and_takes_the_lead_again(database_url, engine):
    own = make_engine(database_url)
    leadership = Leadership(own)
    assert leadership.is_held()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        conn.execute(text(cut))

    with pytest.raises(SQLAlchemyError):
        leadership.is_held()
    assert leadership.is_held()
    leadership.release()
    own.dispose()


def test_the_tower_goes_on_after_postgres_was_away(make_tower, switchboard):
    away = make_engine("postgresql://nobody@127.0.0.1:9/none")
    pauses = []

    def rest(pause_s):
        pauses.append(pause_s)
        return len(pauses) == 3

    with suppress(SQLAlchemyError):
        make_tower(of=away, rest=rest).run()

    assert pauses == [10.0, 20.0, 30.0]  # twice as long each time, up to half a minute
