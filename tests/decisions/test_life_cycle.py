"""Stages of ads: tables of expected days, reasons, mates of small ads, what contradicts itself, and the A/A."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.life_cycle import FirstWeek, certainty_for, stages
from decisions.policy import MaturedPolicy
from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.evidence import Stage
from domain.panel import Panel

POLICY = MaturedPolicy()


def panel(clicks, impressions, *, spend=None, parent=None, kind=ObjectKind.AD):
    clicks, impressions = np.atleast_2d(np.array(clicks)), np.atleast_2d(np.array(impressions))
    n, days = clicks.shape
    none = np.zeros((n, days), np.int64)
    return Panel(
        kind=kind, currency="EUR", first_day=date(2026, 3, 1),
        object_id=np.array([f"a{row:03}" for row in range(n)], dtype=object),
        parent=np.full(n, -1, np.int64) if parent is None else np.array(parent),
        age_days=np.arange(days, 0, -1), impressions=impressions, clicks=clicks,
        spend_minor=impressions * 2 if spend is None else np.atleast_2d(np.array(spend)),
        purchases=none, revenue_minor=none,
    )  # fmt: skip


def drawn(seed, volume, *, ads, share):
    """30 days of ads at 1.2 %, with noise of 10 % between days of an ad and of the account; half-lives of 5 days."""
    rng = np.random.default_rng(seed)
    since = np.arange(30) - rng.integers(8, 18, (ads, 1))
    tires = rng.random((ads, 1)) < share
    truth = np.where(tires & (since >= 0), 0.45 + 0.55 * 0.5 ** (np.maximum(since, 0) / 5), 1.0)
    noise = np.exp(0.1 * rng.normal(size=(ads, 30)) + 0.1 * rng.normal(size=30))
    shown = rng.poisson(volume, (ads, 30))
    return np.minimum(rng.poisson(shown * 0.012 * truth * noise), shown), shown, truth


def stage_of(clicks, impressions, **more):
    return stages(panel(clicks, impressions, **more), POLICY).told(0)


# Clicks of 20 days with 10,000 impressions each; the first week is at 1 %.
TABLE = [
    ([100] * 6, Stage.NEW),
    ([100] * 20, Stage.STEADY),
    ([100] * 7 + [95] * 13, Stage.STEADY),
    ([100] * 7 + [50] * 13, Stage.FATIGUED),
    ([100] * 10 + [40] * 4, Stage.FATIGUED),  # at once
    ([100] * 7 + [round(100 * 0.94**n) for n in range(1, 14)], Stage.FATIGUED),  # to 45 %
    ([100] * 7 + [round(100 * 0.965**n) for n in range(1, 13)], Stage.TIRING),  # to 65 %, and not sure enough
    ([100] * 7 + [150] * 13, Stage.RISING),
    ([0] * 20, Stage.UNKNOWN),
]


@pytest.mark.parametrize(("clicks", "stage"), TABLE)
def test_the_stage_follows_from_the_days(clicks, stage):
    assert stage_of(clicks, [10_000] * len(clicks)).stage is stage


@pytest.mark.parametrize("bearable", [0.001, 0.05, 0.2])
def test_no_ad_is_called_fatigued_that_more_probably_is_not(bearable):
    clicks, shown, _ = drawn(11, 1_500, ads=400, share=0.5)
    found = stages(panel(clicks, shown), MaturedPolicy(fatigue_false_alarms=bearable)).tired()
    fatigued = [told.probability for told in found if told.stage is Stage.FATIGUED]
    assert len(fatigued) > 10
    assert min(fatigued) >= 0.5
    tiring = [told.words for told in found if told.stage is Stage.TIRING]
    assert tiring
    assert all(words.startswith("tiring: click rate at ") for words in tiring)


def test_an_alarm_that_has_become_less_likely_than_not_is_tiring_no_longer_fatigued():
    told = [stage_of([100] * 7 + [66] * 7 + [late] * 5, [10_000] * 19) for late in (60, 74)]
    assert [one.stage for one in told] == [Stage.FATIGUED, Stage.TIRING]
    assert 0.25 < told[1].probability < 0.5


def test_an_ad_with_two_clicks_a_day_is_not_decidable_and_says_what_it_needs():
    (found,) = stages(panel([2] * 7 + [1] * 7, [200] * 14), POLICY).findings()
    assert found.verdict == "not_decidable"
    assert found.evidence["needs"]["clicks"] > 0
    assert "more clicks or" in found.words
    assert "days" in found.words


def test_a_tired_ad_tells_its_level_its_certainty_and_since_when():
    told = stage_of([100] * 9 + [50] * 11, [10_000] * 20)
    assert told.probability > 0.95
    assert told.evidence["posterior"]["low"] <= 0.5 <= told.evidence["posterior"]["high"]
    assert told.evidence["since"] == "2026-03-10"  # the tenth day
    assert told.evidence["days_until_fatigue"] == [0, 0, 0]
    assert told.evidence["threshold"]["ratio"] == 0.7
    assert "going down since 2026-03-10" in told.words


def test_the_expected_rate_of_a_steady_ad_is_its_own():
    low, middle, high = stage_of([100] * 20, [10_000] * 20).evidence["expected_ctr"]
    assert low < 0.01 < high
    assert middle == pytest.approx(0.01, rel=0.06)


REASONS = [
    ([10_000] * 7 + [30_000] * 13, [2] * 20, "seen too often"),  # 6.6 x the impressions of its first week
    ([10_000] * 7 + [1_500] * 13, [2] * 7 + [3] * 13, "dearer auction"),
    ([10_000] * 7 + [30_000] * 13, [2] * 7 + [3] * 13, "seen too often, dearer auction"),
    ([10_000] * 7 + [1_500] * 13, [2] * 20, "no reason seen"),
]


@pytest.mark.parametrize(("impressions", "price", "reason"), REASONS)
def test_the_reason_is_what_grew_along(impressions, price, reason):
    rate = np.array([0.02] * 7 + [0.008] * 13)
    shown = np.array(impressions)
    told = stage_of((shown * rate).astype(int), shown, spend=shown * np.array(price))
    assert (told.stage, told.reason) == (Stage.FATIGUED, reason)


def test_with_an_audience_exposures_are_impressions_per_person():
    shown = np.full((1, 20), 10_000)
    clicks = np.array([[200] * 7 + [80] * 13])
    seldom = stages(panel(clicks, shown), POLICY, audience=np.array([1_000_000.0])).told(0)
    often = stages(panel(clicks, shown), POLICY, audience=np.array([50_000.0])).told(0)
    assert (seldom.reason, often.reason) == ("no reason seen", "seen too often")
    assert often.evidence["frequency"] == 4.0


def test_small_ads_of_one_creative_are_told_together():
    """Twelve ads with three clicks a day each, all down to half: alone hardly one is told, together all are."""
    rng = np.random.default_rng(5)
    clicks = np.concatenate([rng.poisson(3, (12, 7)), rng.poisson(1.5, (12, 14))], axis=1)
    shown = np.full(clicks.shape, 300)
    apart = stages(panel(clicks, shown), POLICY, creative_id=np.array([f"k{n}" for n in range(12)], dtype=object))
    mates = stages(panel(clicks, shown), POLICY, creative_id=np.array(["k"] * 12, dtype=object))
    by_set = stages(panel(clicks, shown, parent=[0] * 12), POLICY)
    fatigued = [sum(stage.stage is Stage.FATIGUED for stage in found.tired()) for found in (apart, mates, by_set)]
    assert fatigued[1] > fatigued[0]
    assert fatigued[2] > fatigued[0]
    assert mates.by_pool.any()


@pytest.mark.parametrize("volume", [200, 1_000, 5_000])
def test_where_nothing_tires_false_alarms_stay_within_the_policys_budget(volume):
    """120 ads over 23 days after their first week; 0.05 false alarms per ad and month are allowed."""
    clicks, shown, _ = drawn(7, volume, ads=120, share=0.0)
    found = stages(panel(clicks, shown), POLICY)
    fatigued = sum(stage.stage is Stage.FATIGUED for stage in found.tired())
    assert fatigued <= 0.05 * 120 * 23 / 30


def test_where_half_of_the_ads_tire_most_are_told_and_few_others():
    clicks, shown, truth = drawn(8, 5_000, ads=120, share=0.5)
    told = stages(panel(clicks, shown), POLICY).fatigued_on > 0
    is_tired = truth[:, -1] < 0.65
    assert told[is_tired].mean() > 0.9
    assert told[truth[:, -1] == 1].mean() < 0.05


def test_a_policy_that_bears_fewer_false_alarms_wants_more_certainty():
    asked = [certainty_for(alarms) for alarms in (0.005, 0.05, 0.2)]
    assert asked == sorted(asked, reverse=True)
    assert asked[1] == pytest.approx(0.5)


def test_days_that_contradict_themselves_are_left_out():
    """More clicks than impressions, or negative counts, tell nothing: the ad is judged by its other days."""
    clicks, shown = [100] * 20, [10_000] * 20
    plain = stages(panel(clicks, shown), POLICY)
    clicks[12], clicks[13], shown[14] = 20_000, -5, -1
    odd = stages(panel(clicks, shown), POLICY)
    assert (odd.stage == plain.stage).all()
    assert odd.probability == pytest.approx(plain.probability, abs=0.05)


def test_a_panel_of_other_objects_or_of_other_shape_is_refused():
    with pytest.raises(BadInputError, match="of ads"):
        stages(panel([1], [1], kind=ObjectKind.AD_SET), POLICY)
    with pytest.raises(BadInputError, match="do not match"):
        stages(panel([[1, 2]], [[1]]), POLICY)
    with pytest.raises(BadInputError, match="first week"):
        stages(panel([1], [1]), POLICY, first=FirstWeek(clicks=np.ones(2), impressions=np.ones(2)))


def test_no_ads_and_no_days_have_an_answer():
    for shape in ((0, 10), (0, 0), (2, 0)):
        found = stages(panel(np.zeros(shape, np.int64), np.zeros(shape, np.int64)), POLICY)
        assert len(found) == shape[0]
        assert found.tired() == ()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), most=st.sampled_from([1, 50, 10**9]), days=st.integers(1, 16))
def test_no_number_of_any_stage_is_other_than_finite(seed, most, days):
    rng = np.random.default_rng(seed)
    shown = rng.integers(-1, most + 1, (3, days))
    found = stages(panel(rng.integers(-1, np.maximum(shown, 0) + 2), shown, parent=[0, 0, 1]), POLICY)
    assert np.isfinite(found.probability).all()
    for row in range(len(found)):
        assert "nan" not in repr(found.told(row)).lower()
        assert "inf" not in repr(found.told(row).evidence).lower()
