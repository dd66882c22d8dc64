"""Everything that one machine is made of dies in the middle of a cycle, one after the other, on a machine that goes on.

After each: what was open is over (done by another attempt, or recorded as failed), the next cycle runs, and the ledger
equals the sandbox's own log: nothing was applied twice, nothing is called applied that was not.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import select

from domain import catalogue
from domain.actions import ActionState
from domain.health import OPEN_RUN_STATES, RunState
from domain.modules import Lane
from models.runs import LEASE_S, RING_AGAIN_S, SCHEDULE
from models.tables import actions, runs
from tests.journeys.running import CYCLE, Machine, machine, wait_until
from workers import addresses

_HELD_S = 20.0  # a call that is cut off by a kill; nobody waits it out unless the test says so
_LET_GO_S = 10.0  # a call that ends by itself; on a busy machine too it lasts until the kill
_QUARANTINE_S = 130.0
_MOST_LOOKS = 5  # of an update that is not there two are needed; a busy machine may want a third
_LOOK_S = 10.0
_TREE = {"method": "GET", "path": "/(campaigns|adsets|ads)$"}  # what the cycles worker alone reads
_BUDGETS = {"method": "POST", "kind": "adset"}
# It moves budgets in every cycle, whatever the market of the day is like, and leaves ads running to earn or lose.
_EAGER = [f"--set={one}" for one in ("roas_high=1.55", "ab_min_impressions=100000000", "fatigue_drop=0.95")]


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("outages") / "home") as running:
        running.ask("policy", "set", "classic", *_EAGER)
        yield running


@pytest.fixture(autouse=True)
def judged(house) -> Iterator[None]:
    """What every scenario must leave behind: nothing open for good, a next cycle that succeeds, one effect each."""
    house.advance(days=4)  # cooldowns are over, figures are stale, a new slot is due
    yield
    assert house.cycle()["status"] == "succeeded"
    wait_until(lambda: not _open_runs(house), lambda: f"no run stays open: {_open_runs(house)}")
    wait_until(lambda: not house.comparison().undecided, lambda: f"all is decided: {house.comparison()}")
    assert house.comparison().agrees, house.comparison()
    assert house.process.poll() is None


def test_redis_killed_while_a_cycle_reads(house):
    with house.slow(_LET_GO_S, **_TREE) as held:
        asked = house.ask_for_cycle()
        held()
        run_id = _reading(house, asked)
        house.kill("redis")
    row = house.ended(run_id)
    assert (row.state, row.attempts) == ("succeeded", 1)
    assert "redis died (signal 9), restarting in" in house.said


def test_redis_killed_while_a_budget_is_on_its_way(house):
    with house.slow(_LET_GO_S, **_BUDGETS) as held:
        house.ask_for_cycle()
        held()
        sent = _sent(house)
        house.kill("redis")
    assert ActionState.APPLIED in _settled(house, sent)


def test_messages_lost_from_redis_are_rung_again_by_the_tower_and_the_next_slot_runs(house):
    pid = house.pid("worker-cycles")
    os.kill(pid, signal.SIGSTOP)  # it may have asked for the next message, and takes none up
    run_id = house.ask_for_cycle()
    with closing(Redis.from_url(addresses.redis_url(house.settings))) as broker:
        broker.flushall()
    house.kill("worker-cycles")
    assert house.run(run_id).state == "planned"
    house.let_pass(RING_AGAIN_S, ring=False)  # the tower's own process rings
    row = house.ended(run_id)
    assert row.state == "succeeded", row.reason
    slot = wait_until(lambda: _latest_slot(house), "the tower plans the slot that is due")
    row = house.ended(slot)
    assert (row.state, row.triggered_by) == ("succeeded", "schedule")


def test_postgres_stopped_while_a_cycle_reads(house):
    with house.slow(_LET_GO_S, **_TREE) as held:
        asked = house.ask_for_cycle()
        held()
        run_id = _reading(house, asked)
        house.kill("postgres", signal.SIGQUIT)
    house.let_pass(LEASE_S)
    row = house.ended(run_id)
    assert row.state == "succeeded"
    assert row.attempts == 2


def test_postgres_stopped_while_a_budget_is_on_its_way(house):
    with house.slow(_LET_GO_S, **_BUDGETS) as held:
        house.ask_for_cycle()
        held()
        sent = _sent(house)
        house.kill("postgres", signal.SIGINT)
    _pass_until_settled(house, sent)
    assert ActionState.APPLIED in _settled(house, sent)


def test_beat_killed_while_a_cycle_reads(house):
    with house.slow(_LET_GO_S, **_TREE) as held:
        asked = house.ask_for_cycle()
        held()
        run_id = _reading(house, asked)
        house.kill("beat")
    row = house.ended(run_id)
    assert (row.state, row.attempts) == ("succeeded", 1), row.reason


def test_the_tower_killed_while_a_cycle_reads(house):
    with house.slow(_LET_GO_S, **_TREE) as held:
        asked = house.ask_for_cycle()
        held()
        run_id = _reading(house, asked)
        house.kill("tower")
    row = house.ended(run_id)
    assert (row.state, row.attempts) == ("succeeded", 1), row.reason


def test_the_sandbox_killed_while_a_cycle_reads(house):
    before = house.platform_now()
    with house.slow(_HELD_S, **_TREE) as held:
        asked = house.ask_for_cycle()
        held()
        run_id = _reading(house, asked)
        house.kill("sandbox")
    assert house.platform_now() >= before
    wait_until(lambda: house.run(run_id).state == "planned", "the run is put back")
    house.let_pass(30)
    row = house.ended(run_id)
    assert (row.state, row.attempts) == ("succeeded", 2), row.reason


def test_the_sandbox_killed_while_a_budget_is_on_its_way(house):
    with house.slow(_HELD_S, **_BUDGETS) as held:
        house.ask_for_cycle()
        held()
        sent = _sent(house)
        house.kill("sandbox")
    _pass_until_settled(house, sent)
    assert ActionState.APPLIED in _settled(house, sent)


def test_the_cycles_worker_killed_while_a_cycle_reads(house):
    with house.slow(_HELD_S, **_TREE) as held:
        asked = house.ask_for_cycle()
        held()
        run_id = _reading(house, asked)
        house.kill("worker-cycles")
    house.let_pass(LEASE_S)
    row = house.ended(run_id)
    assert (row.state, row.attempts) == ("succeeded", 2), row.reason


def test_the_executor_killed_while_a_budget_is_on_its_way(house):
    with house.slow(_LET_GO_S, **_BUDGETS) as held:
        house.ask_for_cycle()
        held()
        sent = _sent(house)
        house.kill("worker-actions")
        time.sleep(
            _LET_GO_S
        )  # the sandbox lives on and does the rest of the call late; a real quarantine outlasts that
    _pass_until_settled(house, sent)
    assert ActionState.APPLIED in _settled(house, sent)


def _open_runs(house: Machine) -> list:
    with house.engine.connect() as conn:
        return conn.execute(select(runs).where(runs.c.state.in_(OPEN_RUN_STATES))).all()


def _latest_slot(house: Machine) -> int | None:
    """The scheduled full cycle of the last half hour on the platform's clock."""
    since = house.platform_now() - timedelta(minutes=31)
    mine = (runs.c.task == CYCLE, runs.c.triggered_by == SCHEDULE, runs.c.slot_at > since)
    with house.engine.connect() as conn:
        return conn.execute(select(runs.c.id).where(*mine)).scalars().first()


def _reading(house: Machine, asked: int) -> int:
    """The run whose call is held: the one asked for, or that of a slot which came due at the same moment."""
    mine = (runs.c.state == RunState.RUNNING, runs.c.task.in_(catalogue.queues(Lane.CYCLES)))
    with house.engine.connect() as conn:
        running = [row.id for row in conn.execute(select(runs.c.id).where(*mine))]
    assert running, f"run {asked} is {house.run(asked).state}, and no other runs"
    return asked if asked in running else running[0]


def _sent(house: Machine) -> list[int]:
    """The actions of the held call: written ahead, without an outcome. The first has its effect, others may not."""
    with house.engine.connect() as conn:
        found = [row.id for row in conn.execute(select(actions.c.id).where(actions.c.state == ActionState.SENT))]
    assert found
    return found


def _states(house: Machine, ids: list[int]) -> list[ActionState]:
    with house.engine.connect() as conn:
        rows = conn.execute(select(actions.c.state).where(actions.c.id.in_(ids)))
        return [ActionState(row.state) for row in rows]


def _settled(house: Machine, ids: list[int]) -> list[ActionState]:
    open_states = {ActionState.APPROVED, ActionState.SENT, ActionState.UNKNOWN}

    def look() -> list[ActionState] | None:
        states = _states(house, ids)
        return None if open_states & set(states) else states

    return wait_until(look, lambda: f"actions {ids} settle: {_states(house, ids)}")


def _pass_until_settled(house: Machine, ids: list[int]) -> None:
    """Let the leases of whoever held them run out, then quarantines, until none of them stands open."""
    house.let_pass(60)
    wait_until(lambda: ActionState.SENT not in _states(house, ids), f"actions {ids} are looked after")
    for _ in range(_MOST_LOOKS):
        house.let_pass(_QUARANTINE_S)
        if not _settles(house):
            return


def _settles(house: Machine) -> list[int]:
    """Wait a little for what went out together to settle; returns what still waits for a quarantine."""
    unsure = (ActionState.SENT, ActionState.UNKNOWN)

    def still() -> list[int]:
        with house.engine.connect() as conn:
            return [row.id for row in conn.execute(select(actions.c.id).where(actions.c.state.in_(unsure)))]

    deadline_s = time.monotonic() + _LOOK_S
    while still() and time.monotonic() < deadline_s:
        time.sleep(0.2)
    return still()
