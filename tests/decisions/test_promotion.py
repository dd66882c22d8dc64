"""Levels on evidence: what earns the next one, what costs one, and that nothing swings in between."""

from dataclasses import replace

import pytest

from decisions.promotion import BacktestGain, ModuleRecord, Move, judge
from domain.actions import Level

GOOD = ModuleRecord(
    module="optimization", level=Level.PROPOSE, account_level=Level.AUTO, runs=28, failed_week=0, answered=30,
    approved=28, forecasts=60, held=48, settled=20, predicts=True, predicted_minor=10_000, realised_minor=8_000,
    backtest=BacktestGain(gain_minor=5_000, low_minor=1_000, high_minor=9_000, age_days=3), streak=2,
    days_since_demotion=None,
)  # fmt: skip


def test_all_evidence_that_lasted_recommends_one_level_up():
    advice = judge(GOOD)
    assert (advice.move, advice.to) == (Move.PROMOTE, Level.APPROVE)
    assert "28 of 30 proposals approved" in advice.reasons


def test_evidence_that_has_not_lasted_waits():
    advice = judge(replace(GOOD, streak=0))
    assert (advice.move, advice.earned) == (Move.KEEP, True)
    assert advice.missing == ("the same for 2 more days",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"runs": 5}, "9 more runs"),
        ({"failed_week": 1}, "a week without faults"),
        ({"answered": 10, "approved": 10}, "10 more proposals answered"),
        ({"approved": 20}, "80% of the proposals approved (67% now)"),
        ({"backtest": None}, "a backtest of the last 30 days"),
        ({"backtest": replace(GOOD.backtest, age_days=31)}, "a backtest of the last 30 days"),
        ({"backtest": replace(GOOD.backtest, low_minor=-1)}, "above 0 with 95 % certainty"),
        ({"backtest": replace(GOOD.backtest, low_minor=None)}, "above 0 with 95 % certainty"),
        ({"forecasts": 10, "held": 8}, "20 more settled forecasts"),
        ({"held": 59}, "forecasts that hold 70% to 90% of the time (98% now)"),
        ({"settled": 4}, "6 more settled budget changes"),
        ({"realised_minor": 4_000}, "50% of the predicted gain"),
        ({"days_since_demotion": 4.0}, "10 more days since it was set back"),
    ],
)
def test_what_is_missing_is_named(change, words):
    advice = judge(replace(GOOD, **change))
    assert advice.move is Move.KEEP
    assert any(words in row for row in advice.missing), advice.missing


def test_never_above_the_level_of_the_account():
    advice = judge(replace(GOOD, account_level=Level.PROPOSE))
    assert (advice.move, advice.to) == (Move.KEEP, Level.PROPOSE)


def test_being_looked_at_takes_runs_only():
    young = replace(GOOD, level=Level.OBSERVE, answered=0, approved=0, forecasts=0, held=0, settled=0, backtest=None)
    assert (judge(young).move, judge(young).to) == (Move.PROMOTE, Level.PROPOSE)


@pytest.mark.parametrize(
    ("change", "to"),
    [
        ({"failed_week": 3}, Level.PROPOSE),
        ({"failed_week": 6}, Level.OBSERVE),
        ({"answered": 10, "approved": 5}, Level.PROPOSE),
        ({"realised_minor": -1}, Level.PROPOSE),
        ({"backtest": replace(GOOD.backtest, gain_minor=-5, low_minor=-9, high_minor=-1)}, Level.PROPOSE),
    ],
)
def test_a_record_that_speaks_against_it_costs_a_level_at_once(change, to):
    advice = judge(replace(GOOD, level=Level.APPROVE, **change))
    assert (advice.move, advice.to) == (Move.DEMOTE, to)
    assert advice.reasons


def test_what_neither_earns_nor_costs_a_level_keeps_it():
    """Between the bars for up and down nothing moves: no swinging."""
    middling = replace(GOOD, level=Level.APPROVE, failed_week=1, approved=20, held=59)
    assert judge(middling).move is Move.KEEP


def test_the_lowest_level_is_not_lowered():
    assert judge(replace(GOOD, level=Level.OBSERVE, failed_week=9)).move is Move.KEEP


def test_a_module_that_predicts_no_gains_is_not_asked_for_any():
    assert judge(replace(GOOD, predicts=False, settled=0)).move is Move.PROMOTE


def test_the_same_record_costs_no_second_level_within_a_week_but_new_faults_do():
    lost = replace(GOOD, level=Level.APPROVE, realised_minor=-1, days_since_demotion=1.0)
    assert judge(lost).move is Move.KEEP
    assert judge(replace(lost, days_since_demotion=7.0)).move is Move.DEMOTE
    assert judge(replace(lost, failed_week=3)).move is Move.DEMOTE
