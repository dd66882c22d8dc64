"""Restarts and the commands that run cycles: in order, once each, gone on with by whoever lives, told run by run."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from control_tower.commands.carrying import carry_out
from control_tower.commands.parts import MOST_TRIES
from control_tower.standins import NotedDoorbell
from domain.actions import Level, Mode
from domain.health import CommandType, RunState
from models import (
    accounts,
    module_states,
    run_history,
    runs,
    stops,
)
from models.commands import CommandState

COLLECTOR, CYCLE, SWEEP = "meta.collector", "meta.full_cycle", "meta.orphan_sweep"
BUILT = {"meta.api_client", "meta.autonomy", "meta.full_cycle"}


def _stopped(engine):
    with engine.begin() as conn:
        return module_states.stopped(conn) & BUILT


def _end_run(engine, run_id, state=RunState.SUCCEEDED):
    with engine.begin() as conn:
        runs.claim(conn, run_id, "cycles@a/1")
        runs.finish(conn, run_id, "cycles@a/1", state=state, reason="" if state is RunState.SUCCEEDED else "no luck")


def _planned(conn, account):
    now = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    return runs.plan(
        conn, task=CYCLE, account_id=account.id, mode=Mode.STUB, level=Level.AUTO, slot_at=now, now_at=now
    )  # fmt: skip


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


def test_a_module_that_is_no_part_of_it_fails_with_those_that_are(account, ports, order, read):
    command_id = order(CommandType.OPTIMIZE, "meta.autonomy")
    carry_out(ports)

    assert read(command_id).state is CommandState.FAILED
    assert "meta.full_cycle" in read(command_id).results["why"]


def test_a_carrier_that_dies_before_it_rings_leaves_no_second_run(engine, account, ports, order, read):
    class Death(BaseException):
        """The process is gone."""

    class DeadBell(NotedDoorbell):
        def ring_run(self, *_told, **_more):
            raise Death

    command_id = order(CommandType.OPTIMIZE)
    dying = replace(ports, doorbell=DeadBell())
    with pytest.raises(Death):
        carry_out(dying)
    carry_out(ports)  # another process goes on with the row

    with engine.begin() as conn:
        planned = run_history.history(conn, task=COLLECTOR)
    assert len(planned) == 1
    assert [row["run"] for row in read(command_id).results["runs"]] == [planned[0].id, None]
