"""The market's laws in process: chance by key, purchases that arrive late, orders, shared audiences, seasons."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.sandbox.shops import START, account_of, ad, ad_set, market_of, shop

MANY = ad_set(audience_size=900_000_000, daily_budget_minor=20_000_000, saturation_daily_minor=10**9, ads=[ad(cvr=0.3)])
NO_CHANCE = {"demand_spread": 0.0, "learning_efficiency": 1.0}


def totals(market):
    days = market.daily(market.accounts[0])
    return np.stack(
        [days.impressions, days.clicks, days.link_clicks, days.spend_minor, days.purchases, days.value_minor]
    )


def test_figures_do_not_depend_on_how_the_advance_is_cut():
    scenario = shop(ad_set(ads=[ad(), ad("Other", fatigue=1.0)]), ad_set("B"))
    at_once, in_steps = market_of(scenario), market_of(scenario)
    at_once.advance(timedelta(days=5))
    for hours in (1, 30, 0.3, 12, 76.7):
        in_steps.advance(timedelta(hours=hours))
    assert in_steps.now == at_once.now
    assert np.array_equal(totals(at_once), totals(in_steps))


def test_an_ad_sets_figures_do_not_depend_on_the_other_ad_sets_of_the_account():
    own = ad_set("Mine", id="120200000000000099", ads=[ad("Mine", id="120200000000000100")])
    alone, beside = market_of(shop(own)), market_of(shop(own, ad_set("Other")))
    for market in (alone, beside):
        market.advance(timedelta(days=4))
    assert np.array_equal(totals(alone)[:, :, 0], totals(beside)[:, :, 0])


def test_another_seed_is_another_world():
    one, two = market_of(shop(seed=1)), market_of(shop(seed=2))
    for market in (one, two):
        market.advance(timedelta(days=2))
    assert not np.array_equal(totals(one), totals(two))


@pytest.mark.parametrize(("hours", "share"), [(1, 0.15), (24, 0.55), (72, 0.75), (168, 0.95), (672, 1.0)])
def test_purchases_arrive_as_the_table_of_the_facts_says(hours, share):
    """domain.md §2b, an assumption: 15 % after 1 h, 55 % after 24 h, 75 % after 3 d, 95 % after 7 d, all after 28 d."""
    market = market_of(shop(MANY))
    market.advance(timedelta(hours=3))
    purchases = account_of(market).market.purchases
    hour = account_of(market).market.grid.first_hour
    start_s = account_of(market).calendar.start_of(hour)
    every = purchases.arrived(hour, hour + 1, cutoff_s=math.inf, ads=1)[0].sum()
    # Clicks are spread over the hour: purchases are seen `hours` after the hour's middle, give or take half of it.
    seen = purchases.arrived(hour, hour + 1, cutoff_s=start_s + 1_800 + hours * 3_600, ads=1)[0].sum()
    assert every > 1_000
    assert seen / every == pytest.approx(share, abs=0.04)


def test_past_days_are_restated_for_28_days_and_then_stand():
    market = market_of(shop(MANY))
    market.advance(timedelta(days=1, hours=3))
    told = []
    for days in (0, 2, 6, 21, 10):
        market.advance(timedelta(days=days))
        told.append(totals(market)[4, 0].sum())
    assert told == sorted(told)
    assert told[0] < told[1] < told[2] < told[3]
    assert told[3] == told[4]


def test_orders_differ_around_their_mean_as_the_scenario_says():
    for spread in (0.0, 0.35, 0.8):
        market = market_of(shop(MANY, market={"order_value_spread": spread}))
        market.advance(timedelta(hours=6))
        values = account_of(market).market.purchases._value[: len(account_of(market).market.purchases)]
        assert values.mean() == pytest.approx(5_000, rel=0.05)
        assert np.log(values).std() == pytest.approx(spread, abs=0.05)


def test_ad_sets_of_one_audience_raise_each_others_price_and_others_do_not():
    def prices(**more):
        market = market_of(shop(*(ad_set(n, audience_size=50_000_000, **more) for n in "ab"), market=NO_CHANCE))
        market.advance(timedelta(days=3))
        days = market.daily(market.accounts[0])
        return days.spend_minor.sum(axis=0) / days.impressions.sum(axis=0)

    apart, together = prices(), prices(audience="the same people")
    # Each pays for the pace of both: ((1 + 2 p) / (1 + p)) ^ 0.35 with p = 10,000 / 20,000.
    assert (together / apart) == pytest.approx([(2 / 1.5) ** 0.35] * 2, rel=0.03)


def test_seasons_move_the_price_by_the_months_factor_and_are_opt_in():
    def price(month, **world):
        market = market_of(
            shop(ad_set(audience_size=50_000_000), market=NO_CHANCE, **world),
            start=datetime(2026, month, 2, tzinfo=UTC),
        )
        market.advance(timedelta(days=7))
        days = market.daily(market.accounts[0])
        return days.spend_minor.sum() / days.impressions.sum()

    season = {"season": {"cpm": [1.0] * 11 + [1.5]}}
    assert price(12) == pytest.approx(price(6), rel=0.05)
    assert price(12, **season) / price(6, **season) == pytest.approx(1.5, rel=0.05)


def test_the_shipped_small_shop_prices_november_and_december_as_the_facts_do():
    """E-commerce CPM: November 26.3, December 29.79 over a mean of 20.26 (domain.md §2b [B1])."""
    from sandbox.scenario import load_scenario

    season = load_scenario("small_shop").season
    assert season.cpm[10] == pytest.approx(26.3 / 20.26, abs=0.01)
    assert season.cpm[11] == pytest.approx(29.79 / 20.26, abs=0.01)
    assert np.mean(season.cpm) == pytest.approx(1.0, abs=0.01)


def test_the_clock_of_a_local_market_never_goes_back():
    market = market_of(shop())
    with pytest.raises(ValueError, match="never goes back"):
        market.advance(timedelta(hours=-1))
    assert market.now == START


def test_the_example_of_the_entry_runs():
    """The docstring of sandbox/market/local.py is what a newcomer types."""
    from sandbox.market import local

    example = "\n".join(line[4:] for line in local.__doc__.splitlines() if line.startswith("    "))
    names: dict = {}
    exec(example, names)
    assert 0 < names["roas"] < 10
