"""An account against its day, its Sunday-Saturday week and its calendar month."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from decisions.pacing import Pace, Standing, expected_day, spans
from domain.live import HourGrid
from estimators.day_pace import profile_of

FRIDAY = date(2026, 3, 20)
ZONE = "America/New_York"


def standing(*, day=100.0, today=50.0, hours=12, on=FRIDAY, budgets=100, month=None, targets=None, days=35):
    """Days of `day` each, evenly spent, and `today` spent by `hours` o'clock."""
    spend = np.full((days + 1, 24), day / 24)
    spend[-1] = 0.0
    spend[-1, :hours] = today / max(hours, 1)
    zeros = np.zeros_like(spend)
    grid = HourGrid(
        first_on=on - timedelta(days=days), is_known=np.ones(days + 1), spend_minor=spend * 100, impressions=zeros,
        clicks=zeros, purchases=zeros,
    )  # fmt: skip
    midnight = datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    return Standing(
        day=on, zone=ZONE, as_of=midnight + timedelta(hours=hours), grid=grid, daily_budgets_minor=budgets * 100,
        day_targets=targets or {}, month_budget_minor=None if month is None else month * 100,
    )  # fmt: skip


def judged(**values):
    seen = standing(**values)
    found = spans(seen, profile_of(seen.grid, today=seen.day), amount=lambda minor: f"{minor / 100:.2f}")
    return {row.name: row for row in found}


def test_a_day_as_ever_is_on_pace():
    day = judged()["day"]
    assert (day.target_minor, day.spent_minor, day.expected_minor) == (10_000, 5_000, 5_000)
    assert day.low_minor < 10_000 < day.high_minor
    assert day.pace is Pace.ON


def test_a_week_runs_from_sunday_to_saturday():
    week = judged()["week"]
    assert (week.begins_on, week.ends_on) == (date(2026, 3, 15), date(2026, 3, 21))
    assert week.target_minor == 70_000
    assert week.spent_minor == 55_000  # five days and a half


@pytest.mark.parametrize(
    ("on", "begins"), [(date(2026, 3, 22), date(2026, 3, 22)), (date(2026, 3, 21), date(2026, 3, 15))]
)
def test_sunday_begins_a_week_and_saturday_ends_it(on, begins):
    assert judged(on=on)["week"].begins_on == begins


def test_one_and_three_quarters_of_a_budget_on_a_day_are_normal():
    """150 spent of 100 by six in the evening: much, and the platform's good right."""
    day = judged(today=150.0, hours=18)["day"]
    assert day.pace is Pace.ON
    assert "as the platform may" in day.words


def test_more_than_that_is_over():
    assert judged(today=190.0, hours=18)["day"].pace is Pace.OVER


def test_a_day_that_will_leave_much_of_its_budget_is_under():
    assert judged(day=40.0, today=20.0)["day"].pace is Pace.UNDER


def test_the_week_s_target_is_the_sum_of_what_budgets_were():
    targets = {date(2026, 3, 15) + timedelta(days=n): 5_000 for n in range(5)}
    assert judged(targets=targets)["week"].target_minor == 5 * 5_000 + 2 * 10_000


def test_a_week_whose_budgets_nobody_noted_is_not_called_over():
    """Budgets were cut from 100 to 20 a day yesterday: what was spent before was in order, for all that is known."""
    week = judged(budgets=20, today=10.0)["week"]
    assert (week.target_minor, week.pace) == (5 * 10_000 + 2 * 2_000, Pace.ON)


def test_a_month_that_will_not_hold_says_what_would():
    """2,000 spent by the 20th at noon, 100 a day, a budget of 2,500: 11.5 days are left for 550."""
    month = judged(month=2_500)["month"]
    assert (month.spent_minor, month.pace) == (195_000, Pace.OVER)
    assert "47.83 a day from here on would meet it" in month.words  # 550 / 11.5


def test_a_month_within_its_budget_is_on_pace_and_one_far_below_is_under():
    assert judged(month=3_100)["month"].pace is Pace.ON
    assert judged(month=9_000)["month"].pace is Pace.UNDER


def test_without_budgets_there_is_a_projection_and_no_target():
    found = judged(budgets=0)
    assert {row.pace for row in found.values()} == {Pace.NO_TARGET}
    assert found["day"].target_minor is None
    assert found["day"].projected_minor == pytest.approx(10_000, rel=0.02)


def test_a_new_account_is_paced_by_its_budgets():
    found = judged(days=0, today=0.0, hours=0)
    assert found["day"].projected_minor == pytest.approx(10_000, rel=0.01)
    assert found["week"].target_minor == 70_000


def test_days_to_come_follow_budgets_that_were_raised():
    raised = standing(budgets=150, targets={FRIDAY - timedelta(days=n): 10_000 for n in range(1, 8)})
    profile = profile_of(raised.grid, today=FRIDAY)
    assert expected_day(profile, raised) == pytest.approx(15_000)
    assert expected_day(profile, replace(raised, day_targets={})) == pytest.approx(10_000)


def test_the_last_day_of_a_month_ends_it():
    month = judged(on=date(2026, 3, 31), month=3_100)["month"]
    assert (month.begins_on, month.ends_on) == (date(2026, 3, 1), date(2026, 3, 31))
    assert month.projected_minor == pytest.approx(310_000, rel=0.01)


@pytest.mark.parametrize("on", [date(2026, 3, 8), date(2026, 11, 1)])
def test_days_of_23_and_25_hours_are_paced_like_others(on):
    """New York's clocks change; by noon of a short day less of it is over."""
    day = judged(on=on)["day"]
    hours = 23 if on.month == 3 else 25
    assert day.expected_minor == pytest.approx(10_000 * 12 / hours, rel=0.01)
