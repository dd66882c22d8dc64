"""The checks of a simulation can fail: each is shown a platform's log in which its promise is broken."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from domain.catalogue import rhythm
from workers.simulation_checks import expected_slots, longest_go
from workers.simulation_memory import slopes
from workers.simulation_replay import (
    Caps,
    Effect,
    Standing,
    broken_caps,
    hasty_changes,
    silent_overwrites,
    wide_steps,
)
from workers.simulation_troubles import is_spoilt

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def budget(before, after, *, at=NOON, action=1, ad_set="7"):
    return Effect(at=at, account_id="1", object_id=ad_set, action=action, budget=(before, after))


@pytest.mark.parametrize(("after", "is_wide"), [(1200, False), (1201, True), (800, False), (799, True)])
def test_a_step_over_a_fifth_is_named(after, is_wide):
    assert bool(list(wide_steps([budget(1000, after)]))) is is_wide


def test_a_person_s_step_is_not_ours_to_answer_for():
    assert list(wide_steps([budget(1000, 5000, action=None)])) == []


def test_a_step_over_an_edit_of_the_last_moment_is_judged_by_what_it_stepped_from():
    """A person made 1000 to 1080 between our reading and our write of 800: a step of 20 %, and it is flagged."""
    assert list(wide_steps([budget(1080, 800)]))
    assert list(wide_steps([budget(1080, 800)], {1: 1000})) == []
    assert list(wide_steps([budget(1080, 799)], {1: 1000}))


@pytest.mark.parametrize(
    ("held", "flagged", "until", "is_silent"),
    [
        ({"daily_budget_minor": 1000}, set(), NOON + HOUR, True),
        ({"daily_budget_minor": 1080}, set(), NOON + HOUR, False),  # it knew
        ({"daily_budget_minor": 1000}, {1}, NOON + HOUR, False),  # and is on record
        ({"daily_budget_minor": 1000}, set(), NOON, False),  # nobody has read the history since
    ],
)
def test_what_went_over_a_person_s_value_and_is_not_on_record_is_named(held, flagged, until, is_silent):
    assert bool(list(silent_overwrites([budget(1080, 800)], {1: held}, flagged, until))) is is_silent


def test_what_went_over_a_person_s_switch_is_named():
    effect = Effect(at=NOON, account_id="1", object_id="7", action=1, is_on=(False, True))
    assert list(silent_overwrites([effect], {1: {"status": "active"}}, set(), NOON + HOUR))
    assert list(silent_overwrites([effect], {1: {"status": "paused"}}, set(), NOON + HOUR)) == []


@pytest.mark.parametrize(
    ("state", "errors", "is_theirs"),
    [
        ("failed", ["NeedsPersonError"], True),
        ("partial", ["TransientError", "ThrottledError"], True),
        ("failed", ["TransientError", "KeyError"], False),
        ("failed", [], False),
        ("stopped", ["TransientError"], False),
    ],
)
def test_only_the_platform_s_own_errors_spoil_a_run(state, errors, is_theirs):
    assert is_spoilt(SimpleNamespace(state=state, errors=[{"error": name} for name in errors])) is is_theirs


@pytest.mark.parametrize(("name", "is_theirs"), [("ThrottledError", True), ("TransientError", False)])
def test_a_platform_without_faults_spoils_a_run_by_its_limits_alone(name, is_theirs):
    assert is_spoilt(SimpleNamespace(state="partial", errors=[{"error": name}]), is_well=True) is is_theirs


@pytest.mark.parametrize(
    ("hours", "learning", "is_hasty"), [(23, False, True), (24, False, False), (71, True, True), (72, True, False)]
)
def test_a_change_before_its_rest_is_named(hours, learning, is_hasty):
    effects = [budget(1000, 1100), budget(1100, 1200, at=NOON + hours * HOUR, action=2)]
    stages = {"7": [(NOON - HOUR, learning)]}
    assert bool(list(hasty_changes(effects, stages))) is is_hasty


def test_a_raise_over_a_cap_is_named():
    standing = [
        Standing(id="1", name="C", parent=None, budget=None, is_on=True),
        Standing(id="7", name="A", parent="1", budget=1200, is_on=True),
    ]
    over, under = Caps(per_ad_set=1199, total=None), Caps(per_ad_set=1200, total=1200)
    assert list(broken_caps([budget(1000, 1200)], standing, over))
    assert list(broken_caps([budget(1000, 1200)], standing, Caps(per_ad_set=None, total=1199)))
    assert list(broken_caps([budget(1000, 1200)], standing, under)) == []


def memory(mb_per_sample):
    step = int(mb_per_sample * 1024 * 1024)
    return [
        {
            "at": (NOON + n * HOUR).isoformat(),
            "go": 1,
            "own": {"worker": 10**8 + n * step},
            "rss": {"worker": 2 * 10**8},
        }
        for n in range(60)
    ]


def test_a_process_that_grows_without_end_is_not_flat():
    (growing,) = slopes(memory(1.0))
    (steady,) = slopes(memory(0.0))
    assert not growing.is_flat
    assert steady.is_flat


def test_after_a_resume_processes_are_judged_by_their_longest_go():
    """Each go has new processes: a line through two of them would tell of neither."""
    notes = [{"go": 1, "n": 1}, {"go": 1, "n": 2}, {"go": 2, "n": 3}, {"go": 2, "n": 4}, {"go": 2, "n": 5}, {"go": 3}]
    assert [note["n"] for note in longest_go(notes)] == [3, 4, 5]
    assert longest_go([]) == ()


@pytest.mark.parametrize("zone", ["Europe/Madrid", "America/New_York", "Australia/Sydney"])
def test_daily_slots_stand_at_four_local_across_both_clock_changes(zone):
    """A year has 365 of them; two of the days between are 23 and 25 hours long."""
    row = rhythm("meta.collector")
    daily = replace(row, cycle=replace(row.cycle, every=timedelta(hours=24)))
    slots = expected_slots(daily, zone, datetime(2026, 1, 1, 23, tzinfo=UTC), datetime(2027, 1, 1, 23, tzinfo=UTC))
    assert {slot.astimezone(ZoneInfo(zone)).hour for slot in slots} == {4}
    gaps = {after - before for before, after in pairwise(slots)}
    assert gaps == {timedelta(hours=23), timedelta(hours=24), timedelta(hours=25)}
