"""Figures by reports and in parts from the living sandbox: the very rows that one plain reading gives."""

from datetime import date, timedelta
from itertools import chain

import pytest

from domain.errors import TransientError
from domain.ids import PlatformAccountId
from domain.objects import InsightRow
from domain.ports import ClientOptions
from meta_client.accounts import AccountBook
from meta_client.insights import InsightReader
from meta_client.pages import Pager
from meta_client.reads import MetaReader
from meta_client.slices import Pace
from meta_client.transport import Transport
from sandbox.process import SandboxProcess
from tests.meta_client.living import TODAY, break_calls

ONE_WAY = Pace(degree=1)
IN_PARTS = Pace(degree=4, page=100, least_pages=1, heavy_pages=1, report_rows=10**9)
BY_REPORTS = Pace(degree=3, page=100, least_pages=1, report_days=2, report_rows=1, report_part_rows=300)


def _reader(platform: SandboxProcess, pace: Pace) -> MetaReader:
    token = platform.token
    options = ClientOptions(base_url=platform.graph, token=lambda: token, app_secret=lambda: "s3cret")
    transport = Transport(options)
    pager = Pager(transport)
    waits: list[float] = []
    return MetaReader(transport, pager, AccountBook(pager), figures=InsightReader(pager, pace=pace, sleep=waits.append))


def _days(
    platform: SandboxProcess, account: PlatformAccountId, pace: Pace, since: date, until: date = TODAY
) -> list[InsightRow]:
    return sorted(chain.from_iterable(_reader(platform, pace).daily_insights(account, since, until)))


@pytest.mark.parametrize("pace", [IN_PARTS, BY_REPORTS], ids=["parts", "reports"])
def test_every_way_gives_the_same_rows(platform: SandboxProcess, account: PlatformAccountId, pace: Pace) -> None:
    since = TODAY - timedelta(days=20)
    rows = _days(platform, account, pace, since)
    assert len(rows) > 100
    assert rows == _days(platform, account, ONE_WAY, since)


def test_one_day_by_campaigns_gives_the_same_rows(platform: SandboxProcess, account: PlatformAccountId) -> None:
    pace = Pace(degree=3, page=5, least_pages=1, heavy_pages=1, report_rows=10**9)
    assert _days(platform, account, pace, TODAY) == _days(platform, account, ONE_WAY, TODAY)


@pytest.mark.parametrize("pace", [IN_PARTS, BY_REPORTS], ids=["parts", "reports"])
def test_hours_are_read_the_same_ways(platform: SandboxProcess, account: PlatformAccountId, pace: Pace) -> None:
    found = [
        sorted(chain.from_iterable(_reader(platform, way).hourly_insights(account, TODAY - timedelta(days=2), TODAY)))
        for way in (pace, ONE_WAY)
    ]
    assert found[0]
    assert found[0] == found[1]


@pytest.mark.parametrize("fate", ["report_fails", "report_skipped"])
def test_a_report_that_the_platform_gave_up_is_made_in_halves(
    platform: SandboxProcess, account: PlatformAccountId, fate: str
) -> None:
    since = TODAY - timedelta(days=20)
    break_calls(platform, fate, times=1)
    assert _days(platform, account, BY_REPORTS, since) == _days(platform, account, ONE_WAY, since)


def test_reports_that_the_platform_always_gives_up_are_an_error(
    platform: SandboxProcess, account: PlatformAccountId
) -> None:
    break_calls(platform, "report_fails", times=1000)
    with pytest.raises(TransientError, match="given up by Meta"):
        _days(platform, account, BY_REPORTS, TODAY - timedelta(days=20))
