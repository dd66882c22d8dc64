"""How long a stop's pauses take by the quota's own bound: arithmetic that a person can check."""

import pytest

from actions.estimates import estimate


@pytest.mark.parametrize(
    ("campaigns", "limit", "used", "expected_s"),
    [
        (10, 60.0, 0.0, 0.0),  # 50 points fit into the 60 of a rested account
        (12, 60.0, 0.0, 0.0),  # 60 points: just
        (13, 60.0, 0.0, 25.0),  # 5 points over, at 0.2 a second
        (12, 60.0, 1.0, 300.0),  # nothing is free: all 60 at 0.2 a second
        (10_000, 60.0, 0.0, 249_700.0),  # 69 hours with limited access
        (10_000, 9000.0, 0.0, 41_000 / 30),  # 23 minutes with full access
        (13, None, 0.0, 25.0),  # a tier that is not told is the smallest
    ],
)
def test_the_bound_is_points_over_what_is_free_at_the_pace_of_the_decay(campaigns, limit, used, expected_s):
    found = estimate("Shop", [1] * campaigns, limit, used)
    assert found.all_s == pytest.approx(expected_s)
    assert found.score_limit == limit


def test_most_of_the_spend_is_off_long_before_all_of_it():
    """One campaign earns nine tenths; it is paused first, of what is free."""
    found = estimate("Shop", [900, *[1] * 100], 60.0, 0.0)
    assert (found.most_share, found.most_s) == (0.9, 0.0)
    assert found.all_s > 2000


def test_campaigns_that_spend_nothing_are_paused_too():
    assert estimate("Shop", [0] * 20, 60.0, 0.0).all_s == pytest.approx(200.0)
