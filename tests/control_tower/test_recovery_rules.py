"""The table of recovery: what calls for it, what is done, how often, and when it counts as cured. Pure."""

from datetime import UTC, datetime, timedelta

import pytest

from control_tower.recovery import MOST_TRIES, TABLE, Attempt, Procedure, Symptom, choose, outcome, why_wait
from control_tower.symptoms import BEAT, DATABASE, PairSign, Scene, Tally, WorkerSign, is_still_there, symptoms
from domain.health import ModuleStatus
from domain.recovery import RecoveryAction, RecoveryState, Trigger

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PAIR = "meta.full_cycle"
WORKER = "cycles@a"


def pair(status=ModuleStatus.ONLINE, *, slug=PAIR, errors=0, is_consumed=True):
    return PairSign(slug=slug, platform="meta", status=status, errors_24h=errors, is_consumed=is_consumed)


def worker(name=WORKER, *, age_s=3.0, canary_age_s=20.0, is_busy=False, cache_since=None):
    return WorkerSign(name=name, age_s=age_s, canary_age_s=canary_age_s, is_busy=is_busy, cache_since=cache_since)


def seen(scene):
    return [(row.trigger, row.target) for row in symptoms(scene)]


def attempt(minutes_ago, state=RecoveryState.FAILED, took_minutes=3):
    begun_at = NOW - timedelta(minutes=minutes_ago)
    ended_at = None if state is RecoveryState.RUNNING else begun_at + timedelta(minutes=took_minutes)
    return Attempt(trigger=Trigger.MODULE_OFFLINE, state=state, begun_at=begun_at, ended_at=ended_at)


def symptom(trigger=Trigger.MODULE_OFFLINE, target=PAIR):
    return Symptom(trigger=trigger, target=target, platform="meta", reason="it is offline")


@pytest.mark.parametrize(
    ("trigger", "action", "confidence", "is_automatic"),
    [
        (Trigger.MODULE_OFFLINE, RecoveryAction.RESTART_SCHEDULER, 0.90, True),
        (Trigger.MANY_ERRORS, RecoveryAction.RESET_MODULE, 0.75, False),
        (Trigger.SCHEDULER_NOT_RUNNING, RecoveryAction.RESTART_SCHEDULER, 0.95, True),
        (Trigger.DATABASE_UNHEALTHY, RecoveryAction.RECONNECT_DB, 0.85, True),
        (Trigger.CACHE_STALE, RecoveryAction.CLEAR_CACHE, 0.90, True),
    ],
)
def test_the_table_is_that_of_the_requirements(trigger, action, confidence, is_automatic):
    (row,) = [row for row in TABLE if row.trigger is trigger]
    assert (row.action, row.confidence, row.is_automatic) == (action, confidence, is_automatic)


def test_resetting_a_module_waits_for_a_person_at_any_confidence():
    row = Procedure(trigger=Trigger.MANY_ERRORS, action=RecoveryAction.RESET_MODULE, confidence=1.0)
    assert not row.is_automatic


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        (Scene(now=NOW, pairs=(pair(),), workers=(worker(),), beat_age_s=30.0, is_db_healthy=True), []),
        (Scene(now=NOW, pairs=(pair(ModuleStatus.OFFLINE),)), [(Trigger.MODULE_OFFLINE, PAIR)]),
        (Scene(now=NOW, pairs=(pair(ModuleStatus.DEGRADED),)), []),
        (Scene(now=NOW, pairs=(pair(ModuleStatus.UNKNOWN, errors=None, is_consumed=None),)), []),
        (Scene(now=NOW, pairs=(pair(errors=50),)), []),
        (Scene(now=NOW, pairs=(pair(errors=51),)), [(Trigger.MANY_ERRORS, PAIR)]),
        (Scene(now=NOW, pairs=(pair(is_consumed=False),)), [(Trigger.SCHEDULER_NOT_RUNNING, PAIR)]),
        (Scene(now=NOW, is_db_healthy=False), [(Trigger.DATABASE_UNHEALTHY, DATABASE)]),
        (Scene(now=NOW, is_db_healthy=None), []),
        (Scene(now=NOW, workers=(worker(age_s=60.0),)), []),
        (Scene(now=NOW, workers=(worker(age_s=61.0),)), [(Trigger.SCHEDULER_NOT_RUNNING, WORKER)]),
        (Scene(now=NOW, workers=(worker(age_s=901.0),)), []),  # taken away on purpose, hours ago
        (Scene(now=NOW, workers=(worker(canary_age_s=180.0),)), []),
        (Scene(now=NOW, workers=(worker(canary_age_s=181.0),)), [(Trigger.SCHEDULER_NOT_RUNNING, WORKER)]),
        (Scene(now=NOW, workers=(worker(canary_age_s=780.0, is_busy=True),)), []),  # long runs fill its pool
        (
            Scene(now=NOW, workers=(worker(canary_age_s=781.0, is_busy=True),)),
            [(Trigger.SCHEDULER_NOT_RUNNING, WORKER)],
        ),
        (Scene(now=NOW, workers=(worker("stranger@a", age_s=100.0),)), []),
        (Scene(now=NOW, workers=(worker(),), beat_age_s=31.0), [(Trigger.SCHEDULER_NOT_RUNNING, BEAT)]),
        (Scene(now=NOW, workers=(), beat_age_s=31.0), [(Trigger.SCHEDULER_NOT_RUNNING, BEAT)]),  # it tells of itself
        (Scene(now=NOW, beat_age_s=7_200.0, beat_awaited_s=30.0), []),  # all was down, and it has only begun
        (Scene(now=NOW, beat_age_s=7_200.0, beat_awaited_s=31.0), [(Trigger.SCHEDULER_NOT_RUNNING, BEAT)]),
        (
            Scene(now=NOW, workers=(worker(cache_since=NOW - timedelta(hours=2)),), sources_changed_at=NOW),
            [(Trigger.CACHE_STALE, WORKER)],
        ),
        (Scene(now=NOW, workers=(worker(cache_since=NOW),), sources_changed_at=NOW - timedelta(hours=2)), []),
    ],
)  # fmt: skip
def test_what_calls_for_recovery(scene, expected):
    assert seen(scene) == expected


def test_a_pair_is_not_treated_for_what_its_worker_or_the_database_has():
    offline = pair(ModuleStatus.OFFLINE)
    assert seen(Scene(now=NOW, pairs=(offline,), workers=(worker(age_s=100.0),))) == [
        (Trigger.SCHEDULER_NOT_RUNNING, WORKER)
    ]
    assert seen(Scene(now=NOW, pairs=(offline,), is_db_healthy=False)) == [(Trigger.DATABASE_UNHEALTHY, DATABASE)]


def test_a_module_that_is_offline_for_its_token_waits_for_a_person():
    ill = PairSign(slug=PAIR, platform="meta", status=ModuleStatus.OFFLINE, is_consumed=True, is_ours_to_cure=False)
    scene = Scene(now=NOW, pairs=(ill,), workers=(worker(),), is_db_healthy=True)
    assert seen(scene) == []
    assert is_still_there(Trigger.MODULE_OFFLINE, PAIR, scene) is False


def test_while_a_stop_of_all_stands_only_the_database_is_treated():
    ill = (pair(ModuleStatus.OFFLINE, errors=99, is_consumed=False),)
    assert seen(Scene(now=NOW, pairs=ill, workers=(worker(age_s=99.0),), is_halted=True)) == []
    assert seen(Scene(now=NOW, pairs=ill, is_db_healthy=False, is_halted=True)) == [
        (Trigger.DATABASE_UNHEALTHY, DATABASE)
    ]


def test_without_a_broker_nobody_is_taken_for_ill():
    ill = (pair(ModuleStatus.OFFLINE, is_consumed=False),)
    away = Scene(now=NOW, pairs=ill, workers=(worker(canary_age_s=999.0),), beat_age_s=999.0, is_broker_away=True)
    assert seen(away) == []
    assert is_still_there(Trigger.SCHEDULER_NOT_RUNNING, WORKER, away) is None
    assert is_still_there(Trigger.MODULE_OFFLINE, PAIR, away) is None


def test_what_was_declared_for_a_pair_goes_before_the_table_and_the_most_trusted_first():
    weak = Procedure(trigger=Trigger.MODULE_OFFLINE, action=RecoveryAction.RECONNECT_DB, confidence=0.86, pair=PAIR)
    strong = Procedure(trigger=Trigger.MODULE_OFFLINE, action=RecoveryAction.CLEAR_CACHE, confidence=0.99, pair=PAIR)
    declared = [weak, strong]

    assert [choose(symptom(), declared, failures) for failures in (0, 1, 5)] == [strong, weak, weak]
    assert choose(symptom(target="meta.autonomy"), declared, 0).action is RecoveryAction.RESTART_SCHEDULER
    assert choose(symptom(Trigger.MANY_ERRORS), declared, 0).action is RecoveryAction.RESET_MODULE


@pytest.mark.parametrize(
    ("attempts", "wait_minutes"),
    [
        ([], 0),
        ([attempt(2, RecoveryState.RUNNING)], None),  # until its outcome is known
        ([attempt(3)], 1),  # ended just now; a minute after the first failure
        ([attempt(4)], 0),
        ([attempt(20), attempt(3)], 5),  # five after the second
        ([attempt(20), attempt(8)], 0),
        ([attempt(20), attempt(3, RecoveryState.CURED)], 0),
        ([attempt(50), attempt(40), attempt(30)], 10),  # three in an hour are the most
        ([attempt(50, RecoveryState.CURED)] * MOST_TRIES, 10),  # cures that do not last are no cures
        ([attempt(61), attempt(40), attempt(30)], 0),
    ],
)
def test_attempts_on_a_target_are_few_and_their_pauses_grow(attempts, wait_minutes):
    wait = why_wait(attempts, NOW)
    if wait_minutes is None:
        assert wait is not None
        assert wait.until is None
    elif wait_minutes == 0:
        assert wait is None
    else:
        assert wait is not None
        assert wait.until == NOW + timedelta(minutes=wait_minutes)


@pytest.mark.parametrize(
    ("is_still_there", "seconds_left", "state"),
    [
        (False, 10, RecoveryState.CURED),
        (False, -10, RecoveryState.CURED),
        (True, 10, RecoveryState.RUNNING),
        (True, 0, RecoveryState.FAILED),
        (None, 10, RecoveryState.RUNNING),
        (None, 0, RecoveryState.FAILED),  # what cannot be seen is not cured
    ],
)
def test_an_attempt_is_judged_by_the_world_and_its_time(is_still_there, seconds_left, state):
    until = NOW + timedelta(seconds=seconds_left)
    assert outcome(is_still_there=is_still_there, now=NOW, verify_until=until) is state


@pytest.mark.parametrize(
    ("trigger", "target", "scene", "expected"),
    [
        (Trigger.MODULE_OFFLINE, PAIR, Scene(now=NOW, pairs=(pair(ModuleStatus.OFFLINE),)), True),
        (Trigger.MODULE_OFFLINE, PAIR, Scene(now=NOW, pairs=(pair(ModuleStatus.DEGRADED),)), False),
        (Trigger.MODULE_OFFLINE, PAIR, Scene(now=NOW, pairs=(pair(ModuleStatus.UNKNOWN),)), None),
        (Trigger.SCHEDULER_NOT_RUNNING, PAIR, Scene(now=NOW, pairs=(pair(is_consumed=None),)), None),
        (Trigger.SCHEDULER_NOT_RUNNING, PAIR, Scene(now=NOW, pairs=(pair(is_consumed=True),)), False),
        (Trigger.SCHEDULER_NOT_RUNNING, WORKER, Scene(now=NOW), None),
        (Trigger.SCHEDULER_NOT_RUNNING, WORKER, Scene(now=NOW, workers=(worker(age_s=400.0),)), True),
        (Trigger.SCHEDULER_NOT_RUNNING, WORKER, Scene(now=NOW, workers=(worker(),)), False),
        (Trigger.SCHEDULER_NOT_RUNNING, BEAT, Scene(now=NOW), None),
        (Trigger.SCHEDULER_NOT_RUNNING, BEAT, Scene(now=NOW, beat_age_s=4.0), False),
        (Trigger.SCHEDULER_NOT_RUNNING, BEAT, Scene(now=NOW, beat_age_s=200.0), True),
        (Trigger.SCHEDULER_NOT_RUNNING, BEAT, Scene(now=NOW, beat_age_s=200.0, beat_awaited_s=5.0), None),
        (Trigger.DATABASE_UNHEALTHY, DATABASE, Scene(now=NOW), None),
        (Trigger.DATABASE_UNHEALTHY, DATABASE, Scene(now=NOW, is_db_healthy=True), False),
    ],
)
def test_whether_it_is_still_so_is_unknown_where_the_evidence_is_cut(trigger, target, scene, expected):
    assert is_still_there(trigger, target, scene) is expected


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (None, None),
        (Tally(failed=0, succeeded=0), None),
        (Tally(failed=1, succeeded=4), True),
        (Tally(failed=0, succeeded=1), False),
    ],
)
def test_a_day_s_errors_are_over_once_a_run_since_went_well_and_none_failed(since, expected):
    assert is_still_there(Trigger.MANY_ERRORS, PAIR, Scene(now=NOW), since) is expected
