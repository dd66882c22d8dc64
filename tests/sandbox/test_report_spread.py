"""Totals of a period become days, to the unit."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.market.rhythm import Calendar
from sandbox.report import Rows
from sandbox.report_spread import apportion, apportion_within, spread, week_rhythm

START = date(2026, 10, 1).toordinal()
RHYTHM = week_rhythm(Calendar("Europe/Madrid", around_s=1_790_000_000), around_day=START)
WEIGHTS = st.lists(st.floats(0, 1_000), min_size=1, max_size=40).map(np.array)


def rows(*, days, **figures):
    one = {"ad": 0, "first": START, "last": START + days - 1, "reach": 0, **figures}
    return Rows(**{name: np.array([value], dtype=np.int64) for name, value in one.items()})


def test_largest_remainders_by_hand():
    # 10 by 1 : 1 : 1 is 3.33 each; the one missing goes to the first of the equal remainders.
    assert apportion(10, np.array([1.0, 1.0, 1.0])).tolist() == [4, 3, 3]
    # 7 by 1 : 2 : 3 is 1.17, 2.33, 3.5: the last has the largest remainder.
    assert apportion(7, np.array([1.0, 2.0, 3.0])).tolist() == [1, 2, 4]


def test_what_does_not_fit_goes_where_room_is():
    assert apportion_within(5, np.array([1.0, 0.0, 0.0]), np.array([2, 3, 1])).tolist() == [2, 3, 0]
    with pytest.raises(ValueError, match="do not fit"):
        apportion_within(7, np.ones(3), np.array([2, 3, 1]))


@settings(deadline=None)
@given(st.integers(0, 200_000_000_000), WEIGHTS)
def test_parts_sum_to_the_total_and_stay_within_one_of_their_share(total, weights):
    parts = apportion(total, weights)
    base = weights if weights.any() else np.ones(len(weights))
    assert parts.sum() == total
    assert (np.abs(parts - base / base.sum() * total) < 1 + 1e-9 * total).all()


@settings(deadline=None)
@given(
    days=st.integers(2, 45), impressions=st.integers(0, 300_000), click_share=st.floats(0, 1),
    link_share=st.floats(0, 1), spend=st.integers(0, 10_000_000), purchases=st.integers(0, 400),
    value=st.integers(0, 5_000_000),
)  # fmt: skip
def test_days_keep_every_total_and_make_sense(*, days, impressions, click_share, link_share, spend, purchases, value):
    clicks = int(impressions * click_share)
    told = {
        "impressions": impressions, "clicks": clicks, "link_clicks": int(clicks * link_share), "spend": spend,
        "purchases": purchases, "value": value if purchases else 0,
    }  # fmt: skip
    made = spread(rows(days=days, **told), RHYTHM)
    assert {name: int(getattr(made, name).sum()) for name in told} == told
    assert (made.clicks <= made.impressions).all()
    assert (made.link_clicks <= made.clicks).all()
    assert (made.purchases[made.value > 0] > 0).all()
    assert set(made.day.tolist()) <= set(range(START, START + days))
    assert len(set(made.day.tolist())) == len(made.day)


def test_weekends_show_more_for_the_same_money():
    made = spread(
        rows(
            days=28, impressions=280_000, clicks=2_800, link_clicks=2_800, spend=28_000, purchases=280, value=2_800_000
        ),
        RHYTHM,
    )
    weekend = (made.day - 1) % 7 >= 5
    assert made.impressions[weekend].mean() > 1.05 * made.impressions[~weekend].mean()
    assert set(made.spend.tolist()) == {1_000}


def test_days_told_as_days_are_left_as_they_are():
    figures = {"impressions": 7, "clicks": 3, "link_clicks": 2, "spend": 5, "purchases": 1, "value": 9}
    made = spread(rows(days=1, **figures), RHYTHM)
    assert {name: getattr(made, name).tolist() for name in figures} == {name: [n] for name, n in figures.items()}
