"""The budget spike manager over hourly figures on record: it learns, tells, holds automation, and lets go again."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import text

from decisions.incident_mode import Incident
from domain.actions import ActionKind, Level, Mode, ObjectKind, Priority, Proposal
from domain.alerts import Severity
from domain.evidence import Cause
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo, InsightRow
from models import accounts, anomalies, anomaly_states, incidents, insights
from models.engine import make_engine
from tasks.budget_spikes import watch
from tests.actions.stage import set_stage

SETS = ("11", "12", "13")
DAYS = 6
PROFILE = np.array([0.4, 0.3, 0.2, 0.2, 0.2, 0.3, 0.6, 0.9, 1.0, 1.1, 1.2, 1.2,
                    1.3, 1.3, 1.2, 1.2, 1.2, 1.3, 1.4, 1.5, 1.6, 1.5, 1.2, 0.7])  # fmt: skip
FIRST = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def stage(database_url):
    engine = make_engine(database_url)
    stage = set_stage(engine)
    with engine.begin() as conn:
        conn.execute(text("UPDATE ad_sets SET created_at = :at"), {"at": FIRST - timedelta(days=90)})
    yield stage
    engine.dispose()


def hours_from(stage, first, count, *, dearer=1.0, seed=1, sales=1.0):
    """Write hours of three ad sets; `dearer` multiplies prices and the pace of spending."""
    rng = np.random.default_rng(seed)
    zone = ZoneInfo(stage.account.zone)
    rows = []
    for n in range(count):
        local = (first + timedelta(hours=n)).astimezone(zone)
        for ad_set in SETS:
            impressions = int(rng.poisson(400 * PROFILE[local.hour]))
            clicks = int(rng.binomial(impressions, 0.02))
            rows.append(
                InsightRow(
                    ad_id=f"1{ad_set}", ad_set_id=ad_set, campaign_id="1", on=local.date(), hour=local.hour,
                    impressions=impressions, clicks=clicks, spend_minor=int(impressions * 1.2 * dearer),
                    purchases=int(rng.poisson(clicks * 0.3 * sales)), revenue_minor=0,
                )
            )  # fmt: skip
    end = first + timedelta(hours=count)
    with stage.engine.begin() as conn:
        insights.upsert_hourly(conn, stage.account_id, [rows], end)
        accounts.change(conn, stage.account_id, insights_read_at=end + timedelta(minutes=40), tree_read_at=end)
    return end


def look(stage, at=None):
    account = stage.account
    with stage.engine.begin() as conn:
        return watch(conn, account, now=at or account.insights_read_at)


@pytest.fixture
def used(stage):
    """Six days of quiet, learnt; returns the stage and the end of the last hour."""
    end = hours_from(stage, FIRST, DAYS * 24)
    seen = look(stage)
    assert seen.hours >= DAYS * 24 - 24  # the hours of the first local day may be cut
    assert seen.opened == ()
    return stage, end


def test_what_was_seen_is_not_seen_again(used):
    stage, _ = used
    assert look(stage).hours == 0


def test_an_hour_restated_below_nothing_does_not_stop_those_after_it(used):
    """A refund may leave an hour with less than nothing; hours only go on, so it would be in the way for ever."""
    stage, end = used
    hours_from(stage, end, 2)
    with stage.engine.begin() as conn:
        conn.execute(text("UPDATE insights_hourly SET spend_minor = -5, purchases = -1"))
    assert look(stage).hours == 2


def test_hours_that_came_later_are_caught_up_together(used):
    stage, end = used
    hours_from(stage, end, 12, seed=2)
    assert look(stage).hours == 12


def test_prices_that_double_everywhere_open_an_incident_that_people_are_told_of_and_that_ends(used):
    stage, end = used
    end = hours_from(stage, end, 4, dearer=2.2, seed=3)
    seen = look(stage)
    assert seen.incident is not None
    assert "platform incident" in seen.incident
    assert {row.cause for row in seen.opened if row.metric == "cpm"} == {Cause.PLATFORM}
    with stage.engine.begin() as conn:
        (told,) = incidents.listing(conn, slug="incident_mode")
        found = anomalies.incident_of(conn, stage.account_id)
        hours = anomalies.hours(conn, stage.account_id, found.since, found.until)
    assert told.severity is Severity.CRITICAL
    assert stage.account.name in told.body
    assert [row.usual_cpm_minor for row in hours] == pytest.approx([1200] * len(hours), rel=0.25)  # not learnt from
    hours_from(stage, end, 12, seed=4)
    assert look(stage).incident is None
    with stage.engine.begin() as conn:
        assert incidents.listing(conn, slug="incident_mode") == ()
        assert anomalies.current(conn, stage.account_id) == ()


def test_an_anomaly_that_is_over_keeps_the_figures_of_its_last_unusual_hour(used):
    """Those of the calm hours before it closed said that prices had doubled from 12.00 to 12.00."""
    stage, end = used
    end = hours_from(stage, end, 4, dearer=2.2, seed=3)
    look(stage)
    with stage.engine.begin() as conn:
        told = {(row.object_id, row.metric): row for row in anomalies.current(conn, stage.account_id)}
    for n in range(12):
        end = hours_from(stage, end, 1, seed=40 + n)
        look(stage)
    with stage.engine.begin() as conn:
        over = anomalies.listing(conn, stage.account_id, only_open=False, limit=100)
    prices = [row for row, closed_at in over if row.metric == "cpm" and closed_at is not None]
    assert len(prices) > 1
    for row in prices:
        assert row.seen > 1.7 * row.expected
        assert row == told[row.object_id, "cpm"]


def test_purchases_that_vanish_while_clicks_go_on_are_a_matter_of_the_tracking(used):
    stage, end = used
    for n in range(48):  # as module 14 looks: every hour is an hour old
        end = hours_from(stage, end, 1, seed=100 + n)
        assert look(stage).incident is None
    for n in range(12):
        end = hours_from(stage, end, 1, seed=200 + n, sales=0.0)
        seen = look(stage)
    assert seen.incident is not None
    assert "tracking" in seen.incident
    with stage.engine.begin() as conn:
        causes = {row.cause for row in anomalies.current(conn, stage.account_id) if row.metric == "purchases"}
    assert causes == {Cause.TRACKING}


def test_an_incident_stops_raises_but_no_cut_no_pause_and_nothing_a_person_asks_for(stage):
    with stage.engine.begin() as conn:
        mode = Incident(
            cause=Cause.PLATFORM, since=FIRST, until=FIRST, quiet=0, velocity_cap_minor=1, words="prices rose"
        )
        anomalies.keep_incident(conn, stage.account_id, mode, FIRST)

    def budget(object_id, before, after, priority):
        return Proposal(
            kind=ActionKind.SET_DAILY_BUDGET, object_kind=ObjectKind.AD_SET, object_id=object_id, object_name="x",
            expected_before={"daily_budget_minor": before}, target={"daily_budget_minor": after}, rule="allocation",
            priority=priority, reason="r",
        )  # fmt: skip

    proposed = stage.propose(
        budget("11", 10_000, 11_000, Priority.ROAS), budget("12", 10_000, 9_000, Priority.ROAS),
        budget("13", 10_000, 11_000, Priority.PERSON),
    )  # fmt: skip
    told = {row.object_id: row.state_reason for row in proposed.actions}
    assert "during an incident: prices rose" in told["11"]
    assert "incident" not in told["12"]
    assert "incident" not in told["13"]


def test_what_is_usual_is_the_same_after_it_was_written_down(used):
    stage, _ = used
    with stage.engine.begin() as conn:
        once = anomaly_states.take(conn, stage.account_id, (ObjectKind.AD_SET,))[ObjectKind.AD_SET]
        anomaly_states.keep(conn, stage.account_id, {ObjectKind.AD_SET: once}, once.at)
        again = anomaly_states.take(conn, stage.account_id, (ObjectKind.AD_SET,))[ObjectKind.AD_SET]
    assert again.object_id.tolist() == once.object_id.tolist() == list(SETS)
    assert (again.expectation.level == once.expectation.level).all()
    assert again.at == once.at


def test_what_is_long_past_is_forgotten(used):
    stage, _ = used
    with stage.engine.begin() as conn:
        conn.execute(
            text("UPDATE anomaly_hours SET at = at - interval '91 days' WHERE at < :at"),
            {"at": FIRST + timedelta(days=2)},
        )
        assert anomalies.forget_old(conn) > 20


def test_an_account_whose_clock_is_a_year_ahead_takes_nothing_of_another_s(used):
    stage, _ = used
    with stage.engine.begin() as conn:
        ahead = accounts.open_account(
            conn, platform="meta", info=AccountInfo(
                id=PlatformAccountId("act_77"), name="Sandbox", currency="EUR", zone="UTC", is_active=True,
                status_text="", minimum_daily_budget_minor=100,
            ), mode=Mode.STUB, level=Level.AUTO,
        )  # fmt: skip
        conn.execute(
            text(
                "INSERT INTO anomaly_hours SELECT :ahead, at + interval '1 year', 0, 0, 0, 0, 0, 0, 0, 0"
                " FROM anomaly_hours WHERE account_id = :own"
            ),
            {"ahead": ahead, "own": stage.account_id},
        )
        assert anomalies.forget_old(conn) == 0
