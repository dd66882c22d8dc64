"""What is usual is learnt from counts: levels, the shape of the day, and how much more counts vary than chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInputError
from estimators import discovery, expectation, level_shifts, tails
from estimators.expectation import Nature

NATURE = Nature(
    drift=np.array([0.01]), turn=np.array([0.0]), day_sd=np.array([0.5]), week_sd=np.array([0.1]),
    dispersion=np.array([0.02]), common=np.array([0.05]),
)  # fmt: skip


def learnt(rates, hours, *, shape=lambda _: 1.0, seed=1):
    rng = np.random.default_rng(seed)
    state = expectation.begin(NATURE, len(rates))
    exposure = np.ones((1, len(rates)))
    for n in range(hours):
        told = expectation.forecast(state, exposure, n % 168)
        counts = rng.poisson(np.array([rates]) * shape(n % 24)).astype(float)
        state = expectation.learn(state, NATURE, told, counts, n % 168, learns=np.ones((1, len(rates)), bool))
    return state, exposure


def test_levels_and_the_shape_of_the_day_are_learnt_from_counts():
    state, exposure = learnt([20.0, 200.0, 5.0], 24 * 7, shape=lambda hour: 0.5 + hour / 23)
    morning, evening = (expectation.forecast(state, exposure, hour).mean[0] for hour in (0, 23))
    assert morning == pytest.approx([10, 100, 2.5], rel=0.25)
    assert evening == pytest.approx([30, 300, 7.5], rel=0.25)


def test_a_series_that_is_new_starts_from_what_the_others_are_used_to():
    state, _ = learnt([50.0, 50.0], 48)
    wider = expectation.take(state, np.array([0, 1, -1]))
    told = expectation.forecast(wider, np.ones((1, 3)), 0)
    assert told.mean[0, 2] == pytest.approx(50, rel=0.2)
    assert told.variance[0, 2] > 10 * told.variance[0, 0]


def test_one_wild_hour_moves_the_level_little():
    state, exposure = learnt([100.0], 24 * 5)
    told = expectation.forecast(state, exposure, 0)
    after = expectation.learn(state, NATURE, told, np.array([[5_000.0]]), 0, learns=np.ones((1, 1), bool))
    assert expectation.forecast(after, exposure, 1).mean[0, 0] < 1.1 * told.mean[0, 0]


def test_what_is_held_is_not_learnt():
    state, exposure = learnt([100.0], 24 * 3)
    told = expectation.forecast(state, exposure, 0)
    after = expectation.learn(state, NATURE, told, np.array([[300.0]]), 0, learns=np.zeros((1, 1), bool))
    assert (after.level == state.level).all()
    assert (after.day == state.day).all()


@pytest.mark.parametrize("count", [-1.0, float("nan"), float("inf")])
def test_counts_that_are_none_are_refused(count):
    state, exposure = learnt([100.0], 2)
    with pytest.raises(BadInputError, match="negative or not a number"):
        expectation.forecast(state, exposure * count, 0)


def test_chance_is_as_rare_as_it_says():
    """Of 20,000 Poisson counts p < 0.02 must be about 2 % or less: two-sided tails of counts are cautious."""
    rng = np.random.default_rng(2)
    mean = np.full(20_000, 30.0)
    p = tails.tail(rng.poisson(mean), mean, mean)
    assert 0.010 < (p < 0.02).mean() < 0.022


def test_the_false_discovery_rate_is_benjamini_and_hochbergs():
    """Of 0.01, 0.02, 0.03, 0.5 the third has q = 0.03 x 4 / 3 = 0.04, and so have the two before it."""
    assert discovery.q_values(np.array([0.5, 0.01, 0.03, 0.02])) == pytest.approx([0.5, 0.04, 0.04, 0.04])
    assert discovery.discoveries(np.array([0.5, 0.01, 0.03, 0.02]), 0.05).tolist() == [False, True, True, True]
    assert discovery.q_values(np.array([0.01]), tests=10) == pytest.approx([0.1])
    assert discovery.q_values(np.array([])).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_smaller_p_never_has_a_larger_q(values):
    p = np.array(values)
    q = discovery.q_values(p)
    assert (np.diff(q[np.argsort(p, kind="stable")]) >= -1e-12).all()
    assert ((q >= p - 1e-12) & (q <= 1)).all()


def test_a_level_that_moved_is_told_after_half_a_day_and_noise_is_not():
    shifts, told = level_shifts.begin((2,)), []
    rng = np.random.default_rng(3)
    for n in range(500):
        shifts, moved = level_shifts.lean(shifts, np.array([4.0, rng.normal()]), np.array([n >= 488, True]))
        told.append(moved)
    assert [n for n, moved in enumerate(told) if moved[0]] == [499]
    assert not any(moved[1] for moved in told)


def test_a_level_that_one_event_told_of_is_soon_put_right():
    state = expectation.begin(NATURE, 1)
    exposure = np.full((1, 1), 30.0)  # clicks of an hour, of which one in three hundred buys
    for n in range(48):
        told = expectation.forecast(state, exposure, n % 168)
        counts = np.array([[float(n in {5, 20, 40})]])
        state = expectation.learn(state, NATURE, told, counts, n % 168, learns=np.ones((1, 1), bool))
    day = sum(expectation.forecast(state, exposure, hour).mean.item() for hour in range(24))
    assert day < 3  # in truth 2.4; with the level of the first purchase it would be 24
