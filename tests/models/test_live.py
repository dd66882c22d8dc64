"""Live figures: kept for hours, replaced where they are told anew, gone with their account."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.actions import Level, Mode, ObjectKind
from domain.ids import PlatformAccountId
from domain.live import HourTotal, LiveSnapshot, ObjectTotal, Source
from domain.objects import AccountInfo, InsightRow
from models import accounts, insights, live, pacing
from models.pacing import PacingState

NOON = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
DAY = date(2026, 3, 20)


@pytest.fixture
def shop(engine):
    info = AccountInfo(
        id=PlatformAccountId("act_5"), name="Shop", currency="USD", zone="UTC", is_active=True, status_text="",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    with engine.begin() as conn:
        return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def reading(at, *spends):
    rows = [ObjectTotal(str(n), "9", 100, 5, spend, 1, 10) for n, spend in enumerate(spends)]
    frame = live.frame_of(rows, is_whole=True)
    return LiveSnapshot(day=DAY, read_at=at, as_of=at, source=Source.PLATFORM, frames={ObjectKind.AD_SET: frame})


def hour(number, spend):
    return HourTotal(DAY, number, 1_000, 50, spend, 2, 900)


def test_a_reading_comes_back_as_it_was(engine, shop):
    with engine.begin() as conn:
        live.note(conn, shop, reading(NOON, 700, 300))
        live.note(conn, shop, reading(NOON, 1, 1))  # the same instant again, as a second delivery would
        found = live.latest(conn, shop)
    assert list(live.rows_of(found.frames[ObjectKind.AD_SET])) == [
        ObjectTotal("0", "9", 100, 5, 700, 1, 10), ObjectTotal("1", "9", 100, 5, 300, 1, 10)
    ]  # fmt: skip
    assert (found.as_of, found.source) == (NOON, Source.PLATFORM)


def test_a_reading_without_any_object_is_one(engine, shop):
    with engine.begin() as conn:
        live.note(conn, shop, reading(NOON))
        assert len(live.latest(conn, shop).frames[ObjectKind.AD_SET]) == 0


def test_readings_of_hours_ago_are_gone(engine, shop):
    with engine.begin() as conn:
        for hours in range(8):
            live.note(conn, shop, reading(NOON + timedelta(hours=hours), hours))
        kept = conn.execute(text("SELECT count(*) FROM live_readings")).scalar_one()
        assert live.latest(conn, shop, as_of=NOON) is None
        earlier = live.latest(conn, shop, as_of=NOON + timedelta(hours=5, minutes=30))
    assert kept == 5  # of the last four hours
    assert earlier.as_of == NOON + timedelta(hours=5)


def test_an_hour_told_anew_takes_the_place_of_the_old(engine, shop):
    with engine.begin() as conn:
        live.note_hours(conn, shop, [hour(3, 500), hour(4, 100)], NOON)
        live.note_hours(conn, shop, [hour(4, 700)], NOON + timedelta(hours=1))
        grid = live.hours(conn, shop, DAY - timedelta(days=1), DAY)
        assert live.known_until(conn, shop) == (DAY, 4)
    assert grid.spend_minor.sum(axis=1).tolist() == [0.0, 1_200.0]
    assert grid.is_known.tolist() == [0.0, 1.0]


def test_hours_that_no_span_looks_at_are_forgotten(engine, shop):
    with engine.begin() as conn:
        live.note_hours(conn, shop, [hour(3, 500)], NOON)
        live.forget_old_hours(conn, shop, DAY + timedelta(days=101))
        assert live.known_until(conn, shop) is None


def test_a_state_that_nobody_renews_warns_of_nothing(engine, shop):
    warning = {"kind": "pace_off", "scope": "month", "words": "2,000.00 spent"}
    state = PacingState(
        account_id=shop, made_at=NOON, spans=[], objects=[], warnings=[warning], day_targets={"2026-03-20": 5},
        top_budgets={"11": 7}, budgets_since=NOON,
    )  # fmt: skip
    with engine.begin() as conn:
        pacing.note(conn, state)
        assert pacing.current(conn, shop) == state
        (told,) = pacing.warnings(conn)
        assert (told.account, told.kind, told.scope) == ("Shop", "pace_off", "month")
        conn.execute(text("UPDATE pacing_states SET written_at = written_at - interval '21 minutes'"))
        assert pacing.warnings(conn) == ()


def test_nothing_outlives_its_account(engine, shop):
    with engine.begin() as conn:
        live.note(conn, shop, reading(NOON, 1))
        live.note_hours(conn, shop, [hour(3, 500)], NOON)
        keys = conn.execute(
            text(
                "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND confdeltype = 'c'"
                " AND confrelid = 'accounts'::regclass"
            )
        ).scalars()
        assert {"live_readings", "account_hours", "pacing_states"} <= set(keys)


def test_weeks_of_ad_sets_and_campaigns_are_read_together_and_without_today(engine, shop):
    rows = [
        InsightRow(f"a{ad_set}", ad_set, campaign, DAY - timedelta(days=back), -1, 1_000, 10, 500, 2, 900)
        for ad_set, campaign in (("s1", "c1"), ("s2", "c1"), ("s3", "c2"))
        for back in (0, 1, 7, 8)
    ]
    with engine.begin() as conn:
        insights.upsert_daily(conn, shop, [rows], NOON)
        found = live.weeks_of(conn, shop, ("s1", "c1", "s9"), DAY)
        assert live.weeks_of(conn, shop, (), DAY) == {}
    assert found == {"s1": (20, 4), "c1": (40, 8), "s9": (0, 0)}
