"""Orders are rows that the tower carries out until the world agrees; silence is never taken for obedience."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from actions import stop
from control_tower.commands.carrying import begin, carry_out
from control_tower.commands.ordering import give
from control_tower.commands.parts import MOST_TRIES, Ports, Progress
from control_tower.standins import ObedientSwitchboard
from domain.actions import Level, Mode
from domain.catalogue import RHYTHMS
from domain.errors import BadInputError
from domain.health import CommandType, RunState, RunType, SystemStatus
from models import (
    accounts,
    audit_reads,
    commands,
    fence,
    heartbeats,
    module_states,
    run_history,
    runs,
    stops,
    tower_runs,
)
from models.commands import CommandState
from models.heartbeats import ProcessKind
from models.module_states import Desired

COLLECTOR, CYCLE, SWEEP = "meta.collector", "meta.full_cycle", "meta.orphan_sweep"
BUILT = {"meta.api_client", "meta.autonomy", "meta.full_cycle"}
RHYTHMS_HERE = tuple(row for row in RHYTHMS if row.name in {COLLECTOR, CYCLE, SWEEP})


@pytest.fixture
def switchboard():
    queues = {row.name for row in RHYTHMS}
    return ObedientSwitchboard(workers={"cycles@a": set(queues), "cycles@b": set(queues), "actions@a": set()})


@pytest.fixture
def ports(engine, switchboard, doorbell, clock):
    def errand(command):
        return Progress(state=CommandState.DONE, results={"asked": command.command_type})

    return Ports(
        engine=engine,
        switchboard=switchboard,
        doorbell=doorbell,
        clock_of=lambda _account: clock,
        rhythms=RHYTHMS_HERE,
        check=errand,
        resume=errand,
        finish_stop=lambda stop_id: stop.finish(engine, stop_id),
    )


@pytest.fixture
def order(engine):
    def give_one(command_type, *modules, reason="maintenance", actor="ana", **options):
        with engine.begin() as conn:
            return give(conn, command_type, reason=reason, actor=actor, modules=modules, **options)

    return give_one


@pytest.fixture
def read(engine):
    def one(command_id):
        with engine.begin() as conn:
            return commands.get(conn, command_id)

    return one


@pytest.fixture
def lives(engine):
    def give_sign(*workers):
        with engine.begin() as conn:
            for worker in workers:
                heartbeats.beat(conn, process=worker, kind=ProcessKind.WORKER, detail={})

    return give_sign


def _stopped(engine):
    with engine.begin() as conn:
        return module_states.stopped(conn) & BUILT


def _end_run(engine, run_id, state=RunState.SUCCEEDED):
    with engine.begin() as conn:
        runs.claim(conn, run_id, "cycles@a/1")
        runs.finish(conn, run_id, "cycles@a/1", state=state, reason="" if state is RunState.SUCCEEDED else "no luck")


def test_a_stop_of_all_takes_every_module_from_every_worker_and_tells_what_was(engine, ports, order, read, switchboard):
    switchboard.lengths[CYCLE] = 3
    command_id = order(CommandType.STOP_ALL)
    carry_out(ports)

    done = read(command_id)
    assert done.state is CommandState.DONE
    assert _stopped(engine) == BUILT
    assert not switchboard.workers["cycles@a"] & {COLLECTOR, CYCLE, SWEEP}
    assert not switchboard.workers["cycles@b"] & {COLLECTOR, CYCLE, SWEEP}
    assert done.results["targets"]["meta.full_cycle"]["was"] == "running"
    assert "no worker" in done.results["targets"]["meta.full_cycle"]["seen"]
    assert switchboard.lengths.get(CYCLE, 0) == 0
    assert any("dropped 3" in act["did"] for act in done.actions)
    assert done.started_at is not None
    assert done.finished_at >= done.started_at


def test_a_stop_of_one_module_leaves_the_others(engine, ports, order, read, switchboard):
    command_id = order(CommandType.STOP_ALL, "full_cycle")
    carry_out(ports)

    assert read(command_id).state is CommandState.DONE
    assert _stopped(engine) == {"meta.full_cycle"}
    assert {COLLECTOR, SWEEP} <= switchboard.workers["cycles@a"]


def test_a_start_gives_them_back_and_says_who_had_stopped_them(engine, ports, order, read, switchboard):
    order(CommandType.STOP_ALL, reason="price change")
    carry_out(ports)
    command_id = order(CommandType.START_ALL, actor="leo")
    carry_out(ports)

    done = read(command_id)
    assert done.state is CommandState.DONE
    assert _stopped(engine) == frozenset()
    assert {COLLECTOR, CYCLE, SWEEP} <= switchboard.workers["cycles@b"]
    assert done.results["targets"]["meta.full_cycle"]["was"] == "stopped (ana: price change)"


def test_a_worker_that_lives_and_does_not_answer_is_not_confirmed_and_the_stop_fails_with_what_to_do(
    engine, ports, order, read, lives
):
    lives("cycles@a", "cycles@b")
    ports.switchboard.silent.add("cycles@b")
    command_id = order(CommandType.STOP_ALL, CYCLE)
    carry_out(ports)

    waiting = read(command_id)
    assert waiting.state is CommandState.RUNNING
    assert "cycles@b gave no answer" in waiting.results["targets"]["meta.full_cycle"]["seen"]
    for _ in range(MOST_TRIES):
        carry_out(ports)
    failed = read(command_id)
    assert failed.state is CommandState.FAILED
    assert "stakazo status" in failed.results["why"]
    assert _stopped(engine) == {"meta.full_cycle"}  # what was wanted stands


def test_a_worker_that_answers_and_does_not_obey_is_told_again_until_it_does(ports, order, read, switchboard):
    switchboard.deaf.add("cycles@b")
    command_id = order(CommandType.STOP_ALL, CYCLE)
    carry_out(ports)
    assert "cycles@b still consumes" in read(command_id).results["targets"]["meta.full_cycle"]["seen"]

    switchboard.deaf.clear()
    carry_out(ports)
    assert read(command_id).state is CommandState.DONE


def test_a_start_without_any_worker_is_not_a_success(ports, order, read, switchboard):
    switchboard.workers.clear()
    command_id = order(CommandType.START_ALL)
    carry_out(ports)

    assert read(command_id).state is CommandState.RUNNING
    assert "stakazo up" in read(command_id).results["targets"]["meta.full_cycle"]["seen"]


def test_a_stop_waits_for_the_run_that_is_at_work_and_ends_none(engine, account, ports, order, read):
    with engine.begin() as conn:
        run_id = _planned(conn, account)
        runs.claim(conn, run_id, "cycles@a/1")
    command_id = order(CommandType.STOP_ALL, CYCLE)
    for _ in range(MOST_TRIES + 1):
        carry_out(ports)

    waiting = read(command_id)
    assert waiting.state is CommandState.RUNNING
    assert f"run {run_id}" in waiting.results["targets"]["meta.full_cycle"]["seen"]
    with engine.begin() as conn:
        runs.finish(conn, run_id, "cycles@a/1", state=RunState.STOPPED)
    carry_out(ports)
    assert read(command_id).state is CommandState.DONE


def test_an_account_is_stopped_by_its_pause_switch_and_modules_go_on(engine, account, ports, order, read):
    command_id = order(CommandType.STOP_ALL, account=account)
    carry_out(ports)

    assert read(command_id).state is CommandState.DONE
    assert _stopped(engine) == frozenset()
    with engine.begin() as conn:
        assert accounts.get(conn, account.id).is_paused
    order(CommandType.START_ALL, account=account)
    carry_out(ports)
    with engine.begin() as conn:
        assert not accounts.get(conn, account.id).is_paused


def test_of_two_operators_the_later_order_stands_and_the_earlier_one_says_so(engine, ports, order, read, lives):
    lives("cycles@a")
    ports.switchboard.silent.add("cycles@a")
    stop = order(CommandType.STOP_ALL, CYCLE)
    carry_out(ports)
    assert read(stop).state is CommandState.RUNNING
    ports.switchboard.silent.clear()
    start = order(CommandType.START_ALL, CYCLE, actor="leo", reason="not today")
    carry_out(ports)
    carry_out(ports)

    assert read(start).state is CommandState.DONE
    assert read(stop).state is CommandState.DONE
    assert "set otherwise since by leo: not today" in read(stop).results["targets"]["meta.full_cycle"]["seen"]
    assert _stopped(engine) == frozenset()
    assert CYCLE in ports.switchboard.workers["cycles@a"]


def test_the_same_order_twice_ends_in_the_same_state(engine, ports, order, read):
    first, second = order(CommandType.STOP_ALL), order(CommandType.STOP_ALL, actor="leo")
    carry_out(ports)
    carry_out(ports)

    assert (read(first).state, read(second).state) == (CommandState.DONE, CommandState.DONE)
    assert _stopped(engine) == BUILT


def test_a_held_order_waits_for_a_person_and_can_be_taken_back(engine, ports, order, read):
    kept, dropped = (order(CommandType.STOP_ALL, execute_immediately=False) for _ in range(2))
    carry_out(ports)
    assert read(kept).state is CommandState.HELD
    assert _stopped(engine) == frozenset()

    with engine.begin() as conn:
        commands.release(conn, kept, by="leo")
        commands.cancel(conn, dropped, by="leo")
    carry_out(ports)
    assert (read(kept).state, read(kept).released_by) == (CommandState.DONE, "leo")
    assert read(dropped).state is CommandState.CANCELLED
    with engine.begin() as conn, pytest.raises(BadInputError, match="is done"):
        commands.cancel(conn, kept, by="leo")


def test_a_restart_takes_a_module_from_workers_drops_what_waits_and_rings_anew(engine, account, ports, order, read):
    with engine.begin() as conn:
        run_id = _planned(conn, account)
    ports.switchboard.lengths[CYCLE] = 2
    command_id = order(CommandType.RESTART_MODULE, CYCLE, reason="stuck")
    carry_out(ports)

    done = read(command_id)
    told = [act["did"] for act in done.actions]
    assert done.state is CommandState.DONE
    assert told.index(f"cycles@a: do not consume {CYCLE}") < told.index(f"cycles@a: consume {CYCLE}")
    assert ports.switchboard.lengths.get(CYCLE, 0) == 0
    assert CYCLE in ports.switchboard.workers["cycles@a"]
    assert (CYCLE, run_id) in ports.doorbell.runs
    with engine.begin() as conn:
        assert module_states.listing(conn)["meta.full_cycle"].restarted_at >= done.created_at


def test_a_restart_goes_on_where_it_was_when_the_broker_comes_back(ports, order, read, switchboard, lives):
    lives("cycles@a", "cycles@b")
    switchboard.is_away = True
    command_id = order(CommandType.RESTART_MODULE, CYCLE)
    carry_out(ports)
    assert read(command_id).state is CommandState.RUNNING

    switchboard.is_away = False
    carry_out(ports)
    assert read(command_id).state is CommandState.DONE


def test_a_restart_starts_nothing_that_a_person_stopped(engine, ports, order, read):
    order(CommandType.STOP_ALL, CYCLE)
    carry_out(ports)
    command_id = order(CommandType.RESTART_MODULE, CYCLE)
    carry_out(ports)

    assert read(command_id).state is CommandState.FAILED
    assert "modules start" in read(command_id).results["targets"]["meta.full_cycle"]["seen"]
    assert _stopped(engine) == {"meta.full_cycle"}


def test_optimize_runs_what_comes_before_first_waits_for_it_and_reports_each_run(engine, account, ports, order, read):
    command_id = order(CommandType.OPTIMIZE, reason="")
    carry_out(ports)
    carry_out(ports)
    assert [task for task, _ in ports.doorbell.runs] == [COLLECTOR]  # once, and nothing behind it yet

    _end_run(engine, ports.doorbell.runs[0][1])
    carry_out(ports)
    assert [task for task, _ in ports.doorbell.runs] == [COLLECTOR, CYCLE]
    _end_run(engine, ports.doorbell.runs[1][1])
    carry_out(ports)

    done = read(command_id)
    assert done.state is CommandState.DONE
    assert [(row["cycle"], row["state"]) for row in done.results["runs"]] == [
        (COLLECTOR, "succeeded"),
        (CYCLE, "succeeded"),
    ]
    with engine.begin() as conn:
        assert run_history.get(conn, ports.doorbell.runs[0][1]).triggered_by == f"ana, command {command_id}"


def test_nothing_is_optimised_on_what_could_not_be_read(engine, account, ports, order, read):
    command_id = order(CommandType.OPTIMIZE)
    carry_out(ports)
    _end_run(engine, ports.doorbell.runs[0][1], RunState.FAILED)
    carry_out(ports)

    failed = read(command_id)
    assert failed.state is CommandState.FAILED
    assert len(ports.doorbell.runs) == 1
    assert failed.results["runs"][1]["state"] == "left out"
    assert f"cycle log {ports.doorbell.runs[0][1]}" in failed.results["why"]


def test_accounts_go_their_own_pace_and_a_paused_one_is_left_out(engine, open_account, ports, order, read):
    _, _, third = (open_account(number) for number in (1, 2, 3))
    with engine.begin() as conn:
        accounts.change(conn, third.id, is_paused=True)
    command_id = order(CommandType.SYNC_DATA)
    carry_out(ports)
    assert len(ports.doorbell.runs) == 2
    for _, run_id in ports.doorbell.runs:
        _end_run(engine, run_id)
    carry_out(ports)

    done = read(command_id)
    assert done.state is CommandState.DONE
    assert [row["state"] for row in done.results["runs"]] == ["succeeded", "succeeded", "left out"]
    assert "paused" in done.results["runs"][2]["why"]


def test_a_platform_that_does_not_tell_the_time_is_asked_again_and_then_named(account, ports, order, read, clock):
    clock.at = None
    command_id = order(CommandType.SYNC_DATA)
    for _ in range(MOST_TRIES):
        assert read(command_id).state in {CommandState.ACCEPTED, CommandState.RUNNING}
        carry_out(ports)

    assert read(command_id).state is CommandState.FAILED
    assert "does not tell the time" in read(command_id).results["why"]


def test_while_a_stop_of_all_halts_nothing_is_made_to_run(engine, account, ports, order, read):
    with engine.begin() as conn:
        stops.add(conn, account_id=None, reason="spend", actor="leo", pauses=False)
        conn.execute(text("UPDATE stops SET halts = true"))
    ids = [order(CommandType.START_ALL), order(CommandType.RESTART_MODULE, CYCLE), order(CommandType.OPTIMIZE)]
    carry_out(ports)

    assert {read(one).state for one in ids} == {CommandState.FAILED}
    assert "stakazo resume" in read(ids[0]).results["why"]


def test_a_command_that_raises_keeps_no_other_waiting(ports, order, read, engine):
    def broken(_command):
        raise RuntimeError("bug")

    broken_ports = Ports(
        **{name: getattr(ports, name) for name in Ports.__dataclass_fields__ if name != "check"}, check=broken
    )
    check, stop = order(CommandType.HEALTH_CHECK), order(CommandType.STOP_ALL)
    for _ in range(MOST_TRIES):
        carry_out(broken_ports)

    assert read(stop).state is CommandState.DONE
    assert read(check).state is CommandState.FAILED
    assert "RuntimeError" in read(check).results["why"]


def test_while_one_carries_out_nobody_else_does(ports, order, read):
    seen = []

    class Nosy(ObedientSwitchboard):
        def consuming(self, workers=None):
            seen.append(carry_out(ports))
            return super().consuming(workers)

    nosy = Ports(
        **{name: getattr(ports, name) for name in Ports.__dataclass_fields__ if name != "switchboard"},
        switchboard=Nosy(workers={}),
    )
    order(CommandType.STOP_ALL)
    carry_out(nosy)

    assert seen
    assert set(seen) == {None}
    assert carry_out(ports) == 0  # and the lock is free again


def test_every_order_and_its_end_stand_in_the_audit(engine, ports, order):
    order(CommandType.STOP_ALL, CYCLE)
    carry_out(ports)

    with engine.begin() as conn:
        events = [row.event for row in audit_reads.listing(conn, limit=50)]
    assert {"command.given", "module.stopped", "command.done"} <= set(events)


@pytest.mark.parametrize(
    ("command_type", "options", "told"),
    [
        (CommandType.STOP_ALL, {"reason": " "}, "--reason"),
        (CommandType.RESTART_MODULE, {}, "--module"),
        (CommandType.STOP_ALL, {"modules": ["meta.real_time"]}, "planned"),
        (CommandType.STOP_ALL, {"modules": ["meta.control_tower"]}, "the tower itself"),
        (CommandType.STOP_ALL, {"modules": ["full_cylce"]}, "stakazo modules"),
        (CommandType.STOP_ALL, {"platform": "google"}, "meta"),
        (CommandType.HEALTH_CHECK, {"modules": ["meta.full_cycle"]}, "no modules"),
    ],
)
def test_an_order_that_lacks_something_is_refused_with_the_way_out(engine, command_type, options, told):
    wanted = {"reason": "test", "actor": "ana", **options}
    with engine.begin() as conn, pytest.raises(BadInputError, match=told):
        give(conn, command_type, **wanted)
    with engine.begin() as conn:
        assert commands.history(conn) == ()


def test_a_module_that_is_no_part_of_it_fails_with_those_that_are(account, ports, order, read):
    command_id = order(CommandType.OPTIMIZE, "meta.autonomy")
    carry_out(ports)

    assert read(command_id).state is CommandState.FAILED
    assert "meta.full_cycle" in read(command_id).results["why"]


def _planned(conn, account):
    now = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    return runs.plan(
        conn, task=CYCLE, account_id=account.id, mode=Mode.STUB, level=Level.AUTO, slot_at=now, now_at=now
    )  # fmt: skip


def test_what_was_wanted_of_modules_is_kept_apart_from_what_the_halting_stop_holds(engine, ports, order, read):
    order(CommandType.STOP_ALL, CYCLE)
    carry_out(ports)
    with engine.begin() as conn:
        assert module_states.listing(conn)["meta.full_cycle"].desired is Desired.STOPPED
        assert "meta.autonomy" not in module_states.listing(conn)


def test_an_emergency_stop_ordered_as_a_command_closes_the_fence_as_it_begins(engine, account, ports, order, read):
    command_id = order(CommandType.EMERGENCY_STOP, reason="spend", options={"stop_schedulers": False})
    begin(ports, command_id)
    with engine.begin() as conn:
        assert fence.state(conn, account.id).closed
        (held,) = stops.listing(conn)
    assert (held.pauses, held.halts, held.actor) == (True, False, "ana")

    carry_out(ports)
    waiting = read(command_id)
    assert waiting.state is CommandState.RUNNING  # until all is paused
    assert waiting.results["times"][0]["fenced"] is not None
    with engine.begin() as conn:
        conn.execute(text("UPDATE stops SET paused_at = clock_timestamp()"))
    carry_out(ports)
    assert read(command_id).state is CommandState.DONE


def test_resuming_needs_a_stop_that_is_open(ports, order, read):
    command_id = order(CommandType.RESUME)
    carry_out(ports)

    assert read(command_id).state is CommandState.FAILED
    assert "no stop is open" in read(command_id).results["why"]


def test_every_command_leaves_one_run_of_the_tower_with_its_outcome(engine, ports, order):
    done, refused = order(CommandType.STOP_ALL, CYCLE), order(CommandType.RESUME)
    carry_out(ports)
    carry_out(ports)

    with engine.begin() as conn:
        rows = {row.command_id: row for row in tower_runs.listing(conn, run_type=RunType.COMMAND)}
    assert rows.keys() == {done, refused}
    assert (rows[done].command_type, rows[done].executed_by) == (CommandType.STOP_ALL, "ana")
    assert "no stop is open" in rows[refused].errors_encountered[0]["why"]
    assert rows[done].system_status is SystemStatus.DEGRADED  # nobody has looked yet: not called healthy
