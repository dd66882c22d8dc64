"""Looks at experiments: what is claimed, picked, given up, and what is still needed."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.experiments import (
    Claim,
    Metric,
    Plan,
    State,
    Strata,
    advance,
    dispersion_of,
    fold,
    look,
    plan_of_label,
)
from decisions.policy import MaturedPolicy
from domain.errors import BadInputError
from domain.evidence import TestState as Standing
from domain.evidence import TestVerdict as Said


def plan(arms: str = "ab", **changes: object) -> Plan:
    plain = Plan(experiment_id=7, ad_set_id="s1", arms=tuple(arms), max_days=14)
    return replace(plain, **changes)  # type: ignore[arg-type]


def strata(events: list[list[float]], exposures: list[list[float]], day: int = 0, **more: object) -> Strata:
    counts, exposed = np.array(events, np.float64), np.array(exposures, np.float64)
    values = {"spend_minor": exposed, "purchases": np.zeros_like(counts), **more}
    return Strata(day=np.full(counts.shape[1], day), events=counts, exposures=exposed, **values)  # type: ignore[arg-type]


def followed(chosen: Plan, daily_events: list[list[float]], exposure: float = 10_000.0) -> tuple[State, Said]:
    """Look once a day; stop at the first verdict that ends the test."""
    state = State.empty(len(chosen.arms))
    verdict = look(chosen, state, days=0.0)
    for day, events in enumerate(daily_events):
        state = fold(state, strata([[x] for x in events], [[exposure]] * len(events), day))
        state = advance(chosen, state, days=day + 1.0)
        verdict = look(chosen, state, days=day + 1.0)
        if verdict.state is not Standing.RUNNING:
            break
    return state, verdict


def test_a_test_without_figures_says_what_it_needs() -> None:
    verdict = look(plan(), State.empty(2), days=0.0)
    assert verdict.state is Standing.RUNNING
    assert verdict.drop == ()
    assert "not decidable yet" in verdict.words
    assert "more clicks" in verdict.words


@pytest.mark.parametrize("claim", list(Claim))
def test_a_clear_winner_is_claimed_and_the_loser_dropped(claim: Claim) -> None:
    """130 v 100 clicks a day: after 6 days z = 180 / sqrt(1380) = 4.8."""
    _, verdict = followed(plan(claim=claim), [[100, 130]] * 14)
    assert verdict.state is Standing.CLAIMED
    assert (verdict.keep, verdict.drop) == (("b",), ("a",))
    assert "ad b is better" in verdict.words


@pytest.mark.parametrize("claim", list(Claim))
def test_arms_that_bring_the_same_are_never_claimed(claim: Claim) -> None:
    _, verdict = followed(plan(claim=claim, equal_within=0.001), [[100, 100]] * 14)
    assert verdict.state is Standing.PICKED  # its days are over: what to go on with, without a claim
    assert "not a claim" in verdict.words


def test_equal_arms_are_called_equivalent_and_the_cheaper_one_stays() -> None:
    """A hundred thousand clicks each: a difference of 2 % would be 4.5 standard errors away. b pays half."""
    chosen = plan(ends_on_pick=False)
    counted = strata([[100_000], [100_100]], [[1e7], [1e7]], spend_minor=np.array([[2000.0], [1000.0]]))
    state = advance(chosen, fold(State.empty(2), counted), days=3.0)
    verdict = look(chosen, state, days=3.0)
    assert verdict.state is Standing.EQUIVALENT
    assert verdict.keep == ("b",)
    assert "cheaper" in verdict.words


def test_equal_arms_are_not_called_equivalent_of_a_single_day() -> None:
    """Counts say equal; two ads may have had a like whim on that day."""
    chosen = plan(planned_events=1e6)
    state = advance(chosen, fold(State.empty(2), strata([[100_000], [100_100]], [[1e7], [1e7]])), days=1.0)
    assert look(chosen, state, days=1.0).state is Standing.RUNNING
    assert look(chosen, state, days=2.0).state is Standing.EQUIVALENT


@pytest.mark.parametrize(
    ("arms", "claim", "promised"),
    [
        ("ab", Claim.CONTINUOUS, "at most 5% chance of a false claim"),
        ("abc", Claim.CONTINUOUS, "at most 5% of such claims expected to be false"),
        ("abc", Claim.DAILY, "at most 5% chance of a false claim"),
    ],
)
def test_a_claim_promises_what_its_test_holds(arms: str, claim: Claim, promised: str) -> None:
    """Over several arms e-BH holds the false-discovery rate; daily looks share alpha among all pairs."""
    _, verdict = followed(plan(arms, claim=claim), [[100] * (len(arms) - 1) + [180]] * 14)
    assert verdict.state is Standing.CLAIMED
    assert promised in verdict.words


def test_nothing_is_claimed_of_a_single_day() -> None:
    """170 v 100 is 4.3 standard errors of counts; but one day's whim is as good a reason."""
    assert followed(plan(planned_events=2000.0), [[100, 170]])[1].state is Standing.RUNNING
    assert followed(plan(planned_events=2000.0), [[100, 170], [100, 170]])[1].state is Standing.CLAIMED


def test_of_three_arms_a_loser_is_dropped_while_the_others_go_on() -> None:
    chosen = plan("abc", equal_within=0.001)
    _, verdict = followed(chosen, [[100, 100, 60]] * 9)
    assert verdict.state is Standing.RUNNING
    assert verdict.drop == ("c",)
    assert set(verdict.keep) == {"a", "b"}


def test_a_pick_ends_only_tests_that_asked_for_it_and_not_before_two_days() -> None:
    """120 v 100: expected loss is small long before anything may be claimed."""
    days = [[200, 240]] * 14
    first_day = followed(plan(ends_on_pick=True), days[:1])[1]
    assert first_day.state is Standing.RUNNING
    assert followed(plan(ends_on_pick=True), days[:2])[1].state is Standing.PICKED
    assert followed(plan(ends_on_pick=False), days[:2])[1].state is Standing.RUNNING


def test_what_a_label_declares_ends_by_a_pick() -> None:
    """In production and in the twin: nobody who only set a label waits 28 days for a claim."""
    declared = plan_of_label(MaturedPolicy(), experiment_id=3, ad_set_id="s", arms=("a", "b"))
    _, verdict = followed(declared, [[200, 240]] * 28)
    assert verdict.state is Standing.PICKED


def test_a_test_that_ends_almost_without_events_stays_undecided() -> None:
    _, verdict = followed(plan(metric=Metric.CONVERSIONS, max_days=3), [[0, 1], [1, 0], [0, 0]])
    assert verdict.state is Standing.UNDECIDED
    assert (verdict.keep, verdict.drop) == (("a", "b"), ())


def test_a_whole_look_equals_looks_in_parts_and_survives_the_database() -> None:
    """Cumulative state: hours folded in two goes, through JSON, give the very same verdict."""
    rng = np.random.default_rng(2)
    clicks, shown = rng.poisson(5, (2, 48)).astype(float), np.full((2, 48), 500.0)
    chosen, empty = plan(planned_events=2000.0), State.empty(2)
    whole = fold(empty, strata(clicks.tolist(), shown.tolist()))
    half = fold(empty, strata(clicks[:, :20].tolist(), shown[:, :20].tolist()))
    parts = fold(State.from_json(half.to_json()), strata(clicks[:, 20:].tolist(), shown[:, 20:].tolist()))
    one, other = (look(chosen, advance(chosen, state, days=1.0), days=1.0) for state in (whole, parts))
    assert one.words == other.words
    assert one.evidence["log_e"] == pytest.approx(other.evidence["log_e"])


def test_the_bet_is_tuned_once() -> None:
    chosen = plan()
    state = advance(chosen, fold(State.empty(2), strata([[100], [100]], [[1e4], [1e4]])), days=1.0)
    later = advance(chosen, fold(state, strata([[900], [900]], [[1e4], [1e4]], 1)), days=2.0)
    assert state.weights.any()
    assert (later.weights == state.weights).all()


def test_daily_claims_are_made_at_daily_looks_only() -> None:
    """Six hours after a look the same strong lead may not be claimed; at the next day's look it may."""
    chosen = plan(claim=Claim.DAILY, planned_events=3000.0)
    state = fold(State.empty(2), strata([[10], [10]], [[1e3], [1e3]]))
    state = advance(chosen, state, days=7.0)
    between = fold(state, strata([[300], [600]], [[1e4], [1e4]], 7))
    between = advance(chosen, between, days=7.25)
    assert look(chosen, between, days=7.25).state is Standing.RUNNING
    assert look(chosen, advance(chosen, between, days=8.0), days=8.0).state is Standing.CLAIMED


def test_days_that_differ_more_than_counts_explain_are_noticed() -> None:
    """+60 % on one day, -40 % on the next: a lead that hangs on single days is worth less."""
    calm, rough = State.empty(2), State.empty(2)
    for day in range(8):
        calm = fold(calm, strata([[100], [120]], [[1e4], [1e4]], day))
        rough = fold(rough, strata([[100], [170 if day % 2 else 70]], [[1e4], [1e4]], day))
    assert dispersion_of(plan(), calm) == 1.0
    assert dispersion_of(plan(), rough) > 3


def test_roas_counts_orders_not_minor_units() -> None:
    """20 orders of 50.00 against 20 of 55.00 say nothing, although 55,000 against 50,000 minor units would."""
    chosen = plan(metric=Metric.ROAS, planned_events=100.0)
    counted = strata([[100_000], [110_000]], [[1e5], [1e5]], purchases=np.array([[20.0], [20.0]]))
    verdict = look(chosen, advance(chosen, fold(State.empty(2), counted), days=5.0), days=5.0)
    assert verdict.state is Standing.RUNNING
    assert verdict.evidence["counts"] == {"purchases": 40.0}


def test_hours_in_which_one_arm_was_not_shown_say_nothing() -> None:
    shown_alone = strata([[50, 3], [0, 4]], [[5000, 300], [0, 300]])
    together = strata([[3], [4]], [[300], [300]])
    assert np.allclose(fold(State.empty(2), shown_alone).log_e, fold(State.empty(2), together).log_e)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_impossible_figures_are_refused(value: float) -> None:
    with pytest.raises(BadInputError):
        strata([[value], [1]], [[10], [10]])


def test_more_clicks_than_impressions_are_refused_by_name() -> None:
    state = fold(State.empty(2), strata([[11], [1]], [[10], [10]]))
    with pytest.raises(BadInputError, match="experiment 7"):
        advance(plan(), state, days=1.0)


def test_a_test_of_one_ad_is_refused() -> None:
    with pytest.raises(BadInputError, match="at least two"):
        plan("a")
    with pytest.raises(BadInputError, match="at least two"):
        plan("aa")


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [x for item in value.values() for x in numbers(item)]
    return [value] if isinstance(value, float) else []


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(list(Metric)),
    st.sampled_from(list(Claim)),
    st.lists(st.tuples(*[st.integers(0, 10**9)] * 4), min_size=1, max_size=4),
)
def test_no_verdict_ever_carries_a_nan(metric: Metric, claim: Claim, rows: list[tuple[int, int, int, int]]) -> None:
    chosen, state = plan(metric=metric, claim=claim), State.empty(2)
    for day, (a, b, x, y) in enumerate(rows):
        counted = strata([[min(a, x)], [min(b, y)]], [[x], [y]], day, purchases=np.array([[a // 50], [b // 50]]) * 1.0)
        state = advance(chosen, fold(state, counted), days=day + 1.0)
        verdict = look(chosen, state, days=day + 1.0)
        assert all(math.isfinite(x) for x in numbers(verdict.evidence))
        assert set(verdict.keep) | set(verdict.drop) == {"a", "b"}
        assert verdict.keep
