"""What an hour tells: bad figures are refused, quiet ones tell nothing, whose fault it is, and what is learnt."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.anomalies import HourFigures, begin, observe
from decisions.anomaly_watch import align
from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.evidence import Cause

START = datetime(2026, 3, 2, tzinfo=UTC)
SETS = 6


def hour(n, *, impressions=900, dearer=1.0, clicked=0.02, sets=SETS, seed=0, budget=-1, faster=1.0):
    """An hour of `sets` ad sets in three campaigns; factors are numbers or arrays of one each."""
    rng = np.random.default_rng([seed, n])
    shown = rng.poisson(np.full(sets, impressions) * np.broadcast_to(faster, sets) / np.broadcast_to(dearer, sets))
    clicks = rng.binomial(shown, np.broadcast_to(clicked, sets))
    return HourFigures(
        kind=ObjectKind.AD_SET, object_id=np.array([f"{k:03d}" for k in range(sets)]),
        root=np.array([f"c{k // 2}" for k in range(sets)]), at=START + timedelta(hours=n), hour_of_week=n % 168,
        maturity=0.5, is_live=np.ones(sets, bool), daily_budget_minor=np.full(sets, budget), impressions=shown,
        clicks=clicks, spend_minor=(shown * 1.5 * np.broadcast_to(dearer, sets)).astype(np.int64),
        purchases=np.zeros(sets, np.int64),
    )  # fmt: skip


def watched(count=24 * 5, **how):
    watch = begin(ObjectKind.AD_SET)
    for n in range(count):
        watch, seen = observe(watch, hour(n, **how), fdr=0.1)
        assert seen.opened == ()
    return watch, count


def on(one, value, other=1.0):
    return np.array([value if k == one else other for k in range(SETS)])


def look(watch, first, hours, *, changed=None, **how):
    told = []
    for n in range(first, first + hours):
        watch, seen = observe(watch, hour(n, **how), fdr=0.1, changed=changed)
        told += seen.opened
    return watch, told


def test_a_single_ad_set_that_spends_thrice_as_much_is_told_with_what_was_changed_there():
    watch, n = watched()
    _, told = look(watch, n, 3, faster=on(2, 3.0), changed={"002": "set daily budget of action 9"})
    spend = [row for row in told if row.metric == "spend"]
    assert [(row.object_id, row.is_up, row.cause) for row in spend] == [("002", True, Cause.OWN)]
    assert spend[0].low < 1350 < spend[0].high < spend[0].seen


def test_without_a_change_before_it_its_cause_is_not_known():
    watch, n = watched()
    _, told = look(watch, n, 3, faster=on(2, 3.0))
    assert {row.cause for row in told} == {Cause.UNEXPLAINED}


def test_unrelated_ad_sets_that_get_twice_as_dear_are_the_platforms_doing():
    watch, n = watched()
    _, told = look(watch, n, 4, dearer=2.1)
    assert {(row.object_id, row.cause) for row in told if row.metric == "cpm"} == {
        (f"{k:03d}", Cause.PLATFORM) for k in range(SETS)
    }


def test_clicks_that_halve_everywhere_are_the_markets():
    watch, n = watched()
    _, told = look(watch, n, 12, clicked=0.008)
    clicks = [row for row in told if row.metric == "ctr"]
    assert len(clicks) == SETS
    assert all(row.cause is Cause.MARKET and not row.is_up for row in clicks)


def test_a_day_up_to_1_75_times_its_budget_is_no_news():
    """900 impressions at 1.5 an hour are 32,400 a day; the budget is that; the platform may spend 1.75 times of it."""
    watch, n = watched(budget=32_400)
    _, told = look(watch, n, 24, faster=1.7, budget=32_400)
    assert [row for row in told if row.metric == "spend"] == []


def test_what_stays_is_learnt_and_tells_no_more():
    watch, n = watched()
    watch, told = look(watch, n, 72, faster=on(2, 3.0))
    assert len([row for row in told if row.metric == "spend"]) == 1
    assert (watch.open == 0).all()
    _, later = look(watch, n + 72, 24, faster=on(2, 3.0))
    assert later == []


def test_figures_in_another_order_are_those_of_the_same_objects():
    watch, n = watched(3)
    last = hour(n)
    turned = {name: getattr(last, name)[::-1] for name in ("object_id", "root", "is_live", "daily_budget_minor",
              "impressions", "clicks", "spend_minor", "purchases")}  # fmt: skip
    plain, mixed = (observe(watch, figures, fdr=0.1)[0] for figures in (last, replace(last, **turned)))
    assert np.array_equal(plain.expectation.level, mixed.expectation.level)


def test_an_hour_is_seen_once():
    watch, n = watched(count=3)
    with pytest.raises(BadInputError, match="was seen before"):
        observe(watch, hour(n - 1), fdr=0.1)


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"clicks": np.full(SETS, 10**6)}, "more clicks than impressions"),
        ({"spend_minor": np.full(SETS, -1)}, "negative counts"),
        ({"maturity": 1.5}, "maturity"),
    ],
)
def test_figures_that_cannot_be_are_refused(spoilt, words):
    with pytest.raises(BadInputError, match=words):
        observe(begin(ObjectKind.AD_SET), replace(hour(0), **spoilt), fdr=0.1)


def test_new_objects_join_and_those_without_figures_for_two_weeks_leave():
    watch, _ = watched(count=2)
    joined = align(watch, np.array(["001", "zzz"]))
    assert joined.object_id.tolist() == [f"{k:03d}" for k in range(SETS)] + ["zzz"]
    assert joined.expectation.level[0, 1] == watch.expectation.level[0, 1]
    assert not joined.expectation.known[:, -1].any()
    idle = replace(joined, idle=np.where(joined.object_id == "003", 24 * 14, 0))
    assert "003" not in align(idle, np.array(["001"])).object_id


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.floats(0, 1), st.integers(0, 10**9), st.integers(0, 10**6)),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_no_figures_however_odd_make_a_number_that_is_none(rows):
    watch = begin(ObjectKind.AD_SET)
    for n, (shown, share, spend, bought) in enumerate(rows):
        figures = replace(
            hour(n, sets=1), impressions=np.array([shown]), clicks=np.array([int(shown * share)]),
            spend_minor=np.array([spend]), purchases=np.array([bought]),
        )  # fmt: skip
        watch, seen = observe(watch, figures, fdr=0.1)
        assert np.isfinite([seen.expected.spend_minor, seen.expected.high_minor, seen.expected.cpm_minor]).all()
    for array in (watch.expectation.level, watch.expectation.variance, watch.expectation.dispersion, watch.gone):
        assert np.isfinite(array).all()


def bought(n, purchases):
    figures = hour(n, sets=1)
    return replace(figures, kind=ObjectKind.ACCOUNT, purchases=np.array([purchases]))


def test_purchases_that_are_gone_for_good_are_learnt_once_the_outage_has_lasted():
    watch = begin(ObjectKind.ACCOUNT)
    for n in range(24 * 5):
        watch, _ = observe(watch, bought(n, 4), fdr=0.1)
    causes = set()
    for n in range(24 * 5, 24 * 6):
        watch, seen = observe(watch, bought(n, 0), fdr=0.1)
        causes |= {row.cause for row in (*seen.opened, *seen.open)}
    assert Cause.TRACKING in causes
    still = watch
    for n in range(24 * 6, 24 * 7):
        watch, seen = observe(watch, bought(n, int(n % 8 == 0)), fdr=0.1, is_lasting=True)
        still, missing = observe(still, bought(n, int(n % 8 == 0)), fdr=0.1)
    assert seen.open == ()
    assert [row.metric for row in missing.open] == ["purchases"]
