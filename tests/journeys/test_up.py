"""`stakazo up` as a person lives with it: stopped, started again, started twice, its processes and itself killed."""

import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

import pytest
from sqlalchemy import select

from models.tables import accounts, actions, audit, runs
from tests.journeys.running import Machine, is_alive, machine, wait_until

_FLOWER_PORT = 5555
_RESTARTED = ("worker-cycles", "worker-actions", "tower", "beat", "flower")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What must outlive a stop."""

    rows: dict[str, list]
    ports: dict[str, int]
    platform_at: datetime
    sandbox_started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A Ctrl-C while a cycle waited for the platform, and the start after it."""

    run_id: int
    before: Look
    after: Look
    names: list[str]
    exit_status: int
    left_alive: list
    said: str


@pytest.fixture(scope="module")
def taken_port() -> Iterator[int]:
    """Flower's own port, held by somebody else, be it by us or by whoever was there before."""
    with closing(socket.socket()) as neighbour:
        try:
            neighbour.bind(("127.0.0.1", _FLOWER_PORT))
            neighbour.listen()
        except OSError:
            pass
        yield _FLOWER_PORT


@pytest.fixture(scope="module")
def up(tmp_path_factory, taken_port) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("up") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def stop(up) -> Stop:
    up.advance(hours=1)
    with up.slow(30, path="insights") as held:
        run_id = up.ask_for_cycle()
        held()
        before, family, names = _look(up), up.family(), [child.name for child in up.runtime.children]
        exit_status = up.interrupt()
        left_alive, said = [process for process in family if is_alive(process)], up.said
        up.start()
    return Stop(
        run_id=run_id,
        before=before,
        after=_look(up),
        names=names,
        exit_status=exit_status,
        left_alive=left_alive,
        said=said,
    )


def test_a_taken_port_gives_way_to_the_next_free_one_printed_and_in_status(up, taken_port):
    port = up.port("flower")
    assert port != taken_port
    assert f"Flower: http://127.0.0.1:{port} " in up.said
    shown = {row["name"]: row["address"] for row in up.status()["processes"]}
    assert shown["flower"] == f"http://127.0.0.1:{port}"


def test_everything_is_well_once_the_first_cycle_is_printed(up):
    status = wait_until(
        lambda: (found := up.status())["ok"] and found, lambda: f"all is well: {up.status()['problems']}", 60
    )
    assert all(row["alive"] for row in status["processes"])
    assert "Olivar del Sol: full cycle" in up.said
    assert "ad set" in up.said


def test_a_second_up_on_the_same_folder_is_told_who_is_there(up):
    done = up.type("up")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert str(up.process.pid) in line
    assert "already runs" in line
    assert up.status()["supervisor"]["alive"]


def test_killed_processes_are_restarted_with_a_line_each_and_cycles_go_on(up):
    before = {name: up.pid(name) for name in _RESTARTED}
    for name in _RESTARTED:
        up.kill(name)
    assert all(up.pid(name) != pid for name, pid in before.items())
    for name in _RESTARTED:
        assert f"{name} died (signal 9), restarting in" in up.said
        assert f"{name} restarted (pid {up.pid(name)})" in up.said
    restarts = {row["name"]: row["restarts"] for row in up.status()["processes"]}
    assert {restarts[name] for name in _RESTARTED} == {1}
    up.advance(days=1)
    assert up.cycle()["status"] == "succeeded"
    assert up.comparison().agrees


def test_ctrl_c_in_mid_cycle_exits_with_0_and_no_child_is_left(stop):
    assert stop.exit_status == 0
    assert stop.left_alive == []


def test_ctrl_c_stops_the_last_started_first_and_kills_nobody(stop):
    lines = stop.said.splitlines()
    ends = {name: lines.index(f"{name} stopped") for name in stop.names}  # a killed one would say so instead
    companies = [list(names) for _, names in groupby(stop.names, _company)]
    assert len(companies) == 5  # postgres, redis, sandbox, workers, and who watches them
    for earlier, later in pairwise(companies):
        assert max(ends[name] for name in later) < min(ends[name] for name in earlier)


def _company(name):
    """Who is stopped at the same time."""
    watchers = {"tower", "beat", "metrics", "flower"}
    return "workers" if name.startswith("worker-") else "watchers" if name in watchers else name


def test_the_next_up_goes_on_with_the_same_accounts_and_rows(stop):
    after = stop.after.rows
    assert after["accounts"] == stop.before.rows["accounts"]
    assert {name: after[name][: len(rows)] for name, rows in stop.before.rows.items()} == stop.before.rows
    assert len(after["runs"]) > len(stop.before.rows["runs"])


def test_the_next_up_keeps_the_ports(stop):
    assert stop.after.ports == stop.before.ports


def test_the_sandbox_clock_stood_while_nothing_ran(stop):
    before, after = stop.before, stop.after
    assert timedelta() <= after.platform_at - before.platform_at < after.sandbox_started_at - before.sandbox_started_at


def test_the_run_that_ctrl_c_cut_off_is_done_by_the_next_up(stop, up):
    row = up.ended(stop.run_id)
    assert (row.state, row.attempts) == ("succeeded", 2)
    assert up.comparison().agrees


def test_an_up_after_a_killed_supervisor_works_and_nothing_is_left_over(up):
    family, ports = up.family(), _look(up).ports
    up.kill_supervisor()
    up.start()
    assert [process for process in family if is_alive(process)] == []
    assert _look(up).ports == ports
    up.advance(days=1)
    assert up.cycle()["status"] == "succeeded"
    assert up.comparison().agrees


def _look(up: Machine) -> Look:
    columns = {
        "accounts": (accounts.c.id, accounts.c.platform_account_id, accounts.c.level, accounts.c.fence_epoch),
        "runs": (runs.c.id, runs.c.task, runs.c.slot_at),
        "actions": (actions.c.id, actions.c.op_token, actions.c.state, actions.c.attempts),
        "events": (audit.c.chain, audit.c.seq, audit.c.event),
    }
    with up.engine.connect() as conn:
        rows = {name: conn.execute(select(*wanted).order_by(*wanted[:2])).all() for name, wanted in columns.items()}
    return Look(
        rows=rows,
        ports={child.name: child.port for child in up.runtime.children if child.port},
        platform_at=up.platform_now(),
        sandbox_started_at=up.runtime.child("sandbox").started_at,
    )
