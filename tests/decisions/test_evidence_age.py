"""Evidence that is too old is set aside in words; what does not age, and what protects, stays."""

from datetime import timedelta

import numpy as np
import pytest

from decisions.evidence_age import OLDEST, young
from decisions.policy import AccountLimits, MaturedPolicy
from decisions.registry import decide
from domain import evidence as said
from domain.actions import ActionKind, ObjectKind
from domain.evidence import AdStage, Anomaly, Cause, Evidence, RoasEvidence, RoasFrame, Stage
from tests.decisions.frames import NOW, ad_set, snapshot

LIMITS = AccountLimits(minimum_daily_budget_minor=500, margin=0.5)
HOUR = timedelta(hours=1)


def losing(age):
    frame = RoasFrame(
        kind=ObjectKind.AD_SET, object_id=np.array(["s1"], dtype=object), spend_minor=np.array([5e4]),
        purchases=np.array([30.0]), maturity=np.array([0.9]), now=np.array([0.5]), log_median=np.log([0.5]),
        log_sd=np.array([0.2]),
    )  # fmt: skip
    return RoasEvidence(made_at=NOW - age, frames={ObjectKind.AD_SET: frame})


def verdict(state):
    return said.TestVerdict(
        experiment_id=1, ad_set_id="s1", state=state, keep=("a1",), drop=("a2",), words="", evidence={}
    )  # fmt: skip


ANOMALY = Anomaly(
    id=1, object_kind=ObjectKind.AD_SET, object_id="s1", metric="spend", is_up=True, cause=Cause.OWN, since=NOW,
    expected=1.0, seen=3.0, q_value=1e-5, words="", evidence={},
)  # fmt: skip
STAGE = AdStage(ad_id="a1", stage=Stage.FATIGUED, probability=1.0, reason="", words="", evidence={})


def decided(evidence):
    policy = MaturedPolicy()
    seen = snapshot([ad_set()], [], window_days=policy.window_days, spike_hours=policy.spike_hours)
    return decide(seen, policy, LIMITS, HOUR, evidence)


def test_a_loss_that_the_roas_engine_saw_lately_is_paused_and_one_of_last_week_is_not():
    (stop,) = decided(Evidence(roas=losing(HOUR))).proposals
    assert (stop.kind, stop.object_id) == (ActionKind.PAUSE, "s1")
    late = decided(Evidence(roas=losing(37 * HOUR)))
    assert late.proposals == ()
    assert late.declined is None
    (words,) = late.set_aside
    assert words == (
        "what roas_engine said is 37 h old, over 36 h, and is not acted on;"
        " `stakazo cycle run --cycle roas_engine` has it look again"
    )


@pytest.mark.parametrize(
    ("module", "evidence"),
    [
        ("creative_intelligence", Evidence(stages=(STAGE,))),
        ("ab_testing", Evidence(tests=(verdict(said.TestState.RUNNING),))),
        ("budget_spikes", Evidence(anomalies=(ANOMALY,))),
    ],
)
def test_each_part_has_its_age(module, evidence):
    def aged(age):
        return young(Evidence(**{**parts, "ages": {module: NOW - age}}), NOW)

    parts = {name: getattr(evidence, name) for name in ("stages", "tests", "anomalies")}
    assert aged(OLDEST[module])[0] == Evidence(**parts, ages={module: NOW - OLDEST[module]})
    kept, words = aged(OLDEST[module] + HOUR)
    assert (kept.stages, kept.tests, kept.anomalies) == ((), (), ())
    assert module in words[0]


def test_an_ended_test_does_not_age_nor_does_an_incident_and_nothing_is_said_of_what_there_is_not():
    old = Evidence(
        tests=(verdict(said.TestState.CLAIMED),), incident="prices rose",
        ages={module: NOW - timedelta(days=9) for module in OLDEST},
    )  # fmt: skip
    assert young(old, NOW) == (old, ())
