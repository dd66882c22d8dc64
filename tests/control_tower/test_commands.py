"""Orders are rows that the tower carries out until the world agrees; silence is never taken for obedience."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from control_tower.commands.carrying import begin, carry_out
from control_tower.commands.ordering import give
from control_tower.commands.parts import MOST_TRIES
from control_tower.standins import ObedientSwitchboard
from domain.actions import Level, Mode
from domain.errors import BadInputError
from domain.health import CommandType, RunState, RunType, SystemStatus
from models import (
    accounts,
    audit_reads,
    commands,
    fence,
    module_states,
    runs,
    stops,
    tower_runs,
)
from models.commands import CommandState
from models.module_states import Desired

COLLECTOR, CYCLE, SWEEP = "meta.collector", "meta.full_cycle", "meta.orphan_sweep"
BUILT = {"meta.api_client", "meta.autonomy", "meta.full_cycle"}


def _stopped(engine):
    with engine.begin() as conn:
        return module_states.stopped(conn) & BUILT


def _planned(conn, account):
    now = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    return runs.plan(
        conn, task=CYCLE, account_id=account.id, mode=Mode.STUB, level=Level.AUTO, slot_at=now, now_at=now
    )  # fmt: skip


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


@pytest.mark.parametrize("error", [RuntimeError("bug"), ProgrammingError("SELECT nothing", {}, Exception("bug"))])
def test_a_command_that_raises_keeps_no_other_waiting(ports, order, read, engine, error):
    def broken(_command):
        raise error

    broken_ports = replace(ports, check=broken)
    check, stop = order(CommandType.HEALTH_CHECK), order(CommandType.STOP_ALL)
    for _ in range(MOST_TRIES):
        carry_out(broken_ports)

    assert read(stop).state is CommandState.DONE
    assert read(check).state is CommandState.FAILED
    assert type(error).__name__ in read(check).results["why"]


def test_a_command_that_cannot_even_begin_keeps_no_other_waiting(ports, order, read):
    broken = order(CommandType.SYNC_DATA)
    stop = order(CommandType.STOP_ALL)
    carry_out(replace(ports, rhythms=None))  # a bug: what it decides on is not there

    assert read(stop).state is CommandState.DONE
    assert read(broken).state is CommandState.FAILED
    assert "TypeError" in read(broken).results["why"]


def test_while_one_carries_out_nobody_else_does(ports, order, read):
    seen = []

    class Nosy(ObedientSwitchboard):
        def consuming(self, workers=None):
            seen.append(carry_out(ports))
            return super().consuming(workers)

    nosy = replace(ports, switchboard=Nosy(workers={}))
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
        (CommandType.STOP_ALL, {"modules": ["meta.creative_production"]}, "planned"),
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


def test_a_carrier_that_dies_after_it_was_begun_leaves_an_order_that_holds_and_is_gone_on_with(
    engine, ports, order, read
):
    command_id = order(CommandType.STOP_ALL, CYCLE)
    begin(ports, command_id)  # and here whoever ordered it dies
    assert _stopped(engine) == {"meta.full_cycle"}
    assert read(command_id).state is CommandState.RUNNING
    begin(ports, command_id)  # a second time begins nothing anew
    carry_out(ports)
    assert read(command_id).state is CommandState.DONE
