"""tap-facebook, Stitch's Singer tap, reads a whole account: nothing of it is changed but where its calls go.

It polls a report job at once and then after 10 s: here a report takes a millisecond. What it asks for is old enough
for no purchase to be credited any more, since it reads while the clock runs. Left out are the streams of DMAs, which
Meta took away, and of Comscore markets, places in the United States that the sandbox's market does not know.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.api import FacebookAdsApi

from domain.ids import PlatformAccountId
from domain.ports import PlatformReader
from sandbox.process import SandboxProcess, start
from tests.conformance import clients, rows, seen
from tests.meta_client.living import open_client_of
from tests.sandbox.stranger import START, scenario

OF_TREE = ("campaigns", "adsets", "ads", "adcreative")
BROKEN_DOWN = (
    "ads_insights_age_and_gender",
    "ads_insights_country",
    "ads_insights_platform_and_device",
    "ads_insights_region",
    "ads_insights_hourly_advertiser",
)
STREAMS = (*OF_TREE, "ads_insights", *BROKEN_DOWN)
DAYS = (date(2026, 10, 13), date(2026, 10, 14))  # the tap adds a day before its start_date


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    folder = tmp_path_factory.mktemp("shop")
    file = folder / "shop.json"
    file.write_text(
        json.dumps({**scenario(), "history_days": 45, "reports": {"seconds": 0.001, "rows_per_second": 1e9}}),
        encoding="utf-8",
    )
    with start(folder / "data", scenario=str(file), speed=1, start_at=START) as process:
        yield process


def _read_all(shop: SandboxProcess, folder: Path) -> dict[str, list[dict[str, Any]]]:
    config = folder / "credentials.json"  # holds a token: no other name may
    settings = {
        "account_id": shop.account_ids[0],
        "access_token": shop.token,
        "start_date": f"{DAYS[-1]}T00:00:00Z",
        "end_date": f"{DAYS[-1]}T00:00:00Z",
        "insights_buffer_days": "1",
    }
    config.write_text(json.dumps(settings), encoding="utf-8")
    catalog = json.loads(clients.run("tap-facebook", "--config", str(config), "--discover", process=shop))
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = stream["tap_stream_id"] in STREAMS
    chosen = folder / "catalog.json"
    chosen.write_text(json.dumps(catalog), encoding="utf-8")
    output = clients.run("tap-facebook", "--config", str(config), "--properties", str(chosen), process=shop)
    return clients.rows_of(output)


def test_a_whole_account_is_read_as_our_client_and_the_sdk_read_it(
    shop: SandboxProcess, redirected: FacebookAdsApi, witness: seen.Witness, tmp_path
):
    with witness.of(seen.TAP, shop):
        told = _read_all(shop, tmp_path)
    assert set(told) == set(STREAMS)
    number = PlatformAccountId(shop.account_ids[0])
    ours, theirs = open_client_of(shop).reader, AdAccount(f"act_{number}")
    _same_tree(told, ours, number)
    params = {"level": "ad", "time_increment": 1, "time_range": {"since": str(DAYS[0]), "until": str(DAYS[1])}}
    known = sorted(row for page in ours.daily_insights(number, *DAYS) for row in page)
    assert sorted(map(rows.insight, told["ads_insights"])) == known != []
    assert sorted(map(rows.insight, theirs.get_insights(fields=rows.FIELDS, params=params))) == known
    whole = {(row.ad_id, str(row.on)): row.impressions for row in known}
    for stream in BROKEN_DOWN:
        parts = Counter()
        for row in told[stream]:
            parts[row["ad_id"], row["date_start"][:10]] += int(row["impressions"])  # a text in some of its schemas
        assert parts == whole, stream


def _same_tree(told: dict[str, list[dict[str, Any]]], ours: PlatformReader, number: PlatformAccountId) -> None:
    """The tap leaves the campaigns' budgets out, and turns the ad sets' into numbers of minor units over a hundred."""
    campaigns = [row for page in ours.campaigns(number) for row in page]
    assert {rows.campaign(row)[:4] for row in told["campaigns"]} == {rows.our_campaign(row)[:4] for row in campaigns}
    ad_sets = [row for page in ours.ad_sets(number) for row in page]
    assert {rows.ad_set(row)[:4] for row in told["adsets"]} == {rows.our_ad_set(row)[:4] for row in ad_sets}
    assert {row["id"]: row.get("daily_budget") for row in told["adsets"]} == {
        row.id: row.daily_budget_minor for row in ad_sets
    }
    ads = [row for page in ours.ads(number) for row in page]
    assert {rows.ad(row) for row in told["ads"]} == {rows.our_ad(row) for row in ads}
    creatives = [row for page in ours.creatives(number) for row in page]
    assert {(row["id"], row["name"]) for row in told["adcreative"]} == {(row.id, row.name) for row in creatives}
