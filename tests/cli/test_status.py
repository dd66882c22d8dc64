"""`stakazo status`: the truth first, in a line; what machines read stays; it can be watched."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, insert

from models.tables import heartbeats, incidents, status_spans
from tests.cli.conftest import Run

KEPT = {
    "ok", "problems", "supervisor", "processes", "external", "accounts", "open_runs", "actions_by_state", "heartbeats",
    "stopped_modules", "queues",
}  # fmt: skip


@pytest.mark.usefixtures("filled")
def test_the_first_line_is_the_status_and_where_nobody_works_it_is_not_healthy(on_database: Run) -> None:
    first = on_database("status").out.splitlines()[0]
    assert first.startswith(("CRITICAL", "DEGRADED"))


@pytest.mark.usefixtures("filled")
def test_what_the_tower_wrote_down_last_does_not_make_a_house_healthy(on_database: Run, engine: Engine) -> None:
    """The tower is dead, and its last word was that all is well."""
    with engine.begin() as conn:
        conn.execute(insert(status_spans).values(scope="system", status="healthy"))
    told = on_database("status", "--json").document
    assert told["system"]["status"] != "healthy"
    assert told["system"]["since"] is None


@pytest.mark.usefixtures("filled")
def test_since_when_it_is_so_is_what_the_tower_saw(on_database: Run, engine: Engine) -> None:
    now_it_is = on_database("status", "--json").document["system"]["status"]
    with engine.begin() as conn:
        conn.execute(insert(status_spans).values(scope="system", status=now_it_is))
    told = on_database("status", "--json").document
    assert told["system"]["since"] is not None


@pytest.mark.usefixtures("filled")
def test_an_emergency_stop_is_the_first_word_with_who_and_why(on_database: Run) -> None:
    on_database("fence", "close", "--reason", "a spike")
    told = on_database("status")
    assert told.out.startswith("EMERGENCY STOP")
    assert "a spike" in told.out.splitlines()[1]
    told = on_database("status", "--json").document
    assert told["system"]["status"] == "emergency_stop"
    assert told["system"]["since"] == told["stops"][0]["closed_at"]  # also where no tower has looked since


@pytest.mark.usefixtures("filled")
def test_open_alerts_are_shown_the_gravest_first(on_database: Run, engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(insert(incidents).values(kind="slot_missed", severity=2, title="A slot was missed"))
        conn.execute(insert(incidents).values(kind="worker_dead", severity=3, title="A worker is silent"))
    (line,) = (row for row in on_database("status").out.splitlines() if row.startswith("alerts"))
    assert line.index("A worker is silent") < line.index("A slot was missed")


@pytest.mark.usefixtures("filled")
def test_what_machines_read_is_still_there(on_database: Run) -> None:
    document = on_database("status", "--json").document
    assert set(document) >= KEPT
    assert document["open_runs"] == []
    assert document["actions_by_state"] == {"approved": 1, "blocked": 1}


@pytest.mark.usefixtures("filled")
def test_a_leader_that_hangs_is_told_although_another_tower_waits_for_its_turn(
    on_database: Run, engine: Engine
) -> None:
    with engine.begin() as conn:
        old = func.clock_timestamp() - timedelta(minutes=9)
        leader = {"process": "tower@vm:1", "kind": "tower", "seen_at": old, "detail": {"leads": True}}
        conn.execute(insert(heartbeats).values(leader))
        conn.execute(insert(heartbeats).values(process="tower@vm:2", kind="tower", detail={"leads": False}))
    problems = on_database("status", "--json").document["problems"]
    assert [row for row in problems if row.startswith("the tower is silent for 5")]


@pytest.mark.usefixtures("filled")
def test_a_tower_that_was_replaced_is_not_shown_beside_the_one_that_lives(on_database: Run, engine: Engine) -> None:
    with engine.begin() as conn:
        old = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 7)
        conn.execute(insert(heartbeats).values(process="tower@vm:1", kind="tower", seen_at=old))
        conn.execute(insert(heartbeats).values(process="tower@vm:2", kind="tower"))
    told = on_database("status").out
    assert "tower@vm:2" in told
    assert "tower@vm:1" not in told


def test_without_a_database_the_status_is_unknown_and_says_what_to_do(stakazo: Run) -> None:
    told = stakazo("status")
    assert told.code == 1
    assert told.out.startswith("UNKNOWN")
    assert "stakazo up" in told.err


def test_it_can_be_watched_a_line_of_json_each_look(on_database: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look is interrupted, as Ctrl-C does."""

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    told = on_database("status", "--watch", "--json", "--every", "1")
    (line,) = told.out.splitlines()
    assert told.code == 1
    assert json.loads(line)["ok"] is False
