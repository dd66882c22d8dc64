"""Snapshots: every figure checked against rows that can be added up by hand, in a zone with daylight saving.

The account lives in Berlin, on 2026-03-31, two days after the clock was set forward. It is 10:30 there.
"""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import Connection

from domain.actions import Level, Mode, ObjectKind
from domain.ids import AccountId, AdId, AdSetId, CampaignId, CreativeId, PlatformAccountId
from domain.objects import AccountInfo, Ad, AdSet, Bidding, Campaign, InsightRow, Learning, Status
from domain.snapshot import Bools, Floats, Hold, Ints, Snapshot, Texts
from models import accounts, insights, mirror, snapshots

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 31, 10, 30, tzinfo=BERLIN).astimezone(UTC)
TODAY = date(2026, 3, 31)
BORN = datetime(2026, 1, 1, tzinfo=UTC)


def day(back: int) -> date:
    return TODAY - timedelta(days=back)


def campaign(number: int, status: Status = Status.ACTIVE) -> Campaign:
    return Campaign(id=CampaignId(f"c{number}"), name=f"Campaign {number}", status=status, effective_status="X",
                    objective="SALES", daily_budget_minor=None, lifetime_budget_minor=None,
                    created_at=BORN, updated_at=BORN)  # fmt: skip


def ad_set(number: int, parent: int = 1, **changes: object) -> AdSet:
    plain = AdSet(id=AdSetId(f"s{number}"), campaign_id=CampaignId(f"c{parent}"), name=f"Set {number}",
                  status=Status.ACTIVE, effective_status="X", optimization_goal="X", daily_budget_minor=1_000,
                  lifetime_budget_minor=None, learning=Learning.DONE, labels=(),
                  created_at=BORN, updated_at=BORN)  # fmt: skip
    return replace(plain, **changes)


def ad(number: int, parent: int = 1, **changes: object) -> Ad:
    plain = Ad(id=AdId(f"a{number}"), ad_set_id=AdSetId(f"s{parent}"), campaign_id=CampaignId("c1"),
               creative_id=CreativeId(f"k{number}"), name=f"Ad {number}", status=Status.ACTIVE, effective_status="X",
               created_at=BORN, updated_at=BORN)  # fmt: skip
    return replace(plain, **changes)


def figures(ad_number: int, on: date, *, hour: int = -1, parent: int = 1, impressions: int = 100, clicks: int = 10,
            spend: int = 50, purchases: int = 1, revenue: int = 200) -> InsightRow:  # fmt: skip
    return InsightRow(f"a{ad_number}", f"s{parent}", "c1", on, hour, impressions, clicks, spend, purchases, revenue)


@pytest.fixture
def account_id(conn: Connection) -> AccountId:
    info = AccountInfo(id=PlatformAccountId("act_1"), name="A", currency="EUR", zone="Europe/Berlin", is_active=True,
                       status_text="", minimum_daily_budget_minor=100)  # fmt: skip
    mine = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
    accounts.change(conn, mine, tree_read_at=NOW, insights_read_at=NOW)
    return mine


def store(conn: Connection, mine: AccountId, campaigns: list[Campaign], ad_sets: list[AdSet], ads: list[Ad]) -> None:
    mirror.upsert_campaigns(conn, mine, [campaigns], NOW)
    mirror.upsert_ad_sets(conn, mine, [ad_sets], NOW)
    mirror.upsert_ads(conn, mine, [ads], NOW)


def loaded(conn: Connection, mine: AccountId, *, window_days: int = 7, spike_hours: int = 2) -> Snapshot:
    account = accounts.get(conn, mine)
    return snapshots.load(conn, account, now=NOW, window_days=window_days, spike_hours=spike_hours)


def test_an_account_that_was_never_read_is_an_empty_snapshot(conn: Connection, account_id: AccountId) -> None:
    accounts.change(conn, account_id, tree_read_at=None, insights_read_at=None)
    snapshot = loaded(conn, account_id)
    assert (len(snapshot.ad_sets), len(snapshot.ads), snapshot.campaigns_active) == (0, 0, 0)
    assert (snapshot.tree_read_at, snapshot.insights_read_at) == (None, None)


def test_windows_sum_complete_days_and_today(conn: Connection, account_id: AccountId) -> None:
    """Window of 7: today and 7 complete days. Spend doubles with each day back, so that each sum is its own."""
    store(conn, account_id, [campaign(1)], [ad_set(1)], [ad(1)])
    rows = [figures(1, day(back), impressions=2**back, clicks=back, spend=2**back, revenue=back) for back in range(12)]
    insights.upsert_daily(conn, account_id, [rows], NOW)
    snapshot = loaded(conn, account_id)
    ad_sets, ads = snapshot.ad_sets, snapshot.ads
    assert ad_sets.spend_window.tolist() == ads.spend_window.tolist() == [255]  # 1 + 2 + ... + 2^7
    assert ad_sets.revenue_window.tolist() == ads.revenue_window.tolist() == [28]  # 0 + 1 + ... + 7
    assert (ad_sets.purchases_window.item(), ad_sets.impressions_window.item()) == (8, 255)
    assert (ad_sets.clicks_window.item(), ad_sets.spend_today.item()) == (28, 1)
    assert (ads.impressions_total.item(), ads.clicks_total.item()) == (4095, 66)  # all 12 days
    assert (ads.impressions_last.item(), ads.clicks_last.item()) == (2, 1)  # yesterday
    assert (ads.impressions_week.item(), ads.clicks_week.item()) == (508, 35)  # 2^2 + ... + 2^8, 2 + ... + 8
    assert loaded(conn, account_id, window_days=1).ad_sets.spend_window.item() == 3


def test_days_in_the_future_of_the_reading_do_not_count(conn: Connection, account_id: AccountId) -> None:
    store(conn, account_id, [campaign(1)], [ad_set(1)], [ad(1)])
    insights.upsert_daily(conn, account_id, [[figures(1, day(-1)), figures(1, day(0))]], NOW)
    snapshot = loaded(conn, account_id)
    assert (snapshot.ads.impressions_total.item(), snapshot.ad_sets.spend_window.item()) == (100, 50)


def test_ads_without_figures_and_days_without_impressions_are_zeros(conn: Connection, account_id: AccountId) -> None:
    store(conn, account_id, [campaign(1)], [ad_set(1)], [ad(1), ad(2)])
    quiet = figures(1, day(1), impressions=0, clicks=0, spend=0, purchases=0, revenue=0)
    insights.upsert_daily(conn, account_id, [[quiet]], NOW)
    ads = loaded(conn, account_id).ads
    assert ads.id.tolist() == ["a1", "a2"]
    for name in ("impressions_total", "impressions_last", "impressions_week", "spend_window", "revenue_window"):
        assert getattr(ads, name).tolist() == [0, 0]


def test_marks_of_ad_sets_follow_the_tree(conn: Connection, account_id: AccountId) -> None:
    store(
        conn, account_id, [campaign(1), campaign(2, Status.PAUSED)],
        [
            ad_set(1, labels=("x", "ab_test")),
            ad_set(2, parent=2),  # its campaign is off
            ad_set(3, status=Status.PAUSED, learning=Learning.LEARNING),
            ad_set(4, daily_budget_minor=None, learning=Learning.UNKNOWN),  # under a campaign budget
            ad_set(5, parent=9, learning=Learning.LIMITED),  # its campaign was never seen
            ad_set(6, status=Status.ARCHIVED),
            ad_set(7, status=Status.DELETED),
        ],
        [],
    )  # fmt: skip
    snapshot = loaded(conn, account_id)
    frame = snapshot.ad_sets
    assert frame.id.tolist() == ["s1", "s2", "s3", "s4", "s5"]
    assert frame.campaign_id.tolist() == ["c1", "c2", "c1", "c1", "c9"]
    assert frame.is_active.tolist() == [True, False, False, True, False]
    assert frame.is_learning.tolist() == [False, False, True, True, True]
    assert frame.is_ab_test.tolist() == [True, False, False, False, False]
    assert frame.daily_budget_minor.tolist() == [1_000, 1_000, 1_000, -1, 1_000]
    assert snapshot.campaigns_active == 1


def test_marks_of_ads_follow_the_tree(conn: Connection, account_id: AccountId) -> None:
    ads = [ad(1, created_at=NOW - timedelta(minutes=90)), ad(2, parent=2, status=Status.PAUSED, creative_id=None),
           ad(3, parent=8), ad(4, status=Status.ARCHIVED)]  # fmt: skip
    store(conn, account_id, [campaign(1)], [ad_set(1), ad_set(2)], ads)
    mirror.mark_fatigued(conn, account_id, AdId("a2"), NOW)
    frame = loaded(conn, account_id).ads
    assert frame.id.tolist() == ["a1", "a2", "a3"]
    assert frame.ad_set_id.tolist() == ["s1", "s2", "s8"]
    assert frame.ad_set_index.tolist() == [0, 1, -1]
    assert frame.creative_id.tolist() == ["k1", "", "k3"]
    assert frame.is_active.tolist() == [True, False, True]
    assert frame.is_marked_fatigued.tolist() == [False, True, False]
    assert frame.age_hours[0] == 1.5


def test_what_a_deleted_ad_spent_still_counts_for_its_ad_set(conn: Connection, account_id: AccountId) -> None:
    store(conn, account_id, [campaign(1)], [ad_set(1)], [ad(1), ad(2, status=Status.DELETED)])
    rows = [figures(1, day(1), spend=5), figures(2, day(1), spend=7), figures(3, day(1), spend=11)]
    insights.upsert_daily(conn, account_id, [rows], NOW)
    snapshot = loaded(conn, account_id)
    assert snapshot.ads.id.tolist() == ["a1"]
    assert snapshot.ads.spend_window.tolist() == [5]
    assert snapshot.ad_sets.spend_window.tolist() == [23]


def hourly(conn: Connection, mine: AccountId, backs: range, hours: tuple[int, ...], spend: int) -> None:
    rows = [figures(1, day(back), hour=hour, spend=spend, clicks=1, revenue=2 * spend)
            for back in backs for hour in hours]  # fmt: skip
    insights.upsert_hourly(conn, mine, [rows], NOW)


def test_recent_hours_stand_against_the_same_hours_of_the_week_before(conn: Connection, account_id: AccountId) -> None:
    """It is 10:30, so that 9 and 8 are the last complete hours; 10 still fills and 7 is too old.

    Hours are wall-clock hours: those before the 29th are one UTC hour later, and still the same hours.
    """
    store(conn, account_id, [campaign(1)], [ad_set(1), ad_set(2)], [ad(1)])
    hourly(conn, account_id, range(1), (7, 10), 1_000_000)  # not looked at
    hourly(conn, account_id, range(1), (8, 9), 70)
    hourly(conn, account_id, range(1, 8), (8, 9), 7)
    hourly(conn, account_id, range(3, 4), (8,), 14)  # restated: 7 more
    hourly(conn, account_id, range(8, 9), (8, 9), 1_000_000)  # eight days ago
    frame = loaded(conn, account_id).ad_sets
    assert frame.recent_spend.tolist() == [140, 0]
    assert frame.recent_clicks.tolist() == [2, 0]
    assert frame.recent_revenue.tolist() == [280, 0]
    assert frame.usual_spend.tolist() == [15.0, 0.0]  # (7 x 14 + 7) / 7
    assert frame.usual_clicks.tolist() == [2.0, 0.0]
    assert frame.usual_revenue.tolist() == [30.0, 0.0]


def test_a_young_ad_set_is_compared_with_the_days_that_it_has(conn: Connection, account_id: AccountId) -> None:
    """Created two days and an hour before the oldest recent hour: two days are known, not seven."""
    born = datetime(2026, 3, 29, 7, tzinfo=BERLIN).astimezone(UTC)
    store(conn, account_id, [campaign(1)], [ad_set(1, created_at=born)], [ad(1)])
    insights.upsert_hourly(conn, account_id, [[figures(9, day(7), hour=0, parent=9)]], NOW)  # the account is older
    hourly(conn, account_id, range(1, 3), (8, 9), 10)
    assert loaded(conn, account_id).ad_sets.usual_spend.tolist() == [20.0]


def test_days_before_the_first_hourly_reading_are_unknown_not_zero(conn: Connection, account_id: AccountId) -> None:
    store(conn, account_id, [campaign(1)], [ad_set(1)], [ad(1)])
    hourly(conn, account_id, range(4), (8, 9), 10)
    assert loaded(conn, account_id).ad_sets.usual_spend.tolist() == [20.0]  # three days of 20, not 60 / 7


def test_complete_hours_end_where_the_last_reading_ended(conn: Connection, account_id: AccountId) -> None:
    store(conn, account_id, [campaign(1)], [ad_set(1)], [ad(1)])
    hourly(conn, account_id, range(1), (7, 8, 9), 1)
    insights.upsert_hourly(conn, account_id, [[figures(1, TODAY, hour=9, spend=500)]], NOW)
    accounts.change(conn, account_id, insights_read_at=NOW - timedelta(minutes=45))  # 09:45: 9 still filled
    assert loaded(conn, account_id).ad_sets.recent_spend.tolist() == [2]


def test_accounts_do_not_see_each_others_figures(conn: Connection, account_id: AccountId) -> None:
    store(conn, account_id, [campaign(1)], [ad_set(1)], [ad(1)])
    info = AccountInfo(id=PlatformAccountId("act_2"), name="B", currency="USD", zone="UTC", is_active=True,
                       status_text="", minimum_daily_budget_minor=100)  # fmt: skip
    other = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
    insights.upsert_daily(conn, other, [[figures(1, day(1))]], NOW)
    insights.upsert_hourly(conn, other, [[figures(1, TODAY, hour=9)]], NOW)
    snapshot = loaded(conn, account_id)
    assert (snapshot.ads.impressions_total.item(), snapshot.ad_sets.recent_spend.item()) == (0, 0)
    assert len(loaded(conn, other).ads) == 0


def test_large_accounts_keep_their_order_over_many_chunks(conn: Connection, account_id: AccountId) -> None:
    """20,000 ads come in several chunks; ids are in plain byte order, and rows stay with their ids."""
    ads = [ad(number, parent=number % 3, name=f"n{number}") for number in range(20_000)]
    store(conn, account_id, [campaign(1)], [ad_set(number) for number in range(3)], ads[::-1])
    rows = [figures(number, day(1), parent=number % 3, spend=number) for number in range(0, 20_000, 7)]
    insights.upsert_daily(conn, account_id, [rows], NOW)
    frame = loaded(conn, account_id).ads
    numbers = [int(text[1:]) for text in frame.id]
    assert frame.id.tolist() == sorted(item.id for item in ads)
    assert frame.name.tolist() == [f"n{number}" for number in numbers]
    assert frame.ad_set_index.tolist() == [number % 3 for number in numbers]
    assert frame.spend_window.tolist() == [number if number % 7 == 0 else 0 for number in numbers]


def test_equal_data_gives_equal_snapshots_of_the_promised_types(conn: Connection, account_id: AccountId) -> None:
    store(conn, account_id, [campaign(1)], [ad_set(1), ad_set(2)], [ad(1), ad(2)])
    insights.upsert_daily(conn, account_id, [[figures(1, day(1))]], NOW)
    first, second = loaded(conn, account_id), loaded(conn, account_id)
    kinds = {Ints: "i", Floats: "f", Bools: "b", Texts: "TO"}
    for one, other in ((first.ad_sets, second.ad_sets), (first.ads, second.ads)):
        for field in fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))
            assert getattr(one, field.name).dtype.kind in kinds[field.type]
            assert field.type is not Texts or {type(item) for item in getattr(one, field.name)} == {str}
            assert len(getattr(one, field.name)) == len(one)


def test_a_name_with_any_character_reaches_the_snapshot(conn: Connection, account_id: AccountId) -> None:
    name = 'a\tb\n"c" \\N {d}, \U0001f600'
    store(conn, account_id, [campaign(1)], [ad_set(1, name=name)], [ad(1, name=name)])
    snapshot = loaded(conn, account_id)
    assert snapshot.ads.name.tolist() == snapshot.ad_sets.name.tolist() == [name]
    assert mirror.listing(conn, account_id, ObjectKind.AD)[0].name == name


def test_a_campaign_that_carries_the_budget_sums_its_ad_sets(conn: Connection, account_id: AccountId) -> None:
    shared = replace(campaign(1), daily_budget_minor=9_000)
    inside = [ad_set(1, daily_budget_minor=None), ad_set(2, daily_budget_minor=None, learning=Learning.LEARNING)]
    store(conn, account_id, [shared, campaign(2)], [*inside, ad_set(3, parent=2)], [ad(1), ad(2, parent=2)])
    rows = [figures(1, day(1), spend=50, revenue=200), figures(2, day(2), parent=2, spend=70, revenue=10)]
    insights.upsert_daily(conn, account_id, [rows], NOW)
    found = loaded(conn, account_id)

    assert list(found.campaigns.id) == ["c1"]
    assert found.campaigns.daily_budget_minor.tolist() == [9_000]
    assert (found.campaigns.spend_window.tolist(), found.campaigns.revenue_window.tolist()) == ([120], [210])
    assert found.campaigns.is_learning.tolist() == [True]
    assert found.ad_sets.campaign_index.tolist() == [0, 0, -1]
    assert found.ad_sets.hold.tolist() == [Hold.CAMPAIGN_BUDGET, Hold.CAMPAIGN_BUDGET, Hold.FREE]


def test_what_people_bound_is_held(conn: Connection, account_id: AccountId) -> None:
    campaigns = [
        campaign(1),
        replace(campaign(2), lifetime_budget_minor=90_000),
        replace(campaign(3), daily_budget_minor=9_000, bidding=Bidding.COST_CAP),
        replace(campaign(4), spend_cap_minor=1),
    ]
    sets = [
        ad_set(1),
        ad_set(2, daily_budget_minor=None, lifetime_budget_minor=5_000),
        ad_set(3, bidding=Bidding.BID_CAP),
        ad_set(4, parent=2, daily_budget_minor=None),
        ad_set(5, parent=3, daily_budget_minor=None),
        ad_set(6, parent=4),
    ]
    store(conn, account_id, campaigns, sets, [])
    found = loaded(conn, account_id)

    assert [Hold(hold).name for hold in found.ad_sets.hold.tolist()] == [
        "FREE", "LIFETIME_BUDGET", "BID_LIMIT", "LIFETIME_BUDGET", "BID_LIMIT", "SPEND_CAP"
    ]  # fmt: skip
    assert found.campaigns.hold.tolist() == [Hold.BID_LIMIT]
