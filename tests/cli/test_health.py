"""`stakazo health`: judged at that very look; only a check that is asked for with --now is written down."""

import json

import pytest
from sqlalchemy import Engine, func, insert, select

from models.tables import control_tower_runs, status_spans, system_health_logs
from tests.cli.conftest import Run

CYCLE = "meta.full_cycle"


def _count(engine: Engine, table) -> int:
    with engine.begin() as conn:
        return conn.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.mark.usefixtures("filled")
def test_a_house_without_workers_is_not_healthy_and_nothing_is_written(on_database: Run, engine: Engine) -> None:
    told = on_database("health", "--json")

    assert told.code == 1
    assert told.document["system"]["status"] != "healthy"
    assert told.document["ok"] is False
    assert "broker" in told.document["unknown_sources"]
    assert (_count(engine, control_tower_runs), _count(engine, status_spans)) == (0, 0)


@pytest.mark.usefixtures("filled")
def test_now_writes_a_run_and_seventeen_logs_in_the_name_of_who_typed(on_database: Run, engine: Engine) -> None:
    told = on_database("health", "--now", "--json").document

    with engine.begin() as conn:
        run = conn.execute(select(control_tower_runs)).one()
    assert told["run_ids"] == {"meta": str(run.id)}
    assert run.executed_by.startswith("os:")
    assert _count(engine, system_health_logs) == 17


@pytest.mark.usefixtures("filled")
def test_every_watched_module_is_listed_and_planned_ones_say_so(on_database: Run) -> None:
    modules = {row["slug"]: row for row in on_database("health", "--json").document["modules"]}

    assert len(modules) == 51
    assert (modules["meta.targeting"]["word"], modules["meta.targeting"]["status"]) == ("planned", None)
    assert "control_tower" not in " ".join(modules)


@pytest.mark.usefixtures("filled")
def test_one_module_is_told_in_detail_by_slug_or_by_id(on_database: Run) -> None:
    by_slug, by_id = (on_database("health", "--module", name, "--json").document for name in (CYCLE, "10.11"))

    assert [row["slug"] for row in by_slug["modules"]] == [CYCLE] == [row["slug"] for row in by_id["modules"]]
    told = on_database("health", "-m", CYCLE)
    assert "scheduler / database / API" in told.out
    assert told.code == 1


@pytest.mark.usefixtures("filled")
def test_since_when_is_told_only_while_the_tower_s_last_look_agrees(on_database: Run, engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(insert(status_spans).values(scope="system", status="healthy"))

    assert on_database("health", "--json").document["system"]["since"] is None


@pytest.mark.usefixtures("filled")
def test_a_stop_of_all_is_the_first_word(on_database: Run) -> None:
    on_database("fence", "close", "--reason", "a spike")

    assert on_database("health").out.startswith("EMERGENCY STOP")


@pytest.mark.usefixtures("filled")
def test_the_table_fits_a_narrow_terminal(on_database: Run, monkeypatch) -> None:
    monkeypatch.setattr("cli.console.out.width", 80)

    assert max(map(len, on_database("health").out.splitlines())) <= 80


@pytest.mark.usefixtures("filled")
def test_what_does_not_fit_together_or_is_not_there_is_refused_with_the_way_out(on_database: Run) -> None:
    both, stranger = on_database("health", "--now", "--watch"), on_database("health", "--module", "meta.nothing")

    assert (both.code, stranger.code) == (2, 2)
    assert "use one of them" in both.err
    assert "`stakazo modules` lists them" in stranger.err
    assert on_database("health", "--platform", "tiktok", "--module", CYCLE).code == 2


@pytest.mark.usefixtures("filled")
def test_a_platform_can_be_shown_alone(on_database: Run) -> None:
    told = json.loads(on_database("health", "--platform", "tiktok", "--json").out)

    assert {row["slug"].partition(".")[0] for row in told["modules"]} == {"tiktok"}
