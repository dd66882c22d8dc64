"""Schedules as people see and hold them: every cycle of every account, with who holds it back and until when."""

import pytest

from domain.health import RunState
from models import accounts, run_history, schedule_pauses


@pytest.fixture
def pauses(engine):
    def read():
        with engine.begin() as conn:
            return schedule_pauses.listing(conn)

    return read


def test_every_built_cycle_of_every_account_is_listed_also_where_the_platform_is_away(on_database, filled):
    rows = on_database("schedules", "--json").document["schedules"]

    cycles = {row["cycle"] for row in rows}
    assert {"meta.collector", "meta.full_cycle", "meta.orphan_sweep"} <= cycles
    assert all(row["account"] == 1 and row["now"] is None for row in rows)
    assert "does not tell the time" in on_database("schedules").out
    assert on_database("schedules", "list", "--json").document["schedules"] == rows


def test_a_schedule_is_held_back_with_a_reason_and_let_go(on_database, filled, pauses):
    assert on_database("schedules", "pause", "full_cycle", "--reason", "price change").code == 0
    (held,) = pauses()
    assert (held.task, held.account_id, held.reason, held.until_at) == ("meta.full_cycle", 1, "price change", None)
    listed = {row["cycle"]: row for row in on_database("schedules", "--json").document["schedules"]}
    assert listed["meta.full_cycle"]["pause"]["reason"] == "price change"
    assert listed["meta.collector"]["pause"] is None

    assert on_database("schedules", "resume", "meta.full_cycle", "--json").document == {"resumed": 1}
    assert pauses() == ()
    assert "was not held back" in on_database("schedules", "resume", "meta.full_cycle").err


def test_why_a_cycle_would_not_run_is_told_beside_its_schedule(on_database, filled, engine):
    on_database("modules", "stop", "full_cycle", "--reason", "audit")
    with engine.begin() as conn:
        accounts.change(conn, 1, is_paused=True)
    listed = {row["cycle"]: row for row in on_database("schedules", "--json").document["schedules"]}
    assert listed["meta.full_cycle"]["hindrance"].endswith(": audit")
    assert "is paused" in listed["meta.collector"]["hindrance"]


def test_planned_slots_of_a_schedule_held_back_are_given_up_and_say_why(on_database, filled, engine):
    with engine.begin() as conn:
        run = run_history.last(conn, task="meta.full_cycle")
        conn.exec_driver_sql("UPDATE runs SET state = 'planned'")
    on_database("schedules", "pause", "full_cycle", "--reason", "audit")
    with engine.begin() as conn:
        after = run_history.get(conn, run.id)
    assert after.state is RunState.SKIPPED
    assert after.reason.endswith(": audit")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("pause", "full_cycle", "--reason", " "), 2, "--reason"),
        (("pause", "launch", "--reason", "x"), 2, "meta.full_cycle"),
        (
            ("pause", "full_cycle", "--reason", "x", "--until", "2h"),
            1,
            "sandbox",
        ),  # its clock stands still: fail closed
        (("run", "launch"), 2, "meta.full_cycle"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_what_cannot_be_held_or_run_is_refused_with_the_way_out(on_database, pauses, words, code, told):
    done = on_database("schedules", *words)
    assert done.code == code
    assert told in done.err
    assert pauses() == ()


def test_a_cycle_that_only_reads_has_nothing_to_plan(on_database, filled):
    assert on_database("schedules", "run", "collector", "--plan", "--json").document["proposes"] == []


def test_what_an_unknown_cycle_would_propose_is_not_made_up(on_database, filled):
    for words in (("--plan",), ("--plan", "--json")):
        told = on_database("schedules", "run", "ful_cycle", *words)
        assert told.code == 2
        assert 'no cycle "ful_cycle" is built; there are ' in told.err


@pytest.mark.usefixtures("filled")
def test_names_of_cycles_stay_whole_on_a_narrow_terminal(on_database, monkeypatch):
    monkeypatch.setattr("cli.console.out.width", 80)
    out = on_database("schedules").out
    assert "meta.orphan_sweep" in out
    assert max(map(len, out.splitlines())) <= 80
