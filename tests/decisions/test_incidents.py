"""When incident mode opens and closes, what follows from anomalies, and how a refund adds up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from decisions import anomaly_steps, incident_mode
from decisions.anomaly_values import Metric, Told
from decisions.policy import AccountLimits, MaturedPolicy
from decisions.refunds import AccountHour, claim
from domain.actions import ActionKind, ObjectKind
from domain.evidence import Anomaly, Cause, Evidence, RoasEvidence, RoasFrame
from tests.decisions.frames import ad_set, snapshot

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIMITS = AccountLimits(minimum_daily_budget_minor=500)


def told(object_id="1", cause=Cause.PLATFORM, kind=ObjectKind.AD_SET, metric="cpm"):
    return Told(
        object_kind=kind, object_id=object_id, metric=metric, is_up=True, cause=cause, since=AT, expected=1_000.0,
        low=900.0, high=1_100.0, seen=2_200.0, q_value=1e-6, counts={},
    )  # fmt: skip


def test_it_opens_on_unrelated_objects_together_and_closes_after_three_quiet_hours():
    mode = incident_mode.advance(None, [told("1"), told("2")], at=AT, expected_hour_minor=1_000)
    assert mode.velocity_cap_minor == 1_750
    assert "2 unrelated objects" in mode.words
    assert "2.2 times" in mode.words
    for n in (1, 2):
        mode = incident_mode.advance(mode, [], at=AT + n * HOUR, expected_hour_minor=1_000)
        assert mode.quiet == n
    assert incident_mode.advance(mode, [], at=AT + 3 * HOUR, expected_hour_minor=1_000) is None


@pytest.mark.parametrize("rows", [[], [told("1")], [told("1", Cause.MARKET), told("2", Cause.OWN)]])
def test_one_object_or_our_own_doing_is_no_incident(rows):
    assert incident_mode.advance(None, rows, at=AT, expected_hour_minor=1_000) is None


def test_the_account_alone_is_enough_for_a_tracking_outage():
    row = told("a", Cause.TRACKING, ObjectKind.ACCOUNT, "purchases")
    mode = incident_mode.advance(None, [row], at=AT, expected_hour_minor=1_000)
    assert mode.cause is Cause.TRACKING
    assert incident_mode.held(mode, AT + HOUR) == {Metric.PURCHASES}


def test_after_a_day_what_lasts_is_learnt_again():
    mode = incident_mode.advance(None, [told("1"), told("2")], at=AT, expected_hour_minor=1_000)
    assert incident_mode.held(mode, AT + 23 * HOUR) == {Metric.SPEND, Metric.CPM}
    assert incident_mode.held(mode, AT + 24 * HOUR) == frozenset()


def test_purchases_that_stay_away_for_a_day_are_the_new_level():
    row = told("a", Cause.TRACKING, ObjectKind.ACCOUNT, "purchases")
    outage = incident_mode.advance(None, [row], at=AT, expected_hour_minor=1_000)
    assert not incident_mode.is_lasting(outage, AT + 23 * HOUR)
    assert incident_mode.is_lasting(outage, AT + 24 * HOUR)
    prices = incident_mode.advance(None, [told("1"), told("2")], at=AT, expected_hour_minor=1_000)
    assert not incident_mode.is_lasting(prices, AT + 24 * HOUR)


def anomaly(metric="spend", cause=Cause.UNEXPLAINED):
    return Anomaly(
        id=1, object_kind=ObjectKind.AD_SET, object_id="1", metric=metric, is_up=True, cause=cause, since=AT,
        expected=1_000.0, seen=3_000.0, q_value=1e-5, words="spends 30.00 EUR an hour", evidence={},
    )  # fmt: skip


def earning(roas):
    frame = RoasFrame(
        kind=ObjectKind.AD_SET, object_id=np.array(["1"]), spend_minor=np.array([1e5]), purchases=np.array([50.0]),
        maturity=np.array([0.9]), now=np.array([roas]), log_median=np.log([roas]), log_sd=np.array([0.2]),
    )  # fmt: skip
    return RoasEvidence(made_at=AT, frames={ObjectKind.AD_SET: frame})


def decided(evidence, budget=10_000):
    shown = snapshot(ad_sets=[ad_set(id="1", daily_budget_minor=budget)])
    return [
        (row.kind, row.rule, row.target.get("daily_budget_minor"))
        for row in anomaly_steps.decide(shown, MaturedPolicy(), LIMITS, evidence)
    ]


CUT = (ActionKind.SET_DAILY_BUDGET, "anomaly_negative", 8_000)
RAISE = (ActionKind.SET_DAILY_BUDGET, "anomaly_positive", 11_000)
PAUSE = (ActionKind.PAUSE, "anomaly_negative", None)


@pytest.mark.parametrize(
    ("evidence", "budget", "wanted"),
    [
        (Evidence(anomalies=(anomaly(),)), 10_000, [CUT]),  # 20 % of 100.00
        (Evidence(anomalies=(anomaly(),), roas=earning(0.5)), 10_000, [CUT]),
        (Evidence(anomalies=(anomaly(),), roas=earning(4.0)), 10_000, []),  # it pays: no loss
        (Evidence(anomalies=(anomaly(),), roas=earning(0.5)), 500, [PAUSE]),  # at the floor, and it loses
        (Evidence(anomalies=(anomaly(),)), 500, []),  # at the floor, and nobody knows
        (Evidence(anomalies=(anomaly(cause=Cause.PLATFORM),)), 10_000, []),
        (Evidence(anomalies=(anomaly("ctr"),), roas=earning(4.0)), 10_000, [RAISE]),  # 10 % of 100.00
        (Evidence(anomalies=(anomaly("ctr"),), roas=earning(1.5)), 10_000, []),
        (Evidence(anomalies=(anomaly("ctr"),)), 10_000, []),
        (Evidence(anomalies=(anomaly(),), incident="prices rose"), 10_000, []),
    ],
)
def test_what_follows_from_an_open_anomaly(evidence, budget, wanted):
    assert decided(evidence, budget) == wanted


def test_what_a_refund_adds_up_to():
    """2 h of 90.00 where 30.00 +- 5.00 were expected: 120.00 over, 110.00 to 130.00; 4,500 impressions cost 45.00."""
    usual = AccountHour(
        at=AT, spend_minor=3_000, expected_minor=3_000.0, low_minor=2_500.0, high_minor=3_500.0, impressions=3_000,
        usual_cpm_minor=1_000.0,
    )  # fmt: skip
    hours = [
        replace(usual, at=AT + n * HOUR, **({"spend_minor": 9_000, "impressions": 4_500} if n in {1, 2} else {}))
        for n in range(4)
    ]
    made = claim(hours, since=AT + HOUR, until=AT + 3 * HOUR)
    assert (made.excess_minor, made.excess_low_minor, made.excess_high_minor) == (12_000, 11_000, 13_000)
    assert made.dearer_minor == 2 * (9_000 - 4_500)
    assert (made.cpm_before_minor, made.cpm_during_minor, made.cpm_after_minor) == (1_000, 2_000, 1_000)
    assert made.is_proven
    quiet = claim(hours, since=AT, until=AT + HOUR)
    assert not quiet.is_proven
