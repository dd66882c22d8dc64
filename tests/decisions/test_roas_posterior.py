"""The posterior of matured ROAS: what it says of clear and unclear cases, and that nothing breaks it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from decisions.policy import MaturedPolicy
from decisions.roas_posterior import (
    chance_above,
    day_weights,
    estimate,
    estimate_panels,
    quantile,
    roll_up,
    weigh,
)
from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.panel import MaturityCurve
from estimators.maturity import PRIOR
from tests.decisions.roas_panels import panel, tree

WHOLE = MaturityCurve(share=np.ones(29), cohorts=1e6)
KINDS = (ObjectKind.AD, ObjectKind.AD_SET, ObjectKind.CAMPAIGN, ObjectKind.ACCOUNT)


def frames_of(ads, sets, campaigns, *, curve=WHOLE):
    return estimate_panels(
        ads, sets, campaigns, account_id="act_1", curve=curve, policy=MaturedPolicy()
    ).frames  # fmt: skip


def test_many_purchases_speak_for_themselves_at_every_level():
    """50 orders of 50.00 for 1,000.00 a day: ROAS 2.5, known to a few percent."""
    frames = frames_of(*tree([100_000], [50]))
    for kind in KINDS:
        assert frames[kind].now[0] == pytest.approx(2.5)
        assert quantile(frames[kind], 0.5)[0] == pytest.approx(2.5, rel=0.03)
        assert frames[kind].log_sd[0] < 0.15
        assert frames[kind].maturity[0] == pytest.approx(1.0)
    assert frames[ObjectKind.ACCOUNT].object_id[0] == "act_1"


def test_a_small_ad_is_told_by_its_mates_until_it_has_purchases_of_its_own():
    """Two ads with one lucky and no sale beside ten with 5 a day at the same price."""
    purchases = np.full((12, 28), 5)
    purchases[10:] = 0
    purchases[10, 5] = 1
    spend = np.full((12, 28), 10_000)
    spend[10:] = 20
    frame = frames_of(*tree(spend, purchases))[ObjectKind.AD]
    median = quantile(frame, 0.5)
    assert frame.now[10] > 5  # raw
    assert median[10] < 1.4 * median[0]
    assert median[11] > 0.6 * median[0]
    assert frame.log_sd[11] > 2 * frame.log_sd[0]


def test_what_has_not_arrived_yet_is_added_and_makes_it_less_sure():
    figures = ([20_000], [[10] * 25 + [8, 7, 6]])
    late, whole = (frames_of(*tree(*figures), curve=curve)[ObjectKind.AD_SET] for curve in (PRIOR, WHOLE))
    assert late.maturity[0] < 0.95
    assert quantile(late, 0.5)[0] > 1.05 * quantile(whole, 0.5)[0]


def test_recent_days_count_more():
    rising = frames_of(*tree([10_000], [[2] * 14 + [8] * 14]))[ObjectKind.ACCOUNT]
    assert rising.now[0] > 1.1 * (5 * 5_000 / 10_000)


def test_the_chance_is_that_of_the_log_normal():
    frame = frames_of(*tree([10_000], [4]))[ObjectKind.AD_SET]
    assert chance_above(frame, quantile(frame, 0.1)) == pytest.approx([0.9])
    assert chance_above(frame, 0.0) == pytest.approx([1.0])
    assert chance_above(frame, -3.0) == pytest.approx([1.0])
    assert chance_above(frame, np.array([1e9])) == pytest.approx([0.0])


def test_spend_without_a_purchase_is_a_low_roas_with_a_wide_interval():
    frame = frames_of(*tree([10_000], [0]))[ObjectKind.ACCOUNT]
    assert frame.now[0] == 0
    assert 0 < quantile(frame, 0.5)[0] < 1
    assert quantile(frame, 0.9)[0] > 4 * quantile(frame, 0.1)[0]


def test_without_spend_nothing_is_known_and_frames_are_empty():
    for frame in frames_of(*tree([0, 0], [0, 0])).values():
        assert len(frame) == 0
    nothing = [panel(kind, spend=np.zeros((0, 1)), purchases=np.zeros((0, 1))) for kind in KINDS[:3]]
    assert all(len(frame) == 0 for frame in frames_of(*nothing).values())


def test_one_that_has_spent_nothing_yet_is_told_by_its_mates():
    frame = frames_of(*tree([10_000, 0], [10, 0]))[ObjectKind.AD]
    assert (frame.now[1], frame.maturity[1], frame.spend_minor[1]) == (0, 0, 0)
    assert quantile(frame, 0.5)[1] == pytest.approx(quantile(frame, 0.5)[0], rel=0.3)
    assert frame.log_sd[1] > frame.log_sd[0]


def test_a_level_without_spend_is_told_by_its_account():
    """Purchases over no money are no rate: such ads had a ROAS of e^40. 10 x 50.00 for 200.00 is 2.5, and some late."""
    ads, sets, campaigns = tree([10_000, 10_000], [5, 5])
    frames = frames_of(replace(ads, spend_minor=np.zeros_like(ads.spend_minor)), sets, campaigns)
    ad = frames[ObjectKind.AD]
    assert np.exp(ad.log_median + ad.log_sd**2 / 2) == pytest.approx([2.5, 2.5], rel=0.3)
    assert (frames[ObjectKind.AD].log_sd > frames[ObjectKind.ACCOUNT].log_sd).all()


def test_two_currencies_are_refused():
    ads, sets, campaigns = tree([10_000], [5])
    with pytest.raises(BadInputError, match="EUR and USD"):
        frames_of(replace(ads, currency="USD"), sets, campaigns)


def test_negative_figures_count_as_none():
    bad = frames_of(*tree([10_000, 10_000], [5, -3]))[ObjectKind.AD]
    none = frames_of(*tree([10_000, 10_000], [5, 0]))[ObjectKind.AD]
    assert bad.now == pytest.approx(none.now)
    assert (bad.purchases >= 0).all()


def test_levels_weighed_apart_give_the_same_as_panels():
    ads, sets, campaigns = tree([10_000, 3_000], [5, 4])
    seen = estimate_panels(ads, sets, campaigns, account_id="act_1", curve=PRIOR, policy=MaturedPolicy())
    weights = day_weights(ads.age_days, PRIOR, ads.day_share, 14.0, seen.pace)
    again = estimate(
        *(weigh(level, weights) for level in (ads, sets, campaigns)), account_id="act_1", pace=seen.pace,
        order_cv2=seen.order_cv2,
    )  # fmt: skip
    for kind in KINDS:
        assert again[kind].log_median == pytest.approx(seen.frames[kind].log_median)
        assert again[kind].log_sd == pytest.approx(seen.frames[kind].log_sd)


def test_ads_roll_up_into_their_ad_sets():
    ads = panel(ObjectKind.AD, spend=[100, 200, 400], purchases=[1, 2, 4], parent=[1, 0, 1])
    sets = roll_up(ads, np.array(["a", "b"]), ObjectKind.AD_SET)
    assert sets.spend_minor[:, 0].tolist() == [200, 500]
    assert sets.purchases[:, 0].tolist() == [2, 5]
    assert sets.parent.tolist() == [-1, -1]


_figures = arrays(np.int64, (4, 6), elements=st.integers(-5, 10**9))


@given(spend=_figures, purchases=_figures, parent=arrays(np.int64, 4, elements=st.integers(-1, 1)))
@settings(max_examples=60, deadline=None)
def test_whatever_is_reported_every_posterior_is_a_number(spend, purchases, parent):
    """Also 10^9 purchases on no spend, spend on no purchase, and objects that belong to nobody."""
    ads = panel(ObjectKind.AD, spend=spend, purchases=purchases, parent=parent, days=6)
    sets = replace(roll_up(ads, np.array(["s0", "s1"]), ObjectKind.AD_SET), parent=np.array([0, -1]))
    campaigns = roll_up(sets, np.array(["c0"]), ObjectKind.CAMPAIGN)
    for frame in frames_of(ads, sets, campaigns, curve=PRIOR).values():
        for values in (frame.log_median, frame.log_sd, frame.now, frame.maturity, frame.purchases, frame.spend_minor):
            assert np.isfinite(values).all()
        assert (frame.log_sd > 0).all()
        assert (frame.maturity <= 1 + 1e-9).all()
