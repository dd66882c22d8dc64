"""The ROAS engine on a living account: what it learns is on record, agrees with what was read, and is replaced."""

import math
from datetime import timedelta

import numpy as np
import pytest

from decisions.roas_posterior import chance_above, weigh
from domain.actions import ObjectKind
from domain.health import RunState
from models import accounts, findings, maturity_curves, panels, roas_estimates
from tasks import collector, roas_engine

TASK = "meta.roas_engine"


@pytest.fixture
def learnt(do, house, account):
    do(collector.run, "meta.collector")
    run = do(roas_engine.run, TASK)
    assert run.state is RunState.SUCCEEDED, (run.reason, run.errors)
    return run


def test_every_object_with_figures_gets_a_posterior_and_a_forecast(learnt, house, account):
    with house.engine.begin() as conn:
        evidence = roas_estimates.current(conn, account.id)
        rows = roas_estimates.listing(conn, account.id, ObjectKind.AD_SET, 100)
    assert evidence.made_at == learnt.now_at
    assert all(len(evidence.frames[kind]) for kind in ("ad", "ad_set", "campaign", "account"))
    for frame in evidence.frames.values():
        for column in (frame.log_median, frame.log_sd, frame.now, frame.maturity, frame.purchases):
            assert np.isfinite(column).all()
        assert (frame.log_sd > 0).all()
        assert ((frame.maturity >= 0) & (frame.maturity <= 1)).all()
    spending = [row for row in rows if row.ahead_spend_minor > 0]
    assert spending
    assert all(0 <= row.ahead_roas_low < row.ahead_roas < row.ahead_roas_high for row in spending)


def test_the_account_is_told_as_more_than_has_arrived_but_not_by_much(learnt, house, account):
    """Its purchases of late are still arriving; 28 days taken together are at least three quarters there."""
    with house.engine.begin() as conn:
        (row,) = roas_estimates.listing(conn, account.id, ObjectKind.ACCOUNT, 2)
    assert row.object_id == account.platform_account_id
    assert 0.75 < row.maturity < 1
    assert row.roas_now < math.exp(row.log_median) < row.roas_now / 0.6


def test_findings_name_those_with_something_to_say_and_carry_their_evidence(learnt, house, account):
    with house.engine.begin() as conn:
        told = findings.of_module(conn, account.id, "roas_engine", 1_000)
        evidence = roas_estimates.current(conn, account.id)
    assert {row.finding.verdict for row in told} <= {"above", "below", "not_decidable"}
    ad_sets = evidence.frames[ObjectKind.AD_SET]
    chance = dict(zip(ad_sets.object_id, chance_above(ad_sets, 1.5), strict=True))
    for row in (row.finding for row in told if row.finding.object_kind is ObjectKind.AD_SET):
        assert row.evidence["threshold"] == 1.5
        assert row.evidence["posterior"]["certainty"] == pytest.approx(chance[row.object_id], abs=1e-3)
        assert (row.verdict == "above") == (chance[row.object_id] >= 0.9)
        assert ("needs" in row.evidence) == (row.verdict == "not_decidable")


def test_a_second_run_replaces_the_first_and_adds_no_forecast_of_the_same_week(learnt, do, house, account, advance):
    advance(seconds=86_400)
    do(collector.run, "meta.collector")
    with house.engine.begin() as conn:
        before = roas_estimates.current(conn, account.id)
        weeks = conn.exec_driver_sql("SELECT count(DISTINCT first_day), count(*) FROM roas_forecasts").one()
    again = do(roas_engine.run, TASK)
    with house.engine.begin() as conn:
        after = roas_estimates.current(conn, account.id)
        curve = maturity_curves.current(conn, account.id)
        assert conn.exec_driver_sql("SELECT count(DISTINCT first_day), count(*) FROM roas_forecasts").one() == weeks
    assert after.made_at == again.now_at > before.made_at
    assert curve.share[-1] == 1.0
    assert len(after.frames[ObjectKind.AD_SET]) >= len(before.frames[ObjectKind.AD_SET])
    assert not np.array_equal(after.frames[ObjectKind.ACCOUNT].log_median, before.frames[ObjectKind.ACCOUNT].log_median)


def test_sums_weighed_in_sql_equal_those_of_the_panel(learnt, house, account):
    with house.engine.begin() as conn:
        row = accounts.get(conn, account.id)
        seen = roas_engine.look(conn, row, learnt.now_at)
        reading = panels.reading(row, learnt.now_at)
        sets = panels.load(conn, row, ObjectKind.AD_SET, days=28, reading=reading)
        ads = panels.load(conn, row, ObjectKind.AD, days=28, reading=reading, parents=sets.object_id)
        weights = roas_engine.day_weights(ads.age_days, seen.curve, reading.day_share, 14.0, seen.estimate.pace)
        sums = panels.load_sums(
            conn, row, ObjectKind.AD, reading=reading, age_days=ads.age_days, weights=weights, parents=sets.object_id
        )
    weighed = weigh(ads, weights)
    assert list(sums.object_id) == list(weighed.object_id)
    assert np.array_equal(sums.parent, weighed.parent)
    assert (sums.parent >= 0).all()
    for name in ("spend_minor", "purchases", "revenue_minor", "matured_minor", "exposure", "squared"):
        assert np.allclose(getattr(sums, name), getattr(weighed, name), rtol=1e-6, atol=1e-3)
    assert int(ads.spend_minor.sum()) == int(sets.spend_minor.sum()) > 0


def test_an_account_that_was_never_read_is_declined_in_words(do, house, account):
    run = do(roas_engine.run, TASK)
    assert run.state is RunState.PARTIAL
    assert "no figures" in run.errors[0]["message"]
    with house.engine.begin() as conn:
        assert roas_estimates.current(conn, account.id) is None
        assert len(maturity_curves.current(conn, account.id).share) == 29


def test_days_end_with_the_last_reading(learnt, house, account):
    with house.engine.begin() as conn:
        row = accounts.get(conn, account.id)
    reading = panels.reading(row, learnt.now_at + timedelta(days=3))
    assert reading == panels.reading(row, row.insights_read_at)
