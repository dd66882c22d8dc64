"""Learning ends with about 50 events within 7 days of the last significant edit (domain.md §2a [LP2][SM3])."""

from datetime import timedelta

import pytest

from sandbox.nodes import Kind
from tests.sandbox.shops import account_of, ad, ad_set, market_of, shop

QUICK = ad_set(audience_size=5_000_000, ads=[ad(cvr=0.3), ad("Second", cvr=0.3)])  # some 25 purchases a day
SLOW = ad_set(audience_size=5_000_000, ads=[ad(cvr=0.01)])


def stage_of(market):
    account = account_of(market)
    return account.learning(account.nodes[Kind.AD_SET][0])


def a_learned(**more):
    market = market_of(shop({**QUICK, **more}))
    market.advance(timedelta(days=6))
    assert stage_of(market)[0] == "SUCCESS"
    return market


def test_an_ad_set_with_fifty_events_in_a_week_has_learned():
    market = market_of(shop(QUICK))
    market.advance(timedelta(hours=6))
    assert stage_of(market)[0] == "LEARNING"
    market.advance(timedelta(days=6))
    stage, events = stage_of(market)
    assert (stage, events >= 50) == ("SUCCESS", True)


def test_an_ad_set_with_too_few_events_is_limited_after_a_week_and_not_before():
    market = market_of(shop(SLOW))
    market.advance(timedelta(days=6, hours=20))
    assert stage_of(market)[0] == "LEARNING"
    market.advance(timedelta(hours=8))
    assert stage_of(market)[0] == "FAIL"
    market.advance(timedelta(days=60))
    assert stage_of(market)[0] == "FAIL"


def test_the_number_of_events_is_the_scenarios():
    market = market_of(shop(QUICK, market={"learning_events": 100_000}))
    market.advance(timedelta(days=8))
    assert stage_of(market)[0] == "FAIL"


def test_only_purchases_that_have_arrived_count():
    """A day in, some purchases have happened that no report shows yet."""
    market = market_of(shop(QUICK))
    market.advance(timedelta(days=1))
    account = account_of(market)
    _, events = stage_of(market)
    assert 0 < events < len(account.market.purchases)


@pytest.mark.parametrize(
    ("values", "restarts"),
    [
        ({"daily_budget": 12_100}, True),
        ({"daily_budget": 11_900}, False),
        ({"daily_budget": 7_900}, True),
        ({"targeting": {"geo_locations": {"countries": ["PT"]}}}, True),
        ({"bid_strategy": "COST_CAP"}, True),
        ({"optimization_goal": "VALUE"}, True),
        ({"name": "Renamed"}, False),
        ({"status": "PAUSED"}, False),
    ],
)
def test_significant_edits_restart_learning_and_others_do_not(values, restarts):
    market = a_learned()
    market.edit(market.named(market.accounts[0], "Set").id, **values)
    expected = ("LEARNING", 0) if restarts else "SUCCESS"
    assert stage_of(market) == expected if restarts else stage_of(market)[0] == expected
    market.advance(timedelta(hours=3))
    assert (stage_of(market)[0] == "LEARNING") is restarts


def test_a_new_ad_restarts_its_ad_sets_learning():
    market = a_learned()
    account = account_of(market)
    creative = account.nodes[Kind.CREATIVE][0].id
    parent = market.named(account.id, "Set").id
    market.create(account.id, Kind.AD, name="New", status="ACTIVE", parent=parent, creative=creative)
    assert stage_of(market) == ("LEARNING", 0)


def test_a_new_creative_of_an_ad_restarts_learning():
    market = a_learned()
    account = account_of(market)
    first, second = account.nodes[Kind.AD]
    market.edit(first.id, creative=second.creative.id)
    assert stage_of(market) == ("LEARNING", 0)


@pytest.mark.parametrize(("days", "restarts"), [(6.9, False), (7.1, True)])
def test_a_rest_of_a_week_restarts_learning(days, restarts):
    market = a_learned()
    ad_set_id = market.named(market.accounts[0], "Set").id
    market.edit(ad_set_id, status="PAUSED")
    market.advance(timedelta(days=days))
    market.edit(ad_set_id, status="ACTIVE")
    assert (stage_of(market)[0] == "LEARNING") is restarts


def test_a_campaigns_budget_edit_restarts_all_its_ad_sets():
    campaign = {
        "name": "CBO",
        "daily_budget_minor": 20_000,
        "ad_sets": [{**QUICK, "name": n, "daily_budget_minor": None} for n in "ab"],
    }
    market = market_of(shop(account={"campaigns": [campaign]}))
    market.advance(timedelta(days=6))
    market.edit(market.named(market.accounts[0], "CBO").id, daily_budget=30_000)
    account = account_of(market)
    assert [account.learning(node) for node in account.nodes[Kind.AD_SET]] == [("LEARNING", 0)] * 2


def test_learning_costs_a_fifth_of_the_purchases():
    """Two worlds with the same chance, one whose learning is free: the same clicks, a fifth fewer purchases."""
    found = []
    for efficiency in (0.8, 1.0):
        market = market_of(
            shop(
                SLOW | {"daily_budget_minor": 4_000_000, "audience_size": 900_000_000, "saturation_daily_minor": 10**9},
                market={"learning_efficiency": efficiency, "learning_events": 10**6},
            )
        )
        market.advance(timedelta(days=6))
        days = market.daily(market.accounts[0])
        found.append((days.link_clicks.sum(), len(account_of(market).market.purchases)))
    assert found[0][0] == found[1][0]
    assert found[0][1] / found[1][1] == pytest.approx(0.8, abs=0.03)


def test_an_ad_set_that_has_learned_sells_at_its_full_rate():
    market = a_learned()
    account = account_of(market)
    assert account.market.truth(0)["learning_efficiency"] == 1.0
    market.edit(market.named(account.id, "Set").id, daily_budget=99_000)
    market.advance(timedelta(hours=2))
    assert account_of(market).market.truth(0)["learning_efficiency"] == 0.8
