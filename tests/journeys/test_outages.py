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

from domain.actions import ActionState
from domain.health import OPEN_RUN_STATES
from models.runs import LEASE_S, RING_AGAIN_S, SCHEDULE
from models.tables import actions, runs
from tests.journeys.running import CYCLE, Machine, machine, wait_until
from workers import addresses

_HELD_S = 20.0  # a call that is cut off by a kill; nobody waits it out unless the test says so
_QUARANTINE_S = 130.0
_MOST_LOOKS = 5  # of an update that is not there two are needed; a busy machine may want a third
_LOOK_S = 10.0
_INSIGHTS = {"path": "insights"}
_BUDGETS = {"method": "POST", "kind": "adset"}


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("outages") / "home") as running:
        yield running


@pytest.fixture(autouse=True)
def judged(house) -> Iterator[None]:
    """What every scenario must leave behind: nothing open for good, a next cycle that succeeds, one effect each."""
    house.advance(days=4)  # cooldowns are over, figures are stale, a new slot is due
    yield
    assert house.cycle()["status"] == "succeeded"
    wait_until(lambda: not _open_runs(house), lambda: f"no run stays open: {_open_runs(house)}")
    comparison = house.comparison()
    assert comparison.agrees, comparison
    assert comparison.undecided == 0, comparison
    assert house.process.poll() is None


def test_redis_killed_while_a_cycle_reads(house):
    with house.slow(3, **_INSIGHTS) as held:
        run_id = house.ask_for_cycle()
        held()
        assert house.run(run_id).state == "running"
        house.kill("redis")
    row = house.ended(run_id)
    assert (row.state, row.attempts) == ("succeeded", 1)
    assert "redis died (signal 9), restarting in" in house.said


def test_redis_killed_while_a_budget_is_on_its_way(house):
    with house.slow(3, **_BUDGETS) as held:
        house.ask_for_cycle()
        held()
        action_id = _sent(house)
        house.kill("redis")
    assert _settled(house, action_id) == ActionState.APPLIED


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
    with house.slow(3, **_INSIGHTS) as held:
        run_id = house.ask_for_cycle()
        held()
        house.kill("postgres", signal.SIGQUIT)
    house.let_pass(LEASE_S)
    row = house.ended(run_id)
    assert row.state == "succeeded"
    assert row.attempts == 2


def test_postgres_stopped_while_a_budget_is_on_its_way(house):
    with house.slow(3, **_BUDGETS) as held:
        house.ask_for_cycle()
        held()
        action_id = _sent(house)
        house.kill("postgres", signal.SIGINT)
    _pass_until_settled(house, action_id)
    assert _settled(house, action_id) == ActionState.APPLIED


def test_beat_killed_while_a_cycle_reads(house):
    with house.slow(2, **_INSIGHTS) as held:
        run_id = house.ask_for_cycle()
        held()
        house.kill("beat")
        assert house.run(run_id).state == "running"
    row = house.ended(run_id)
    assert row.state == "succeeded", row.reason


def test_the_tower_killed_while_a_cycle_reads(house):
    with house.slow(2, **_INSIGHTS) as held:
        run_id = house.ask_for_cycle()
        held()
        house.kill("tower")
        assert house.run(run_id).state == "running"
    row = house.ended(run_id)
    assert row.state == "succeeded", row.reason


def test_the_sandbox_killed_while_a_cycle_reads(house):
    before = house.platform_now()
    with house.slow(_HELD_S, **_INSIGHTS) as held:
        run_id = house.ask_for_cycle()
        held()
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
        action_id = _sent(house)
        house.kill("sandbox")
    _pass_until_settled(house, action_id)
    assert _settled(house, action_id) == ActionState.APPLIED


def test_the_cycles_worker_killed_while_a_cycle_reads(house):
    with house.slow(_HELD_S, **_INSIGHTS) as held:
        run_id = house.ask_for_cycle()
        held()
        assert house.run(run_id).state == "running"
        house.kill("worker-cycles")
    house.let_pass(LEASE_S)
    row = house.ended(run_id)
    assert (row.state, row.attempts) == ("succeeded", 2), row.reason


def test_the_executor_killed_while_a_budget_is_on_its_way(house):
    with house.slow(_HELD_S, **_BUDGETS) as held:
        house.ask_for_cycle()
        held()
        action_id = _sent(house)
        house.kill("worker-actions")
    _pass_until_settled(house, action_id)
    assert _settled(house, action_id) == ActionState.APPLIED


def _open_runs(house: Machine) -> list:
    with house.engine.connect() as conn:
        return conn.execute(select(runs).where(runs.c.state.in_(OPEN_RUN_STATES))).all()


def _latest_slot(house: Machine) -> int | None:
    """The scheduled full cycle of the last half hour on the platform's clock."""
    since = house.platform_now() - timedelta(minutes=31)
    mine = (runs.c.task == CYCLE, runs.c.triggered_by == SCHEDULE, runs.c.slot_at > since)
    with house.engine.connect() as conn:
        return conn.execute(select(runs.c.id).where(*mine)).scalars().first()


def _sent(house: Machine) -> int:
    """The one action whose write is held: written ahead, without an outcome."""
    with house.engine.connect() as conn:
        rows = conn.execute(select(actions.c.id).where(actions.c.state == ActionState.SENT)).all()
    return max(row.id for row in rows)


def _state(house: Machine, action_id: int) -> ActionState:
    with house.engine.connect() as conn:
        return ActionState(conn.execute(select(actions.c.state).where(actions.c.id == action_id)).scalar_one())


def _settled(house: Machine, action_id: int) -> ActionState:
    open_states = (ActionState.APPROVED, ActionState.SENT, ActionState.UNKNOWN)

    def look() -> ActionState | None:
        state = _state(house, action_id)
        return None if state in open_states else state

    return wait_until(look, lambda: f"action {action_id} settles: {_state(house, action_id)}")


def _pass_until_settled(house: Machine, action_id: int) -> None:
    """Let the leases of whoever held it and its batch run out, then quarantines, until none of them stands open."""
    house.let_pass(60)
    wait_until(lambda: _state(house, action_id) != ActionState.SENT, f"action {action_id} is looked after")
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
