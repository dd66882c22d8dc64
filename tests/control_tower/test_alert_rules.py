"""Every alert of the requirements is found in a house where its cause is, and in no house where all is well."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from control_tower.alerting import PATIENT, findings
from control_tower.alerts_of_business import Business
from control_tower.evidence import Known, Sign, Unknown
from control_tower.health import Checked
from control_tower.judging import judge, system
from control_tower.spend_spikes import Spike, floor_minor, hours_to_look_at, is_spike, usual_minor
from decisions.promotion import Move
from domain import catalogue
from domain.actions import Level
from domain.alerts import ALERT_KINDS, Severity, kind
from domain.catalogue import RHYTHMS, WATCHED
from domain.ids import AccountId, ActionId, RunId, StopId
from domain.money import Money
from models.alert_reads import BudgetChange, Calls, Doubt, FailedRun, HourSpend, Unknowns, Waiting
from models.audit_verify import Problem, Verified
from models.pacing import LiveWarning
from models.promotions import Kept
from models.stops import Stop
from tests.control_tower import well

CYCLE = "meta.full_cycle"
SHOP = AccountId(1)
# By the watch, recovery, the teller, the budget spike manager.
SEEN_TO_ELSEWHERE = {"tower_dead", "recovery_failed", "channel_dead", "incident_mode", "test"}


def set_back():
    return Kept(
        account_id=AccountId(1), module="full_cycle", advised_at=datetime(2026, 3, 10, tzinfo=UTC), move=Move.DEMOTE,
        level=Level.AUTO, to=Level.APPROVE, streak=0, demoted_at=None, reasons=("3 faults",), missing=(), evidence={},
    )  # fmt: skip


def checked(evidence):
    modules = judge(evidence, WATCHED, RHYTHMS)
    whole = system(evidence, modules)
    return Checked(evidence=evidence, modules=modules, system=whole, of_platform={}, took_ms=1, run_ids={})


def found(evidence=None, business=None):
    return findings(checked(evidence or well.evidence()), business or Business(spikes=(), audit=sound()))


def kinds(result):
    return {row.kind for row in result.findings}


def sound(*problems):
    return Verified(rows=9, chains=1, problems=problems, heads=())


def stop(**values):
    base = {
        "id": StopId(3), "account_id": None, "reason": "a spike", "actor": "ana", "closed_at": well.NOW,
        "quiet_at": None, "fenced_at": None, "paused_at": None, "in_doubt": (), "pauses": True, "halts": True,
        "alerts": True, "halted": (), "listed_at": None, "opened_at": None, "opened_by": None,
    }  # fmt: skip
    return Stop(**{**base, **values})


def budget(before, after, currency="USD"):
    return BudgetChange(
        action_id=ActionId(7), account="Shop", currency=currency, object_name="Summer", object_id="501",
        before_minor=before, after_minor=after, proposed_by="ana",
    )  # fmt: skip


def worker_now(**fields):
    return well.evidence(workers=Known((well.worker("cycles@a", **fields), well.worker("actions@a"))))


def broker(**fields):
    return well.evidence(broker=Known(replace(well.WELL, **fields)))


def token(**fields):
    return well.evidence(platforms=Known((well.platform_facts(**fields),)))


def missed_slots():
    rhythm = catalogue.rhythm(CYCLE)
    slot = well.slot_facts(rhythm, SHOP)
    view = replace(slot.view, missed=(well.NOW - timedelta(hours=1),))
    return well.evidence(slots=Known((replace(slot, view=view),)))


def unlucky(count=3):
    return Business(unknowns=(Unknowns(account_id=SHOP, account="Shop", lately=count, overdue=0, oldest_s=60.0),))


def warned(slug):
    return LiveWarning(account_id=SHOP, account="Shop", kind=slug, scope="month", words="3,000 of 2,000 are spent")


CAUSES = {
    "modules_offline": lambda: (well.with_runs(age=timedelta(hours=9)), None),
    "system_critical": lambda: (well.with_runs(age=timedelta(hours=9)), None),
    "modules_degraded": lambda: (well.evidence(client=Unknown("cut")), None),
    "high_error_rate": lambda: (well.with_runs(failed=51, errors=51, last_error="no such ad"), None),
    "emergency_stop": lambda: (well.evidence(stops=Known((stop(),))), None),
    "cycle_slow": lambda: (well.with_runs(open_run=RunId(5), open_for_s=601.0), None),
    "cycle_missing": lambda: (well.with_runs(age=timedelta(minutes=61)), None),
    "slot_missed": lambda: (missed_slots(), None),
    "beat_dead": lambda: (well.evidence(beat=Known(Sign(age_s=181.0, detail={}, awaited_s=31.0))), None),
    "worker_dead": lambda: (worker_now(age_s=61.0), None),
    "worker_stuck": lambda: (worker_now(canary_age_s=181.0), None),
    "broker_unhealthy": lambda: (broker(evicted_keys=1, policy="allkeys-lru"), None),
    "database_unhealthy": lambda: (well.evidence(database=Unknown("connection refused")), None),
    "token_expires": lambda: (token(token_left_s=6.9 * 86_400), None),
    "token_invalid": lambda: (token(is_token_valid=False), None),
    "version_ends": lambda: (token(version_ends_on=date(2026, 3, 20), version_left_days=19), None),
    "cycle_failed": lambda: (
        None,
        Business(
            failed=(
                FailedRun(
                    run_id=RunId(5), task=CYCLE, account_id=SHOP, account="Shop", error="boom", finished_at=well.NOW
                ),
            )
        ),
    ),
    "large_budget_change": lambda: (None, Business(budgets=(budget(100_000, 200_001),))),
    "api_errors": lambda: (None, Business(calls={"meta": Calls(calls=100, errors=11)})),
    "unknown_piling": lambda: (None, unlucky()),
    "approvals_wait": lambda: (
        None, Business(waiting=(Waiting(account_id=SHOP, account="Shop", count=2, oldest_s=90.0),))
    ),
    "in_doubt_after_stop": lambda: (None, Business(doubts=(Doubt(stop_id=StopId(3), count=1, oldest_s=9.0),))),
    "spend_spike": lambda: (
        None,
        Business(
            spikes=(
                Spike(
                    account_id=SHOP, account="Shop", day=date(2026, 3, 1), hour=11, spent=Money(1_000_000, "USD"),
                    usual=Money(10_000, "USD"), floor=Money(62_500, "USD"),
                ),
            )
        ),
    ),
    "runaway_spend": lambda: (None, Business(live=(warned("runaway_spend"),))),
    "pace_off": lambda: (None, Business(live=(warned("pace_off"),))),
    "module_demoted": lambda: (None, Business(demoted=(set_back(),))),
    "audit_broken": lambda: (None, Business(audit=sound(Problem(chain=0, seq=4, words="its hash does not fit")))),
    "duty_failed": lambda: (None, Business(failing_duties={"recover": "KeyError"})),
}  # fmt: skip


@pytest.mark.parametrize("slug", CAUSES)
def test_what_there_is_to_tell_is_found_where_its_cause_is(slug):
    assert slug in kinds(found(*CAUSES[slug]()))


def test_nothing_is_found_where_all_is_well():
    assert found().findings == ()


def test_every_kind_of_alert_has_a_cause_that_is_tried_or_is_seen_to_elsewhere():
    assert {row.slug for row in ALERT_KINDS} == CAUSES.keys() | SEEN_TO_ELSEWHERE


@pytest.mark.parametrize(
    ("slug", "severity"),
    [
        ("modules_degraded", "warning"), ("modules_offline", "critical"), ("system_critical", "critical"),
        ("emergency_stop", "critical"), ("high_error_rate", "warning"), ("cycle_failed", "warning"),
        ("cycle_slow", "warning"), ("cycle_missing", "critical"), ("api_errors", "warning"),
        ("large_budget_change", "info"), ("spend_spike", "critical"),
    ],
)  # fmt: skip
def test_severities_are_those_of_the_requirements(slug, severity):
    assert kind(slug).severity.word == severity


@pytest.mark.parametrize(
    ("slug", "cut"),
    [
        ("emergency_stop", "stops"), ("cycle_slow", "runs"), ("cycle_missing", "runs"), ("cycle_missing", "slots"),
        ("slot_missed", "slots"), ("beat_dead", "beat"), ("worker_dead", "workers"),
        ("worker_stuck", "workers"), ("worker_stuck", "broker"), ("token_expires", "platforms"),
        ("token_invalid", "platforms"), ("version_ends", "platforms"),
    ],
)  # fmt: skip
def test_a_cut_source_ends_nothing_that_was_found_from_it(slug, cut):
    assert slug in found().judged
    assert slug not in found(well.evidence(**{cut: Unknown("cut")})).judged


@pytest.mark.parametrize("slug", ["spend_spike", "audit_broken"])
def test_what_was_not_looked_at_yet_is_not_over(slug):
    assert slug not in found(business=Business()).judged


def test_facts_of_a_platform_that_are_older_than_two_hours_say_nothing():
    result = found(token(is_token_valid=False, age_s=7_201.0))
    assert "token_invalid" not in kinds(result) | result.judged


@pytest.mark.parametrize(
    ("business", "slug"),
    [
        (Business(budgets=(budget(100_000, 200_000),)), "large_budget_change"),
        (Business(budgets=(budget(1_000, 2_000, "JPY"),)), "large_budget_change"),  # 1,000 yen, which have no cents
        (Business(calls={"meta": Calls(calls=100, errors=10)}), "api_errors"),
        (Business(calls={"meta": Calls(calls=19, errors=19)}), "api_errors"),  # too few to say anything
        (unlucky(2), "unknown_piling"),
    ],
)
def test_what_stands_on_its_limit_is_not_told(business, slug):
    assert slug not in kinds(found(business=business))


@pytest.mark.parametrize(
    ("evidence", "slug"),
    [
        (well.with_runs(open_run=RunId(5), open_for_s=600.0), "cycle_slow"),
        (well.with_runs(age=timedelta(minutes=60)), "cycle_missing"),
        (well.evidence(beat=Known(Sign(age_s=30.0, detail={}))), "beat_dead"),
        (well.evidence(beat=Known(Sign(age_s=7_200.0, detail={}, awaited_s=30.0))), "beat_dead"),  # it has only begun
        (worker_now(age_s=60.0), "worker_dead"),
        (worker_now(canary_age_s=180.0), "worker_stuck"),
        (worker_now(canary_age_s=700.0, at_work=2), "worker_stuck"),  # every process is at work, and may be
        (token(token_left_s=7.1 * 86_400), "token_expires"),
        (broker(used_memory_bytes=80_000), "broker_unhealthy"),
        (well.evidence(stops=Known((stop(alerts=False),))), "emergency_stop"),  # ordered with --no-send-alerts
    ],
)
def test_a_figure_on_its_limit_is_not_told(evidence, slug):
    assert slug not in kinds(found(evidence))


@pytest.mark.parametrize(("left_s", "severity"), [(86_400.0, Severity.CRITICAL), (86_401.0, None)])
def test_a_token_that_ends_within_a_day_is_critical(left_s, severity):
    [row] = [row for row in found(token(token_left_s=left_s)).findings if row.kind == "token_expires"]
    assert row.severity is severity


@pytest.mark.parametrize(
    "fields",
    [
        {"policy": "allkeys-lru"}, {"last_write_ok": False}, {"used_memory_bytes": 80_001},
        {"round_trip_ms": 2_001.0},
    ],
)  # fmt: skip
def test_a_redis_that_may_lose_messages_is_told(fields):
    assert "broker_unhealthy" in kinds(found(broker(**fields)))


def test_a_redis_that_does_not_answer_is_told_and_beat_is_judged_by_its_own_signs_where_no_worker_lives():
    base = well.evidence(broker=Unknown("it is away"), workers=Known((well.worker("cycles@a", age_s=70.0),)))
    assert "broker_unhealthy" in kinds(found(base))
    assert "beat_dead" not in kinds(found(base))
    assert "beat_dead" in kinds(found(replace(base, beat=Known(Sign(age_s=999.0, detail={})))))


def test_a_beat_that_has_only_begun_is_neither_dead_nor_back():
    young = found(well.evidence(beat=Known(Sign(age_s=7_200.0, detail={}, awaited_s=5.0))))
    assert "beat_dead" not in kinds(young) | young.judged
    assert "beat_dead" in found(well.evidence(beat=Known(Sign(age_s=4.0, detail={}, awaited_s=5.0)))).judged


def test_an_excused_account_misses_no_slot_and_no_cycle():
    base = missed_slots()
    [slot] = base.slots.value
    excused = replace(base, slots=Known((replace(slot, excused="it is paused"),)))
    assert not {"slot_missed", "cycle_missing"} & kinds(found(excused))


def test_an_account_stop_is_told_by_its_account():
    [row] = found(well.evidence(stops=Known((stop(account_id=SHOP),)))).findings
    assert (row.kind, row.scope) == ("emergency_stop", "account 1")
    assert "ana stopped account 1: a spike" in row.text


def test_only_kinds_that_exist_have_to_ripen_and_never_a_stop():
    assert {kind(slug).slug for slug in PATIENT} == set(PATIENT)
    assert not {"emergency_stop", "in_doubt_after_stop", "audit_broken", "spend_spike"} & PATIENT.keys()


def hour(day, minor):
    return HourSpend(day=day, hour=11, spend_minor=minor)


def test_the_usual_hour_is_the_median_of_14_days_with_days_of_nothing_in_it():
    today = date(2026, 3, 15)
    days = [today - timedelta(days=back) for back in range(1, 15)]
    # Eight days at 100 and six at nothing: the 7th and 8th of 14 in order are 100 and 100.
    assert usual_minor(today, [hour(day, 100) for day in days[:8]]) == 100
    # Six days at 100 and eight at nothing: both middle ones are nothing.
    assert usual_minor(today, [hour(day, 100) for day in days[:6]]) == 0
    assert usual_minor(today, [hour(today - timedelta(days=15), 900)]) == 0


@pytest.mark.parametrize(
    ("spent", "usual", "is_one"),
    [(62_501, 20_000, True), (62_501, 20_834, False), (62_500, 0, False), (1_000_000, 10_000, True)],
)
def test_a_spike_is_over_three_times_the_usual_hour_and_over_three_even_hours_of_the_cap(spent, usual, is_one):
    floor = floor_minor(500_000)  # 5,000.00 a day: 3 x 500,000 / 24 = 62,500
    assert floor == 62_500
    assert is_spike(spent, usual, floor) is is_one


def test_the_hour_under_way_and_the_one_before_are_the_accounts_own():
    now = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # half past midnight in Madrid
    assert hours_to_look_at(now, "Europe/Madrid") == ((date(2026, 3, 2), 0), (date(2026, 3, 1), 23))
