"""Figures: loading is repeatable, a restated day replaces, months get their partition when they come."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from domain.actions import Level, Mode
from domain.ids import AccountId, PlatformAccountId
from domain.objects import AccountInfo, InsightRow
from models import accounts, insights, partitions
from models.migrate import downgrade, pending, upgrade
from models.tables import insights_daily

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
DAY = date(2026, 3, 9)
FIGURES = (
    "SELECT ad_id, ad_set_id, campaign_id, day, impressions, clicks, spend_minor, purchases, revenue_minor "
    "FROM insights_daily ORDER BY day, ad_id"
)


def opened(conn: Connection) -> AccountId:
    info = AccountInfo(id=PlatformAccountId("act_1"), name="A", currency="USD", zone="UTC", is_active=True,
                       status_text="", minimum_daily_budget_minor=100)  # fmt: skip
    return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def row(ad: str = "a1", on: date = DAY, hour: int = -1, spend: int = 300) -> InsightRow:
    return InsightRow(ad, "s1", "c1", on, hour, 100, 10, spend, 2, 900)


def positions(conn: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in conn.execute(text("SELECT ad_id, ctid, xmin, xmax FROM insights_daily ORDER BY 1"))]


def test_rows_read_back_as_they_were_loaded(conn: Connection) -> None:
    pages = [[row("a1"), row("a2", spend=5_000_000_000)], [], [row("a1", DAY + timedelta(days=1))]]
    assert insights.upsert_daily(conn, opened(conn), pages, NOON) == 3
    assert [tuple(found) for found in conn.execute(text(FIGURES))] == [
        ("a1", "s1", "c1", DAY, 100, 10, 300, 2, 900),
        ("a2", "s1", "c1", DAY, 100, 10, 5_000_000_000, 2, 900),
        ("a1", "s1", "c1", DAY + timedelta(days=1), 100, 10, 300, 2, 900),
    ]


def test_loading_again_touches_nothing_and_a_restated_day_replaces(engine: Engine) -> None:
    with engine.begin() as conn:
        mine = opened(conn)
        insights.upsert_daily(conn, mine, [[row("a1"), row("a2")]], NOON)
    with engine.begin() as conn:
        before = positions(conn)
        assert insights.upsert_daily(conn, mine, [[row("a1"), row("a2")]], LATER) == 0
    with engine.begin() as conn:
        assert positions(conn) == before
        assert insights.upsert_daily(conn, mine, [[row("a1"), row("a2", spend=301)]], LATER) == 1
        kept = conn.execute(text("SELECT ad_id, spend_minor, read_at FROM insights_daily ORDER BY 1")).all()
        assert kept == [("a1", 300, NOON), ("a2", 301, LATER)]


def test_of_a_row_that_paging_showed_twice_the_last_counts(conn: Connection) -> None:
    assert insights.upsert_daily(conn, opened(conn), [[row(spend=1), row(spend=2)], [row(spend=3)]], NOON) == 1
    assert conn.execute(text("SELECT spend_minor FROM insights_daily")).scalars().all() == [3]


def test_hours_are_kept_beside_days(conn: Connection) -> None:
    mine = opened(conn)
    assert insights.upsert_hourly(conn, mine, [[row(hour=0), row(hour=23), row("a2", hour=0)]], NOON) == 3
    assert insights.upsert_hourly(conn, mine, [[row(hour=23, spend=1)]], NOON) == 1
    found = conn.execute(text("SELECT ad_id, hour, spend_minor FROM insights_hourly ORDER BY 1, 2")).all()
    assert found == [("a1", 0, 300), ("a1", 23, 1), ("a2", 0, 300)]
    assert conn.execute(text("SELECT count(*) FROM insights_daily")).scalar_one() == 0


@pytest.mark.parametrize("hour", [-1, 24])
def test_a_whole_day_is_not_taken_for_an_hour(conn: Connection, hour: int) -> None:
    with pytest.raises(ValueError, match="carries no hour"):
        insights.upsert_hourly(conn, opened(conn), [[row(hour=hour)]], NOON)


@pytest.mark.parametrize("odd", ["tab\tid", "new\nline", "back\\slash", "\\N", 'quote"', "é\U0001f600", "cr\rid"])
def test_odd_ids_survive_in_either_table(conn: Connection, odd: str) -> None:
    mine = opened(conn)
    insights.upsert_daily(conn, mine, [[row(odd), row("a1")]], NOON)
    insights.upsert_hourly(conn, mine, [[row(odd, hour=3), row("a1", hour=4)]], NOON)
    for table in ("insights_daily", "insights_hourly"):
        found = conn.execute(text(f"SELECT ad_id FROM {table}")).scalars()
        assert sorted(found) == sorted([odd, "a1"])


def test_a_nul_in_an_id_is_left_out(conn: Connection) -> None:
    insights.upsert_daily(conn, opened(conn), [[row("a\x001")]], NOON)
    assert conn.execute(text("SELECT ad_id FROM insights_daily")).scalar_one() == "a1"


def test_long_loads_are_merged_in_parts_and_lose_nothing(conn: Connection) -> None:
    """Parts end where a page ends; the same day may be in several of them."""
    pages = [[row(f"a{page}{number}") for number in range(2)] for page in range(5)]
    assert insights.upsert_daily(conn, opened(conn), pages, NOON, part_rows=3) == 10
    assert conn.execute(text("SELECT count(*) FROM insights_daily")).scalar_one() == 10


def test_pages_are_taken_one_at_a_time(conn: Connection) -> None:
    """A page is asked for only after the one before it was handed on: memory holds one page."""
    alive: list[int] = []

    class Page(list[InsightRow]):
        def __init__(self, number: int) -> None:
            super().__init__([row(f"a{number}")])
            alive.append(1)

        def __del__(self) -> None:
            alive.pop()

    def pages() -> Iterator[Sequence[InsightRow]]:
        for number in range(20):
            assert len(alive) <= 1
            yield Page(number)

    assert insights.upsert_daily(conn, opened(conn), pages(), NOON) == 20


def test_months_get_their_partition_when_their_first_row_comes(conn: Connection) -> None:
    days = [date(2025, 11, 30), date(2025, 12, 31), date(2026, 1, 1), date(2024, 2, 29)]
    insights.upsert_daily(conn, opened(conn), [[row(on=day) for day in days[:3]], [row(on=days[3])]], NOON)
    found = conn.execute(text("SELECT day, tableoid::regclass::text FROM insights_daily ORDER BY day"))
    assert [tuple(line) for line in found] == [
        (date(2024, 2, 29), "insights_daily_2024_02"),
        (date(2025, 11, 30), "insights_daily_2025_11"),
        (date(2025, 12, 31), "insights_daily_2025_12"),
        (date(2026, 1, 1), "insights_daily_2026_01"),
    ]


def test_partitions_are_made_once_for_every_month_of_a_span(conn: Connection) -> None:
    made = partitions.ensure(conn, insights_daily, date(2025, 11, 15), date(2026, 2, 1))
    assert made == tuple(f"insights_daily_{month}" for month in ("2025_11", "2025_12", "2026_01", "2026_02"))
    assert partitions.ensure(conn, insights_daily, date(2025, 12, 1), date(2026, 3, 1)) == ("insights_daily_2026_03",)
    assert partitions.ensure(conn, insights_daily, date(2026, 3, 31), date(2026, 3, 31)) == ()


def test_two_that_meet_a_new_month_at_once_make_one_partition(engine: Engine) -> None:
    """The collector and the full cycle of the first of a month: one failed with "relation already exists"."""

    def ensure() -> tuple[str, ...]:
        with engine.begin() as conn:
            return partitions.ensure(conn, insights_daily, date(2031, 1, 1), date(2031, 1, 1))

    with ThreadPoolExecutor(1) as pool, engine.connect() as watch:
        with engine.begin() as first:
            made = partitions.ensure(first, insights_daily, date(2031, 1, 1), date(2031, 1, 1))
            second = pool.submit(ensure)
            waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            for _ in range(500):
                if second.done() or watch.execute(waiting).scalar():
                    break
                time.sleep(0.01)
            assert not second.done()
        assert made == ("insights_daily_2031_01",)
        assert second.result(timeout=30) == ()


@pytest.mark.parametrize("until", [date(2026, 2, 28), date(2046, 3, 1)])
def test_a_span_that_can_only_be_a_mistake_makes_no_partitions(conn: Connection, until: date) -> None:
    with pytest.raises(ValueError, match="cannot make partitions"):
        partitions.ensure(conn, insights_daily, date(2026, 3, 1), until)


def test_going_down_and_up_again_works_with_partitions_in_place(engine: Engine, owner_database_url: str) -> None:
    with engine.begin() as conn:
        insights.upsert_daily(conn, opened(conn), [[row()]], NOON)
    downgrade(owner_database_url, "base")
    upgrade(owner_database_url)
    assert pending(owner_database_url) == ()
