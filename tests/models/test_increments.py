"""Increments: what a day gained after it ended is kept by the day of reading, and gives back what was known when."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from domain.actions import Level, Mode
from domain.ids import AccountId, PlatformAccountId
from domain.objects import AccountInfo, InsightRow
from models import accounts, increments, insights
from models.increments import Arrival

DAY = date(2026, 3, 9)
NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
KEPT = (
    "SELECT ad_id, read_on - day, impressions, spend_minor, purchases, revenue_minor FROM insight_increments"
    " ORDER BY ad_id, read_on"
)


def opened(conn: Connection, zone: str = "UTC", number: int = 1) -> AccountId:
    info = AccountInfo(id=PlatformAccountId(f"act_{number}"), name="A", currency="USD", zone=zone, is_active=True,
                       status_text="", minimum_daily_budget_minor=100)  # fmt: skip
    return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def row(purchases: int, ad: str = "a1", spend: int = 300) -> InsightRow:
    return InsightRow(ad, "s1", "c1", DAY, -1, 100, 10, spend, purchases, purchases * 500)


def read(conn: Connection, mine: AccountId, age_days: float, *rows: InsightRow) -> None:
    insights.upsert_daily(conn, mine, [list(rows)], NOON + timedelta(days=age_days))


def kept(conn: Connection) -> list[tuple[object, ...]]:
    return [tuple(found) for found in conn.execute(text(KEPT))]


def test_the_day_itself_leaves_no_increment_and_each_later_day_of_reading_leaves_one(conn: Connection) -> None:
    mine = opened(conn)
    read(conn, mine, 0, row(1))
    read(conn, mine, 0.4, row(2))
    assert kept(conn) == []
    read(conn, mine, 1, row(3))
    read(conn, mine, 1.3, row(5))  # the same day of reading: 3 - 2 and 5 - 3 add up
    read(conn, mine, 7, row(6))
    assert kept(conn) == [("a1", 1, 0, 0, 3, 1_500), ("a1", 7, 0, 0, 1, 500)]


def test_a_reading_that_says_the_same_leaves_nothing(conn: Connection) -> None:
    mine = opened(conn)
    read(conn, mine, 0, row(2), row(1, "a2"))
    read(conn, mine, 3, row(2), row(0, "a2"))  # invalid traffic is taken back: an increment may be negative
    assert kept(conn) == [("a2", 3, 0, 0, -1, -500)]


def test_of_an_ad_that_came_twice_the_last_counts_though_it_says_what_is_known(conn: Connection) -> None:
    mine = opened(conn)
    read(conn, mine, 0, row(2))
    read(conn, mine, 3, row(9), row(2))
    assert kept(conn) == []
    assert conn.execute(text("SELECT purchases FROM insights_daily")).scalars().all() == [2]


def test_the_day_of_reading_is_the_accounts_own(conn: Connection) -> None:
    """03:00 UTC on the 10th is still the 9th in New York: the day has not ended there."""
    mine = opened(conn, "America/New_York")
    read(conn, mine, 0, row(1))
    read(conn, mine, 15 / 24, row(2))
    assert kept(conn) == []
    read(conn, mine, 17 / 24, row(3))  # 05:00 UTC: the 10th there, too
    assert kept(conn) == [("a1", 1, 0, 0, 1, 500)]


def test_arrivals_sum_to_what_is_known_now_and_leave_out_what_was_first_read_late(conn: Connection) -> None:
    mine, other = opened(conn), opened(conn, number=2)
    read(conn, mine, 0, row(2))
    read(conn, mine, 1, row(3))
    read(conn, mine, 2, row(4), row(9, "late"))
    read(conn, mine, 9, row(6), row(11, "late"))
    read(conn, other, 0, row(50))
    assert increments.arrivals(conn, mine, DAY, DAY) == (
        Arrival(1, 300, 3, 1_500), Arrival(2, 0, 1, 500), Arrival(9, 0, 2, 1_000),
    )  # fmt: skip
    assert increments.arrivals(conn, mine, DAY + timedelta(days=1), DAY + timedelta(days=9)) == ()


@given(readings=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_what_was_known_at_any_age_can_be_worked_out_again(
    readings: list[tuple[int, int]], shared_engine: Engine
) -> None:
    """Known at age n = known now less the increments read later, whatever the number of readings on a day."""
    with shared_engine.connect() as conn:
        mine = opened(conn)
        last: dict[int, int] = {}
        for age, purchases in sorted(readings, key=lambda pair: pair[0]):
            read(conn, mine, age, row(purchases))
            last[age] = purchases
        now = conn.execute(text("SELECT purchases FROM insights_daily")).scalar_one()
        for age, purchases in last.items():
            later = text(f"SELECT coalesce(sum(purchases), 0) FROM insight_increments WHERE read_on - day > {age}")
            assert now - conn.execute(later).scalar_one() == purchases
        conn.rollback()
