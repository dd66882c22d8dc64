"""For the same question Meta's own SDK, meta-ads-cli and our client return the same rows (the tap: in its own file)."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import date
from functools import partial
from itertools import chain
from typing import Any

import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.api import FacebookAdsApi

from domain.ids import PlatformAccountId
from domain.ports import PlatformReader
from sandbox.process import SandboxProcess
from tests.conformance import rows, seen
from tests.conformance.clients import Cli
from tests.meta_client.living import open_client_of

SINCE, UNTIL = date(2026, 11, 10), date(2026, 11, 20)
RANGE = {"since": str(SINCE), "until": str(UNTIL)}
Watching = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def watching(witness: seen.Witness, shop: SandboxProcess) -> Watching:
    return partial(witness.of, process=shop)


@pytest.fixture
def own(shop: SandboxProcess) -> PlatformReader:
    return open_client_of(shop).reader


@pytest.fixture
def number(shop: SandboxProcess) -> PlatformAccountId:
    return PlatformAccountId(shop.account_ids[0])


@pytest.fixture
def theirs(redirected: FacebookAdsApi, number: PlatformAccountId) -> AdAccount:
    return AdAccount(f"act_{number}")


def _all(pages: Iterable[Iterable[Any]]) -> list[Any]:
    return list(chain.from_iterable(pages))


@pytest.mark.parametrize("breakdowns", [[], [rows.HOURLY]])
def test_ad_rows_of_days_and_hours_are_the_same(own, theirs, number, watching: Watching, breakdowns: list[str]):
    params = {"level": "ad", "time_increment": 1, "time_range": RANGE, "limit": 90, "breakdowns": breakdowns}
    with watching(seen.SDK):
        told = sorted(map(rows.insight, theirs.get_insights(fields=rows.FIELDS, params=params)))
    with watching(seen.OURS):
        read = own.hourly_insights if breakdowns else own.daily_insights
        ours = sorted(_all(read(number, SINCE, UNTIL)))
    assert told == ours
    assert len(ours) > 60
    assert sum(row.purchases for row in ours) > 0 or breakdowns


def test_a_report_run_gives_our_rows_too(own, theirs, number, shop: SandboxProcess, watching: Watching):
    params = {"level": "ad", "time_increment": 1, "time_range": RANGE}
    with watching(seen.SDK):
        run = theirs.get_insights_async(fields=rows.FIELDS, params=params)
        for _ in range(100):
            if run.api_get()["async_status"] == "Job Completed":
                break
            shop.ask("POST", "/advance", {"seconds": 1})
        told = sorted(map(rows.insight, run.get_insights(params={"limit": 50})))
    ours = sorted(_all(own.daily_insights(number, SINCE, UNTIL)))
    assert told == ours != []


def test_campaigns_ad_sets_and_ads_are_the_same(own, theirs, number, watching: Watching):
    living = {"effective_status": ["ACTIVE", "PAUSED", "ARCHIVED", "IN_PROCESS", "WITH_ISSUES", "CAMPAIGN_PAUSED",
                                   "ADSET_PAUSED", "PENDING_REVIEW", "DISAPPROVED"], "limit": 3}  # fmt: skip
    of_campaigns = {**living, "effective_status": living["effective_status"][:5]}
    of_ad_sets = {**living, "effective_status": living["effective_status"][:6]}
    common = ["name", "effective_status", "daily_budget"]
    with watching(seen.SDK):
        campaigns = theirs.get_campaigns(fields=[*common, "objective"], params=of_campaigns)
        told = [sorted(map(rows.campaign, campaigns))]
        told += [sorted(map(rows.ad_set, theirs.get_ad_sets(fields=[*common, "campaign_id"], params=of_ad_sets)))]
        ads = theirs.get_ads(fields=["name", "effective_status", "adset_id", "campaign_id", "creative"], params=living)
        told += [sorted(map(rows.ad, ads))]
    with watching(seen.OURS):
        ours = [sorted(map(rows.our_campaign, _all(own.campaigns(number))))]
        ours += [sorted(map(rows.our_ad_set, _all(own.ad_sets(number))))]
        ours += [sorted(map(rows.our_ad, _all(own.ads(number))))]
    assert told == ours
    assert [len(part) for part in ours] == [3, 5, 8]


def test_creatives_the_account_and_its_history_are_the_same(own, theirs, number, watching: Watching):
    fields = ["id", "name", "title", "body", "video_id", "thumbnail_url"]
    with watching(seen.SDK):
        told = {(row["id"], row["name"], *map(row.get, fields[2:])) for row in theirs.get_ad_creatives(fields=fields)}
        account = theirs.api_get(fields=["name", "currency", "timezone_name", "amount_spent"])
    with watching(seen.OURS):
        creatives = _all(own.creatives(number))
        info = own.account(number)
    assert told == {(row.id, row.name, row.title, row.body, row.video_id, row.thumbnail_url) for row in creatives}
    assert (account["name"], account["currency"], account["timezone_name"]) == (info.name, info.currency, info.zone)


@pytest.mark.parametrize(("level", "preset"), [("campaign", "last_7d"), ("adset", "yesterday"), ("ad", "last_14d")])
def test_the_small_command_line_prints_the_figures_that_the_sdk_reads(
    theirs, cli: Cli, watching: Watching, level: str, preset: str
):
    with watching(seen.CLI):
        shown = cli.read("insights", "--level", level, "--date-preset", preset)["insights"]
    fields = ["impressions", "clicks", "spend", "cpc", "cpm", "ctr", "actions"]
    with watching(seen.SDK):
        told = rows.plain(theirs.get_insights(fields=fields, params={"level": level, "date_preset": preset}))
    assert told == shown != []
