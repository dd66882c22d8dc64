"""Desired state, signs of life and commands, as rows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.health import CommandType
from models import audit, commands, heartbeats, module_states
from models.commands import CommandState
from models.engine import make_engine
from models.heartbeats import ProcessKind
from models.module_states import Desired


@pytest.fixture
def conn(database_url):
    engine = make_engine(database_url)
    with engine.begin() as conn:
        yield conn
    engine.dispose()


def test_a_pair_that_nobody_stopped_may_run(conn):
    assert module_states.stopped(conn) == frozenset()


def test_the_last_wish_counts_and_says_whose_it_was(conn):
    module_states.set_desired(conn, ["meta.full_cycle"], Desired.STOPPED, reason="drill", changed_by="ana")
    module_states.set_desired(conn, ["meta.autonomy"], Desired.STOPPED, reason="drill", changed_by="ana")
    module_states.set_desired(conn, ["meta.autonomy"], Desired.RUNNING, reason="over", changed_by="leo")

    assert module_states.stopped(conn) == {"meta.full_cycle"}
    assert module_states.listing(conn)["meta.autonomy"].changed_by == "leo"


def test_a_first_wish_never_overrules_a_person(conn):
    module_states.set_desired(conn, ["meta.full_cycle"], Desired.RUNNING, reason="", changed_by="ana")
    module_states.set_first(conn, ["meta.full_cycle", "meta.autonomy"], Desired.STOPPED, reason="", changed_by="us")

    assert module_states.stopped(conn) == {"meta.autonomy"}


def test_who_stops_several_modules_waits_for_a_row_without_the_audit_in_hand(database_url):
    """Else the one that has the row, and writes its line into the audit next, would wait for us as we for it."""
    engine = make_engine(database_url, pool_size=2)
    both = ["meta.autonomy", "meta.full_cycle"]
    with engine.begin() as conn:
        module_states.set_desired(conn, both, Desired.RUNNING, reason="", changed_by="ana")

    def stop_both():
        with engine.begin() as conn:
            module_states.set_desired(conn, both, Desired.STOPPED, reason="drill", changed_by="leo")

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as conn:
            conn.execute(text("SELECT FROM module_states WHERE pair = 'meta.full_cycle' FOR UPDATE"))
            stopping = pool.submit(stop_both)
            waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not stopping.done() and not conn.execute(waits).scalar_one():
                pass
            audit.note(conn, actor="ana", event="module.running")
        stopping.result()
    with engine.connect() as conn:
        assert module_states.stopped(conn) == {*both}
    engine.dispose()


def test_a_sign_of_life_replaces_the_one_before_and_old_ones_are_forgotten(conn):
    heartbeats.beat(conn, process="gone", kind=ProcessKind.WORKER, detail={})
    conn.execute(text("UPDATE heartbeats SET seen_at = seen_at - interval '2 days'"))
    heartbeats.beat(conn, process="tower@a:1", kind=ProcessKind.TOWER, detail={"leads": False})
    heartbeats.beat(conn, process="tower@a:1", kind=ProcessKind.TOWER, detail={"leads": True})

    (sign,) = heartbeats.listing(conn, ProcessKind.TOWER)
    assert sign.detail == {"leads": True}
    assert heartbeats.listing(conn)[-1].age_s > 86_400
    assert heartbeats.forget_older(conn, timedelta(days=1)) == 1


def test_commands_are_taken_in_order_and_held_ones_wait(conn):
    held = commands.accept(
        conn, command_type=CommandType.OPTIMIZE, reason="weekly", actor="ana", execute_immediately=False
    )
    first = commands.accept(conn, command_type=CommandType.STOP_ALL, reason="maintenance", actor="ana")
    second = commands.accept(
        conn,
        command_type=CommandType.RESTART_MODULE,
        reason="stuck",
        actor="leo",
        target_modules=("meta.full_cycle",),
    )

    assert commands.open_ids(conn) == (first, second)
    for command_id in (first, second):
        commands.lock_to_begin(conn, command_id)
        commands.begin(conn, command_id, {"phase": "one"})
    assert commands.lock_to_begin(conn, first) is None
    assert commands.lock_to_begin(conn, held) is None
    done = commands.get(conn, first)
    commands.end(conn, done, CommandState.DONE, actions=[{"stopped": 2}], results={"ok": True})
    states = {row.id: row.state for row in commands.history(conn)}
    assert states == {held: CommandState.HELD, first: CommandState.DONE, second: CommandState.RUNNING}
