"""The store of experiments, and the figures of a look: hours once, days as they are known now."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection

from decisions import experiments as looks_of
from decisions.experiment_state import Claim, Metric, Plan, State
from domain.actions import Level, Mode
from domain.errors import BadInputError
from domain.evidence import TestState as Standing
from domain.ids import AdId, AdSetId, CampaignId, CreativeId, PlatformAccountId
from domain.objects import AccountInfo, Ad, AdSet, Campaign, InsightRow, Learning, Status
from models import accounts, experiment_arms, experiment_figures, experiments, insights, mirror
from models.accounts import Account

START = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)  # 09:30 in Berlin
READ = datetime(2026, 3, 3, 10, 5, tzinfo=UTC)  # 11:05 in Berlin
BORN = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = Plan(experiment_id=0, ad_set_id="s1", arms=("a1", "a2"), max_days=14, planned_events=3000.0)


@pytest.fixture
def account(conn: Connection) -> Account:
    info = AccountInfo(id=PlatformAccountId("act_1"), name="A", currency="EUR", zone="Europe/Berlin", is_active=True,
                       status_text="", minimum_daily_budget_minor=100)  # fmt: skip
    mine = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
    accounts.change(conn, mine, tree_read_at=READ, insights_read_at=READ)
    return accounts.get(conn, mine)


def plant(conn: Connection, account: Account, *, labels: tuple[str, ...] = ("ab_test",), ads: int = 2) -> None:
    life = {"status": Status.ACTIVE, "effective_status": "X", "created_at": BORN, "updated_at": BORN}
    campaign = Campaign(id=CampaignId("c1"), name="C", objective="SALES", daily_budget_minor=None,
                        lifetime_budget_minor=None, **life)  # type: ignore[arg-type] # fmt: skip
    ad_set = AdSet(id=AdSetId("s1"), campaign_id=CampaignId("c1"), name="S", optimization_goal="X",
                   daily_budget_minor=1000, lifetime_budget_minor=None, learning=Learning.DONE, labels=labels,
                   **life)  # type: ignore[arg-type] # fmt: skip
    some = [Ad(id=AdId(f"a{n}"), ad_set_id=AdSetId("s1"), campaign_id=CampaignId("c1"), creative_id=CreativeId("k"),
               name=f"Ad {n}", **life) for n in range(1, ads + 1)]  # type: ignore[arg-type] # fmt: skip
    mirror.upsert_campaigns(conn, account.id, [[campaign]], READ)
    mirror.upsert_ad_sets(conn, account.id, [[ad_set]], READ)
    mirror.upsert_ads(conn, account.id, [some], READ)


def row(ad: int, on: date, hour: int = -1, *, shown: int = 100, clicks: int = 5, purchases: int = 1) -> InsightRow:
    return InsightRow(f"a{ad}", "s1", "c1", on, hour, shown, clicks, 50, purchases, 200 * purchases)


def test_hours_are_read_once_after_the_start_and_only_when_they_are_over(conn: Connection, account: Account) -> None:
    """Declared at 09:30, read at 11:05 two days later: from 10:00 of the first day up to 10:59 of the third."""
    hours = [row(ad, date(2026, 3, day), hour) for ad in (1, 2) for day in (1, 3) for hour in (8, 9, 10, 11)]
    insights.upsert_hourly(conn, account.id, [hours], READ)
    number = experiments.declare(conn, account, PLAN, started_at=START, by="t")
    running = experiments.running(conn, account.id)
    fresh = experiment_figures.fresh(conn, account, running, read_at=READ)
    strata = fresh.strata[number]
    assert strata.day.tolist() == [0, 0, 2, 2, 2]  # 10, 11 of the first day; 8, 9, 10 of the third
    assert strata.events.tolist() == [[5.0] * 5] * 2
    assert fresh.folded == (date(2026, 3, 3), 10)
    state = looks_of.advance(PLAN, looks_of.fold(State.empty(2), strata), days=2.0)
    verdict = looks_of.look(running[0].plan, state, days=2.0)
    experiments.keep_look(conn, running[0], state, verdict, at=READ, folded=fresh.folded)
    later = experiment_figures.fresh(
        conn, account, experiments.running(conn, account.id), read_at=READ + timedelta(hours=1)
    )
    assert later.strata[number].events.tolist() == [[5.0], [5.0]]  # 11:00 alone is new


@pytest.mark.parametrize("metric", Metric)
def test_where_nothing_was_shown_since_the_last_look_nothing_is_new(
    conn: Connection, account: Account, metric: Metric
) -> None:
    experiments.declare(conn, account, replace(PLAN, metric=metric), started_at=START, by="t")
    running = experiments.running(conn, account.id)
    assert len(running) == 1
    assert experiment_figures.fresh(conn, account, running, read_at=READ).strata == {}


def test_purchases_are_read_by_whole_days_as_they_are_known_now(conn: Connection, account: Account) -> None:
    """The day of the start is not whole, today is not over."""
    plan = replace(PLAN, metric=Metric.CONVERSIONS)
    days = [row(ad, date(2026, 3, day), purchases=ad) for ad in (1, 2) for day in (1, 2, 3)]
    insights.upsert_daily(conn, account.id, [days], READ)
    number = experiments.declare(conn, account, plan, started_at=START, by="t")
    strata = experiment_figures.fresh(conn, account, experiments.running(conn, account.id), read_at=READ).strata[number]
    assert strata.day.tolist() == [1]
    assert (strata.events.tolist(), strata.exposures.tolist()) == ([[1.0], [2.0]], [[50.0], [50.0]])


def test_a_look_is_on_record_with_its_running_state(conn: Connection, account: Account) -> None:
    number = experiments.declare(conn, account, PLAN, started_at=START, by="t")
    (row_,) = experiments.running(conn, account.id)
    assert experiments.current(conn, account.id) == ()  # not looked at yet
    state = looks_of.advance(row_.plan, State.empty(2), days=1.0)
    verdict = looks_of.look(row_.plan, state, days=1.0)
    for _ in range(2):  # the same look twice is one
        experiments.keep_look(conn, row_, state, verdict, at=READ, folded=(date(2026, 3, 3), 10))
    again = experiments.get(conn, number)
    assert again.known is not None
    assert (again.known.weights == state.weights).all()
    assert len(experiments.looks(conn, number)) == 1
    assert [v.words for v in experiments.current(conn, account.id)] == [verdict.words]


def test_a_verdict_is_acted_on_for_a_week_after_its_end(conn: Connection, account: Account) -> None:
    experiments.declare(conn, account, PLAN, started_at=START, by="t")
    (found,) = experiments.running(conn, account.id)
    state = looks_of.advance(found.plan, State.empty(2), days=1.0)
    verdict = replace(looks_of.look(found.plan, state, days=1.0), state=Standing.CLAIMED, keep=("a1",), drop=("a2",))
    experiments.keep_look(conn, found, state, verdict, at=READ, folded=(date(2026, 3, 3), 10))
    assert [v.drop for v in experiments.current(conn, account.id)] == [("a2",)]
    accounts.change(conn, account.id, insights_read_at=READ + timedelta(days=8))
    assert experiments.current(conn, account.id) == ()


def test_an_open_test_that_the_looks_of_a_day_passed_over_is_not_acted_on(conn: Connection, account: Account) -> None:
    for ad_set, at in (("s1", READ), ("s2", READ - timedelta(hours=25))):
        experiments.declare(conn, account, replace(PLAN, ad_set_id=ad_set), started_at=START, by="t")
        state = State.empty(2)
        running = next(row for row in experiments.running(conn, account.id) if row.plan.ad_set_id == ad_set)
        verdict = looks_of.look(running.plan, state, days=1.0)
        experiments.keep_look(conn, running, state, verdict, at=at, folded=(date(2026, 3, 3), 0))
    assert [row.ad_set_id for row in experiments.current(conn, account.id)] == ["s1"]
    assert experiments.looked_at(conn, account.id) == READ


def test_an_ad_set_has_one_running_test_and_a_stopped_one_makes_room(conn: Connection, account: Account) -> None:
    first = experiments.declare(conn, account, PLAN, started_at=START, by="t")
    with pytest.raises(BadInputError, match=f"experiment stop {first}"):
        experiments.declare(conn, account, PLAN, started_at=START, by="t")
    assert experiments.stop(conn, first, at=READ, by="marta").state is Standing.STOPPED
    with pytest.raises(BadInputError, match="ended already"):
        experiments.stop(conn, first, at=READ, by="marta")
    assert experiments.declare(conn, account, replace(PLAN, claim=Claim.DAILY), started_at=START, by="t") > first
    with pytest.raises(BadInputError, match="experiment list"):
        experiments.get(conn, 10**9)


def test_a_label_declares_a_test_of_its_active_ads_and_never_the_same_one_twice(
    conn: Connection, account: Account
) -> None:
    plant(conn, account, ads=3)
    (found,) = experiments.undeclared(conn, account.id, 12)
    assert (found.ad_set_id, found.arms, found.born_at) == ("s1", ("a1", "a2", "a3"), BORN)
    plan = replace(PLAN, arms=found.arms)
    number = experiments.declare(conn, account, plan, started_at=START, by="t", is_implicit=True)
    assert experiments.undeclared(conn, account.id, 12) == ()
    experiments.stop(conn, number, at=READ, by="t")
    assert experiments.undeclared(conn, account.id, 12) == ()
    assert experiments.undeclared(conn, account.id, 2) == ()


def test_an_ad_set_without_the_label_or_with_one_ad_is_no_test(conn: Connection, account: Account) -> None:
    plant(conn, account, labels=())
    assert experiments.undeclared(conn, account.id, 12) == ()
    plant(conn, account, ads=1)
    mirror.mark_fatigued(conn, account.id, AdId("a2"), READ)
    assert experiments.undeclared(conn, account.id, 12) == ()


def test_arms_are_found_by_name_or_by_their_ad_set(conn: Connection, account: Account) -> None:
    plant(conn, account, ads=3)
    assert [arm.id for arm in experiment_arms.active_of(conn, account.id, "s1")] == ["a1", "a2", "a3"]
    assert [arm.ad_set_id for arm in experiment_arms.named(conn, account.id, ["a2", "zz"])] == ["s1"]


def test_traffic_is_that_of_the_last_whole_week(conn: Connection, account: Account) -> None:
    insights.upsert_daily(conn, account.id, [[row(1, date(2026, 3, 1)), row(2, date(2026, 3, 2), clicks=7)]], READ)
    today = date(2026, 3, 3)
    assert experiment_figures.events_per_day(conn, account.id, ["a1", "a2"], Metric.CLICKS, today) == 6.0
    assert experiment_figures.events_per_day(conn, account.id, ["a9"], Metric.ROAS, today) == 0.0
