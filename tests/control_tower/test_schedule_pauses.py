"""A held schedule plans no slot, until its time is over on the platform's own clock or a person lets it go on."""

from datetime import timedelta

import pytest

from control_tower import health
from control_tower.judging import Standing
from control_tower.planner import Planner
from domain.catalogue import RHYTHMS
from domain.health import ModuleStatus, RunState
from models import run_history, runs, schedule_pauses
from tests.control_tower.healthy import healthy_house

COLLECTOR, CYCLE = "meta.collector", "meta.full_cycle"
TWO = tuple(row for row in RHYTHMS if row.name in {COLLECTOR, CYCLE})


@pytest.fixture
def plan(engine, clock, doorbell):
    planner = Planner(engine=engine, rhythms=TWO, clock_of=lambda _account: clock, doorbell=doorbell)
    return lambda: sorted(run.task for run in planner.plan().runs)


@pytest.fixture
def hold(engine, account):
    def hold_one(task=CYCLE, until_at=None):
        with engine.begin() as conn:
            schedule_pauses.pause(conn, task, account.id, reason="audit", by="ana", until_at=until_at)

    return hold_one


def test_no_slot_of_a_held_schedule_is_planned_and_others_are(plan, hold):
    hold()
    assert plan() == [COLLECTOR]


def test_it_goes_on_by_itself_once_its_time_is_over_on_the_platform_s_clock(plan, hold, clock):
    hold(until_at=clock.at + timedelta(hours=2))
    clock.at += timedelta(minutes=119)
    assert plan() == [COLLECTOR]
    clock.at += timedelta(minutes=1)
    assert plan() == [CYCLE]


def test_let_go_the_newest_slot_is_planned_and_those_between_are_recorded_as_skipped(
    engine, account, plan, hold, clock
):
    assert plan() == [COLLECTOR, CYCLE]
    hold()
    clock.at += timedelta(hours=2)
    assert plan() == [COLLECTOR]
    with engine.begin() as conn:
        assert schedule_pauses.resume(conn, CYCLE, [account.id], by="ana") == 1
    assert plan() == [CYCLE]
    with engine.begin() as conn:
        states = [run.state for run in run_history.history(conn, task=CYCLE)]
    assert states == [RunState.PLANNED, *[RunState.SKIPPED] * 4]


def test_what_a_person_asks_for_is_planned_all_the_same(engine, account, hold, clock):
    hold()
    with engine.begin() as conn:
        run_id = runs.plan_asked(
            conn, task=CYCLE, account_id=account.id, mode=account.mode, level=account.level, now_at=clock.at,
            asked_by="ana",
        )  # fmt: skip
        hold_again = schedule_pauses.pause(conn, CYCLE, account.id, reason="more", by="leo", until_at=None)
        assert run_history.get(conn, run_id).state is RunState.PLANNED  # not given up with the slots
    assert hold_again.reason == "more"


def test_holding_twice_changes_the_reason_and_leaves_one_pause(engine, account, hold):
    hold()
    with engine.begin() as conn:
        schedule_pauses.pause(conn, CYCLE, account.id, reason="longer", by="leo", until_at=None)
        (held,) = schedule_pauses.listing(conn)
    assert (held.reason, held.paused_by) == ("longer", "leo")


def test_a_module_whose_schedules_a_person_holds_back_is_stopped_for_health_and_not_offline(engine, account, clock):
    house = healthy_house(engine, account, clock)
    with engine.begin() as conn:
        schedule_pauses.pause(
            conn, CYCLE, account.id, reason="audit", by="ana", until_at=clock.at + timedelta(days=2)
        )  # fmt: skip
    clock.at += timedelta(days=1)
    held = health.judged(house.sources).module(CYCLE)
    assert held.standing is Standing.STOPPED
    assert "ana: audit" in held.stopped_by

    clock.at += timedelta(days=1)  # its time is over: from here on it is judged by what it did
    assert health.judged(house.sources).module(CYCLE).status is ModuleStatus.OFFLINE
