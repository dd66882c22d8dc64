"""From looks to incidents: what lasts is noted, what is over ends, what cannot be seen stays; and who watches them."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, insert, update

from control_tower import health
from control_tower.alarm import Alarm
from control_tower.alerting import PATIENT
from control_tower.evidence import Known, Unknown
from control_tower.outage import REMIND_EVERY_S, TELL_AFTER_S, Outage
from control_tower.planner import Planner
from control_tower.standins import NotedDoorbell, NotedMessenger, SetClock
from control_tower.telling import Telling
from control_tower.watch import watch
from domain.actions import ActionKind, ActionState, Mode, ObjectKind
from domain.catalogue import RHYTHMS
from domain.health import RunState
from domain.money import Money
from models import audit, heartbeats, incidents
from models.heartbeats import ProcessKind
from models.tables import accounts as account_table
from models.tables import actions, call_counts, insights_hourly
from models.tables import heartbeats as sign_table
from models.tables import incidents as incident_table
from tests.control_tower import well
from tests.control_tower.healthy import add_run, healthy_house


@pytest.fixture
def house(engine, account, clock):
    return healthy_house(engine, account, clock)


@pytest.fixture
def alarm(engine, clock):
    return Alarm(
        engine=engine, aside=engine, clock_of=lambda _account: clock, daily_cap_of=lambda _row: Money(500_000, "USD")
    )


@pytest.fixture
def look(house, alarm):
    """Look at the house as it is, or with sources replaced; `after` seconds that what was found has lasted."""

    def look_once(*, after=0.0, **sources):
        checked = health.judged(house.sources)
        alarm._since = {key: at - timedelta(seconds=after) for key, at in alarm._since.items()}
        return alarm.look(replace(checked, evidence=replace(checked.evidence, **sources)))

    return look_once


@pytest.fixture
def is_open(engine):
    def open_kinds():
        with engine.begin() as conn:
            return {(row.kind, row.scope) for row in incidents.listing(conn)}

    return open_kinds


def age(engine, kind):
    """Let the time pass in which a state has to be missing."""
    with engine.begin() as conn:
        seen = incident_table.c.updated_at - timedelta(seconds=30)
        conn.execute(update(incident_table).where(incident_table.c.kind == kind).values(updated_at=seen))


def test_a_house_in_which_all_is_well_has_no_incident(look, is_open):
    for _ in range(3):
        look(after=60)
    assert is_open() == set()


def _be_away(engine, house, clock, hours):
    """No tower and no beat for so long; then another tower leads and plans before it looks."""
    clock.at += timedelta(hours=hours)
    with engine.begin() as conn:
        conn.execute(update(sign_table).values(seen_at=sign_table.c.seen_at - timedelta(hours=hours)))
        heartbeats.beat(conn, process="tower@a:2", kind=ProcessKind.TOWER, detail={"leads": True})
    Planner(engine=engine, rhythms=RHYTHMS, clock_of=lambda _row: clock, doorbell=NotedDoorbell()).plan()


def test_slots_that_passed_while_no_tower_looked_are_told_by_the_first_look(engine, house, clock, look):
    _be_away(engine, house, clock, hours=2)
    look()
    with engine.begin() as conn:
        told = {row.scope.split()[0]: row.body for row in incidents.listing(conn, slug="slot_missed")}
    seldom = {"meta.ab_testing", "meta.budget_spikes"}  # a slot of theirs may fall into these two hours, or not
    assert told.keys() - seldom == {
        "meta.collector", "meta.full_cycle", "meta.api_client", "meta.orphan_sweep", "meta.real_time",
    }  # fmt: skip
    assert told["meta.full_cycle"].startswith("3 slots passed unserved while no tower looked")
    look()
    with engine.begin() as conn:
        assert {row.times for row in incidents.listing(conn, slug="slot_missed")} == {1}


def test_a_tower_that_takes_over_at_once_tells_of_no_slots(engine, house, clock, look, is_open):
    _be_away(engine, house, clock, hours=0)
    look()
    assert is_open() == set()


def test_what_passes_by_itself_is_not_told_and_what_lasts_is(look, is_open):
    away = Unknown("it is away")
    look(broker=away)
    look(after=5, broker=away)
    assert is_open() == set()
    look()
    look(broker=away)
    look(after=5, broker=away)
    assert is_open() == set()
    look(after=PATIENT["broker_unhealthy"], broker=away)
    assert is_open() == {("broker_unhealthy", "")}


def test_what_is_over_ends_and_what_cannot_be_seen_does_not(engine, look, is_open):
    dead = Known((well.worker("cycles@a", age_s=70.0), well.worker("actions@a")))
    look(workers=dead)
    look(after=60, workers=dead)
    assert ("worker_dead", "cycles@a") in is_open()
    age(engine, "worker_dead")
    look(workers=Unknown("cut"))
    assert ("worker_dead", "cycles@a") in is_open()
    look()
    assert ("worker_dead", "cycles@a") not in is_open()


def test_a_failed_run_is_told_once_per_run(engine, house, look):
    with engine.begin() as conn:
        now = house.clock.now() + timedelta(minutes=30)
        add_run(conn, house.account, now, "meta.full_cycle", state=RunState.FAILED, errors=[{"message": "boom"}])
    look()
    look()
    with engine.begin() as conn:
        [row] = [row for row in incidents.listing(conn, only_open=False) if row.kind == "cycle_failed"]
    assert row.times == 1
    assert "boom" in row.body


def test_a_budget_that_moves_by_over_1000_on_a_live_account_is_told_and_one_of_the_sandbox_is_not(
    engine, account, look, is_open
):
    with engine.begin() as conn:
        conn.execute(insert(actions).values(**applied_budget(account.id, 100_000, 250_000)))
    look()
    with engine.begin() as conn:
        assert incidents.listing(conn, only_open=False, slug="large_budget_change") == ()
        conn.execute(update(account_table).values(mode=Mode.LIVE))
    look()
    with engine.begin() as conn:
        [row] = incidents.listing(conn, only_open=False, slug="large_budget_change")
    assert "1,000.00 USD a day became 2,500.00 USD" in row.body


def applied_budget(account_id, before, after):
    now = well.NOW
    return {
        "account_id": account_id, "kind": ActionKind.SET_DAILY_BUDGET, "object_kind": ObjectKind.AD_SET,
        "object_id": "501", "object_name": "Summer", "expected_before": {"daily_budget_minor": before},
        "target": {"daily_budget_minor": after}, "rule": "roas_step", "priority": 1, "reason": "it earns",
        "state": ActionState.APPLIED, "op_token": "t1", "decided_at": now, "proposed_by": "ana",
        "sent_at": func.clock_timestamp(),
    }  # fmt: skip


def test_errors_of_the_platform_over_a_tenth_are_told(engine, look, is_open):
    hour = {"platform": "meta", "mode": "stub", "account": "act_1", "pair": "", "total_ms": 1, "slowest_ms": 1}
    with engine.begin() as conn:
        now = conn.exec_driver_sql("SELECT date_trunc('hour', clock_timestamp())").scalar_one()
        conn.execute(insert(call_counts).values(**hour, hour_at=now, calls=100, errors=11))
        conn.execute(insert(call_counts).values(**hour, hour_at=now - timedelta(hours=5), calls=9_000, errors=0))
    look()
    look(after=60)
    assert ("api_errors", "meta") in is_open()


def test_a_failing_duty_of_the_tower_that_leads_is_told(engine, look, is_open):
    with engine.begin() as conn:
        detail = {"leads": True, "failing": {"recover": "KeyError"}}
        heartbeats.beat(conn, process="tower@a:1", kind=ProcessKind.TOWER, detail=detail)
    look()
    assert ("duty_failed", "recover") in is_open()


def spend(engine, account, day, hour, minor):
    with engine.begin() as conn:
        conn.exec_driver_sql(f"SELECT insights_partition('insights_hourly', '{day:%Y-%m}-01')")
        row = {"ad_id": "1", "ad_set_id": "2", "campaign_id": "3", "impressions": 9, "clicks": 1, "purchases": 0,
               "revenue_minor": 0, "read_at": well.NOW}  # fmt: skip
        values = {**row, "account_id": account.id, "day": day, "hour": hour, "spend_minor": minor}
        conn.execute(insert(insights_hourly).values(**values))


def test_an_hour_far_above_its_usual_is_told_at_once(engine, account, alarm, look, is_open):
    today = date(2026, 3, 1)  # 10:07 UTC is 11:07 in Madrid
    for back in range(1, 15):
        spend(engine, account, today - timedelta(days=back), 11, 20_000)
    spend(engine, account, today, 11, 1_000_000)
    alarm.look_at_spend()
    look()
    assert ("spend_spike", f"account {account.id}") in is_open()


def test_an_hour_as_usual_is_not_told_however_much_it_is(engine, account, alarm, look, is_open):
    today = date(2026, 3, 1)
    for back in range(1, 15):
        spend(engine, account, today - timedelta(days=back), 11, 400_000)
    spend(engine, account, today, 11, 1_000_000)
    alarm.look_at_spend()
    look()
    assert is_open() == set()


def test_without_the_platforms_clock_a_spike_is_neither_found_nor_over(engine, account, clock, alarm, look, is_open):
    spend(engine, account, date(2026, 3, 1), 11, 1_000_000)
    alarm.look_at_spend()
    look()
    alarm.clock_of = lambda _account: SetClock(None)
    alarm.look_at_spend()
    age(engine, "spend_spike")
    look()
    assert ("spend_spike", f"account {account.id}") in is_open()


def test_a_sound_audit_is_no_incident(engine, alarm, look, is_open):
    with engine.begin() as conn:
        audit.note(conn, actor="ana", event="test")
    alarm.verify_audit()
    look()
    assert is_open() == set()


def tower_sign(engine, age_s):
    with engine.begin() as conn:
        heartbeats.beat(conn, process="tower@a:1", kind=ProcessKind.TOWER, detail={"leads": True})
        conn.execute(update(sign_table).values(seen_at=sign_table.c.seen_at - timedelta(seconds=age_s)))


def test_a_silent_tower_is_told_by_who_does_not_depend_on_it_and_its_return_ends_it(engine, is_open):
    messenger = NotedMessenger()
    telling = Telling(engine=engine, messenger=messenger)
    tower_sign(engine, 59)
    assert watch(engine, telling)
    tower_sign(engine, 62)
    assert not watch(engine, telling)
    assert not watch(engine, telling)
    assert messenger.heard("email") == ["[critical] The tower is silent"]
    assert is_open() == {("tower_dead", "")}
    tower_sign(engine, 1)
    assert watch(engine, telling)
    assert is_open() == set()


def test_after_a_restart_a_tower_is_silent_only_once_who_watches_was_there_to_see_it(engine, is_open):
    messenger = NotedMessenger()
    telling = Telling(engine=engine, messenger=messenger)
    tower_sign(engine, 7_200)
    assert watch(engine, telling, awaited_s=60.0)
    assert (is_open(), messenger.heard("email")) == (set(), [])
    assert not watch(engine, telling, awaited_s=61.0)
    assert is_open() == {("tower_dead", "")}
    assert watch(engine, telling, awaited_s=2.0), "the watcher was restarted"
    assert is_open() == {("tower_dead", "")}, "no sign of a tower has ended it"
    tower_sign(engine, 1)
    assert watch(engine, telling, awaited_s=62.0)
    assert is_open() == set()


def test_a_tower_that_only_waits_for_its_turn_does_not_hide_that_the_leader_is_silent(engine, is_open):
    tower_sign(engine, 62)
    with engine.begin() as conn:
        heartbeats.beat(conn, process="tower@b:2", kind=ProcessKind.TOWER, detail={"leads": False})
    assert not watch(engine, Telling(engine=engine, messenger=NotedMessenger()))
    assert is_open() == {("tower_dead", "")}


def test_an_outage_of_postgres_is_told_once_by_the_tower_itself_and_so_is_its_end():
    messenger, now = NotedMessenger(names=("email",)), [100.0]
    outage = Outage(messenger, lambda: now[0])
    for seconds in (0, TELL_AFTER_S - 1):
        now[0] = 100 + seconds
        outage.away()
    assert messenger.told == []
    for seconds in (TELL_AFTER_S, TELL_AFTER_S + 30):
        now[0] = 100 + seconds
        outage.away()
    assert messenger.heard("email") == ["[critical] Postgres is not as it should be"]
    now[0] += REMIND_EVERY_S
    outage.away()
    assert len(messenger.told) == 2
    outage.back()
    outage.back()
    assert messenger.heard("email")[2:] == ["[resolved] Postgres is not as it should be"]


def test_a_short_outage_of_postgres_is_not_told_and_a_broken_channel_keeps_no_other_from_it():
    messenger, now = NotedMessenger(broken={"email"}), [0.0]
    outage = Outage(messenger, lambda: now[0])
    outage.away()
    outage.back()
    assert messenger.told == []
    outage.away()
    now[0] = TELL_AFTER_S
    outage.away()
    assert messenger.heard("slack") == ["[critical] Postgres is not as it should be"]
