"""`stakazo experiment` as a person uses it: what may be claimed, what cannot be tested, and the way out."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import insert, text

from cli.experiments import sparkline
from decisions.experiments import Plan, State, Strata, advance, fold, look
from domain.objects import InsightRow
from models import accounts, experiments, insights
from models.tables import ads
from tests.cli.conftest import NASTY, NOW


@pytest.fixture
def account(engine, filled):
    """Two active ads in one ad set, one of another, one that is paused; live, so that the clock is real."""
    with engine.begin() as conn:
        conn.execute(text("UPDATE accounts SET mode = 'live'"))
        number = conn.execute(text("SELECT id FROM accounts")).scalar_one()
        rows = [("901", "s1", "active"), ("902", "s1", "active"), ("903", "s2", "active"), ("904", "s1", "paused")]
        for ad, ad_set, status in rows:
            conn.execute(insert(ads).values(
                account_id=number, id=ad, name=NASTY, status=status, effective_status="X", ad_set_id=ad_set,
                campaign_id="c1", created_at=NOW, updated_at=NOW, seen_at=NOW))  # fmt: skip
        return accounts.get(conn, number)


@pytest.fixture
def experiment(engine, account):
    """Two daily looks at 100 v 112 clicks a day."""
    plan = Plan(experiment_id=0, ad_set_id="s1", arms=("901", "902"), max_days=14, planned_events=3000.0)
    with engine.begin() as conn:
        found = experiments.get(conn, experiments.declare(conn, account, plan, started_at=NOW, by="marta"))
        state, shown = State.empty(2), np.full((2, 1), 10_000.0)
        for day in range(2):
            clicks = np.array([[100.0], [112.0]])
            counted = Strata(day=np.array([day]), events=clicks, exposures=shown, spend_minor=shown, purchases=clicks)
            state = advance(found.plan, fold(state, counted), days=day + 1.0)
            verdict = look(found.plan, state, days=day + 1.0)
            at = NOW + timedelta(days=day + 1)
            experiments.keep_look(conn, found, state, verdict, at=at, folded=(found.first_day, 23))
    return found.id


def test_a_test_is_declared_listed_and_stopped(on_database, account):
    done = on_database("experiment", "create", "--ad-set", "s1", "--claim", "daily", "--max-days", "10")
    assert done.code == 0, done.err
    assert "2 ads of ad set s1 by clicks" in done.out
    assert "no such events in the last week" in done.out
    (row,) = on_database("experiment", "list", "--json").document["experiments"]
    assert (row["state"], row["claim"], row["max_days"], row["arms"]) == ("running", "daily", 10, ["901", "902"])
    again = on_database("experiment", "create", "--ads", "901,902")
    assert again.code == 2
    assert f"stakazo experiment stop {row['id']}" in again.err
    assert on_database("experiment", "stop", str(row["id"])).code == 0
    assert on_database("experiment", "stop", str(row["id"])).code == 2
    assert on_database("experiment", "list", "--json").document["experiments"][0]["state"] == "stopped"


@pytest.mark.parametrize(
    ("words", "way_out"),
    [
        (("--ads", "901,903"), "stand in 2 ad sets"),
        (("--ads", "901"), "compares 2 to 12"),
        (("--ads", "901,999"), "stakazo ad list"),
        (("--ads", "901,904"), "activate it first"),
        (("--ad-set", "s2"), "has 1 active ads"),
        ((), "one of the two"),
        (("--ads", "901,902", "--ad-set", "s1"), "one of the two"),
    ],
)
def test_what_cannot_be_tested_is_refused_with_the_way_out(on_database, account, words, way_out):
    done = on_database("experiment", "create", *words)
    assert done.code == 2
    assert way_out in done.err


def test_planned_power_is_told_from_last_weeks_traffic(on_database, engine, account):
    """2,100 clicks in the one day there is: 29,400 in 14 days, information 7,350: a tenth is found for sure."""
    with engine.begin() as conn:
        yesterday = conn.execute(text("SELECT (now() AT TIME ZONE 'Europe/Madrid')::date - 1")).scalar_one()
        row = InsightRow("901", "s1", "c1", yesterday, -1, 100_000, 2_100, 5_000, 3, 900)
        insights.upsert_daily(conn, account.id, [[row]], NOW)
    done = on_database("experiment", "create", "--ad-set", "s1", "--max-days", "14", "--json")
    planned = done.document["planned"]
    assert planned["power"] > 0.99
    assert 1 < planned["days_for_80_percent"] < 3  # (.84 + 1.96) ^ 2 / .0953 ^ 2 = 863 of 525 a day


def test_show_says_in_words_what_may_be_claimed_and_draws_the_evidence(on_database, experiment):
    done = on_database("experiment", "show", str(experiment))
    assert done.code == 0, done.err
    assert "not decidable yet: about" in done.out
    assert "e = " in done.out
    assert "a claim takes 40" in done.out
    assert any(bar in done.out for bar in "▁▂▃▄▅▆▇█")
    document = on_database("experiment", "show", str(experiment), "--json").document
    assert len(document["looks"]) == 2
    assert document["experiment"]["evidence"]["needs"]["clicks"] > 0


def test_an_experiment_that_is_none_is_a_usage_error(on_database, account):
    done = on_database("experiment", "show", "77")
    assert done.code == 2
    assert "stakazo experiment list" in done.err


def test_a_sparkline_is_never_wider_than_sixty_and_leaves_gaps() -> None:
    assert sparkline([0.0, None, 1.0], low=0, high=1) == "▁ █"
    assert len(sparkline([0.5] * 400, low=0, high=1)) == 60
    assert sparkline([], low=0, high=1) == ""
