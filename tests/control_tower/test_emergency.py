"""The emergency stop: everything stands still whoever is down, it is said truly, and it holds until it is resumed."""

import itertools
import threading

import pytest
from sqlalchemy import func, select, update

from actions import pauses, stop
from actions.pauses import Pausing
from actions.stop import Order
from control_tower import emergency, halting, planner
from control_tower.desired import changes, closed_queues
from control_tower.emergency import Stopping
from control_tower.halting import Floor
from control_tower.standins import ListedProcesses, NotedDoorbell, ObedientSwitchboard
from domain import catalogue
from domain.health import RunState
from domain.modules import Lane
from models import heartbeats, module_states, run_history, runs, stops
from models.heartbeats import ProcessKind
from models.run_stops import at_work
from models.tables import heartbeats as heartbeats_table
from models.tables import incidents as incidents_table
from tests.actions.fake_platform import NOW
from tests.actions.stage import QUICK, budget, set_stage

CYCLE = "meta.full_cycle"
WORKERS = ("fast@here", "cycles@here", "actions@here")
ORDER = Order(reason="odd spend", actor="os:ann", halts=True)


@pytest.fixture
def stage(engine):
    return set_stage(engine)


class House:
    """A stage with workers that obey, on one machine."""

    def __init__(self, stage):
        self.stage, self.engine = stage, stage.engine
        lanes = {worker: Lane(worker.partition("@")[0]) for worker in WORKERS}
        self.board = ObedientSwitchboard(workers={name: set(catalogue.queues(lane)) for name, lane in lanes.items()})
        self.processes = ListedProcesses(alive={"worker-fast", "worker-cycles", "worker-actions"})
        self.stopping = Stopping(
            floor=Floor(engine=self.engine, switchboard=self.board, processes=self.processes),
            timing=QUICK, monotonic_s=iter(range(10_000)).__next__, rest=lambda _: None,
        )  # fmt: skip
        self.beat(*WORKERS)

    def beat(self, *workers):
        with self.engine.begin() as conn:
            for worker in workers:
                heartbeats.beat(conn, process=worker, kind=ProcessKind.WORKER, detail={})

    def order(self, **more):
        wanted = Order(reason=ORDER.reason, actor=ORDER.actor, halts=more.pop("halts", True), **more)
        ((done),) = emergency.order(self.stopping, (None,), wanted)
        return done

    def run(self, worker="cycles@here", task=CYCLE, slot_at=NOW):
        with self.engine.begin() as conn:
            account = self.stage.account
            run_id = runs.plan(
                conn, task=task, account_id=account.id, mode=account.mode, level=account.level, slot_at=slot_at,
                now_at=slot_at,
            )  # fmt: skip
            runs.claim(conn, run_id, f"{worker}/7/abc")
        self.board.at_work.setdefault(worker, {})[task] = run_id
        return run_id

    def state(self, run_id):
        with self.engine.begin() as conn:
            return run_history.get(conn, run_id)

    def pausing(self):
        return Pausing(
            engine=self.engine, executor=self.stage.executor(), clock_of=lambda _: self.stage.clock,
            rest=lambda _: None,
        )  # fmt: skip


@pytest.fixture
def house(stage):
    return House(stage)


def fates(held):
    return {row["worker"]: row["fate"] for row in held.halted}


def test_all_workers_stand_still_and_runs_at_work_are_ended(house):
    run_id = house.run()
    house.board.lengths = {CYCLE: 500, "control": 1}
    held = house.order().stop
    assert held.closed_at < held.quiet_at <= held.fenced_at
    assert fates(held) == dict.fromkeys(WORKERS, "halted")
    assert {row["worker"]: row["terminated"] for row in held.halted}["cycles@here"] == [run_id]
    assert (house.state(run_id).state, house.state(run_id).reason) == (RunState.STOPPED, f"ended by stop {held.id}")
    assert set().union(*house.board.workers.values()) == set()
    assert house.board.lengths == {"control": 1}  # what the tower's own lane waits for stays


def test_while_it_is_open_every_module_reads_as_stopped_whatever_people_wanted(house):
    with house.engine.begin() as conn:
        assert module_states.stopped(conn) == frozenset()
    held = house.order().stop
    with house.engine.begin() as conn:
        module_states.set_desired(conn, [CYCLE], module_states.Desired.RUNNING, reason="x", changed_by="bob")
        assert module_states.stopped(conn) == {pair.slug for pair in catalogue.PAIRS}
        stops.open_(conn, held.id, actor="os:ann")
        assert module_states.stopped(conn) == frozenset()


def test_a_stop_without_halting_leaves_modules_alone(house):
    held = house.order(halts=False).stop
    with house.engine.begin() as conn:
        assert module_states.stopped(conn) == frozenset()
    assert (held.quiet_at is not None, held.halted) == (True, ())
    assert house.board.workers["cycles@here"]


def test_a_stop_of_one_account_halts_no_worker_that_others_share(house):
    (done,) = emergency.order(house.stopping, (house.stage.account_id,), ORDER)
    assert (done.stop.halts, done.stop.quiet_at is not None) == (False, True)
    assert house.board.workers["cycles@here"]


def test_several_accounts_are_closed_in_one_commit(house, engine):
    other = set_stage(engine, platform_account_id="act_2")
    done = emergency.order(house.stopping, (other.account_id, house.stage.account_id), ORDER)
    assert len({row.stop.id for row in done}) == 2
    assert {row.stop.account_id for row in done} == {other.account_id, house.stage.account_id}


def test_a_worker_that_does_not_answer_is_ended_through_the_supervisor(house):
    run_id = house.run()
    house.board.deaf = {"cycles@here"}
    held = house.order().stop
    assert house.processes.ended == [("worker-cycles", True)]
    assert fates(held)["cycles@here"] == "ended by force"
    assert (house.state(run_id).state, held.quiet_at is not None) == (RunState.STOPPED, True)


def test_a_worker_that_answers_but_goes_on_consuming_is_ended_too(house):
    class Stubborn(ObedientSwitchboard):
        def halt(self, workers, **more):
            answers = dict(super().halt(workers, **more))
            for name in answers.keys() & {"fast@here"}:
                answers[name] = halting.Halted(
                    worker=name, at_work=(), terminated_rows=(), consuming=frozenset(catalogue.queues(Lane.FAST)[:1])
                )
            return answers

    board = Stubborn(workers=house.board.workers)
    floor = Floor(engine=house.engine, switchboard=board, processes=house.processes)
    told = halting.tell(floor)
    expected = ("fast@here",) if catalogue.queues(Lane.FAST) else ()
    assert told.silent == expected


def test_a_silent_worker_of_another_machine_is_named_with_what_to_do_and_its_run_keeps_it_from_being_quiet(house):
    run_id = house.run("cycles@there")
    house.beat("cycles@there")
    house.processes.strangers = {"cycles@there"}
    held = house.order().stop
    assert (held.quiet_at, held.fenced_at is not None) == (None, True)
    (named,) = [row for row in held.halted if row["worker"] == "cycles@there"]
    assert named["fate"] == "does not answer"
    assert "on there, end the worker cycles@there" in named["advice"]
    assert house.state(run_id).state is RunState.RUNNING
    with house.engine.begin() as conn:  # it ends at its next look, or its claim runs out
        runs.finish(conn, run_id, "cycles@there/7/abc", state=RunState.STOPPED)
    assert emergency.finish(house.stopping, held.id).quiet_at is not None


def test_a_run_whose_claim_ran_out_keeps_nothing_from_being_quiet(house):
    house.run("cycles@there")
    house.processes.strangers = {"cycles@there"}
    with house.engine.begin() as conn:
        conn.execute(update(runs.runs).values(lease_until=func.clock_timestamp()))
        assert at_work(conn) == ()
    assert house.order().stop.quiet_at is not None


def test_executors_are_not_ended_before_what_they_send_has_left(house):
    """A silent executor is in the middle of a send: ending it at once would leave one more outcome unknown."""
    house.board.deaf = {"actions@here"}
    house.stage.platform.write_seconds = 0.3
    action = house.stage.approve(budget())
    sending = threading.Event()
    seen = []
    real_end = house.processes.end

    class Watching(ListedProcesses):
        def end(self, name, *, hard):
            seen.append(len(house.stage.platform.oracle))
            return real_end(name, hard=hard)

    hook = lambda step: sending.set() if step == "fenced" else None  # noqa: E731 - a hook of one line
    sender = threading.Thread(target=lambda: house.stage.executor(QUICK, hook).execute(action.id))
    sender.start()
    assert sending.wait(10)
    floor = Floor(engine=house.engine, switchboard=house.board, processes=Watching(alive=house.processes.alive))
    (done,) = emergency.order(Stopping(floor=floor, timing=QUICK), (None,), ORDER)
    sender.join()
    assert seen == [1]  # the effect was there by then
    assert (fates(done.stop)["actions@here"], done.stop.in_doubt) == ("ended by force", ())


def test_a_worker_that_is_long_gone_is_waited_for_by_nobody(house):
    house.beat("cycles@gone")
    house.processes.strangers = {"cycles@gone"}
    with house.engine.begin() as conn:
        long_ago = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 5)
        conn.execute(
            update(heartbeats_table).where(heartbeats_table.c.process == "cycles@gone").values(seen_at=long_ago)
        )
    held = house.order().stop
    assert fates(held)["cycles@gone"] == "not there any more"
    assert held.quiet_at is not None


def test_workers_that_never_gave_a_sign_are_found_by_asking_all(house):
    with house.engine.begin() as conn:
        conn.execute(heartbeats_table.delete())
    assert fates(house.order().stop) == dict.fromkeys(WORKERS, "halted")


def test_the_control_lane_watches_on(house):
    house.board.workers["control@here"] = {"control"}
    house.beat("control@here")
    held = house.order().stop
    assert "control@here" not in fates(held)
    assert house.board.workers["control@here"] == {"control"}


DOWN = list(itertools.product((False, True), repeat=4))


@pytest.mark.parametrize(("redis", "beat", "flower", "workers"), DOWN)
def test_it_works_with_redis_beat_flower_and_workers_each_down(house, redis, beat, flower, workers):
    """Whatever is down, it is closed, quiet and answered, and nothing starts. Flower it never asks anything."""
    run_id = house.run()
    house.board.is_away = redis
    if workers:  # their processes died; their signs of life are still fresh
        house.processes.alive = set()
        house.board.workers = {}
    if not beat:
        with house.engine.begin() as conn:
            heartbeats.beat(conn, process="beat", kind=ProcessKind.BEAT, detail={})
    del flower
    held = house.order().stop
    assert None not in (held.quiet_at, held.fenced_at)
    assert house.state(run_id).state is RunState.STOPPED
    expected = "not there any more" if workers else "ended by force" if redis else "halted"
    assert set(fates(held).values()) == {expected}
    bell = NotedDoorbell()
    planning = planner.Planner(
        engine=house.engine, rhythms=catalogue.RHYTHMS, clock_of=lambda _: house.stage.clock, doorbell=bell
    )
    assert (planning.plan().runs, bell.runs) == ((), [])
    assert house.stage.propose(budget()).actions[0].state == "blocked"


def test_a_caller_that_dies_after_the_commit_is_finished_by_the_tower(house):
    """Only the order was committed: no worker was told, nothing drained, nothing paused."""
    run_id = house.run()
    ((stop_id, _),) = stop.order(house.engine, (None,), Order(reason="x", actor="os:ann", pauses=True, halts=True))
    house.stage.platform.objects["1"] = {"status": "active", "name": "campaign 1"}
    assert emergency.finish_open(house.stopping, house.pausing(), patience_s=30) == 1
    with house.engine.begin() as conn:
        held = stops.get(conn, stop_id)
    assert None not in (held.quiet_at, held.fenced_at, held.paused_at)
    assert house.state(run_id).state is RunState.STOPPED
    assert house.stage.platform.objects["1"]["status"] == "paused"
    assert emergency.finish_open(house.stopping, house.pausing(), patience_s=30) == 0


def test_the_rounds_of_a_tower_that_knows_no_workers_never_call_a_halting_stop_quiet(house):
    ((stop_id, _),) = stop.order(house.engine, (None,), ORDER)
    pauses.finish_open(house.pausing(), timing=QUICK, patience_s=1)
    with house.engine.begin() as conn:
        held = stops.get(conn, stop_id)
    assert (held.quiet_at, held.fenced_at is not None) == (None, True)


def test_who_finishes_a_stop_late_ends_no_run_that_was_begun_after_it(house):
    held = house.order().stop
    with house.engine.begin() as conn:
        stops.open_(conn, held.id, actor="os:ann")
    run_id = house.run()
    halting.close_runs(house.stopping.floor, held.id, halting.tell(house.stopping.floor).workers)

    assert house.state(run_id).state is RunState.RUNNING


def test_a_bug_in_the_halting_keeps_no_answer_back(house):
    class Broken(ObedientSwitchboard):
        def halt(self, *_, **__):
            raise RuntimeError("a bug")

    floor = Floor(engine=house.engine, switchboard=Broken(), processes=house.processes)
    (done,) = emergency.order(Stopping(floor=floor, timing=QUICK), (None,), ORDER)
    assert done.stop.fenced_at is not None
    with house.engine.begin() as conn:
        assert stops.unfinished(conn) == (done.stop.id,)  # the tower tries again


def test_it_outlives_restarts_of_workers_and_the_drift_that_somebody_clicks(house):
    held = house.order().stop
    for worker in WORKERS:  # a worker starts anew, or somebody adds its consumers in Flower
        house.board.workers[worker] = set(catalogue.queues(Lane(worker.partition("@")[0])))
    with house.engine.begin() as conn:
        stopped = module_states.stopped(conn)
    wrong = {(row.queue, row.on) for row in changes(house.board.consuming(), stopped)}
    assert wrong == {(rhythm.name, False) for rhythm in catalogue.RHYTHMS}
    assert {rhythm.name for rhythm in catalogue.RHYTHMS} == closed_queues(stopped)
    assert emergency.finish(house.stopping, held.id) == held  # and the stop itself is left as it is


def test_an_order_adds_to_a_stop_that_only_closed_the_fence(house):
    first = house.order(halts=False).stop
    done = house.order(pauses=True)
    assert (done.is_new, done.stop.id) == (False, first.id)
    assert (done.stop.halts, done.stop.pauses, done.stop.quiet_at is not None) == (True, True, True)
    assert fates(done.stop) == dict.fromkeys(WORKERS, "halted")


@pytest.mark.parametrize("alerts", [True, False])
def test_people_are_told_with_the_answer_unless_nobody_is_to_be(house, alerts):
    held = house.order(alerts=alerts).stop
    with house.engine.begin() as conn:
        found = conn.execute(select(incidents_table.c.kind, incidents_table.c.detail)).all()
    assert [(row.kind, row.detail["stop"]) for row in found] == ([("emergency_stop", held.id)] if alerts else [])
