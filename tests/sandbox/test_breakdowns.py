"""Insights split on read: the parts sum exactly to the total, for every metric, day, level and breakdown."""

from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.market.split import Tilts, split_day
from sandbox.meta.insights.breakdowns import HOURLY, breakdown_names, refuse_too_much
from sandbox.meta.protocol.errors import GraphError
from sandbox.meta.protocol.request import GraphCall
from tests.sandbox.shops import START, account_of, ad, ad_set, market_of, report, shop

ALLOWED = (
    ("age",), ("gender",), ("age", "gender"), ("country",), ("publisher_platform",), ("device_platform",),
    ("publisher_platform", "platform_position"), ("publisher_platform", "impression_device"),
    ("publisher_platform", "platform_position", "impression_device"),
)  # fmt: skip
REFUSED = (
    ("age", "country"), ("gender", "publisher_platform"), ("country", "publisher_platform"), ("age", HOURLY),
    ("publisher_platform", HOURLY),
)  # fmt: skip


def call(*names):
    return GraphCall(
        method="GET", path=("act_1", "insights"), version="v26.0", params={"breakdowns": ",".join(names)}, token=None
    )


@pytest.fixture(scope="module")
def lived():
    """Twelve days of two campaigns; the day's end is not yet complete."""
    scenario = shop(
        ad_set("Spain", ads=[ad(), ad("Weak", ctr=0.004)], targeting={"geo_locations": {"countries": ["ES", "PT"]}}),
        ad_set("Women", targeting={"genders": [2], "age_min": 25, "age_max": 44}, daily_budget_minor=900),
        account={"countries": ["ES", "FR"]},
    )
    market = market_of(scenario)
    market.advance(timedelta(days=11, hours=15))
    return market, account_of(market)


def periods(step):
    first = START.date()
    return [(first + timedelta(days=n), first + timedelta(days=n + step - 1)) for n in range(0, 12, step)]


@given(
    level=st.sampled_from(("account", "campaign", "adset", "ad")),
    step=st.sampled_from((1, 3, 7, 30)),
    names=st.sampled_from(ALLOWED),
)
@settings(max_examples=60, deadline=None)
def test_parts_sum_to_the_total_of_every_metric(lived, level, step, names):
    market, account = lived
    whole = report(market, account, level=level, periods=periods(step))
    parts = report(market, account, level=level, periods=periods(step), breakdowns=names)
    sums = defaultdict(lambda: np.zeros(7, dtype=np.int64))
    for owner, period, figures in zip(parts.owner, parts.period, parts.figures.T, strict=True):
        sums[owner, period] += figures
    told = {(o, p): f for o, p, f in zip(whole.owner, whole.period, whole.figures.T, strict=True)}
    assert sums.keys() == told.keys()
    assert all(np.array_equal(sums[key], told[key]) for key in told)
    assert (parts.figures >= 0).all()


@pytest.mark.parametrize("names", ALLOWED)
def test_days_of_a_part_sum_to_the_part_of_the_week(lived, names):
    market, account = lived
    week, last = START.date(), START.date() + timedelta(days=6)
    of_week = report(market, account, level="ad", periods=[(week, last)], breakdowns=names)
    by_day = report(
        market, account, level="ad", periods=[(week + timedelta(days=n),) * 2 for n in range(7)], breakdowns=names
    )
    assert cells(of_week) == cells(by_day)


def test_age_by_gender_sums_to_age(lived):
    market, account = lived
    joint = report(market, account, level="adset", periods=periods(12), breakdowns=("age", "gender"))
    alone = report(market, account, level="adset", periods=periods(12), breakdowns=("age",))
    by_age = defaultdict(int)
    for owner, cell, figures in zip(joint.owner, joint.cell, joint.figures.T, strict=True):
        by_age[owner, joint.labels[cell]["age"]] += figures[:6]
    for owner, cell, figures in zip(alone.owner, alone.cell, alone.figures.T, strict=True):
        assert np.array_equal(by_age[owner, alone.labels[cell]["age"]], figures[:6])


def test_a_cell_has_no_more_clicks_than_impressions_nor_purchases_than_link_clicks(lived):
    market, account = lived
    table = report(market, account, level="ad", periods=periods(1), breakdowns=("age", "gender"))
    impressions, clicks, link, _, purchases, _, reach = table.figures
    assert (clicks <= impressions).all()
    assert (link <= clicks).all()
    assert (purchases <= link).all()
    assert (reach <= impressions).all()


def test_parts_keep_to_the_ad_sets_targeting(lived):
    market, account = lived
    women = market.named(account.id, "Women").order
    table = report(market, account, level="adset", periods=periods(12), breakdowns=("age", "gender"))
    seen = {
        tuple(table.labels[cell].values())
        for owner, cell in zip(table.owner, table.cell, strict=True)
        if owner == women
    }
    assert seen == {("25-34", "female"), ("35-44", "female")}


def test_a_change_of_targeting_counts_from_the_next_day_and_leaves_the_past_alone():
    market = market_of(shop(ad_set(targeting={"geo_locations": {"countries": ["ES"]}})))
    market.advance(timedelta(days=2, hours=10))
    market.edit(market.named(market.accounts[0], "Set").id, targeting={"geo_locations": {"countries": ["PT"]}})
    market.advance(timedelta(days=2))
    days = [(date(2026, 3, 2 + n),) * 2 for n in range(4)]
    table = report(market, account_of(market), level="account", periods=days, breakdowns=("country",))
    seen = [(int(period), table.labels[cell]["country"]) for period, cell in zip(table.period, table.cell, strict=True)]
    assert seen == [
        (0, "ES"), (1, "ES"), (2, "ES"), (3, "PT"),
    ]  # fmt: skip


def test_the_same_reading_gives_the_same_parts(lived):
    market, account = lived
    first, second = (report(market, account, level="ad", periods=periods(3), breakdowns=("age",)) for _ in range(2))
    assert np.array_equal(first.figures, second.figures)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_any_figures_split_exactly_even_those_that_do_not_fit_one_another(data):
    """Imported reports may tell more clicks than impressions, or purchases without a click."""
    ads, cells = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 9))
    amounts = st.lists(st.integers(0, 10**9), min_size=6 * ads, max_size=6 * ads)
    figures = np.array(data.draw(amounts), dtype=np.int64).reshape(6, ads)
    share = np.array(data.draw(st.lists(st.floats(0.001, 1), min_size=ads * cells, max_size=ads * cells))).reshape(
        ads, cells
    )
    even = np.ones((ads, cells))
    keys = np.arange(1, ads + 1, dtype=np.uint64)
    parts = split_day(figures, keys, 739_000, Tilts(share=share, ctr=even, cvr=even, cpm=even))
    assert np.array_equal(parts.sum(axis=2), figures)


@pytest.mark.parametrize("names", ALLOWED)
def test_the_usual_breakdowns_are_allowed(names):
    assert breakdown_names(call(*names)) == names


@pytest.mark.parametrize("names", REFUSED)
def test_combinations_that_meta_refuses_are_refused_with_its_error(names):
    with pytest.raises(GraphError, match="Current combination of data breakdown columns") as refusal:
        breakdown_names(call(*names))
    assert (refusal.value.code, refusal.value.subcode) == (2, 1_504_041)


@pytest.mark.parametrize("names", [("platform_position",), ("impression_device",)])
def test_a_position_or_device_without_its_platform_is_code_100(names):
    with pytest.raises(GraphError) as refusal:
        breakdown_names(call(*names))
    assert refusal.value.code == 100


def test_an_unknown_breakdown_is_code_100_with_the_known_ones():
    with pytest.raises(GraphError, match=r"must be one of the following values: .*age, .*country") as refusal:
        breakdown_names(call("shoe_size"))
    assert refusal.value.code == 100


def test_more_rows_than_memory_holds_are_refused_and_can_be_read_in_parts():
    """200,000 ads by age and gender over a week are 25 million rows: too much for one call, a day of a tenth is not."""
    with pytest.raises(GraphError, match="reduce the amount of data") as refusal:
        refuse_too_much(owners=200_000, periods=7, cells=18)
    assert (refusal.value.code, refusal.value.subcode) == (100, 1_487_534)
    refuse_too_much(owners=20_000, periods=1, cells=18)


def cells(table):
    found = defaultdict(lambda: np.zeros(6, dtype=np.int64))
    for owner, cell, figures in zip(table.owner, table.cell, table.figures.T, strict=True):
        found[owner, cell] += figures[:6]
    return {key: tuple(row.tolist()) for key, row in found.items()}
