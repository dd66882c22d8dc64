"""How a reading is cut: nothing twice, nothing left out, no more parts than are worth their calls."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from meta_client.slices import Pace, Slice, by_campaigns, by_days, halves, wants_report

SINCE = date(2026, 9, 1)


def _whole(days: int) -> Slice:
    return Slice(since=SINCE, until=SINCE + timedelta(days=days - 1))


def _days(one: Slice) -> list[date]:
    return [one.since + timedelta(days=n) for n in range(one.days)]


@given(days=st.integers(1, 400), rows=st.integers(1, 10**7))
def test_parts_hold_every_day_once(days: int, rows: int) -> None:
    parts = by_days(_whole(days), rows, Pace())
    assert [day for part in parts for day in _days(part)] == _days(_whole(days))


def test_a_part_is_worth_its_call() -> None:
    # 6,000 rows in parts of at least 4 pages of 500: 3 parts, however many days.
    assert len(by_days(_whole(60), 6_000, Pace())) == 3


@given(count=st.integers(1, 3000), parts=st.integers(1, 9))
def test_groups_hold_every_campaign_once_and_fit_into_an_address(count: int, parts: int) -> None:
    ids = [str(n) for n in range(count)]
    groups = by_campaigns(_whole(1), ids, Pace(), parts=parts)
    assert sorted(i for group in groups for i in group.campaigns) == sorted(ids)
    assert all(1 <= len(group.campaigns) <= Pace().most_campaigns for group in groups)


@given(days=st.integers(2, 100))
def test_halves_are_the_whole(days: int) -> None:
    assert [day for half in halves(_whole(days)) for day in _days(half)] == _days(_whole(days))


def test_a_day_of_one_campaign_has_no_halves() -> None:
    assert list(halves(Slice(since=SINCE, until=SINCE, campaigns=("1",)))) == []


def test_only_a_long_span_of_many_rows_is_a_report() -> None:
    pace = Pace()
    assert wants_report(_whole(60), 120_000, pace)
    assert not wants_report(_whole(60), 119_999, pace)
    assert not wants_report(_whole(7), 10**6, pace)
