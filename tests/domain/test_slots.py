"""Slots: the UTC grid for short cadences, the account's wall clock for 12 h and 24 h, both changes of the clock."""

import itertools
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.modules import Cycle
from domain.slots import due_slots, latest_slot, next_slot

HOUR = timedelta(hours=1)
DAILY = Cycle(name="daily", every=24 * HOUR)
TWICE = Cycle(name="twice", every=12 * HOUR)
HALF_HOURLY = Cycle(name="half_hourly", every=HOUR / 2)
MOMENT = timedelta(microseconds=1)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_short_cadences_stand_on_the_grid_of_utc():
    now = utc(2026, 3, 10, 12, 44, 59)
    assert latest_slot(HALF_HOURLY, "Asia/Kolkata", now) == utc(2026, 3, 10, 12, 30)
    assert next_slot(HALF_HOURLY, "Asia/Kolkata", now) == utc(2026, 3, 10, 13)
    assert latest_slot(HALF_HOURLY, "UTC", utc(2026, 3, 10, 12, 30)) == utc(2026, 3, 10, 12, 30)


CHANGES = [
    # zone, day before the change, hours between its 04:00 and the next 04:00
    ("Europe/Berlin", (2026, 3, 28), 23),  # 29 March, 02:00 → 03:00
    ("Europe/Berlin", (2026, 10, 24), 25),
    ("America/New_York", (2026, 3, 7), 23),
    ("America/New_York", (2026, 10, 31), 25),
    ("Australia/Lord_Howe", (2026, 10, 3), 23.5),  # changes by half an hour
    ("Australia/Lord_Howe", (2026, 4, 4), 24.5),
    ("Asia/Tokyo", (2026, 3, 28), 24),  # never changes
]


@pytest.mark.parametrize(("zone", "day", "hours"), CHANGES)
def test_a_day_has_as_many_hours_as_the_accounts_zone_gives_it(zone, day, hours):
    before = datetime(*day, 4, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    after = next_slot(DAILY, zone, before)
    assert after - before == hours * HOUR
    assert after.astimezone(ZoneInfo(zone)).time() == time(4)
    assert latest_slot(DAILY, zone, after - MOMENT) == before
    assert due_slots(DAILY, zone, before, after) == (after,)


def test_twelve_hour_slots_stand_at_four_and_sixteen_also_on_the_day_of_the_change():
    since = datetime(2026, 3, 28, 4, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    slots = due_slots(TWICE, "Europe/Berlin", since, since + 48 * HOUR)
    walls = [slot.astimezone(ZoneInfo("Europe/Berlin")).strftime("%d %H") for slot in slots]
    assert walls == ["28 16", "29 04", "29 16", "30 04"]
    assert slots[1] - slots[0] == 11 * HOUR


def test_a_wall_time_that_the_spring_skips_still_has_one_slot_that_day():
    cycle = Cycle(name="skipped", every=24 * HOUR, at=time(2, 30))
    slots = due_slots(cycle, "Europe/Berlin", utc(2026, 3, 28, 12), utc(2026, 3, 30, 12))
    assert slots == (utc(2026, 3, 29, 1, 30), utc(2026, 3, 30, 0, 30))


def test_a_wall_time_that_the_autumn_repeats_has_one_slot_that_day():
    cycle = Cycle(name="repeated", every=24 * HOUR, at=time(2, 30))
    slots = due_slots(cycle, "Europe/Berlin", utc(2026, 10, 24, 12), utc(2026, 10, 26, 12))
    assert slots == (utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30))


def test_a_slot_belongs_to_its_own_instant():
    """At 04:00 sharp the slot is due; a moment before it is the next one."""
    slot = utc(2026, 3, 10, 3)  # 04:00 in Berlin
    assert latest_slot(DAILY, "Europe/Berlin", slot) == slot
    assert next_slot(DAILY, "Europe/Berlin", slot - MOMENT) == slot
    assert next_slot(DAILY, "Europe/Berlin", slot) == slot + 24 * HOUR


def test_a_naive_instant_is_refused_since_its_zone_would_be_a_guess():
    with pytest.raises(ValueError, match="must be an aware instant"):
        latest_slot(DAILY, "UTC", datetime(2026, 3, 10))  # noqa: DTZ001 - the point of the test


def test_slots_long_missed_are_bounded_and_the_newest_are_kept():
    now = utc(2026, 3, 10)
    slots = due_slots(HALF_HOURLY, "UTC", utc(2020, 1, 1), now)
    assert (len(slots), slots[-1]) == (10_000, now)


CYCLES = st.builds(
    Cycle,
    name=st.just("any"),
    every=st.sampled_from([timedelta(minutes=5), HOUR / 2, HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR]),
    at=st.times().map(lambda wall: wall.replace(microsecond=0)),
)
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati"]
)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - a bound


@given(CYCLES, ZONES, INSTANTS)
@settings(max_examples=300, deadline=None)
def test_every_instant_stands_between_its_slots(cycle, zone, now):
    latest, following = latest_slot(cycle, zone, now), next_slot(cycle, zone, now)
    assert latest <= now < following
    assert latest_slot(cycle, zone, following) == following
    assert next_slot(cycle, zone, latest) == following


@given(CYCLES, ZONES, INSTANTS, st.integers(0, 72))
@settings(max_examples=100, deadline=None)
def test_due_slots_rise_strictly_lie_in_the_span_and_leave_none_out(cycle, zone, since, hours):
    now = since + hours * HOUR
    slots = due_slots(cycle, zone, since, now)
    assert all(one < other for one, other in itertools.pairwise(slots))
    assert all(since < slot <= now for slot in slots)
    walked, slot = [], next_slot(cycle, zone, since)
    while slot <= now and len(walked) < 1000:
        walked.append(slot)
        slot = next_slot(cycle, zone, slot)
    assert tuple(walked) == slots
