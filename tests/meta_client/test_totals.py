"""Sums of the day under way: one call each, and the same figures that all ads have together."""

from collections import Counter
from datetime import date

import pytest

from domain.actions import ObjectKind
from domain.errors import BadInputError, TransientError
from meta_client.pages import Pager
from meta_client.totals import TotalReader
from tests.meta_client.scripted import ACCOUNT, Kit, Scripted

TODAY, YESTERDAY = date(2026, 11, 20), date(2026, 11, 19)


def test_the_account_s_hours_are_the_sums_of_its_ads(client, account):
    by_hour: Counter[tuple[date, int]] = Counter()
    for page in client.reader.hourly_insights(account, YESTERDAY, TODAY):
        for row in page:
            by_hour[row.on, row.hour] += row.spend_minor
    found = client.reader.account_hours(account, YESTERDAY, TODAY)
    assert {(row.on, row.hour): row.spend_minor for row in found} == dict(by_hour)


@pytest.mark.parametrize("kind", [ObjectKind.AD_SET, ObjectKind.CAMPAIGN])
def test_top_spenders_are_the_sums_of_their_ads_the_largest_first(client, account, kind):
    name = "ad_set_id" if kind is ObjectKind.AD_SET else "campaign_id"
    sums: Counter[str] = Counter()
    for page in client.reader.daily_insights(account, TODAY, TODAY):
        for row in page:
            sums[getattr(row, name)] += row.spend_minor
    found = client.reader.top_spenders(account, kind, TODAY)
    assert {row.object_id: row.spend_minor for row in found} == dict(sums)
    assert [row.spend_minor for row in found] == sorted(sums.values(), reverse=True)
    assert all(bool(row.parent_id) is (kind is ObjectKind.AD_SET) for row in found)


def test_no_more_are_read_than_asked_for(client, account):
    found = client.reader.top_spenders(account, ObjectKind.AD_SET, TODAY, most=3)
    assert len(found) == 3
    assert found == client.reader.top_spenders(account, ObjectKind.AD_SET, TODAY)[:3]


def test_ads_are_never_asked_for_one_by_one(client, account):
    with pytest.raises(BadInputError, match="campaigns or ad sets"):
        client.reader.top_spenders(account, ObjectKind.AD, TODAY)


def test_the_two_hours_of_one_label_are_added_up(server: Scripted, kit: Kit):
    """As clocks are put back; and a failure in passing is not waited for: the next slot asks again."""
    hour = {
        "date_start": "2026-10-25", "impressions": "100", "inline_link_clicks": "4", "spend": "3.50",
        "hourly_stats_aggregated_by_advertiser_time_zone": "02:00:00 - 02:59:59",
        "actions": [{"action_type": "omni_purchase", "value": "2"}],
    }  # fmt: skip
    server.answer({"data": [hour, hour], "paging": {}})
    reader = TotalReader(Pager(kit.transport), lambda _: "EUR")
    (row,) = reader.account_hours(ACCOUNT, date(2026, 10, 25), date(2026, 10, 25))
    assert row == (date(2026, 10, 25), 2, 200, 8, 700, 4, 0)


@pytest.mark.parametrize("spoilt", [{"spend": "much"}, {"hourly_stats_aggregated_by_advertiser_time_zone": "25:00"}])
def test_a_row_that_cannot_be_is_no_reading(server: Scripted, kit: Kit, spoilt):
    hour = {"date_start": "2026-10-25", "hourly_stats_aggregated_by_advertiser_time_zone": "02:00:00"} | spoilt
    server.answer({"data": [hour], "paging": {}})
    with pytest.raises(TransientError):
        TotalReader(Pager(kit.transport), lambda _: "EUR").account_hours(
            ACCOUNT, date(2026, 10, 25), date(2026, 10, 25)
        )
