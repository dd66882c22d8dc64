"""What is done about fatigued ads: marked once, one variant a creative, nothing on old or lesser evidence."""

from datetime import timedelta

import pytest

from decisions import tired_ads
from decisions.policy import AccountLimits, MaturedPolicy
from domain.actions import RECORDED_ONLY, ObjectKind, Priority
from domain.evidence import AdStage, Evidence, Stage
from tests.decisions.frames import NOW, ad, ad_set, snapshot

LIMITS = AccountLimits(minimum_daily_budget_minor=500)


def stage(ad_id, kind=Stage.FATIGUED):
    return AdStage(
        ad_id=ad_id, stage=kind, probability=0.97, reason="seen too often", words="click rate at 50 %",
        evidence={"posterior": {"certainty": 0.97}},
    )  # fmt: skip


RUNNING = (ad_set(),)


def decide(ads, stages, *, ad_sets=RUNNING, age=timedelta(hours=5)):
    evidence = Evidence(stages=tuple(stages), ages={"creative_intelligence": NOW - age})
    return tired_ads.decide(snapshot(ad_sets, ads), MaturedPolicy(), LIMITS, evidence)


def test_a_fatigued_ad_is_marked_and_its_creative_wants_a_variant():
    mark, variant = decide([ad()], [stage("a1")])
    assert (mark.kind.value, mark.object_id, mark.target) == ("mark_fatigued", "a1", {"is_marked_fatigued": True})
    assert (variant.kind.value, variant.object_kind, variant.object_id) == (
        "propose_variant", ObjectKind.CREATIVE, "k1",
    )  # fmt: skip
    assert variant.target["vary"] == ["fragments", "titles", "music"]
    for proposal in (mark, variant):
        assert (proposal.rule, proposal.priority) == ("tired", Priority.FATIGUE)
        assert proposal.kind in RECORDED_ONLY
        assert "click rate at 50 %" in proposal.reason
        assert proposal.evidence["reason"] == "seen too often"
        assert proposal.evidence["data_age_s"] == 5 * 3600


NOTHING = [
    ([ad()], [stage("a1", Stage.TIRING)], {}),  # told, and left to run
    ([ad()], [stage("a2")], {}),  # another's
    ([ad(is_active=False)], [stage("a1")], {}),
    ([ad(is_marked_fatigued=True)], [stage("a1")], {}),  # not twice
    ([ad(ad_set_index=-1)], [stage("a1")], {}),
    ([ad()], [stage("a1")], {"ad_sets": (ad_set(is_active=False),)}),
    ([ad()], [stage("a1")], {"age": timedelta(hours=73)}),  # evidence of three cycles ago
    ([ad()], [], {}),
    ([], [stage("a1")], {}),
]


@pytest.mark.parametrize(("ads", "stages", "more"), NOTHING)
def test_nothing_is_wanted_of_an_ad_that(ads, stages, more):
    assert decide(ads, stages, **more) == ()


def test_one_creative_in_two_ads_wants_one_variant_and_an_unknown_creative_none():
    ads = [ad(creative_id="k7"), ad(creative_id="k7"), ad(creative_id="")]
    found = decide(ads, [stage("a1"), stage("a2"), stage("a3")])
    assert [(p.kind.value, p.object_id) for p in found] == [
        ("mark_fatigued", "a1"),
        ("mark_fatigued", "a2"),
        ("mark_fatigued", "a3"),
        ("propose_variant", "k7"),
    ]
