"""The filter: rows of the chain are chances, a halved rate is seen, a paused ad does not tire, mates share a day."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators import decay, decay_filter
from estimators.decay_outlook import look_ahead
from tests.estimators import plain_decay

ONE = np.zeros(1, np.int64)


def followed(clicks, seen, group=None, limit=0.7):
    clicks, seen = np.atleast_2d(clicks), np.atleast_2d(seen)
    state = decay_filter.begin(np.zeros(len(clicks), np.int64) if group is None else group, limit)
    for day in range(clicks.shape[1]):
        decay_filter.step(state, clicks[:, day], seen[:, day])
    return state


@pytest.mark.parametrize("limit", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("pace", [0.03, 1.0])
def test_every_row_of_the_chain_adds_up_to_one(limit, pace):
    chain = decay.make(limit, pace)
    assert chain.move.sum(axis=1) == pytest.approx(1.0)
    assert (chain.move >= 0).all()
    assert chain.ratios[chain.level[chain.start.argmax()]] == 1.0
    assert 0 < chain.is_under.sum() < len(chain.ratios)


def test_a_rate_that_halves_after_its_first_week_is_seen_and_one_that_stays_is_not():
    seen = np.full((2, 17), 10_000)
    clicks = np.array([[100] * 7 + [50] * 10, [100] * 17])
    falls, stays = followed(clicks, seen).under()
    assert falls > 0.95
    assert stays < 0.05


def test_nothing_is_told_before_the_first_week_is_over():
    assert followed([100] * 6, [10_000] * 6).under().tolist() == [0.0]


def test_an_ad_that_is_not_shown_does_not_tire():
    """The chain moves on days with impressions alone."""
    before = followed([100] * 10, [10_000] * 10).under()
    after = followed([100] * 10 + [0] * 60, [10_000] * 10 + [0] * 60).under()
    assert after == pytest.approx(before)


def test_a_day_that_is_bad_for_all_mates_is_the_days_own_doing():
    """30 % fewer clicks on one day: of one ad alone it looks like a decline, of 40 ads it is put down to the day."""
    days = [100] * 12 + [75]
    alone = followed(days, [10_000] * 13).under()[0]
    together = followed(np.tile(days, (40, 1)), np.full((40, 13), 10_000)).under()[0]
    assert together < alone / 2


def test_a_slow_decline_of_every_second_mate_is_no_days_shock():
    """1.5 % a day for 40 days, to 54 %: the others are not dragged along, and the decline is not explained away."""
    clicks = np.full((40, 47), 1000.0)
    clicks[::2, 7:] *= 0.985 ** np.arange(1, 41)
    told = followed(clicks.round(), np.full((40, 47), 100_000)).under()
    assert told[::2].min() > 0.9
    assert told[1::2].max() < 0.1


def test_a_step_of_a_copy_leaves_the_state_as_it_was():
    state = followed([100] * 8, [10_000] * 8)
    before = state.under().copy()
    decay_filter.step(decay_filter.copied(state), np.array([10]), np.array([10_000]))
    assert state.under() == pytest.approx(before)


def test_a_first_week_of_old_is_what_later_days_are_measured_by():
    state = decay_filter.begin(ONE, 0.7, first_clicks=np.array([700.0]), first_seen=np.array([70_000.0]))
    for _ in range(6):
        decay_filter.step(state, np.array([50]), np.array([10_000]))
    assert state.under()[0] > 0.95


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    most=st.sampled_from([0, 1, 300, 10**9]),
    days=st.integers(0, 12),
)
def test_every_number_stays_finite_whatever_is_counted(seed, most, days):
    rng = np.random.default_rng(seed)
    seen = rng.integers(0, most + 1, (3, days))
    state = followed(rng.integers(0, seen + 1), seen) if days else decay_filter.begin(np.zeros(3, np.int64), 0.7)
    ahead = look_ahead(state)
    for values in (state.under(), ahead.ratio, ahead.ratio_low, ahead.ratio_high, ahead.rate, ahead.rate_high):
        assert np.isfinite(values).all()
    assert ((state.under() >= 0) & (state.under() <= 1 + 1e-6)).all()


def test_the_interval_of_the_ratio_narrows_with_clicks_and_holds_the_truth():
    few, many = (
        look_ahead(followed([size] * 7 + [size // 2] * 10, [100 * size] * 17)) for size in (10, 2_000)
    )  # fmt: skip
    assert many.ratio_high[0] - many.ratio_low[0] < few.ratio_high[0] - few.ratio_low[0]
    assert many.ratio_low[0] <= 0.5 <= many.ratio_high[0]


def test_days_left_are_none_for_a_tired_ad_and_many_for_a_steady_one():
    seen = np.full((2, 20), 50_000)
    clicks = np.array([[500] * 7 + [200] * 13, [500] * 20])
    tired, steady = look_ahead(followed(clicks, seen)).days_left
    assert tired == 0
    assert steady == -1 or steady > 20


def figures(seed, ads, most):
    """Draw 12 days: of each ad its own rate and volume up to `most`; days without, few clicks, all of them clicks."""
    rng = np.random.default_rng(seed)
    seen = (most ** rng.random((ads, 1)) * rng.random((ads, 12))).astype(np.int64)
    seen[rng.random((ads, 12)) < rng.choice([0.0, 0.4])] = 0
    rate = 10.0 ** rng.uniform(-4, -1, (ads, 1)) * np.exp(rng.normal(0, 0.3, (ads, 12)))
    clicks = np.minimum(rng.poisson(np.minimum(seen * rate, 1e15)), seen)
    odd = rng.random((ads, 12)) < 0.03
    return np.where(odd, seen * rng.integers(0, 2, (ads, 12)), clicks), seen, rng.integers(0, 3, ads)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), ads=st.sampled_from([1, 40, 1_100]), most=st.sampled_from([300, 50_000, 10**9]))
def test_a_day_taken_in_blocks_is_what_ad_by_ad_and_in_double_precision_it_is(seed, ads, most):
    clicks, seen, group = figures(seed, ads, most)
    state = decay_filter.begin(group, 0.7)
    for day in range(12):
        before = decay_filter.copied(state)
        shown = seen[:, day] * decay_filter.step(state, clicks[:, day], seen[:, day])
        told, gained = state.under(), np.zeros_like(state.evidence)
        runs = before.is_ripe & (seen[:, day] > 0)
        looked_at = np.flatnonzero(runs)[:: 1 + ads // 60]
        for ad in looked_at:
            belief, log = plain_decay.day_after(before, ad, clicks[ad, day], shown[ad])
            gained[group[ad]] += log
            assert state.belief[..., ad] == pytest.approx(belief, rel=1e-3, abs=2e-5)
        rests = before.is_ripe & ~runs
        assert np.array_equal(state.belief[..., rests], before.belief[..., rests])
        if len(looked_at) == runs.sum():
            assert state.evidence - before.evidence == pytest.approx(gained, rel=1e-5, abs=1e-4 * (1 + len(looked_at)))
        for ad in np.flatnonzero(state.is_ripe)[:: 1 + ads // 60]:
            assert told[ad] == pytest.approx(plain_decay.under(state, ad), abs=1e-6)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), ads=st.sampled_from([1, 40, 2_100]), most=st.sampled_from([300, 50_000, 10**9]))
def test_the_outlook_in_blocks_is_what_moving_on_ad_by_ad_tells(seed, ads, most):
    clicks, seen, group = figures(seed, ads, most)
    state = followed(clicks, seen, group)
    ahead = look_ahead(state)
    for ad in np.flatnonzero(state.is_ripe)[-10:]:
        for share, days, level in (
            (0.1, ahead.days_low, ahead.ratio_low), (0.5, ahead.days_left, None),
            (0.9, ahead.days_high, ahead.ratio_high),
        ):  # fmt: skip
            first, chances = plain_decay.days_left(state, ad, share)
            assert days[ad] == first or chances[max(days[ad], first)] == pytest.approx(share, abs=1e-6)
            if level is not None:
                assert level[ad] == pytest.approx(plain_decay.interval(state, ad, share), rel=1e-3)
        assert ahead.in_a_week[ad] == pytest.approx(chances[7], abs=1e-6)
        ratios = state.chains[0].ratios[state.chains[0].level]
        assert ahead.ratio[ad] == pytest.approx((plain_decay.of_states(state, ad) @ ratios).sum(), rel=1e-5)


def test_a_pace_of_no_weight_is_left_out_of_sums_and_goes_on_learning():
    """300 ads that hold their level: that ads fall often has no weight left, and what it says of the days is kept."""
    seen, rng = np.full((300, 30), 20_000), np.random.default_rng(5)
    state = followed(rng.poisson(300, (300, 30)), seen)
    assert state.live == slice(1, 2)
    before = state.evidence.copy()
    decay_filter.step(state, np.full(300, 300), seen[:, 0])
    assert (state.evidence != before).all()
    assert state.belief.sum((1, 2)) == pytest.approx(1.0, abs=1e-4)
