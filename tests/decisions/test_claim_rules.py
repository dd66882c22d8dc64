"""The benchmark of A/B tests plays by the rules of production: a test knows of itself only."""

import numpy as np
from numpy.testing import assert_array_equal

from benchmarks.decisions.ab_market import Cell, Traffic, simulate
from benchmarks.decisions.ab_rules import ours_continuous


def test_a_continuous_claim_depends_on_no_other_test():
    """Its bet is tuned by its own first day; the mean of thousands of tests would be a hint that nobody has."""
    cell = Cell(name="few clicks", per_day=2_000, rate=0.01, lift=0.3)
    every = simulate(cell, 60, np.random.default_rng(4))
    few = Traffic(events=every.events[:7], exposures=every.exposures[:7], noise=every.noise)
    whole = ours_continuous(every)
    assert_array_equal(whole[:7], ours_continuous(few))
    assert len(np.unique(whole)) > 2
