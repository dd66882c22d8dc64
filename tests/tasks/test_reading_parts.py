"""Many figures are read in parts, the older days first, and a reading that was put back goes on where it was."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

import sandbox.process
from domain.catalogue import RHYTHMS, rhythm
from domain.health import RunState
from models import accounts
from models.engine import make_engine
from tasks import collector, reading_parts
from tasks.reading_parts import Part, Span, Unfinished
from workers.planner import plan_asked
from workers.serve import serve

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
DAYS = Span(since=date(2026, 1, 9), until=date(2026, 3, 10))
HOURS = Span(since=date(2026, 3, 2), until=date(2026, 3, 10))
FRESH = Part(
    days=Span(since=date(2026, 3, 9), until=date(2026, 3, 10)),
    hours=Span(since=date(2026, 3, 9), until=date(2026, 3, 10)),
)
NOTHING = Unfinished(kept_at=NOW)


def _parts(ads, points, done=NOTHING, days=DAYS, hours=HOURS):
    return list(reading_parts.parts(days, hours, ads=ads, most_rows=reading_parts.most_rows(points), done=done))


def _days_of(spans):
    return [span.since + timedelta(days=n) for span in spans for n in range(span.days)]


def test_a_small_account_is_read_at_once():
    assert _parts(ads=200, points=9000) == [Part(days=DAYS, hours=HOURS)]


def test_a_large_one_is_read_day_by_day_in_order_and_the_last_two_days_come_together():
    found = _parts(ads=200_000, points=9000)

    assert found[-1] == FRESH
    older = [part.days for part in found[:-1] if part.days]
    hours = [part.hours for part in found[:-1] if part.hours]
    assert len(older) + len(hours) == len(found) - 1
    assert _days_of(older) == _days_of([Span(since=DAYS.since, until=date(2026, 3, 8))])
    assert _days_of(hours) == _days_of([Span(since=HOURS.since, until=date(2026, 3, 8))])
    assert max(span.days for span in older) * 200_000 <= reading_parts.most_rows(9000)


def test_the_fewer_points_a_tier_has_the_smaller_are_the_parts():
    small, large = (_parts(ads=1000, points=points) for points in (60, 9000))

    assert max(part.days.days for part in small[:-1] if part.days) == 9
    assert len(large) == 1


def test_nothing_but_today_and_yesterday_is_one_part_whatever_it_brings():
    recent = Span(since=date(2026, 3, 9), until=date(2026, 3, 10))

    assert _parts(ads=1_000_000, points=60, days=recent, hours=recent) == [FRESH]


def test_whoever_goes_on_begins_behind_what_is_in():
    every = _parts(ads=5000, points=60)
    done = NOTHING
    for number, part in enumerate(every[:-1], 1):
        done = done.after(part, NOW)
        kept = Unfinished.read(done.as_json(), NOW + timedelta(hours=2))
        assert _parts(ads=5000, points=60, done=kept) == every[number:]


def test_after_a_day_a_reading_begins_anew():
    held = NOTHING.after(Part(days=DAYS), NOW).as_json()

    assert Unfinished.read(held, NOW + timedelta(hours=23)).days_until == DAYS.until
    later = NOW + timedelta(hours=24)
    assert Unfinished.read(held, later) == Unfinished(kept_at=later)
    assert Unfinished.read({}, NOW) == NOTHING


@pytest.fixture(scope="module")
def platform(platform_folder):
    """Two hundred ads, and an app with the smallest budget of calls: too few to read sixty days at once."""
    with sandbox.process.start(
        platform_folder, scenario="generated:200", tier="development_access", speed=0, start_at="2026-03-10T09:05:00Z"
    ) as process:
        yield process


def test_a_first_collection_larger_than_the_budget_of_calls_comes_to_its_end_by_and_by(
    house, account, do, platform, owner_database_url
):
    def let_pass(wait_s):
        """As if the platform's time and our books of its calls were later by what the run was put back for."""
        platform.ask("POST", "/advance", {"seconds": wait_s})
        with house.engine.begin() as conn:
            aged = "UPDATE quotas SET reported_at = reported_at - make_interval(secs => :s), regain_at = NULL"
            conn.execute(text(aged), {"s": wait_s})

    def put_back_for_s():
        with house.engine.begin() as conn:
            return conn.execute(text("SELECT extract(epoch FROM ring_at - clock_timestamp()) FROM runs")).scalar_one()

    def figures():  # purchases of days past still arrive meanwhile
        with house.engine.begin() as conn:
            return [
                conn.execute(text(f"SELECT count(*), sum(spend_minor) FROM {table}")).one()
                for table in ("insights_daily", "insights_hourly")
            ]

    run_id = plan_asked(house, "meta.collector", account, asked_by="test")
    reached = []
    for _ in range(12):
        served = serve(
            house, run_id, collector.run, rhythm=rhythm("meta.collector"), rhythms=RHYTHMS, owner="test/1/x"
        )  # fmt: skip
        with house.engine.begin() as conn:
            now = accounts.get(conn, account.id)
        if served.state is not RunState.PLANNED:
            break
        assert now.insights_read_at is None, "decisions would take a part for the whole"
        reached.append(
            (now.insights_unfinished.get("days_until") or "", now.insights_unfinished.get("hours_until") or "")
        )
        let_pass(float(put_back_for_s()))

    assert served.state is RunState.SUCCEEDED
    assert len(reached) > 1
    assert reached == sorted(reached)
    assert (now.insights_unfinished, now.insights_loaded_from) == ({}, date(2026, 1, 9))

    held = figures()
    platform.ask("POST", "/tier", {"tier": "standard_access"})
    let_pass(600.0)
    owner = make_engine(owner_database_url)
    with owner.begin() as conn:
        conn.execute(text("TRUNCATE insights_daily, insights_hourly, insight_increments"))
        conn.execute(text("UPDATE accounts SET insights_read_at = NULL, insights_loaded_from = NULL"))
    owner.dispose()
    assert do(collector.run, "meta.collector").state is RunState.SUCCEEDED
    assert figures() == held
