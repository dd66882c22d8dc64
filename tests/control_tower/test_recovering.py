"""Recovery's duty on a real Postgres: each fault is cured by its row, and where the cure is sabotaged, people are told.

The world is a stand-in: a scene whose faults go away when the right thing is done to the right target.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from control_tower.recovering import Recovering
from control_tower.remedies import Remedies
from control_tower.standins import ListedProcesses, ObedientSwitchboard
from control_tower.symptoms import BEAT, DATABASE, PairSign, Scene, WorkerSign
from domain.errors import BadInputError, LostClaimError
from domain.health import ModuleStatus, RunState
from domain.recovery import RecoveryAction, RecoveryState, Trigger
from models import audit_reads, incidents, module_states, recoveries, recovery_procedures, run_history, runs

CYCLE, WORKER, OTHER = "meta.full_cycle", "cycles@a", "actions@a"
SLOT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
CURED, FAILED, ESCALATED = RecoveryState.CURED, RecoveryState.FAILED, RecoveryState.ESCALATED
RUNNING, RECOMMENDED = RecoveryState.RUNNING, RecoveryState.RECOMMENDED


@dataclass
class World:
    """What recovery sees and acts on. `later_s` moves its time on."""

    engine: object
    scene: Scene = field(default_factory=lambda: Scene(now=SLOT))
    later_s: float = 0.0
    switchboard: ObedientSwitchboard = field(
        default_factory=lambda: ObedientSwitchboard(workers={WORKER: {CYCLE}, OTHER: {"meta.actions"}})
    )
    processes: ListedProcesses = field(default_factory=lambda: ListedProcesses(alive={"worker-cycles", "beat"}))
    rings: int = 0
    reconnects: int = 0

    def look(self):
        with self.engine.begin() as conn:
            now = recoveries.now(conn)
        return replace(self.scene, now=now + timedelta(seconds=self.later_s))

    def ring(self):
        self.rings += 1
        return 1

    def reconnect(self):
        self.reconnects += 1

    def pass_time(self, engine, minutes):
        """Move every row of recovery into the past, as time would."""
        with engine.begin() as conn:
            for column in ("begun_at", "verify_until", "ended_at"):
                conn.execute(text(f"UPDATE recoveries SET {column} = {column} - interval '{minutes} minutes'"))


@pytest.fixture
def world(engine):
    return World(engine=engine)


@pytest.fixture
def recovering(engine, world):
    remedies = Remedies(
        engine=engine,
        switchboard=world.switchboard,
        processes=world.processes,
        ring_due=world.ring,
        reconnect=world.reconnect,
    )
    return Recovering(engine=engine, look=world.look, remedies=remedies)


def pair(status=ModuleStatus.ONLINE, *, errors=0, is_consumed=True):
    return PairSign(slug=CYCLE, platform="meta", status=status, errors_24h=errors, is_consumed=is_consumed)


def worker(name=WORKER, **signs):
    return WorkerSign(name=name, **{"age_s": 1.0, "canary_age_s": 5.0, "pid": 10, **signs})


WELL = Scene(now=SLOT, pairs=(pair(),), workers=(worker(), worker(OTHER)), beat_age_s=5.0, is_db_healthy=True)
OFFLINE = replace(WELL, pairs=(pair(ModuleStatus.OFFLINE),))
UNCONSUMED = replace(WELL, pairs=(pair(is_consumed=False),))
ERRORS = replace(WELL, pairs=(pair(errors=51),))
STUCK = replace(WELL, workers=(worker(canary_age_s=200.0), worker(OTHER)))
SILENT = replace(WELL, workers=(worker(age_s=70.0), worker(OTHER)))
NO_BEAT = replace(WELL, beat_age_s=200.0)
NO_DB = replace(WELL, is_db_healthy=False, db_reason="950 of 1000 connections are taken")
STALE = replace(WELL, workers=(worker(cache_since=SLOT - timedelta(hours=1)), worker(OTHER)), sources_changed_at=SLOT)

FAULTS = {
    "module offline": (OFFLINE, Trigger.MODULE_OFFLINE, CYCLE, RecoveryAction.RESTART_SCHEDULER),
    "nobody consumes": (UNCONSUMED, Trigger.SCHEDULER_NOT_RUNNING, CYCLE, RecoveryAction.RESTART_SCHEDULER),
    "worker stuck": (STUCK, Trigger.SCHEDULER_NOT_RUNNING, WORKER, RecoveryAction.RESTART_SCHEDULER),
    "worker silent": (SILENT, Trigger.SCHEDULER_NOT_RUNNING, WORKER, RecoveryAction.RESTART_SCHEDULER),
    "beat silent": (NO_BEAT, Trigger.SCHEDULER_NOT_RUNNING, BEAT, RecoveryAction.RESTART_SCHEDULER),
    "database unhealthy": (NO_DB, Trigger.DATABASE_UNHEALTHY, DATABASE, RecoveryAction.RECONNECT_DB),
    "cache stale": (STALE, Trigger.CACHE_STALE, WORKER, RecoveryAction.CLEAR_CACHE),
}


def rows(engine, **filters):
    with engine.begin() as conn:
        return recoveries.listing(conn, **filters)[::-1]


def told(engine):
    with engine.begin() as conn:
        return incidents.listing(conn, slug="recovery_failed")


def did(row):
    return [step["did"] for step in row.steps]


def rounds(recovering, count=2):
    for _ in range(count):
        recovering.round()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_acted_on_and_once_it_is_gone_the_attempt_counts_as_a_cure(engine, world, recovering, fault):
    world.scene, trigger, target, action = FAULTS[fault]
    rounds(recovering)

    (row,) = rows(engine)
    assert (row.trigger, row.target, row.action, row.state) == (trigger, target, action, RUNNING)
    assert row.steps
    world.scene = WELL
    recovering.round()

    (row,) = rows(engine)
    assert (row.state, row.outcome) == (CURED, "what called for it is gone")
    assert told(engine) == ()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_sabotaged_cure_is_told_to_an_admin_and_no_more_once_it_is_over(engine, world, recovering, fault):
    world.scene, trigger, target, action = FAULTS[fault]
    rounds(recovering)
    world.pass_time(engine, 13)  # longer than any cure may take to show, and nothing has changed
    recovering.round()

    failed, alert = rows(engine)[:2]
    assert (failed.action, failed.state) == (action, FAILED)
    assert (alert.action, alert.trigger, alert.target) == (RecoveryAction.ALERT_ADMIN, trigger, target)
    assert (alert.state, alert.ended_at) == (ESCALATED, None)
    (incident,) = told(engine)
    assert incident.scope == target
    assert str(action) in incident.body or str(action) in incident.title

    world.scene = WELL
    recovering.round()
    assert told(engine) == ()
    assert all(row.ended_at is not None for row in rows(engine))


def test_a_fault_of_one_look_alone_is_left_to_itself(engine, world, recovering):
    for scene in (OFFLINE, WELL, OFFLINE, WELL):
        world.scene = scene
        recovering.round()

    assert rows(engine) == ()


def test_an_offline_module_is_consumed_again_its_queue_emptied_and_its_runs_rung_for(
    engine, account, world, recovering
):
    run_id = _planned(engine, account)
    world.switchboard.halt([WORKER])
    world.switchboard.lengths[CYCLE] = 3
    world.scene = OFFLINE
    rounds(recovering)

    assert world.switchboard.workers[WORKER] == {CYCLE}
    assert CYCLE not in world.switchboard.lengths
    assert world.rings == 1
    with engine.begin() as conn:
        assert run_history.get(conn, run_id).ring_at <= recoveries.now(conn)
    assert did(rows(engine)[0]) == ["told to consume as desired", "purged", "made due", "rang for what is due"]


def test_a_run_that_was_put_back_for_a_reason_keeps_its_time(engine, account, world, recovering):
    run_id = _planned(engine, account)
    with engine.begin() as conn:
        runs.claim(conn, run_id, WORKER)
        runs.put_back(conn, run_id, WORKER, delay_s=900.0, reason="throttled by the platform")
    world.scene = OFFLINE
    rounds(recovering)

    with engine.begin() as conn:
        assert run_history.get(conn, run_id).ring_at > recoveries.now(conn) + timedelta(minutes=14)


def test_a_worker_that_answers_nothing_is_ended_for_its_supervisor_to_start_it(engine, world, recovering):
    world.switchboard.deaf.add(WORKER)
    world.scene = OFFLINE
    rounds(recovering)

    assert world.processes.ended == [("worker-cycles", False)]


def test_a_worker_elsewhere_is_named_with_what_to_do(engine, world, recovering):
    world.processes.strangers.add(WORKER)
    world.scene = STUCK
    rounds(recovering)

    (row,) = rows(engine)
    assert row.steps[0]["why"] == "no supervisor of this machine has it: restart it where it runs"
    assert world.processes.ended == []


def test_a_stuck_worker_that_does_not_heed_is_ended_by_force(engine, world, recovering):
    world.scene = STUCK
    rounds(recovering)
    assert world.processes.ended == [("worker-cycles", False)]
    world.later_s = 26.0
    rounds(recovering, 3)

    assert world.processes.ended == [("worker-cycles", False), ("worker-cycles", True)]


def test_a_beat_that_does_not_heed_is_ended_by_force(engine, world, recovering):
    world.scene = NO_BEAT
    rounds(recovering)
    assert world.processes.ended == [("beat", False)]
    world.later_s = 26.0
    rounds(recovering, 3)

    assert world.processes.ended == [("beat", False), ("beat", True)]


def test_a_beat_that_has_given_a_sign_since_is_not_ended_by_force(engine, world, recovering):
    world.scene = NO_BEAT
    rounds(recovering)
    world.later_s, world.scene = 45.0, replace(NO_BEAT, beat_age_s=35.0)
    rounds(recovering, 3)

    assert world.processes.ended == [("beat", False)]


def test_a_worker_that_was_started_anew_is_given_its_time(engine, world, recovering):
    world.scene = STUCK
    rounds(recovering)
    world.scene = replace(STUCK, workers=(worker(canary_age_s=200.0, pid=11), worker(OTHER)))
    world.later_s = 26.0
    recovering.round()

    assert world.processes.ended == [("worker-cycles", False)]


def test_what_failed_is_tried_harder_after_a_pause_and_three_times_an_hour_at_most(engine, world, recovering):
    world.scene = NO_BEAT
    for _ in range(12):  # an hour and more, in steps of 4 min, then the pauses between
        rounds(recovering)
        world.pass_time(engine, 4)
    tried = [row for row in rows(engine) if row.action is RecoveryAction.RESTART_SCHEDULER]

    assert len(tried) == 3
    assert world.processes.ended == [("beat", False), ("beat", True), ("beat", True)]
    assert len(told(engine)) == 1
    world.pass_time(engine, 30)
    rounds(recovering)
    assert len(world.processes.ended) == 4


def test_errors_are_a_recommendation_that_a_person_may_have_carried_out(engine, account, world, recovering):
    run_id = _planned(engine, account)
    with engine.begin() as conn:
        runs.claim(conn, run_id, WORKER)
        conn.execute(text("UPDATE runs SET attempts = 3"))
    world.scene = ERRORS
    rounds(recovering, 4)

    (row,) = rows(engine)
    assert (row.action, row.state, row.confidence) == (RecoveryAction.RESET_MODULE, RECOMMENDED, 0.75)
    assert world.rings == 0
    done = recovering.run(row.id, by="ana")
    assert done.state is RUNNING
    assert did(done)[0].startswith("reset")
    with engine.begin() as conn:
        assert run_history.get(conn, run_id).attempts == 0
        assert module_states.listing(conn)[CYCLE].restarted_at is not None
        assert module_states.listing(conn)[CYCLE].desired == "running"
    with pytest.raises(LostClaimError, match="running"):
        recovering.run(row.id, by="ben")

    recovering.round()
    assert rows(engine)[0].state is RUNNING  # nothing has run since: not cured, though nothing failed either
    with engine.begin() as conn:
        conn.execute(text("UPDATE runs SET lease_until = now(), lease_owner = NULL, state = 'planned'"))
        runs.claim(conn, run_id, WORKER)
        runs.finish(conn, run_id, WORKER, state=RunState.SUCCEEDED)
    recovering.round()
    assert rows(engine)[0].state is CURED


def test_resetting_leaves_a_module_stopped_that_a_person_stopped(engine, account, world, recovering):
    with engine.begin() as conn:
        module_states.set_desired(conn, [CYCLE], module_states.Desired.STOPPED, reason="drill", changed_by="ana")
    world.scene = ERRORS
    rounds(recovering)
    recovering.run(rows(engine)[0].id, by="ana")

    with engine.begin() as conn:
        assert module_states.stopped(conn) == {CYCLE}


def test_a_recommendation_that_nobody_took_ends_with_what_called_for_it(engine, world, recovering):
    world.scene = ERRORS
    rounds(recovering)
    world.scene = WELL
    recovering.round()

    (row,) = rows(engine)
    assert (row.state, row.ended_at is None) == (RECOMMENDED, False)
    with pytest.raises(LostClaimError):
        recovering.run(row.id, by="ana")
    with pytest.raises(BadInputError, match="recovery list"):
        recovering.run(99, by="ana")


def test_what_is_declared_to_be_told_is_told_once_however_long_it_lasts(engine, world, recovering):
    with engine.begin() as conn:
        recovery_procedures.set_(
            conn, pair=CYCLE, trigger=Trigger.MODULE_OFFLINE, action=RecoveryAction.ALERT_ADMIN, confidence=0.9,
            reason="people look themselves", by="ana",
        )  # fmt: skip
    world.scene = OFFLINE
    rounds(recovering, 6)

    (row,) = rows(engine)
    assert (row.action, row.state, row.steps) == (RecoveryAction.ALERT_ADMIN, ESCALATED, ())
    (incident,) = told(engine)
    assert incident.times == 1


def test_a_declared_procedure_takes_the_place_of_the_table_s(engine, world, recovering):
    with engine.begin() as conn:
        for action, confidence in ((RecoveryAction.RECONNECT_DB, 0.9), (RecoveryAction.ALERT_ADMIN, 0.86)):
            recovery_procedures.set_(
                conn, pair=CYCLE, trigger=Trigger.MODULE_OFFLINE, action=action, confidence=confidence,
                reason="its queries hang", by="ana",
            )  # fmt: skip
    world.scene = OFFLINE
    rounds(recovering)
    assert [row.action for row in rows(engine)] == [RecoveryAction.RECONNECT_DB]
    assert (world.reconnects, world.switchboard.told) == (1, [("reconnect_db", WORKER), ("reconnect_db", OTHER)])

    world.pass_time(engine, 13)
    rounds(recovering)
    world.pass_time(engine, 2)
    rounds(recovering)
    assert [row.state for row in rows(engine)] == [FAILED, ESCALATED]
    with engine.begin() as conn:
        recovery_procedures.drop(conn, pair=CYCLE, trigger=Trigger.MODULE_OFFLINE, action=None, by="ana")
        assert recovery_procedures.listing(conn) == ()
        events = {line.event for line in audit_reads.listing(conn)}
    assert {"recovery.procedure_set", "recovery.procedure_dropped"} <= events


def test_a_cure_that_breaks_down_is_told_in_its_steps_and_judged_like_any_other(engine, world, recovering):
    def broken(_workers, **_more):
        raise RuntimeError("the switchboard fell over")

    recovering.remedies = replace(recovering.remedies, switchboard=_Broken(broken))
    world.scene = NO_DB
    rounds(recovering)
    assert rows(engine)[0].steps[-1]["error"] == "RuntimeError"
    world.pass_time(engine, 2)
    recovering.round()

    assert len(told(engine)) == 1


def test_an_attempt_outlives_the_tower_that_began_it(engine, world, recovering):
    world.scene = STUCK
    rounds(recovering)
    successor = Recovering(engine=engine, look=world.look, remedies=recovering.remedies)
    rounds(successor, 3)
    assert len(rows(engine)) == 1
    world.scene = WELL
    successor.round()

    assert rows(engine)[0].state is CURED


def test_a_pair_that_a_person_stopped_meanwhile_is_left_alone(engine, world, recovering):
    world.scene = OFFLINE
    recovering.round()
    world.scene = replace(OFFLINE, pairs=())
    rounds(recovering, 3)

    assert rows(engine) == ()


def test_the_summary_counts_cures_and_the_time_from_the_first_sight_to_the_cure(engine, world, recovering):
    world.scene = STUCK
    rounds(recovering)
    world.pass_time(engine, 4)
    recovering.round()  # failed; the next one after a minute
    world.pass_time(engine, 2)
    recovering.round()
    world.scene = WELL
    recovering.round()
    with engine.begin() as conn:
        summary = recoveries.summary(conn, recoveries.now(conn) - timedelta(hours=1))

    assert (summary.begun, summary.cured, summary.failed, summary.told) == (2, 1, 1, 1)
    assert summary.success_rate == 0.5
    assert summary.mean_time_to_recover_s is not None
    assert summary.mean_time_to_recover_s >= 0


class _Broken:
    """A switchboard of which every call does the same."""

    def __init__(self, do):
        self._do = do

    def __getattr__(self, _name):
        return self._do


def _planned(engine, account):
    with engine.begin() as conn:
        return runs.plan(
            conn, task=CYCLE, account_id=account.id, mode=account.mode, level=account.level, slot_at=SLOT, now_at=SLOT
        )
