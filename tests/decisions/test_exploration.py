"""How many variants run at once, which have lost, and how the rest share the traffic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.exploration import Arms, variants
from domain.errors import BadInputError


def plan(counts, *, exposure=100_000.0, seed=1, **changes):
    counts = np.asarray(counts, np.int64)
    arms = Arms(ad_id=np.arange(len(counts)).astype(str), counts=counts, exposures=np.full(len(counts), exposure))
    return variants(arms, **{"seed": seed, "budget_minor": 1_000_000, "cost_per_purchase_minor": 3_000.0, **changes})


def test_as_many_run_as_can_be_brought_through_fifty_purchases():
    """10,000.00 a day for 7 days = 70,000.00; 50 purchases at 30.00 = 1,500.00 a variant: 46, three are running."""
    found = plan([10, 12, 9])
    assert (found.room, found.start) == (46, 43)
    assert plan([10, 12, 9], budget_minor=10_000).start == 0


def test_equal_variants_are_retired_at_most_at_the_stated_rate():
    rng = np.random.default_rng(5)
    retired = [plan(rng.poisson(100.0, 8), seed=seed).retire.any() for seed in range(200)]
    assert np.mean(retired) <= 0.08


def test_the_clearly_worse_are_retired_and_the_best_never_is():
    found = plan([200, 190, 100, 60])
    assert found.retire.tolist() == [False, False, True, True]
    assert found.shares[2:].tolist() == [0.0, 0.0]
    assert [finding.object_id for finding in found.findings] == ["2", "3"]


def test_shares_add_up_and_keep_a_floor_for_those_that_stay():
    found = plan([60, 55, 50, 48])
    assert found.shares.sum() == pytest.approx(1.0)
    assert found.shares.min() >= 0.1 / 4
    assert found.shares.argmax() == 0


def test_equal_seeds_give_equal_plans():
    one, other = plan([60, 55, 50], seed=3), plan([60, 55, 50], seed=3)
    np.testing.assert_array_equal(one.best, other.best)


def test_few_purchases_say_how_many_more_it_takes():
    (finding,) = plan([3, 2]).findings
    assert finding.verdict == "not_decidable"
    assert finding.evidence["needs"]["purchases"] == 492  # 2 * 2.4865^2 / ln(1.25)^2 = 248.3 an arm, less the five


def test_one_variant_or_none_has_nothing_to_retire():
    assert plan([5]).shares.tolist() == [1.0]
    assert plan([]).start == 46


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=12), st.floats(0, 1e12))
def test_whatever_was_counted_shares_are_finite_and_one_stays(counts, exposure):
    found = plan(counts, exposure=exposure)
    assert np.isfinite(found.shares).all()
    assert np.isfinite(found.loss).all()
    assert found.shares.sum() == pytest.approx(1.0)
    assert not found.retire.all()


@pytest.mark.parametrize(
    "changes", [{"budget_minor": -1}, {"cost_per_purchase_minor": 0.0}, {"explore": 2.0}, {"counts": [-1, 2]}]
)
def test_what_cannot_be_is_refused(changes):
    counts = changes.pop("counts", [1, 2])
    with pytest.raises(BadInputError):
        plan(counts, **changes)
