"""Each due slot becomes one run, whoever plans; what passed unserved is written down, never run late."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest

from control_tower.planner import UNSERVED, Planner, in_order
from domain.catalogue import RHYTHMS, rhythm
from domain.health import RunState
from domain.modules import CatchUp
from models import accounts, fence, module_states, run_history
from models.module_states import Desired

CYCLE, COLLECTOR = "meta.full_cycle", "meta.collector"
TWO = tuple(row for row in RHYTHMS if row.name in {COLLECTOR, CYCLE})
DAILY = replace(rhythm(CYCLE), cycle=replace(rhythm(CYCLE).cycle, every=timedelta(hours=24), at=time(2, 30), after=()))


@pytest.fixture
def make_planner(engine, clock, doorbell):
    return lambda rhythms=TWO: Planner(
        engine=engine, rhythms=rhythms, clock_of=lambda _account: clock, doorbell=doorbell
    )


def _rows(engine, task=CYCLE):
    with engine.begin() as conn:
        return sorted(run_history.history(conn, task=task, limit=1000), key=lambda run: run.slot_at)


def test_the_first_time_planning_begins_at_the_current_slot(engine, account, make_planner, clock):
    make_planner().plan()

    (run,) = _rows(engine)
    assert run.slot_at == datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    assert run.now_at == clock.at  # the platform's clock, read once
    assert (run.mode, run.level, run.triggered_by) == (account.mode, account.level, "schedule")


def test_planners_at_once_make_one_run_per_slot(engine, account, make_planner, doorbell):
    planner = make_planner()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: planner.plan(), range(12)))

    assert [run.state for run in _rows(engine)] == [RunState.PLANNED]
    assert [task for task, _ in doorbell.runs] == [COLLECTOR]


def test_a_cycle_is_planned_behind_the_one_it_comes_after_which_rings_for_it(engine, account, make_planner, doorbell):
    make_planner().plan(CYCLE)

    assert [run.state for run in _rows(engine, COLLECTOR)] == [RunState.PLANNED]
    assert [task for task, _ in doorbell.runs] == [COLLECTOR]


def test_a_cycle_rings_itself_where_nothing_comes_before_it(engine, account, make_planner, doorbell):
    make_planner([rhythm(CYCLE)]).plan(CYCLE)

    assert [task for task, _ in doorbell.runs] == [CYCLE]


def test_slots_that_passed_unserved_are_recorded_and_only_the_latest_runs(engine, account, make_planner, clock):
    planner = make_planner([replace(rhythm(CYCLE), cycle=replace(rhythm(CYCLE).cycle, after=()))])
    planner.plan()
    clock.at += timedelta(hours=2)
    planner.plan()

    states = [(run.slot_at.hour, run.slot_at.minute, run.state) for run in _rows(engine)]
    assert states == [
        (10, 0, RunState.SKIPPED),  # nobody began it before the next
        (10, 30, RunState.SKIPPED),
        (11, 0, RunState.SKIPPED),
        (11, 30, RunState.SKIPPED),
        (12, 0, RunState.PLANNED),
    ]
    assert _rows(engine)[1].reason == UNSERVED


def test_a_cycle_that_catches_up_runs_every_slot(engine, account, make_planner, clock):
    every_slot = replace(rhythm(CYCLE), cycle=replace(rhythm(CYCLE).cycle, after=(), catch_up=CatchUp.ALL))
    planner = make_planner([every_slot])
    planner.plan()
    clock.at += timedelta(hours=1)
    planner.plan()

    assert [run.state for run in _rows(engine)] == [RunState.PLANNED] * 3


def test_a_year_of_missed_slots_is_recorded(engine, account, make_planner, clock):
    planner = make_planner([replace(rhythm(CYCLE), cycle=replace(rhythm(CYCLE).cycle, after=()))])
    planner.plan()
    clock.at += timedelta(days=365)
    planner.plan()

    with engine.begin() as conn:
        newest = run_history.last(conn, task=CYCLE)
    assert newest.state is RunState.PLANNED
    assert newest.slot_at == datetime(2027, 3, 1, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("around", "odd_hours"),
    [
        (datetime(2026, 3, 29, 12, 0, tzinfo=UTC), 23.0),  # Madrid skips 02:00-03:00 on the 29th
        (datetime(2026, 10, 25, 12, 0, tzinfo=UTC), 25.0),  # and has it twice on 25 October
    ],
)
def test_daily_slots_stand_at_the_account_s_own_hour_through_summer_time(  # noqa: PLR0917 - fixtures and cases
    engine, account, make_planner, clock, around, odd_hours
):
    planner = make_planner([DAILY])
    for day in range(-3, 3):
        clock.at = around + timedelta(days=day)
        planner.plan()

    slots = [run.slot_at for run in _rows(engine)]
    assert len(slots) == 6
    gaps = [(later - earlier) / timedelta(hours=1) for earlier, later in pairwise(slots)]
    assert sorted(gaps) == sorted([24.0] * 4 + [odd_hours])


def test_a_stopped_module_is_not_planned_and_its_slots_are_recorded_once_it_starts(
    engine, account, make_planner, clock
):
    planner = make_planner()
    planner.plan()
    _set(engine, Desired.STOPPED)
    clock.at += timedelta(hours=1)
    planner.plan()
    assert len(_rows(engine)) == 1

    _set(engine, Desired.RUNNING)
    clock.at += timedelta(hours=1)
    planner.plan()
    assert [run.state for run in _rows(engine)] == [RunState.SKIPPED] * 4 + [RunState.PLANNED]


def test_a_paused_account_and_a_closed_fence_are_not_planned(engine, open_account, make_planner):
    paused, fenced, free = open_account(1), open_account(2), open_account(3)
    with engine.begin() as conn:
        accounts.change(conn, paused.id, is_paused=True)
        fence.close(conn, fenced.id, reason="drill")
    make_planner().plan()

    assert {run.account_id for run in _rows(engine)} == {free.id}


def test_an_account_whose_clock_cannot_be_read_holds_up_nobody(engine, account, make_planner, clock, doorbell):
    clock.at = None

    planned = make_planner().plan()

    assert planned.unreachable == ("Shop 1",)
    assert (planned.runs, doorbell.runs) == ((), [])


def test_cycles_are_planned_in_the_catalogue_s_order():
    assert [row.name for row in in_order(tuple(reversed(TWO)))] == [COLLECTOR, CYCLE]
    assert [row.name for row in in_order(RHYTHMS, COLLECTOR)] == [COLLECTOR]


def _set(engine, desired):
    with engine.begin() as conn:
        module_states.set_desired(conn, ["meta.full_cycle"], desired, reason="test", changed_by="ana")
