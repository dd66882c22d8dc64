"""The tower makes the world equal to the desired state, rings what waits, and outlives outages. One leads."""

from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from control_tower.leadership import Leadership
from control_tower.loop import Duty, Tower
from control_tower.planner import Planner
from control_tower.standins import ObedientSwitchboard
from control_tower.upkeep import CROWDED, Upkeep
from domain import catalogue
from domain.catalogue import RHYTHMS
from domain.ids import ActionId
from domain.modules import Lane
from models import heartbeats, module_states
from models.engine import make_engine
from models.heartbeats import ProcessKind
from models.module_states import Desired

CYCLE, COLLECTOR, ACTIONS = "meta.full_cycle", "meta.collector", "meta.actions"
CYCLES = set(catalogue.queues(Lane.CYCLES))
TWO = tuple(row for row in RHYTHMS if row.name in {COLLECTOR, CYCLE})


@pytest.fixture
def switchboard():
    return ObedientSwitchboard(workers={"cycles@a": set(CYCLES), "actions@a": {ACTIONS}, "stranger@a": {"x"}})


@pytest.fixture
def make_upkeep(engine, clock, doorbell, switchboard):
    def make(due_actions=(), of=engine, expire=lambda _conn: 0):
        return Upkeep(
            engine=of,
            doorbell=doorbell,
            switchboard=switchboard,
            planner=Planner(engine=of, rhythms=TWO, clock_of=lambda _a: clock, doorbell=doorbell),
            due_actions=lambda _conn, _limit: due_actions,
            expire=expire,
        )

    return make


@pytest.fixture
def make_tower(engine):
    made = []

    def make(*duties, name="tower@a:1", rest=lambda _s: True, of=engine, now_s=lambda: 0.0):
        rows = [Duty(name=str(number), every_s=every_s, do=do) for number, (every_s, do) in enumerate(duties)]
        tower = Tower(engine=of, duties=rows, name=name, rest=rest, now_s=now_s)
        made.append(tower)
        return tower

    yield make
    for tower in made:
        tower.resign()


def _stop(engine, pair):
    with engine.begin() as conn:
        module_states.set_desired(conn, [pair], Desired.STOPPED, reason="drill", changed_by="ana")


def test_a_stopped_module_s_queue_is_taken_from_every_worker(engine, make_upkeep, switchboard):
    switchboard.workers["cycles-2@b"] = set(CYCLES)
    _stop(engine, "meta.full_cycle")
    make_upkeep().reconcile()

    assert switchboard.workers["cycles@a"] == CYCLES - {CYCLE}
    assert switchboard.workers["cycles-2@b"] == CYCLES - {CYCLE}


def test_a_started_module_s_queue_is_given_back(engine, make_upkeep, switchboard):
    switchboard.workers["cycles@a"] = set()
    make_upkeep().reconcile()

    assert switchboard.workers["cycles@a"] == set(CYCLES)


def test_drift_is_undone_and_strangers_are_left_alone(make_upkeep, switchboard):
    switchboard.workers["actions@a"] = set()  # somebody clicked in Flower
    make_upkeep().reconcile()

    assert switchboard.workers["actions@a"] == {ACTIONS}
    assert switchboard.workers["stranger@a"] == {"x"}


def test_a_worker_that_does_not_obey_is_not_taken_for_obedient(engine, make_upkeep, switchboard):
    switchboard.deaf.add("cycles@a")
    _stop(engine, "meta.full_cycle")

    assert make_upkeep().reconcile() is False


def test_missed_slots_are_planned_without_beat(account, make_upkeep, doorbell):
    make_upkeep().plan_missed()

    assert [task for task, _ in doorbell.runs] == [COLLECTOR]


def test_runs_whose_message_was_lost_are_rung_again(engine, account, make_upkeep, doorbell):
    make_upkeep().plan_missed()
    doorbell.runs.clear()
    with engine.begin() as conn:
        conn.execute(text("UPDATE runs SET ring_at = now() - interval '1 second'"))
    make_upkeep().ring_due()

    assert sorted(task for task, _ in doorbell.runs) == [COLLECTOR, CYCLE]


def test_runs_of_a_stopped_module_are_not_rung(engine, account, make_upkeep, doorbell):
    keep = make_upkeep()
    keep.plan_missed()
    doorbell.runs.clear()
    _stop(engine, "meta.full_cycle")
    with engine.begin() as conn:
        conn.execute(text("UPDATE runs SET ring_at = now() - interval '1 second'"))
    keep.ring_due()

    assert [task for task, _ in doorbell.runs] == [COLLECTOR]


def test_actions_that_wait_are_rung(make_upkeep, doorbell):
    make_upkeep(due_actions=[(ActionId(7), "meta", "account act_1 · pause ad 3")]).ring_due()

    assert doorbell.actions == [(ACTIONS, ActionId(7))]


def test_what_nobody_answers_is_ended(make_upkeep):
    asked = []
    make_upkeep(expire=lambda conn: asked.append(conn) or 1).end_unanswered()

    assert len(asked) == 1


def test_runs_are_forgotten_after_30_days_and_recoveries_after_90_but_none_that_is_open(engine, account, make_upkeep):
    make_upkeep().plan_missed()
    with engine.begin() as conn:
        old, young = conn.execute(text("SELECT id FROM runs ORDER BY id")).scalars()
        conn.execute(
            text(f"UPDATE runs SET state = 'failed', finished_at = now() - interval '31 days' WHERE id = {old}")
        )
        conn.execute(text(f"UPDATE runs SET created_at = now() - interval '31 days' WHERE id = {young}"))
        for days in (89, 91, None):
            ended = "NULL" if days is None else f"now() - interval '{days} days'"
            told = "'module_offline', 'alert_admin', 'meta.full_cycle', 1, 'escalated', ''"
            conn.execute(
                text(
                    "INSERT INTO recoveries (trigger, action, target, confidence, state, reason, begun_at, ended_at)"
                    f" VALUES ({told}, now() - interval '100 days', {ended})"
                )
            )
    make_upkeep().forget_old()

    with engine.begin() as conn:
        assert conn.execute(text("SELECT id FROM runs")).scalars().all() == [young]
        assert conn.execute(text("SELECT count(*) FROM recoveries")).scalar_one() == 2


def test_a_queue_whose_workers_are_behind_is_not_rung_fuller(make_upkeep, doorbell, switchboard):
    switchboard.lengths[ACTIONS] = CROWDED
    make_upkeep(due_actions=[(ActionId(7), "meta", "")]).ring_due()

    assert doorbell.actions == []


def test_of_two_towers_one_leads_until_it_ends(make_tower):
    first, second = make_tower(name="tower@a:1"), make_tower(name="tower@b:1")

    assert first.round() is True
    assert second.round() is False
    first.resign()
    assert second.round() is True


def test_a_duty_is_done_in_its_rhythm_and_only_by_the_tower_that_leads(make_tower):
    done, clock = [], [0.0]
    first = make_tower((10.0, lambda: done.append("a")), now_s=lambda: clock[0])
    second = make_tower((0.0, lambda: done.append("b")), name="tower@b:1")

    for at_s in (0.0, 9.9, 10.0):
        clock[0] = at_s
        first.round()
        second.round()

    assert done == ["a", "a"]


def test_a_duty_that_fails_keeps_no_other_from_being_done_and_is_told_in_the_sign_of_life(engine, make_tower):
    done = []
    tower = make_tower((0.0, lambda: 1 / 0), (0.0, lambda: done.append("b")))

    tower.round()
    tower.round()

    assert done == ["b", "b"]
    with engine.begin() as conn:
        assert heartbeats.listing(conn, ProcessKind.TOWER)[0].detail["failing"] == {"0": "ZeroDivisionError"}


def test_a_statement_that_postgres_refuses_is_the_duty_s_fault_and_no_outage(engine, make_tower):
    done = []

    def refused():
        with engine.begin() as conn:
            conn.execute(text("SELECT nothing FROM nowhere"))

    tower = make_tower((0.0, refused), (0.0, lambda: done.append("b")))

    tower.round()
    tower.round()

    assert done == ["b", "b"]
    with engine.begin() as conn:
        assert heartbeats.listing(conn, ProcessKind.TOWER)[0].detail["failing"] == {"0": "ProgrammingError"}


def test_a_tower_tells_for_how_long_it_watches_and_begins_anew_after_a_break(engine, make_tower):
    clock, told = [100.0], []
    tower = make_tower(now_s=lambda: clock[0])
    for at_s in (100.0, 105.0, 125.0, 146.0, 150.0):  # between the last but one and what came before lies an outage
        clock[0] = at_s
        tower.round()
        with engine.begin() as conn:
            told.append(heartbeats.listing(conn, ProcessKind.TOWER)[0].detail["watching_s"])

    assert told == [0.0, 5.0, 25.0, 0.0, 4.0]


def test_every_tower_gives_signs_of_life(engine, make_tower):
    make_tower(name="tower@a:1").round()
    make_tower(name="tower@b:1").round()

    with engine.begin() as conn:
        signs = heartbeats.listing(conn, ProcessKind.TOWER)
    assert {(sign.process, sign.detail["leads"]) for sign in signs} == {("tower@a:1", True), ("tower@b:1", False)}


def test_a_leader_whose_session_was_cut_leads_no_more_and_takes_the_lead_again(database_url, engine):
    own = make_engine(database_url)
    leadership = Leadership(own)
    assert leadership.is_held()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        cut = "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND granted"
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
