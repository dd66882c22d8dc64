"""Fatigue: the last complete day against the ad's own seven days before."""

import pytest

from decisions import fatigue
from decisions.policy import AccountLimits, ClassicPolicy
from domain.actions import RECORDED_ONLY, Priority
from tests.decisions.frames import ad, ad_set, snapshot

POLICY = ClassicPolicy()
LIMITS = AccountLimits(minimum_daily_budget_minor=500)


def tired(last=13, impressions=1000, **more):
    """2 % over the 7 days before (140 of 7,000), so that under 1.4 % on the last day is fatigue."""
    return ad(
        **{
            "impressions_week": 7000,
            "clicks_week": 140,
            "impressions_last": impressions,
            "clicks_last": last,
            **more,
        }
    )


RUNNING = (ad_set(),)


def decide(*ads, ad_sets=RUNNING):
    return fatigue.decide(snapshot(ad_sets, ads), POLICY, LIMITS)


TABLE = [
    (tired(13), True),  # 1.3 % < 1.4 %
    (tired(15), False),  # 1.5 %
    (tired(0), True),  # 0 %
    (tired(12, 999), False),  # too few impressions on the day
    (tired(13, impressions_week=999, clicks_week=20), False),  # too few before it
    (tired(0, clicks_week=0), False),  # nothing to fall from
    (tired(13, is_active=False), False),
    (tired(13, is_marked_fatigued=True), False),  # not twice
    (tired(13, ad_set_index=-1), False),
]


@pytest.mark.parametrize(("row", "is_tired"), TABLE)
def test_an_ad_is_tired_when_its_rate_fell_by_more_than_the_drop(row, is_tired):
    kinds = [proposal.kind.value for proposal in decide(row)]
    assert kinds == (["mark_fatigued", "propose_variant"] if is_tired else [])


def test_an_ad_in_a_paused_ad_set_does_not_tire():
    assert decide(tired(), ad_sets=(ad_set(is_active=False),)) == ()


def test_one_creative_in_two_ads_wants_one_variant():
    found = decide(tired(creative_id="k7"), tired(creative_id="k7"), tired(creative_id="k8"))
    assert [(p.kind.value, p.object_id) for p in found] == [
        ("mark_fatigued", "a1"),
        ("mark_fatigued", "a2"),
        ("mark_fatigued", "a3"),
        ("propose_variant", "k7"),
        ("propose_variant", "k8"),
    ]
    assert found[3].target == {"ad_id": "a1", "ad_set_id": "s1", "vary": ["fragments", "titles", "music"]}


def test_an_ad_without_a_creative_is_marked_but_has_nothing_to_vary():
    assert [p.kind.value for p in decide(tired(creative_id=""), tired(creative_id=None))] == ["mark_fatigued"] * 2


def test_fatigue_is_recorded_only_and_tells_both_rates():
    found = decide(tired())
    assert {proposal.kind for proposal in found} <= RECORDED_ONLY
    assert found[0].priority is Priority.FATIGUE
    assert found[0].reason == (
        "CTR 1.30 % on the last day (13 of 1,000) is 35 % under the 2.00 % of the 7 days before (limit 30 %):"
        " marked fatigued"
    )
    assert found[0].evidence["impressions_week"] == 7000
