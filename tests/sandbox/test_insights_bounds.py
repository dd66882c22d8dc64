"""What insights leave out, bound and read back: people beyond 13 months, heavy pages, earlier instants."""

import cProfile
import pstats
from collections.abc import Callable
from datetime import UTC, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import msgspec
import pytest

from sandbox.meta.insights.ranks import RANKINGS
from sandbox.meta.insights.rows import known_fields
from sandbox.meta.insights.support import COMBINATIONS, HOURLY_LABEL_KEY
from sandbox.meta.protocol.errors import GraphError
from tests.sandbox.matrix_shop import Desk, desk
from tests.sandbox.shops import START, ad, ad_set, market_of, shop

RANGE: Final = {"since": "2026-03-02", "until": "2026-03-06"}
LONG: Final = {"since": "2025-01-01", "until": "2026-03-06"}
WINDOWS: Final = ["1d_click", "7d_click", "28d_click", "1d_view", "1d_ev", "incrementality", "default"]
QUARTERS: Final = ("video_play_actions", *(f"video_p{n}_watched_actions" for n in (25, 50, 75, 95, 100)))


@pytest.fixture(scope="module")
def asked() -> Desk:
    return desk()


def rows_as_of(days: int, *, read_at_days: int | None = None, **params: Any) -> Any:
    """Return the rows that a market tells after some days, or told then of an earlier instant."""
    market = market_of(shop(ad_set(ads=[ad(), ad("Other")])))
    market.advance(timedelta(days=days))
    there = Desk(market, at=START.astimezone(UTC) + timedelta(days=days))
    at_s = START.timestamp() + read_at_days * 86_400 if read_at_days is not None else None
    page = there.tables.page(there.context(**params), there.account, None, read_at_s=at_s)
    return msgspec.json.decode(msgspec.json.encode(page["data"]))


def test_people_are_left_out_along_a_breakdown_that_begins_beyond_13_months(asked: Desk) -> None:
    fields = "impressions,reach,frequency,unique_clicks"
    (whole,) = asked.rows(time_range=LONG, fields=fields)
    assert {"reach", "frequency", "unique_clicks"} <= whole.keys()
    for row in asked.rows(time_range=LONG, fields=fields, breakdowns=["age"]):
        assert row.keys() == {"impressions", "date_start", "date_stop", "age"}
    assert all("reach" in row for row in asked.rows(time_range=RANGE, fields=fields, breakdowns=["age"]))


def test_hours_know_no_people_and_no_videos(asked: Desk) -> None:
    fields = f"impressions,reach,frequency,cpp,unique_clicks,unique_actions,{','.join(QUARTERS)}"
    rows = asked.rows(time_range=RANGE, fields=fields, breakdowns=[HOURLY_LABEL_KEY], level="ad")
    assert {name for row in rows for name in row} == {"impressions", "date_start", "date_stop", HOURLY_LABEL_KEY}


def test_a_page_too_heavy_to_write_is_code_1_until_the_limit_shrinks_and_a_report_tells_it(asked: Desk) -> None:
    asks = {"level": "ad", "time_increment": "1", "time_range": RANGE, "fields": ",".join(sorted(known_fields()))}
    asks |= {"breakdowns": list(COMBINATIONS[-2]), "action_attribution_windows": WINDOWS}
    with pytest.raises(GraphError, match="reduce the amount of data") as refusal:
        asked.rows(**asks)
    assert (refusal.value.code, refusal.value.status) == (1, 500)
    assert len(asked.rows(**asks, limit="25")) == 25
    whole = asked.tables.page(asked.context(**asks, limit="5000"), asked.account, None, is_report=True)
    assert len(msgspec.json.decode(whole["data"])) > 500


def test_a_report_reads_as_of_its_instant_though_the_market_has_gone_on() -> None:
    asks = {"level": "ad", "time_increment": "1", "fields": "ad_id,impressions,spend,actions,action_values"}
    asks |= {"time_range": '{"since":"2026-03-02","until":"2026-03-09"}'}
    then = rows_as_of(3, **asks)
    assert rows_as_of(6, read_at_days=3, **asks) == then
    assert rows_as_of(6, **asks) != then


def test_videos_are_watched_by_fewer_and_fewer_and_only_where_there_is_one(asked: Desk) -> None:
    rows = asked.rows(
        level="ad", time_range=RANGE, time_increment="1", breakdowns=["age"],
        fields=f"ad_name,impressions,video_avg_time_watched_actions,{','.join(QUARTERS)}",
    )  # fmt: skip
    assert {row["ad_name"] for row in rows if QUARTERS[0] in row} == {"Film"}
    for row in rows:
        seen = [int(row[name][0]["value"]) if name in row else 0 for name in QUARTERS]
        assert all(more >= fewer for more, fewer in pairwise([int(row["impressions"]), *seen]))


def test_fewer_people_click_than_there_are_clicks_or_people(asked: Desk) -> None:
    fields = "clicks,reach,unique_clicks,unique_inline_link_clicks,spend,cost_per_unique_click,impressions"
    for row in asked.rows(level="ad", time_range=RANGE, time_increment="1", fields=fields):
        assert int(row["unique_inline_link_clicks"]) <= int(row["unique_clicks"]) <= int(row["clicks"])
        assert int(row["unique_clicks"]) <= int(row["reach"])
        assert float(row["cost_per_unique_click"]) == pytest.approx(
            float(row["spend"]) / int(row["unique_clicks"]), abs=1e-6
        )


def test_an_ad_is_ranked_once_it_was_seen_enough_and_other_objects_never(asked: Desk) -> None:
    fields = f"impressions,{','.join(RANKINGS)}"
    rows = asked.rows(level="ad", time_range=RANGE, time_increment="1", fields=fields)
    for row in rows:
        assert all((row[name] == "UNKNOWN") == (int(row["impressions"]) < 500) for name in RANKINGS)
    assert {row["quality_ranking"] for row in rows} > {"UNKNOWN"}
    assert not set(RANKINGS) & asked.rows(level="adset", time_range=RANGE, fields=fields)[0].keys()


def test_regions_of_a_country_sum_up_to_it(asked: Desk) -> None:
    asks = {"level": "ad", "time_range": RANGE, "time_increment": "1", "fields": "impressions,spend"}
    spanish = {"Andalucía", "Cataluña", "Comunidad de Madrid", "Comunidad Valenciana", "Galicia", "País Vasco"}
    regions = asked.rows(**asks, breakdowns="region")
    (spain,) = asked.rows(time_range=RANGE, fields="spend", breakdowns="country", filtering=[])[:1]
    told = sum(Decimal(row["spend"]) for row in regions if row["region"] in spanish)
    assert spanish <= {row["region"] for row in regions}
    assert Decimal("0.5") * Decimal(spain["spend"]) < told < Decimal(spain["spend"])


def test_actions_name_their_target_where_asked_for(asked: Desk) -> None:
    spec = asked.account.spec
    (row,) = asked.rows(
        time_range=RANGE, fields="actions", action_breakdowns=["action_type", "action_target_id", "action_destination"]
    )
    targets = {entry["action_type"]: entry["action_target_id"] for entry in row["actions"]}
    assert (targets["link_click"], targets["purchase"]) == (spec.page_id, spec.pixel_id)
    assert all("action_destination" in entry for entry in row["actions"])


def looks_at_ads(read: Callable[[], Any]) -> tuple[Any, int]:
    """What a reading gives, and how many ads were held against its filters meanwhile."""
    profile = cProfile.Profile()
    answer = profile.runcall(read)
    counts = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # (file, line, function) -> calls and times
    return answer, sum(times[0] for (_, _, name), times in counts.items() if name == "passes")


def test_the_pages_of_a_filtered_reading_look_at_its_ads_once() -> None:
    """Each page went through all ads again: slices by campaigns of 20,000 ads took a minute where two seconds do."""
    fresh = desk()
    campaign = fresh.account.nodes["campaign"][0].id
    wanted = [{"field": "campaign.id", "operator": "IN", "value": [campaign]}]
    params = {"level": "ad", "time_increment": "1", "time_range": RANGE, "filtering": wanted, "limit": "3"}
    first, looks = looks_at_ads(lambda: fresh.page(**params))
    assert looks == len(fresh.account.nodes["ad"])
    after = first["paging"]["cursors"]["after"]
    second, looks = looks_at_ads(lambda: fresh.page(**params, after=after))
    assert looks == 0
    assert len(second["data"]) == 3
