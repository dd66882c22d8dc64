"""The closed loop: what it shows is what reports would say, what it does is what the guardrails allow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from actions.guardrails import Limits
from domain.actions import ActionKind, ObjectKind, Priority, Proposal
from domain.ids import ActionId
from sandbox.clock import to_us
from sandbox.journal import LogLine
from sandbox.market.local import LocalMarket
from sandbox.nodes import Kind
from sandbox.scenario import load_scenario
from twin.audit import breaches
from twin.brains import brain
from twin.compare import Gain, case_of, found, gains, run_case, share_of
from twin.door import Door
from twin.ledger import Edit
from twin.loop import Founded, run
from twin.readings import Readings

DAYS = 12
SHOP = load_scenario("small_shop")


@pytest.fixture(scope="module")
def case():
    return found(SHOP, seed=5)


@pytest.fixture(scope="module")
def outcomes(case):
    return run_case(case, ("hold", "classic", "oracle"), days=DAYS)


def test_a_panel_is_what_the_market_reports_of_the_days(case):
    readings = Readings(case.founded.fork(), case.founded.account_id)
    daily, panel = readings.market.daily(case.founded.account_id), readings.panel(ObjectKind.AD, 20)
    rows = [daily.days.index(panel.first_day) + day for day in range(20)]
    order = [daily.ad_ids.index(ad_id) for ad_id in panel.object_id]
    reported = {"impressions": daily.impressions, "clicks": daily.link_clicks, "spend_minor": daily.spend_minor,
                "purchases": daily.purchases, "revenue_minor": daily.value_minor}  # fmt: skip
    for name, figures in reported.items():
        assert np.array_equal(getattr(panel, name), figures[rows][:, order].T), name


def test_kinds_of_panels_add_up_and_point_at_their_parents(case):
    readings = Readings(case.founded.fork(), case.founded.account_id)
    ads, sets, campaigns = (readings.panel(kind, 9) for kind in (ObjectKind.AD, ObjectKind.AD_SET, ObjectKind.CAMPAIGN))
    assert ads.spend_minor.sum() == sets.spend_minor.sum() == campaigns.spend_minor.sum() > 0
    first = np.flatnonzero(ads.parent == 0)
    assert np.array_equal(ads.spend_minor[first].sum(axis=0), sets.spend_minor[0])


def test_a_snapshot_sums_the_window_that_the_panel_shows(case):
    readings = Readings(case.founded.fork(), case.founded.account_id)
    snapshot, panel = readings.snapshot(window_days=7, spike_hours=3), readings.panel(ObjectKind.AD_SET, 7)
    today = snapshot.ad_sets.spend_window - panel.spend_minor.sum(axis=1)
    assert np.array_equal(today, snapshot.ad_sets.spend_today)
    assert snapshot.ad_sets.spend_window.sum() == snapshot.ads.spend_window.sum()


def test_late_purchases_are_hidden_from_policies_and_counted_by_the_judge(case):
    readings = Readings(case.founded.fork(), case.founded.account_id)
    yesterday = readings.today - 1
    _, purchases, _ = readings.truth(*readings.account.calendar.hours_of_day(yesterday))
    assert readings.bought(yesterday, 1)[0].sum() < purchases


def test_arrivals_add_up_to_what_has_arrived_by_the_last_midnight(case):
    readings = Readings(case.founded.fork(), case.founded.account_id)
    arrivals = readings.arrivals(10)
    known = [readings.bought(day, 1)[0].sum() for day in range(readings.today - 10, readings.today)]
    assert (arrivals.sum(axis=1) <= known).all()
    assert arrivals[:, 0].sum() > arrivals[:-3, 3].sum() > 0


def test_hold_changes_nothing_and_classic_does(outcomes):
    assert (outcomes["hold"].edits, outcomes["hold"].wanted) == (0, 0)
    assert outcomes["classic"].edits > 0


def test_the_same_dice_and_policy_give_the_same_outcome(case, outcomes):
    again = run(case.founded, brain("classic", case.setting), case.setting, days=DAYS)
    assert again == outcomes["classic"]


def test_the_guardrails_hold_classic_to_the_house_limits(outcomes):
    assert outcomes["classic"].breaches == ()
    assert outcomes["classic"].stopped["cooldown"] > 0


def test_who_knows_the_truth_earns_more_than_who_holds(outcomes):
    assert outcomes["oracle"].profit_minor > outcomes["hold"].profit_minor


def test_what_a_person_edits_is_left_alone_for_a_day(case):
    market = case.founded.fork()
    readings = Readings(market, case.founded.account_id)
    ad_set = next(node for node in readings.tree.ad_sets if node.daily_budget)
    founded = Founded(market=market, account_id=case.founded.account_id)
    told: list[float] = []
    run(founded, brain("hold", case.setting), case.setting, days=2, told=told.append)
    assert told[-1] == pytest.approx(1.0)
    assert market.account(case.founded.account_id).nodes[Kind.AD_SET][ad_set.order].daily_budget == ad_set.daily_budget


def _edit(number: int, *, hours: float, before: int, after: int, running: int = 0) -> Edit:
    return Edit(
        id=ActionId(number), at=datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hours),
        kind=ActionKind.SET_DAILY_BUDGET, key=(ObjectKind.AD_SET, "1"), rule="r", priority=Priority.ROAS,
        is_up=after > before, before_minor=before, after_minor=after, resets=0, share_ppm=0, running_minor=running,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ([_edit(1, hours=0, before=1000, after=1300)], "moved from 1000 to 1300"),
        (
            [_edit(1, hours=0, before=1000, after=1100), _edit(2, hours=23, before=1100, after=1200)],
            "twice within 24 h",
        ),
        ([_edit(1, hours=0, before=1000, after=1100, running=10**9)], "over the cap"),
        ([_edit(1, hours=0, before=12, after=11)], "under the floor"),
        ([_edit(n, hours=24 * n + 0.001, before=1000, after=1000 + n) for n in range(3)], None),
    ],
)
def test_the_audit_finds_what_no_guardrail_should_let_through(case, edits, words):
    found_words = breaches(edits, case.setting)
    assert (words is None and not found_words) or any(words in row for row in found_words)


def test_gains_are_paired_case_by_case(outcomes):
    better = {name: replace(row, profit_minor=row.profit_minor + 100) for name, row in outcomes.items()}
    runs = [outcomes, {**better, "hold": outcomes["hold"]}]
    gain = next(row for row in gains(runs, over="hold") if row.policy == "classic")
    base = outcomes["classic"].profit_minor - outcomes["hold"].profit_minor
    assert gain.mean_minor == base + 50
    assert gain.se_minor == pytest.approx(50.0)  # sd of {0, 100} = 70.7; over the root of 2
    assert gain.low_minor == pytest.approx(base + 50 - 12.706 * 50, rel=1e-3)  # Student's, one degree of freedom


def test_a_single_case_has_no_interval():
    gain = Gain(policy="a", over="b", mean_minor=1.0, se_minor=None, better=1, cases=1)
    assert (gain.low_minor, gain.high_minor) == (None, None)


def test_regret_is_what_is_missing_to_the_oracle(outcomes):
    share, _ = share_of([outcomes], "hold", of="oracle")
    missing = outcomes["oracle"].profit_minor - outcomes["hold"].profit_minor
    assert share == pytest.approx(missing / outcomes["oracle"].profit_minor)
    assert share_of([outcomes], "oracle", of="oracle")[0] == 0


def test_a_market_goes_on_from_a_log_as_one_that_never_stopped():
    start, hour = datetime(2026, 3, 2, tzinfo=UTC), timedelta(hours=1)
    demo = load_scenario("demo")
    market = LocalMarket(demo, start=start)
    (account_id,) = market.accounts
    ad_set = next(node for node in Readings(market, account_id).tree.ad_sets if node.daily_budget)
    before, at_us = ad_set.daily_budget, to_us(start + 3 * hour)
    market.advance(3 * hour)
    market.edit(ad_set.id, daily_budget=before * 2)
    market.advance(21 * hour)
    line = LogLine(
        seq=1, platform_at_us=at_us, real_at_us=at_us, method="POST", path="/", account_id=account_id, kind="adset",
        object_id=ad_set.id, change={"daily_budget": [before, before * 2]}, op_token=None, outcome="answered",
        actor="api", request_id=None,
    )  # fmt: skip
    resumed = LocalMarket.resume(demo, start=start, lines=[line], now=start + 24 * hour)
    assert np.array_equal(resumed.daily(account_id).spend_minor, market.daily(account_id).spend_minor)
    case = case_of(Founded(market=resumed, account_id=account_id), name="resumed", margin=None)
    assert case.setting.wishes.margin == 0.5


def test_matured_runs_its_modules_and_keeps_the_limits(case):
    outcome = run(case.founded, brain("matured", case.setting), case.setting, days=8)
    assert outcome.breaches == ()
    assert outcome.flaps == 0
    assert outcome.by_rule.get("allocation", 0) > 0


def test_a_cut_for_overspending_and_a_step_that_waited_are_one_change_and_no_guardrail_stops_either(case):
    """Both are the full cycle's: the arbiter chooses, as at the real door, before the cooldown is asked."""
    readings = Readings(case.founded.fork(), case.founded.account_id)
    ad_set = next(node for node in readings.tree.ad_sets if node.daily_budget)
    before = ad_set.daily_budget
    wanted = [
        Proposal(
            kind=ActionKind.SET_DAILY_BUDGET, object_kind=ObjectKind.AD_SET, object_id=ad_set.id, object_name="",
            expected_before={"daily_budget_minor": before}, target={"daily_budget_minor": before * 8 // 10}, rule=rule,
            priority=priority, reason="r",
        )
        for rule, priority in (("allocation", Priority.ROAS), ("anomaly_negative", Priority.NEGATIVE_SPIKE))
    ]  # fmt: skip
    door = Door(readings=readings, wishes=case.setting.wishes, caps=case.setting.caps, limits=Limits())
    assert door.take(wanted) == 1
    assert [row.rule for row in door.ledger.edits] == ["anomaly_negative"]
    assert door.ledger.stopped == {}
