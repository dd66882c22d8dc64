"""A campaign's own spending limit, and its budget given to its ad sets: what is told, and what the market does."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.stranger import Stranger

SPLIT = "adset_budgets"


def spent(stranger: Stranger, name: str) -> int:
    """What a campaign has spent in all, in minor units."""
    rows = stranger.insights(stranger.named("campaigns", name), date_preset="maximum", fields="spend")
    return round(100 * float(rows[0]["spend"])) if rows else 0


def halves(stranger: Stranger) -> list[dict[str, Any]]:
    """Budgets for the two ad sets of the campaign that carries one."""
    named = {name: stranger.named("adsets", name) for name in ("North", "South")}
    return [
        {"adset_id": named["North"], "daily_budget": 3_000},
        {"adset_id": named["South"], "daily_budget": "5000"},
    ]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[:1],
        lambda rows: [*rows, rows[0]],
        lambda rows: [rows[0], {**rows[1], "adset_id": "1"}],
        lambda rows: [rows[0], {**rows[1], "daily_budget": 1}],
        lambda rows: [rows[0], {**rows[1], "daily_budget": "much"}],
        lambda rows: [rows[0], {**rows[1], "lifetime_budget": 90_000}],
        lambda rows: [rows[0], {"adset_id": rows[1]["adset_id"]}],
        lambda rows: [rows[0], {"adset_id": rows[1]["adset_id"], "lifetime_budget": 90_000}],  # it has no end
        lambda rows: [rows[0], {**rows[1], "colour": "red"}],
    ],
)
def test_budgets_that_are_not_one_for_each_ad_set_are_refused_and_nothing_moves(stranger: Stranger, spoil: Any) -> None:
    campaign, before = stranger.named("campaigns", "Campaign budget"), stranger.effects()
    assert stranger.refused("POST", campaign, **{SPLIT: json.dumps(spoil(halves(stranger)))})[0] == 100
    assert stranger.effects() == before
    assert stranger.get(campaign, fields="daily_budget")["daily_budget"] == "8000"


def test_a_campaign_without_a_budget_has_none_to_give(stranger: Stranger) -> None:
    rows = [{"adset_id": stranger.named("adsets", "Cooks"), "daily_budget": 3_000}]
    own = stranger.named("campaigns", "Own budgets")
    assert stranger.refused("POST", own, **{SPLIT: json.dumps(rows)}) == (100, 1885621)
    both = {SPLIT: json.dumps(halves(stranger)), "daily_budget": "9000"}
    assert stranger.refused("POST", stranger.named("campaigns", "Campaign budget"), **both) == (100, 1885621)


def test_a_campaign_that_reaches_its_limit_delivers_nothing_more_and_the_others_go_on(stranger: Stranger) -> None:
    """Its two ad sets may spend 150 EUR a day; it is left 100 EUR."""
    own = stranger.named("campaigns", "Own budgets")
    limit = spent(stranger, "Own budgets") + 10_000
    stranger.post(own, spend_cap=limit)
    assert stranger.get(own, fields="spend_cap")["spend_cap"] == str(limit)
    other = spent(stranger, "Campaign budget")
    stranger.advance(hours=48)
    first = spent(stranger, "Own budgets")
    assert limit - 10_000 < first <= limit
    stranger.advance(hours=24)
    stranger.process.kill()
    stranger.process.restart()
    assert spent(stranger, "Own budgets") == first
    assert spent(stranger, "Campaign budget") > other
    stranger.post(own, spend_cap=922_337_203_685_478)  # takes the limit away
    stranger.advance(hours=24)
    assert spent(stranger, "Own budgets") > limit


def test_a_limit_that_a_campaign_is_made_with_holds_from_the_start(stranger: Stranger) -> None:
    campaign = stranger.new_campaign("Capped", spend_cap=10_000, status="ACTIVE")
    stranger.new_ad(stranger.new_ad_set(campaign, status="ACTIVE", daily_budget=20_000), status="ACTIVE")
    stranger.advance(hours=24)
    assert 0 < spent(stranger, "Capped") <= 10_000
    stranger.advance(hours=48)
    assert spent(stranger, "Capped") <= 10_000


def test_a_campaign_budget_goes_to_the_ad_sets_in_one_effect_and_each_spends_its_own(stranger: Stranger) -> None:
    campaign, rows = stranger.named("campaigns", "Campaign budget"), halves(stranger)
    before = stranger.effects()
    assert stranger.post(campaign, **{SPLIT: json.dumps(rows)}) == {"success": True}
    assert stranger.effects() == before + 1
    stranger.process.kill()
    stranger.process.restart()
    fields = "daily_budget,lifetime_budget,bid_strategy"
    assert stranger.get(campaign, fields=fields) == {"id": campaign}
    for row in rows:
        told = stranger.get(row["adset_id"], fields=fields)
        assert (told["daily_budget"], told["bid_strategy"]) == (str(row["daily_budget"]), "LOWEST_COST_WITHOUT_CAP")
    now = datetime.fromisoformat(stranger.advance(hours=24 * 15))
    saturday = now.date() - timedelta(days=now.isoweekday() % 7 + 1)
    week = {"since": str(saturday - timedelta(days=6)), "until": str(saturday)}
    for row in rows:  # over a whole week a daily budget is spent seven times at most; the campaign's 8000 were more
        (found,) = stranger.insights(row["adset_id"], time_range=json.dumps(week), fields="spend")
        share = 100 * float(found["spend"]) / (7 * int(row["daily_budget"]))
        assert 0.6 < share <= 1
    stranger.post(rows[0]["adset_id"], daily_budget=4_000)  # it is the ad set's own from now on
    assert stranger.refused("POST", campaign, daily_budget=9_000) == (100, 1885621)
