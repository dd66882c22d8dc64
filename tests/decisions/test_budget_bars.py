"""The budget benchmark counts every peer, also one that is told what ours must learn."""

import numpy as np

from benchmarks.decisions.budget_peers import PEERS, TOLD_THE_MARKET
from benchmarks.decisions.budgets import _bars


def lives(**by_name):
    """Ten accounts over one day: what each earns of 100 that the oracle has, a little different by account."""
    wobble = np.linspace(-0.5, 0.5, 10)
    earned = dict.fromkeys(PEERS, 50.0) | {"oracle": 100.0, "matured": 98.0} | by_name
    return {name: {"value": np.array([value + wobble * (name != "oracle")])} for name, value in earned.items()}


def met(**by_name):
    return [bar["met"] for bar in _bars("cell", lives(**by_name))]


def test_a_peer_that_is_as_good_costs_the_bar_of_every_peer():
    assert met() == [True, True, True]
    assert met(**{TOLD_THE_MARKET: 98.0}) == [False, True, True]
    assert met(**{"Thompson share": 98.0}) == [False, False, True]


def test_over_a_third_of_classics_regret_costs_its_bar():
    """2 points of regret against 5 is more than a third."""
    assert met(**{"classic ±30 %": 95.0})[2] is False
