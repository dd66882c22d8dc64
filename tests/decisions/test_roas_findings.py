"""What is said of an object's ROAS, what it is expected to spend, and how much more would decide it."""

import math

import numpy as np
import pytest

from decisions.break_even import Aim, Form
from decisions.expected_spend import Standing, expected_spend, recent_daily
from decisions.roas_findings import more_purchases, tell
from decisions.roas_posterior import day_weights, weigh
from domain.actions import ObjectKind
from domain.evidence import RoasFrame
from estimators.maturity import PRIOR
from tests.decisions.roas_panels import panel

AIM = Aim(form=Form.FREE, roas=2.0, basis="margin", words="break-even ROAS 2.00 at a margin of 50 %")


def frame(kind=ObjectKind.AD_SET, **medians):
    rows = [(name, *values) for name, values in medians.items()]
    real = np.ones(len(rows))
    return RoasFrame(
        kind=kind, object_id=np.array([row[0] for row in rows]), purchases=real * 12, maturity=real * 0.9,
        spend_minor=np.array([row[3] if len(row) > 3 else 1.0 for row in rows]), now=real,
        log_median=np.log([row[1] for row in rows]), log_sd=np.array([row[2] for row in rows], dtype=float),
    )  # fmt: skip


def told(of, a_day=2.0):
    found = tell(of, AIM, purchases_a_day=np.full(len(of), a_day), order_cv2=0.2, data_age_s=600)
    return {row.object_id: row for row in found}


def test_clear_cases_are_told_and_others_say_what_is_missing():
    found = told(frame(good=(3.0, 0.2), bad=(1.0, 0.2), unclear=(2.3, 0.25)))
    assert {name: row.verdict for name, row in found.items()} == {
        "good": "above", "bad": "below", "unclear": "not_decidable"
    }  # fmt: skip
    assert "97.9 % likely above the break-even ROAS 2.00" in found["good"].words
    assert found["good"].evidence["posterior"]["certainty"] == pytest.approx(0.979, abs=1e-3)
    needs = found["unclear"].evidence["needs"]
    # ln(2.3 / 2) = 0.140 must be 1.2816 sd: sd 0.109. 1.2 / 0.109^2 - 1.2 / 0.25^2 = 101 - 19
    assert needs == {"purchases": 82, "days": 41}
    assert "about 82 more purchases or 41 days" in found["unclear"].words
    assert found["good"].evidence["data_age_s"] == 600


def test_one_that_lies_on_the_bar_is_said_to():
    found = told(frame(even=(2.0, 0.2)))["even"]
    assert found.evidence["needs"] == {"purchases": None, "days": None}
    assert "too close" in found.words
    assert math.isinf(more_purchases(frame(even=(2.0, 0.2)), 2.0, 0.2)[0])


def test_ads_are_told_only_where_they_are_decidable_and_nothing_of_what_never_spent():
    assert set(told(frame(ObjectKind.AD, good=(4.0, 0.2), unclear=(2.1, 0.3)))) == {"good"}
    assert told(frame(new=(4.0, 0.2, 0.0))) == {}
    assert told(frame()) == {}


def test_those_with_most_spend_are_told_first_and_not_all_of_them():
    many = frame(ObjectKind.CAMPAIGN, **{f"c{n}": (4.0, 0.2, float(n + 1)) for n in range(700)})
    found = tell(many, AIM, purchases_a_day=np.ones(700), order_cv2=0.2, data_age_s=None)
    assert len(found) == 500
    assert found[0].object_id == "c699"


def test_without_orders_in_sight_no_days_are_promised():
    assert told(frame(unclear=(2.3, 0.25)), a_day=0.0)["unclear"].evidence["needs"]["days"] is None


def spends(standing, *, set_spend=(1_000, 1_000)):
    ads = panel(ObjectKind.AD, spend=[600, 400, 1_000], purchases=[1, 1, 1], parent=[0, 0, 1])
    sets = panel(ObjectKind.AD_SET, spend=list(set_spend), purchases=[1, 1], parent=[0, 0])
    campaigns = panel(ObjectKind.CAMPAIGN, spend=[sum(set_spend)], purchases=[2])
    weighed = weigh(ads, day_weights(ads.age_days, PRIOR, 1.0, 14.0))
    return expected_spend(weighed, sets, campaigns, standing)


ALL_ADS = frozenset({"ad-000", "ad-001", "ad-002"})


def test_a_budget_in_use_is_what_will_be_spent_and_ads_share_it():
    found = spends(
        Standing(campaigns={"campaign-000": -1}, ad_sets={"ad_set-000": 1_500, "ad_set-001": -1}, ads=ALL_ADS)
    )
    assert found[ObjectKind.AD_SET].tolist() == [1_500, 1_000]
    assert found[ObjectKind.AD] == pytest.approx([900, 600, 1_000])
    assert found[ObjectKind.CAMPAIGN].tolist() == [2_500]
    assert found[ObjectKind.ACCOUNT].tolist() == [2_500]


def test_a_budget_that_is_never_used_up_is_not_what_will_be_spent():
    found = spends(Standing(campaigns={"campaign-000": -1}, ad_sets={"ad_set-000": 9_000}, ads=ALL_ADS))
    assert found[ObjectKind.AD_SET].tolist() == [1_000, 0]


def test_a_campaigns_budget_goes_to_its_ad_sets_as_of_late():
    standing = Standing(
        campaigns={"campaign-000": 3_000}, ad_sets={"ad_set-000": -1, "ad_set-001": -1}, ads=ALL_ADS
    )  # fmt: skip
    assert spends(standing)[ObjectKind.AD_SET].tolist() == [1_500, 1_500]


def test_what_is_off_spends_nothing():
    off = spends(Standing(campaigns={}, ad_sets={}, ads=frozenset()))
    assert all(values.sum() == 0 for values in off.values())
    one = spends(Standing(campaigns={"campaign-000": -1}, ad_sets={"ad_set-000": -1}, ads=frozenset({"ad-001"})))
    assert one[ObjectKind.AD].tolist() == [0, 1_000, 0]


def test_an_ad_set_that_began_two_days_ago_is_told_by_these_two():
    spend = np.zeros((2, 28), np.int64)
    spend[0, -2:] = 500
    assert recent_daily(spend).tolist() == [500, 0]
