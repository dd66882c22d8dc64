"""Commands as people order them: each a row with its outcome, also where no tower lives; held ones are released."""

import pytest

from cli.authority import VERBS
from control_tower.commands.ordering import NEEDS
from domain.health import CommandType
from models import commands, fence, heartbeats, module_states
from models.commands import CommandState
from models.heartbeats import ProcessKind


@pytest.fixture
def last(engine):
    def read():
        with engine.begin() as conn:
            return commands.history(conn, 1)[0]

    return read


@pytest.fixture
def tower_leads(engine):
    with engine.begin() as conn:
        heartbeats.beat(conn, process="tower@a:1", kind=ProcessKind.TOWER, detail={"leads": True})


def test_without_a_tower_a_stop_is_carried_out_by_whoever_orders_it_and_says_so(on_database, engine, last):
    done = on_database("command", "stop_all", "--reason", "maintenance", "--json")

    assert done.code == 0
    assert "no tower gives a sign of life" in done.err
    assert done.document["command"]["state"] == "done"
    assert last().state is CommandState.DONE
    with engine.begin() as conn:
        assert "meta.full_cycle" in module_states.stopped(conn)


def test_with_a_tower_the_order_holds_at_once_and_its_verification_is_the_tower_s(
    on_database, engine, last, tower_leads
):
    done = on_database("command", "stop_all", "--module", "full_cycle", "--reason", "x", "--no-wait", "--json")

    assert done.code == 0
    assert done.document["command"]["state"] == "running"
    with engine.begin() as conn:
        assert module_states.stopped(conn) == {"meta.full_cycle"}
    assert last().target_modules == ["meta.full_cycle"]


def test_an_order_that_has_not_ended_in_time_is_no_success(on_database, tower_leads):
    assert on_database("command", "start_all", "--timeout", "1").code == 1


def test_upper_case_and_older_names_are_understood(on_database, last):
    assert on_database("command", "STOP_ALL", "--reason", "x").code == 0
    assert last().command_type is CommandType.STOP_ALL
    assert on_database("command", "OPTIMIZE_ALL", "--hold").code == 0
    assert last().command_type is CommandType.OPTIMIZE
    assert on_database("command", "launch").code == 2


def test_a_held_order_is_released_or_cancelled_by_its_number(on_database, engine, last):
    assert on_database("command", "stop_all", "--reason", "later", "--hold").code == 0
    assert last().state is CommandState.HELD
    with engine.begin() as conn:
        assert module_states.stopped(conn) == frozenset()

    assert on_database("command", "release", "1").code == 0
    assert last().state is CommandState.DONE
    on_database("command", "stop_all", "--reason", "later", "--hold")
    assert on_database("command", "cancel", "2").code == 0
    assert on_database("command", "release", "2").code == 2
    assert on_database("command", "release", "7").code == 2


def test_orders_are_listed_and_shown_with_what_was_seen(on_database):
    on_database("command", "stop_all", "--module", "meta.full_cycle", "--reason", "\x1b[2Jprice")
    listed, shown = on_database("command", "list"), on_database("command", "show", "1")

    assert "stop_all" in listed.out
    assert "consumed by no worker" in shown.out
    assert "\x1b[2J" not in listed.out + shown.out
    assert on_database("command", "list", "--json").document["commands"][0]["state"] == "done"
    assert on_database("command", "show", "9").code == 2


def test_an_emergency_stop_as_a_command_closes_the_fence_before_it_answers(on_database, filled, engine):
    done = on_database("command", "emergency_stop", "--reason", "spend", "--no-pause-campaigns", "--json")

    assert done.code == 0
    assert done.document["command"]["results"]["times"][0]["fenced"] is not None
    with engine.begin() as conn:
        assert fence.state(conn, 1).closed
    refused = on_database("modules", "start", "meta.full_cycle")
    assert refused.code == 1
    assert "stakazo resume" in refused.err


def test_a_stop_without_a_reason_is_a_usage_error(on_database, engine):
    assert on_database("command", "stop_all").code == 2
    with engine.begin() as conn:
        assert commands.history(conn) == ()


def test_who_may_order_what_is_the_same_in_both_tables():
    assert {kind: VERBS[f"command {kind}"] for kind in CommandType} == NEEDS


def test_a_manager_may_release_a_stop_and_not_a_start(on_database, last):
    on_database("command", "start_all", "--hold")
    on_database("command", "stop_all", "--reason", "x", "--hold")
    token = on_database("user", "add", "lea", "--role", "manager", "--json").document["token"]

    refused = on_database("command", "release", "1", env={"STAKAZO_TOKEN": token})
    assert refused.code == 1
    assert "tower.command" in refused.err
    assert on_database("command", "release", "2", env={"STAKAZO_TOKEN": token}).code == 0
    assert last().released_by == "lea"


def test_a_module_is_stopped_through_a_command_row_and_waited_for(on_database, last):
    done = on_database("modules", "stop", "10.11", "--reason", "price change", "--wait", "--json")

    assert done.code == 0
    assert done.document["modules"][0]["desired"] == "stopped"
    assert (last().command_type, last().state) == (CommandType.STOP_ALL, CommandState.DONE)


def test_a_check_of_health_is_done_whatever_it_finds_and_tells_it(on_database, filled):
    done = on_database("command", "health_check", "--json")

    assert done.code == 0
    told = done.document["command"]["results"]["health"]
    assert told["status"] != "healthy"  # no worker, no broker
    assert len(told["runs"]) == 1


@pytest.mark.usefixtures("filled")
def test_a_check_of_health_is_shown_in_words(on_database):
    out = on_database("command", "health_check").out
    assert "looked at in" in out
    assert "took_ms" not in out


def test_an_order_that_was_taken_back_did_not_take_any_time(on_database, last):
    on_database("command", "stop_all", "--reason", "x", "--hold")
    out = on_database("command", "cancel", str(last().id)).out
    assert "took" not in out
    assert "\ncancelled" in out


def test_an_order_to_a_platform_of_which_nothing_is_built_is_refused(on_database, engine):
    """It was called done, though nothing had been there to stop."""
    done = on_database("command", "stop_all", "--platform", "tiktok", "--reason", "x")
    assert done.code == 2
    assert "tiktok is planned" in done.err
    with engine.begin() as conn:
        assert commands.history(conn, 1) == ()
