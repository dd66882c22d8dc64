"""Gates say exactly what the rules do: a rule fires on an object where all its gates pass, and nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions import ab_winner, fatigue, gates, gates_ads, roas, spikes
from decisions.policy import AccountLimits, ClassicPolicy
from domain.snapshot import Hold
from tests.decisions.frames import ad, ad_set, campaign, snapshot

POLICY = ClassicPolicy()
LIMITS = AccountLimits(minimum_daily_budget_minor=100)
money = st.sampled_from([0, 100, 499, 500, 501, 3000, 4000, 8000, 24_000])
clicks = st.sampled_from([0, 5, 9, 10, 20, 40, 80, 200])
figures = st.fixed_dictionaries(
    {
        "is_active": st.booleans(), "hold": st.sampled_from([int(hold) for hold in Hold]),
        "daily_budget_minor": st.sampled_from([-1, 1, 100, 101, 4000]), "spend_window": money,
        "revenue_window": money, "purchases_window": st.integers(0, 5), "recent_spend": money,
        "recent_clicks": clicks, "recent_revenue": money, "usual_spend": money.map(float),
        "usual_clicks": clicks.map(float), "usual_revenue": money.map(float),
    }
)  # fmt: skip
arms = st.fixed_dictionaries(
    {
        "is_active": st.booleans(), "is_marked_fatigued": st.booleans(), "age_hours": st.sampled_from([48.0, 49.0]),
        "impressions_total": st.sampled_from([0, 1000, 2000]), "clicks_total": st.sampled_from([0, 10, 20]),
        "impressions_last": st.sampled_from([0, 999, 1000]), "clicks_last": st.sampled_from([0, 6, 7, 20]),
        "impressions_week": st.sampled_from([0, 999, 1000]), "clicks_week": st.sampled_from([0, 10, 30]),
    }
)  # fmt: skip
limits = st.sampled_from(
    [LIMITS, AccountLimits(minimum_daily_budget_minor=100, goal_cpa_minor=1000),
     AccountLimits(minimum_daily_budget_minor=100, goal_roas=2.0)]
)  # fmt: skip


def fired(found) -> set[tuple[str, str]]:
    return {(row.rule, row.object_id) for row in found}


@settings(max_examples=400, deadline=None)
@given(figures, limits, st.booleans())
def test_rules_on_budgets_fire_exactly_where_all_their_gates_pass(row, limits, is_campaign):
    seen = snapshot(campaigns=[campaign(**row)]) if is_campaign else snapshot(ad_sets=[ad_set(**row)])
    frame = seen.campaigns if is_campaign else seen.ad_sets
    expected = fired((*roas.decide(seen, POLICY, limits), *spikes.decide(seen, POLICY, limits)))
    found = gates.of_budget(seen, frame, 0, POLICY, limits)
    passing = {(rule, frame.id[0]) for rule in gates.RULES if all(gate.passes for gate in found if gate.rule == rule)}
    assert passing == expected


@settings(max_examples=400, deadline=None)
@given(st.lists(arms, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_rules_on_ads_fire_exactly_where_all_their_gates_pass(rows, is_test, is_active):
    seen = snapshot(ad_sets=[ad_set(is_ab_test=is_test, is_active=is_active)], ads=[ad(**row) for row in rows])
    expected = {
        (row.rule, row.object_id)
        for row in (*ab_winner.decide(seen, POLICY, LIMITS), *fatigue.decide(seen, POLICY, LIMITS))
        if row.object_kind == "ad"
    }
    passing = set()
    for number in range(len(rows)):
        found = gates_ads.of_ad(seen, number, POLICY)
        passing |= {
            (rule, seen.ads.id[number])
            for rule in gates_ads.RULES
            if all(gate.passes for gate in found if gate.rule == rule)
        }
    assert passing == expected


GOOD = {"spend_window": 10_000, "revenue_window": 35_000, "usual_spend": 3000.0, "usual_clicks": 40.0,
        "usual_revenue": 9000.0, "recent_spend": 3000, "recent_clicks": 40, "recent_revenue": 9000}  # fmt: skip
# gate, what is changed of a good row, what its figure and its limit say
BINDING = [
    ("roas_high", "active", {"is_active": False}, "paused", "active"),
    ("roas_high", "hold", {"hold": int(Hold.SPEND_CAP)}, "spend cap", "daily budget"),
    ("roas_high", "min_spend", {"spend_window": 499, "revenue_window": 4000}, "4.99 EUR", "5.00 EUR"),
    ("roas_high", "threshold", {"revenue_window": 29_900}, "ROAS 2.99", "3.00"),
    ("roas_high", "own_budget", {"daily_budget_minor": -1}, "no daily budget", "budget that can grow"),
    ("roas_low", "threshold", {}, "ROAS 3.50", "1.50"),
    (
        "spike_positive",
        "usual_spend",
        {"usual_spend": 0.0, "recent_spend": 0, "recent_clicks": 80},
        "0.00 EUR",
        "something",
    ),
    ("spike_positive", "usual_clicks", {"usual_clicks": 9.0, "recent_clicks": 80}, "9.0 usual", "at least 10"),
    ("spike_positive", "clicks", {"recent_clicks": 79}, "79 clicks", "at least 80"),
    ("spike_positive", "threshold", {"recent_clicks": 80, "revenue_window": 19_900}, "ROAS 1.99", "2.00"),
    (
        "spike_positive",
        "not_negative",
        {"recent_clicks": 80, "recent_spend": 6000, "recent_revenue": 0},
        "80 clicks",
        "negative",
    ),
    ("spike_negative", "spike", {}, "spend 30.00 EUR, 40 clicks", "20 clicks"),
]


@pytest.mark.parametrize(("rule", "name", "change", "figure", "wants"), BINDING)
def test_each_gate_binds_alone_and_names_figure_limit_and_age(rule, name, change, figure, wants):
    seen = snapshot(ad_sets=[ad_set(**GOOD | change)])
    found = [gate for gate in gates.of_budget(seen, seen.ad_sets, 0, POLICY, LIMITS) if gate.rule == rule]
    (binding,) = [gate for gate in found if not gate.passes]
    assert (binding.name, binding.age_s) == (name, 60)
    assert figure in binding.figure
    assert wants in binding.wants


ARM = {"age_hours": 50.0, "impressions_total": 2000, "clicks_total": 40, "impressions_last": 1000, "clicks_last": 6,
       "impressions_week": 7000, "clicks_week": 70}  # fmt: skip
LOSER = ARM | {"clicks_total": 30}
BINDING_ADS = [
    ("ab_winner", "test", {}, LOSER, ARM, "no active test"),
    ("ab_winner", "arms", {"is_ab_test": True}, ARM | {"is_active": False}, LOSER, "1 active arms"),
    ("ab_winner", "winner", {"is_ab_test": True}, ARM, LOSER, "CTR 2.00 %, the best is 2.00 %"),
    ("fatigue", "active", {}, ARM | {"is_active": False}, ARM, "paused"),
    ("fatigue", "unmarked", {}, ARM | {"is_marked_fatigued": True}, ARM, "marked"),
    ("fatigue", "impressions_last", {}, ARM | {"impressions_last": 999}, ARM, "999"),
    ("fatigue", "impressions_week", {}, ARM | {"impressions_week": 900, "clicks_week": 90}, ARM, "900"),
    ("fatigue", "drop", {}, ARM | {"clicks_last": 7}, ARM, "CTR 0.70 %"),
]


@pytest.mark.parametrize(("rule", "name", "of_set", "row", "other", "figure"), BINDING_ADS)
def test_each_gate_of_an_ad_binds_alone(rule, name, of_set, row, other, figure):  # noqa: PLR0917 - a table's columns
    seen = snapshot(ad_sets=[ad_set(**of_set)], ads=[ad(**row), ad(**other)])
    found = [gate for gate in gates_ads.of_ad(seen, 0, POLICY) if gate.rule == rule]
    binding = [gate for gate in found if not gate.passes]
    assert [gate.name for gate in binding] == [name]
    assert figure in binding[0].figure
