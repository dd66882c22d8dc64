"""Days differ with demand; a day keeps to 1.75 and a Sunday-Saturday week to 7 daily budgets (domain.md §2a [BU1])."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.sandbox.shops import START, account_of, ad_set, market_of, shop

SUNDAY = datetime(2026, 3, 1, tzinfo=UTC)
BUDGET = 10_000


def spend_by_day(days: int, *, demand_spread: float, start=SUNDAY):
    market = market_of(
        shop(
            *(ad_set(f"Set {n}", audience_size=50_000_000) for n in range(12)), market={"demand_spread": demand_spread}
        ),
        start=start,
    )
    market.advance(timedelta(days=days, hours=2))
    return market.daily(market.accounts[0]).spend_minor[:days]


@pytest.fixture(scope="module")
def wild_weeks():
    """Four weeks of days whose demand differs so much that both limits bind."""
    return spend_by_day(28, demand_spread=1.0)


def test_a_day_spends_up_to_but_never_more_than_one_and_three_quarter_budgets(wild_weeks):
    assert wild_weeks.max() <= 1.75 * BUDGET
    assert wild_weeks.max() > 1.6 * BUDGET


def test_a_week_from_sunday_to_saturday_spends_up_to_but_never_more_than_seven_budgets(wild_weeks):
    weeks = wild_weeks.reshape(4, 7, -1).sum(axis=1)
    assert weeks.max() <= 7 * BUDGET
    assert weeks.max() > 6.5 * BUDGET


def test_ordinary_days_differ_around_the_budget():
    days = spend_by_day(28, demand_spread=0.18) / BUDGET
    assert 0.93 < days.mean() <= 1.0
    assert 0.1 < days.std() < 0.3
    assert (days > 1.1).any()


def test_without_demand_every_day_spends_its_budget():
    days = spend_by_day(7, demand_spread=0.0) / BUDGET
    assert np.abs(days - 1).max() < 0.05


def test_a_budget_that_is_raised_in_the_week_raises_the_week_by_the_days_left():
    """Budget 100 for Sunday to Tuesday, 200 from Wednesday on: the week spends at most 3 x 100 + 4 x 200."""
    market = market_of(shop(ad_set(audience_size=50_000_000), market={"demand_spread": 1.0}), start=SUNDAY)
    market.advance(timedelta(days=3))
    market.edit(market.named(market.accounts[0], "Set").id, daily_budget=2 * BUDGET)
    market.advance(timedelta(days=4, hours=2))
    spent = market.daily(market.accounts[0]).spend_minor[:7].sum()
    assert 7 * BUDGET < spent <= 11 * BUDGET


def test_days_of_rest_leave_nothing_to_be_spent_later():
    """Paused from Monday to Friday: Friday and Saturday spend as any day, not five days' budgets."""
    market = market_of(shop(ad_set(audience_size=50_000_000), market={"demand_spread": 0.0}), start=SUNDAY)
    market.advance(timedelta(days=1))
    ad = account_of(market).nodes["ad"][0]
    market.edit(ad.id, status="PAUSED")
    market.advance(timedelta(days=4))
    market.edit(ad.id, status="ACTIVE")
    market.advance(timedelta(days=2, hours=2))
    spend = market.daily(market.accounts[0]).spend_minor[:7, 0]
    assert spend[5:].max() <= 1.05 * BUDGET


def test_a_campaign_budget_keeps_its_ad_sets_together_within_the_day():
    campaign = {
        "name": "CBO",
        "daily_budget_minor": BUDGET,
        "ad_sets": [{**ad_set(f"S{n}"), "daily_budget_minor": None} for n in range(3)],
    }
    market = market_of(shop(account={"campaigns": [campaign]}, market={"demand_spread": 1.0}), start=START)
    market.advance(timedelta(days=12))
    assert market.daily(market.accounts[0]).spend_minor.sum(axis=1).max() <= 1.75 * BUDGET
