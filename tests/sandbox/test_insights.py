"""Insights as a stranger reads them: sums, what settles and what may not change, and how money follows the settings."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.sandbox.stranger import FIGURES, HOURLY, Stranger, bought, figures, minor, open_shop

FIRST, LAST = date(2026, 11, 9), date(2026, 11, 19)  # history before the start: whole days
RANGE = json.dumps({"since": FIRST.isoformat(), "until": LAST.isoformat()})
KEYS = {"campaign": "campaign_id", "adset": "adset_id", "ad": "ad_id"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """A shop of this file's own: its tests live on through the weeks, each with days of its own."""
    with open_shop(tmp_path_factory.mktemp("insights")) as process:
        yield Stranger(process)


def today(stranger: Stranger) -> date:
    now = datetime.fromisoformat(stranger.process.ask("GET", "/clock")["platform_at"])
    return now.astimezone(ZoneInfo("Europe/Madrid")).date()


def on(day: date, until: date | None = None) -> str:
    return json.dumps({"since": day.isoformat(), "until": (until or day).isoformat()})


def hours_of(stranger: Stranger, node: str, day: date) -> dict[int, int]:
    """Spend by hour of the day, in minor units."""
    rows = stranger.insights(node, time_range=on(day), breakdowns=HOURLY, fields="spend")
    return {int(row[HOURLY][:2]): minor(row["spend"]) for row in rows}


def to_midnight(stranger: Stranger) -> date:
    """Go to the next local midnight and return the day that begins."""
    day = today(stranger) + timedelta(days=1)
    stranger.advance(to=datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Madrid")).isoformat())
    return day


@pytest.mark.parametrize("more", [{}, {"time_increment": 1}, {"time_increment": 4}, {"time_increment": "monthly"}])
@pytest.mark.parametrize(("lower", "upper"), [("ad", "adset"), ("adset", "campaign"), ("campaign", "account")])
def test_every_level_adds_up_to_the_one_above(world: Stranger, lower: str, upper: str, more: dict[str, Any]) -> None:
    below = world.insights(level=lower, time_range=RANGE, **more)
    above = world.insights(level=upper, time_range=RANGE, **more)
    assert len(below) > len(above) > 0
    for row in above:
        key = KEYS.get(upper)
        parts = [r for r in below if r["date_start"] == row["date_start"] and (not key or r[key] == row[key])]
        assert figures(parts) == figures([row])


def test_hours_add_up_to_their_day_and_days_to_their_range(world: Stranger) -> None:
    days = world.insights(level="ad", time_range=RANGE, time_increment=1)
    assert figures(days) == figures(world.insights(time_range=RANGE))
    for day in (FIRST, LAST):
        hours = world.insights(level="ad", time_range=on(day), breakdowns=HOURLY)
        assert figures(hours) == figures([row for row in days if row["date_start"] == day.isoformat()])
        assert {len(row[HOURLY]) for row in hours} == {len("00:00:00 - 00:59:59")}


def test_an_object_s_own_insights_are_its_rows_of_the_account_s(world: Stranger) -> None:
    rows = world.insights(level="ad", time_range=RANGE, time_increment=1)
    for edge, key in (("campaigns", "campaign_id"), ("adsets", "adset_id"), ("ads", "ad_id")):
        for node in world.rows(f"{world.account}/{edge}"):
            own = world.insights(node["id"], level="ad", time_range=RANGE, time_increment=1)
            assert own == [row for row in rows if row[key] == node["id"]]


def test_every_figure_is_a_string_and_what_never_ran_has_no_row(world: Stranger) -> None:
    fields = f"{FIGURES},reach,frequency,ctr,cpm,cpc,purchase_roas,ad_name"
    rows = world.insights(level="ad", time_range=RANGE, time_increment=1, fields=fields)
    scalars = {name: value for row in rows for name, value in row.items() if not isinstance(value, list)}
    assert all(isinstance(value, str) for value in scalars.values())
    assert {row["ad_name"] for row in rows} == {"Film", "Still", "Box", "Card", "Sea", "Sun"}
    row = rows[0]
    assert float(row["cpm"]) == pytest.approx(1_000 * float(row["spend"]) / int(row["impressions"]), rel=1e-4)
    assert int(row["reach"]) <= int(row["impressions"])
    assert world.get(f"{world.account}/insights").get("data", [{}])[0].keys() == {
        "impressions", "spend", "date_start", "date_stop"
    }  # fmt: skip


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_of_rows_cover_all_exactly_once(world: Stranger, limit: int) -> None:
    asked = {"level": "ad", "time_range": RANGE, "time_increment": 1}
    assert world.insights(**asked, limit=limit) == world.insights(**asked)
    last = world.get(f"{world.account}/insights", **asked, limit=500)
    assert world.get(f"{world.account}/insights", **asked, after=last["paging"]["cursors"]["after"]) == {"data": []}


def test_all_pages_of_a_query_come_from_one_reading_though_time_goes_on(world: Stranger) -> None:
    asked = {"level": "ad", "date_preset": "today", "breakdowns": HOURLY, "fields": FIGURES}
    world.advance(hours=3)
    whole = world.insights(**asked)
    page = world.get(f"{world.account}/insights", **asked, limit=4)
    rows = page["data"]
    for n in range(100):
        if "next" not in page["paging"]:
            break
        world.advance(minutes=20)
        for days in range(1, 6 if n == 1 else 1):  # other queries push the table out of the sandbox's memory
            world.insights(date_preset="last_3d", level="ad", time_increment=days)
        if n == 2:
            world.process.kill()
            world.process.restart()
        page = world.session.get(page["paging"]["next"], timeout=30).json()
        rows += page["data"]
    assert rows == whole


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"time_range": on(date(2023, 9, 1), LAST)}, 3018),
        ({"time_range": "{}"}, 100), ({"time_range": "yesterday"}, 100), ({"time_range": on(LAST, FIRST)}, 100),
        ({"time_ranges": "[1]"}, 100), ({"date_preset": "last_5d"}, 100), ({"time_increment": "0"}, 100),
        ({"time_increment": "91"}, 100), ({"fields": "impressions,luck"}, 100), ({"level": "shop"}, 100),
        ({"limit": "0"}, 100), ({"limit": "inf"}, 100), ({"limit": "many"}, 100), ({"breakdowns": "zodiac"}, 100),
        ({"filtering": '[{"field":"spend","operator":"IN","value":"3"}]'}, 100),
        ({"filtering": '[{"field":"spend","operator":"GREATER_THAN","value":"much"}]'}, 100),
        ({"filtering": '[{"field":"impressions","operator":"CONTAIN","value":"3"}]'}, 100),
    ],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused_by_its_code(world: Stranger, params: dict[str, str], code: int) -> None:
    assert world.refused("GET", f"{world.account}/insights", **params)[0] == code


def test_the_level_above_the_object_is_refused_and_37_months_are_not_too_many(world: Stranger) -> None:
    assert world.refused("GET", f"{world.named('ads', 'Box')}/insights", level="campaign") == (100, None)
    assert world.insights(time_range=on(date(2023, 11, 1), date(9999, 12, 31)), time_increment=1)
    assert world.insights(time_range=on(LAST, date(9999, 12, 31)), time_increment="monthly")


def test_periods_are_cut_from_the_range_and_not_from_the_account_s_first_day(world: Stranger) -> None:
    """The account was born on the 8th: weeks from the 5th on still begin on the 5th and 12th, months on the 1st."""
    weeks = world.insights(time_range=on(date(2026, 11, 5), date(2026, 11, 18)), time_increment=7)
    spans = [(row["date_start"], row["date_stop"]) for row in weeks]
    assert spans == [("2026-11-05", "2026-11-11"), ("2026-11-12", "2026-11-18")]
    (month,) = world.insights(time_range=on(date(2026, 10, 15), date(2026, 11, 18)), time_increment="monthly")
    assert (month["date_start"], month["date_stop"]) == ("2026-11-01", "2026-11-18")


def test_rows_can_be_filtered_by_object_and_by_figure(world: Stranger) -> None:
    def rows(field: str, operator: str, value: Any) -> list[dict[str, Any]]:
        filtering = json.dumps([{"field": field, "operator": operator, "value": value}])
        return world.insights(level="ad", time_range=RANGE, time_increment=1, filtering=filtering)

    every = world.insights(level="ad", time_range=RANGE, time_increment=1)
    box = world.named("ads", "Box")
    assert rows("ad.id", "IN", [box]) == [row for row in every if row["ad_id"] == box]
    assert rows("spend", "GREATER_THAN", 40) == [row for row in every if minor(row["spend"]) > 4_000]
    assert rows("impressions", "IN_RANGE", [2_000, 3_000]) == [
        r for r in every if 2_000 <= int(r["impressions"]) <= 3_000
    ]


def test_a_paused_ad_gets_nothing_and_its_siblings_go_on(world: Stranger) -> None:
    film, cooks = world.named("ads", "Film"), world.named("adsets", "Cooks")
    world.post(film, status="PAUSED")
    day = to_midnight(world)
    world.advance(hours=26)
    assert world.insights(film, time_range=on(day)) == []
    assert figures(world.insights(cooks, time_range=on(day)))[3] > 0
    world.post(film, status="ACTIVE")
    day = to_midnight(world)
    world.advance(hours=26)
    assert figures(world.insights(film, time_range=on(day)))[3] > 0


def test_spend_follows_the_budget_and_never_passes_what_a_day_and_a_week_allow(world: Stranger) -> None:
    gifts = world.named("adsets", "Gifts")

    def week(budget: int) -> int:
        for _ in range(7):
            if to_midnight(world).isoweekday() == 6:
                break
        world.advance(hours=23)
        world.post(gifts, daily_budget=str(budget))
        sunday = to_midnight(world)
        assert sunday.isoweekday() == 7
        world.advance(days=7, hours=3)
        days = world.insights(gifts, time_range=on(sunday, sunday + timedelta(days=6)), time_increment=1)
        assert len(days) == 7
        assert max(minor(row["spend"]) for row in days) <= 1.75 * budget
        total = sum(minor(row["spend"]) for row in days)
        assert total <= 7 * budget
        return total

    low, high = week(5_000), week(15_000)
    assert 2.0 < high / low < 4.0
    assert low > 0.6 * 7 * 5_000


def test_a_change_in_mid_hour_counts_by_the_part_of_the_hour(world: Stranger) -> None:
    """Paused a quarter past noon, an ad set gets about a quarter of the hour; then nothing."""
    gifts = world.named("adsets", "Gifts")
    day = to_midnight(world)
    world.advance(hours=12, minutes=15)
    world.post(gifts, status="PAUSED")
    world.advance(hours=4)
    spent = hours_of(world, gifts, day)
    assert 0.05 * spent[11] < spent[12] < 0.5 * spent[11]
    assert not {13, 14} & spent.keys()
    world.post(gifts, status="ACTIVE")


def test_a_budget_raised_in_mid_hour_lies_between_the_hours_around_it(world: Stranger) -> None:
    gifts = world.named("adsets", "Gifts")
    world.post(gifts, daily_budget="4000")
    day = to_midnight(world)
    world.advance(hours=12, minutes=30)
    world.post(gifts, daily_budget="40000")
    world.advance(hours=4)
    spent = hours_of(world, gifts, day)
    assert 1.5 * spent[11] < spent[12] < 0.8 * spent[13]


def test_hours_of_today_appear_once_they_are_complete_and_stay(world: Stranger) -> None:
    day = to_midnight(world)
    world.advance(hours=3, minutes=14)
    early = hours_of(world, world.account, day)
    world.advance(minutes=1)
    complete = hours_of(world, world.account, day)
    assert (set(early), set(complete)) == ({0, 1}, {0, 1, 2})
    world.advance(hours=30)
    late = hours_of(world, world.account, day)
    assert {hour: late[hour] for hour in complete} == complete
    assert set(late) == set(range(24))


def test_purchases_of_a_past_day_only_grow_and_are_settled_after_28_days(world: Stranger) -> None:
    day = to_midnight(world)
    world.advance(hours=25)
    asked = {"level": "ad", "time_range": on(day)}
    readings = [world.insights(**asked)]
    for days in (1, 1, 1, 4, 7, 14):
        world.advance(days=days)
        readings.append(world.insights(**asked))
    totals = [sum(map(bought, rows)) for rows in readings]
    assert totals == sorted(totals)
    assert 0 < totals[0] < totals[-1]
    spent = [[(row["ad_id"], row["spend"], row["impressions"], row["clicks"]) for row in rows] for rows in readings]
    assert all(reading == spent[0] for reading in spent)
    world.advance(days=20)
    assert world.insights(**asked) == readings[-1]


def test_a_deleted_ad_keeps_its_past(world: Stranger) -> None:
    card = world.named("ads", "Card")
    before = world.insights(card, time_range=RANGE, time_increment=1)
    world.delete(card)
    assert before
    assert world.insights(card, time_range=RANGE, time_increment=1) == before
