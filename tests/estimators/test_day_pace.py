"""How much of a day is over, and where it will end."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInputError
from domain.live import HourGrid
from estimators.day_pace import (
    OVERSPEND,
    DayProfile,
    elapsed_share,
    pace_objects,
    profile_of,
    project_day,
)

MADRID = "Europe/Madrid"
EVEN = DayProfile(share=np.full(24, 1 / 24), day_minor=24_000.0, cv=0.25, dispersion=100.0, days=28)
TODAY = date(2026, 3, 20)


def grid_of(spend):
    spend = np.asarray(spend, float)
    zeros = np.zeros_like(spend)
    known = (spend.sum(axis=1) > 0).astype(float)
    first = TODAY - timedelta(days=len(spend) - 1)
    return HourGrid(first_on=first, is_known=known, spend_minor=spend, impressions=zeros, clicks=zeros, purchases=zeros)


def at(day, hour, zone=MADRID):
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_an_even_day_is_half_over_at_noon():
    assert elapsed_share(EVEN, zone=MADRID, day=TODAY, as_of=at(TODAY, 12)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("day", "share"),
    [
        (date(2026, 3, 29), 11 / 23),  # 2:00 is skipped: by noon 11 of 23 hours are over
        (date(2026, 10, 25), 13 / 25),  # 2:00 comes twice
        (date(2026, 3, 28), 12 / 24),
    ],
)
def test_days_of_23_and_25_hours_are_measured_in_real_time(day, share):
    assert elapsed_share(EVEN, zone=MADRID, day=day, as_of=at(day, 12)) == pytest.approx(share)


def test_before_its_beginning_nothing_of_a_day_is_over_and_after_its_end_all_of_it():
    shares = [elapsed_share(EVEN, zone=MADRID, day=TODAY, as_of=at(TODAY, 0) + timedelta(hours=h)) for h in (-3, 0, 30)]
    assert shares == [0.0, 0.0, 1.0]


def test_the_profile_is_the_account_s_own():
    hours = np.zeros(24)
    hours[20:] = 1_000.0
    profile = profile_of(grid_of([hours] * 28 + [np.zeros(24)]), today=TODAY)

    assert profile.share.sum() == pytest.approx(1.0)
    assert profile.share[20:].sum() > 0.9
    assert profile.day_minor == 4_000.0
    assert profile.days == 28


def test_today_and_days_without_delivery_are_no_days_to_learn_from():
    today = np.full(24, 9_999.0)
    profile = profile_of(grid_of([np.zeros(24), np.full(24, 10.0), np.zeros(24), today]), today=TODAY)
    assert (profile.days, profile.day_minor) == (1, 240.0)


def test_without_history_a_day_is_even_and_of_unknown_size():
    profile = profile_of(grid_of([np.zeros(24)]), today=TODAY)
    assert (profile.days, profile.day_minor) == (0, 0.0)
    assert profile.share == pytest.approx(np.full(24, 1 / 24))


def test_a_spend_that_is_no_number_is_refused():
    with pytest.raises(BadInputError, match="no number"):
        profile_of(grid_of([np.full(24, np.nan), np.zeros(24)]), today=TODAY)


def test_what_is_spent_counts_more_the_later_it_is():
    """30,000 where 24,000 is usual. By a quarter of the day 9,000, by three quarters 22,500."""
    early, late = (
        project_day(EVEN, spent_minor=30_000 * share, elapsed=share, expected_minor=24_000) for share in (0.25, 0.75)
    )
    assert 24_000 < early.mean_minor <= late.mean_minor < 31_000
    assert late.high_minor - late.low_minor < early.high_minor - early.low_minor


def test_a_day_that_is_over_ends_at_what_was_spent():
    over = project_day(EVEN, spent_minor=17_000, elapsed=1.0, expected_minor=24_000)
    assert over.low_minor == over.mean_minor == over.high_minor == 17_000


def test_no_projection_goes_beyond_what_the_platform_spends_of_a_budget():
    most = project_day(EVEN, spent_minor=40_000, elapsed=0.5, expected_minor=24_000, most_minor=42_000)
    assert most.mean_minor == most.high_minor == 42_000


def test_intervals_hold_as_often_as_they_say():
    """400 days of gamma hours: an 80 % interval at noon holds in 80 %, give or take three standard errors (6 %)."""
    rng = np.random.default_rng(11)
    shape = 1.5 + np.sin(np.arange(24) / 24 * 2 * np.pi) ** 2
    share = shape / shape.sum()
    size = rng.gamma(25.0, 100_000 / 25.0, (429, 1))
    spend = rng.gamma(size * share / 400.0, 400.0)  # an hour's variance is 400 times its mean
    profile = profile_of(grid_of(np.vstack([spend[:28], np.zeros((1, 24))])), today=TODAY)
    held = 0
    for day in spend[29:]:
        end = project_day(
            profile, spent_minor=day[:12].sum(), elapsed=profile.share[:12].sum(), expected_minor=profile.day_minor
        )
        held += end.low_minor <= day.sum() <= end.high_minor
    assert 0.74 <= held / 400 <= 0.90


@settings(max_examples=60, deadline=None)
@given(
    spent=st.floats(-1e6, 1e12),
    elapsed=st.floats(-1, 2),
    expected=st.floats(-10, 1e12),
    cv=st.floats(0.05, 1),
    dispersion=st.floats(1, 1e7),
)
def test_every_projection_is_a_number_in_order(spent, elapsed, expected, cv, dispersion):
    profile = DayProfile(share=EVEN.share, day_minor=0.0, cv=cv, dispersion=dispersion, days=0)
    found = project_day(profile, spent_minor=spent, elapsed=elapsed, expected_minor=expected)
    numbers = [found.low_minor, found.mean_minor, found.high_minor, found.variance]
    assert np.isfinite(numbers).all()
    assert max(0.0, spent) <= found.low_minor * (1 + 1e-9)
    assert found.low_minor <= found.high_minor * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(-5, 10**12), st.integers(-1, 10**10)), max_size=8), elapsed=st.floats(0, 1))
def test_objects_of_any_figures_have_a_pace(rows, elapsed):
    spent, budget = (np.array([row[n] for row in rows], np.int64) for n in (0, 1))
    found = pace_objects(spent, budget, elapsed)
    for values in (found.projected_minor, found.low_minor, found.high_minor):
        assert np.isfinite(values).all()
    assert not (found.is_over & found.is_under).any()
    assert not found.is_over[budget <= 0].any()


def test_an_object_is_over_only_beyond_what_a_day_may_cost():
    found = pace_objects(np.array([17_000, 18_000, 300]), np.array([10_000, 10_000, 10_000]), 0.9)
    assert found.is_over.tolist() == [False, True, False]  # 17,500 = 1.75 times
    assert found.is_under.tolist() == [False, False, True]
    assert OVERSPEND == 1.75
