"""Days and hours of a snapshot: counted on the account's clock, back from what was read."""

from datetime import UTC, date, datetime, timedelta

from models.windows import Window, window

BERLIN = "Europe/Berlin"  # set back on 2026-10-25 at 01:00 UTC (03:00 -> 02:00), forward on 2026-03-29 at 01:00 UTC


def counted(now: datetime, read_at: datetime | None = None, zone: str = BERLIN, spike_hours: int = 3) -> Window:
    return window(zone=zone, now=now, read_at=read_at or now, window_days=7, spike_hours=spike_hours)


def hours(span: Window) -> list[str]:
    return [f"{day:%m-%d} {hour:02}" for day, hour in span.recent]


def test_the_day_is_the_accounts_day() -> None:
    span = counted(datetime(2026, 6, 9, 22, 30, tzinfo=UTC))
    assert (span.today, span.last_day, span.since) == (date(2026, 6, 10), date(2026, 6, 9), date(2026, 6, 3))
    assert span.week_since == date(2026, 6, 2)
    assert hours(span) == ["06-09 23", "06-09 22", "06-09 21"]


def test_hours_are_complete_only_as_far_as_figures_were_read() -> None:
    noon = datetime(2026, 6, 9, 12, tzinfo=UTC)
    assert hours(counted(noon, noon - timedelta(minutes=1))) == ["06-09 12", "06-09 11", "06-09 10"]
    assert hours(counted(noon, noon)) == ["06-09 13", "06-09 12", "06-09 11"]
    assert hours(counted(noon, noon + timedelta(hours=5))) == ["06-09 13", "06-09 12", "06-09 11"]


def test_a_reading_of_yesterday_evening_still_counts_from_yesterday() -> None:
    """Ten minutes that were never read must not turn an unfinished day into a complete one."""
    midnight = datetime(2026, 6, 9, 22, tzinfo=UTC)
    assert counted(midnight + timedelta(minutes=5), midnight - timedelta(minutes=5)).today == date(2026, 6, 9)


def test_an_hour_that_the_clock_shows_twice_is_one_and_complete_after_its_second_round() -> None:
    first_round, second_round = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert hours(counted(first_round)) == ["10-25 01", "10-25 00", "10-24 23"]
    assert hours(counted(second_round)) == ["10-25 01", "10-25 00", "10-24 23"]
    assert hours(counted(second_round + timedelta(hours=1))) == ["10-25 02", "10-25 01", "10-25 00"]


def test_an_hour_that_spring_skips_is_passed_over() -> None:
    assert hours(counted(datetime(2026, 3, 29, 2, 15, tzinfo=UTC))) == ["03-29 03", "03-29 01", "03-29 00"]


def test_half_hour_zones_have_their_own_hours() -> None:
    assert hours(counted(datetime(2026, 6, 9, 12, 15, tzinfo=UTC), zone="Asia/Kolkata"))[0] == "06-09 16"


def test_the_usual_hours_are_the_same_on_the_seven_days_before() -> None:
    span = counted(datetime(2026, 6, 9, 10, tzinfo=UTC), spike_hours=1)
    assert span.usual == tuple((date(2026, 6, day), 11) for day in (8, 7, 6, 5, 4, 3, 2))


def test_without_spike_hours_there_are_none() -> None:
    assert counted(datetime(2026, 6, 9, 10, tzinfo=UTC), spike_hours=0).recent == ()
