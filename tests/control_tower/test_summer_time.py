"""Planning through both changes of the clock, in three zones: stepped from slot to slot, as a simulation does it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from control_tower.planner import UNSERVED, Planner
from domain.catalogue import rhythm
from domain.health import RunState
from domain.slots import next_slot
from models import run_history, runs
from models.runs import Refusal

HOUR = timedelta(hours=1)
COLLECTOR = rhythm("meta.collector")


def _cycle(name, hours, *after):
    return replace(COLLECTOR, cycle=replace(COLLECTOR.cycle, name=name, every=hours * HOUR, after=after))


TWICE, DAILY, LAST = _cycle("twice", 12, "collector"), _cycle("daily", 24, "twice"), _cycle("last", 24, "daily")
RHYTHMS = (LAST, DAILY, TWICE, COLLECTOR)  # the wrong way round: the planner puts them in order

CHANGES = [
    # zone, the day of the change, hours that this day has
    ("Europe/Madrid", (2026, 3, 29), 23),
    ("Europe/Madrid", (2026, 10, 25), 25),
    ("America/New_York", (2026, 3, 8), 23),
    ("America/New_York", (2026, 11, 1), 25),
    ("Australia/Sydney", (2026, 10, 4), 23),
    ("Australia/Sydney", (2026, 4, 5), 25),
]


@pytest.fixture
def house(engine, open_account, clock, doorbell):
    return lambda zone: (
        open_account(zone=zone),
        Planner(engine=engine, rhythms=RHYTHMS, clock_of=lambda _account: clock, doorbell=doorbell),
    )


def _at(zone, day, hour, *, days=0):
    """The instant at which that hour stands on the wall, so many days later."""
    return (datetime(*day, hour, tzinfo=ZoneInfo(zone)) + timedelta(days=days)).astimezone(UTC)


def _rows(engine, task):
    with engine.begin() as conn:
        return sorted(run_history.history(conn, task=task, limit=1000), key=lambda run: run.slot_at)


def _end(engine, run_id, task):
    """Serve a run as a worker would; says why not, if it must wait."""
    before = {"meta.collector": (), "meta.twice": ("meta.collector",), "meta.daily": ("meta.twice",)}
    with engine.begin() as conn:
        claimed = runs.claim(conn, run_id, "worker", after=before.get(task, ("meta.daily",)))
        if not isinstance(claimed, Refusal):
            runs.finish(conn, run_id, "worker", state=RunState.SUCCEEDED)
        return claimed


def _step_through(engine, clock, planner, zone, end):
    for _ in range(1000):
        for run in planner.plan().runs:
            assert not isinstance(_end(engine, run.id, run.task), Refusal)
        following = min(next_slot(row.cycle, zone, clock.at) for row in RHYTHMS)
        if following > end:
            return
        clock.at = following
    pytest.fail("a window of three days has fewer slots")


@pytest.mark.parametrize(("zone", "day", "hours"), CHANGES)
def test_every_slot_runs_once_and_the_day_has_the_hours_of_its_zone(  # noqa: PLR0917 - fixtures and cases
    engine, house, clock, zone, day, hours
):
    """From the day before, 04:00, to the day after, 16:00: daily slots at 04:00 of the account, 12-hourly at 16:00 too,
    half-hourly ones on UTC's grid, whatever the wall says."""
    _account, planner = house(zone)
    begin, end = _at(zone, day, 4, days=-1), _at(zone, day, 16, days=1)
    clock.at = begin
    _step_through(engine, clock, planner, zone, end)

    daily = [run.slot_at for run in _rows(engine, "meta.daily")]
    assert [slot.astimezone(ZoneInfo(zone)).hour for slot in daily] == [4, 4, 4]
    assert sorted((after - before) / HOUR for before, after in pairwise(daily)) == sorted([24.0, float(hours)])
    twice = [run.slot_at.astimezone(ZoneInfo(zone)).hour for run in _rows(engine, "meta.twice")]
    assert twice == [4, 16, 4, 16, 4, 16]
    collected = [run.slot_at for run in _rows(engine, "meta.collector")]
    assert {after - before for before, after in pairwise(collected)} == {HOUR / 2}
    assert len(collected) == (end - begin) / (HOUR / 2) + 1
    for task in ("meta.collector", "meta.twice", "meta.daily", "meta.last"):
        assert {run.state for run in _rows(engine, task)} == {RunState.SUCCEEDED}


@pytest.mark.parametrize(("zone", "day", "_hours"), CHANGES)
def test_at_the_shared_slot_each_waits_for_the_one_before_it(  # noqa: PLR0917 - fixtures and cases
    engine, house, clock, doorbell, zone, day, _hours
):
    _account, planner = house(zone)
    clock.at = _at(zone, day, 4)
    planned = {run.task: run for run in planner.plan().runs}

    assert list(planned) == ["meta.collector", "meta.twice", "meta.daily", "meta.last"]
    assert [task for task, _ in doorbell.runs] == ["meta.collector"]  # the others are rung for by those that end
    assert {run.slot_at for task in planned for run in _rows(engine, task)} == {clock.at}
    for task in ("meta.last", "meta.daily", "meta.twice"):
        assert _end(engine, planned[task].id, task) is Refusal.WAITING
    for task, run in planned.items():
        assert not isinstance(_end(engine, run.id, task), Refusal)


@pytest.mark.parametrize(("zone", "day", "hours"), CHANGES)
def test_after_a_night_of_silence_only_the_latest_slot_runs(  # noqa: PLR0917 - fixtures and cases
    engine, house, clock, zone, day, hours
):
    """Nothing ran from 05:00 on the day before the change to 05:00 on the day itself: what passed is written down."""
    _account, planner = house(zone)
    clock.at = _at(zone, day, 5, days=-1)
    for run in planner.plan().runs:
        _end(engine, run.id, run.task)
    clock.at = _at(zone, day, 5)
    assert len(planner.plan().runs) == 4

    skipped = {task: [run for run in _rows(engine, task) if run.state is RunState.SKIPPED] for task in (
        "meta.collector", "meta.twice", "meta.daily")}  # fmt: skip
    assert len(skipped["meta.collector"]) == 2 * hours - 1
    assert [run.slot_at.astimezone(ZoneInfo(zone)).hour for run in skipped["meta.twice"]] == [16]
    assert skipped["meta.daily"] == []
    assert {run.reason for rows in skipped.values() for run in rows} == {UNSERVED}
    for task, slot in (
        ("meta.collector", clock.at),
        ("meta.daily", _at(zone, day, 4)),
        ("meta.twice", _at(zone, day, 4)),
    ):
        assert [run.slot_at for run in _rows(engine, task) if run.state is RunState.PLANNED] == [slot]
