"""Beat's entries are derived from the catalogue; ticks come at the cadence, within a second and a minute."""

import ast
from datetime import timedelta
from pathlib import Path

import beat_schedule
from domain.catalogue import RHYTHMS


def test_every_built_cycle_has_a_tick_into_its_own_queue():
    entries = beat_schedule.build(RHYTHMS, {}, 1.0)

    assert {entry["task"] for entry in entries.values()} == {f"{rhythm.name}.tick" for rhythm in RHYTHMS}
    assert {entry["options"]["queue"] for entry in entries.values()} == {rhythm.name for rhythm in RHYTHMS}


def test_a_tick_is_forgotten_when_the_next_is_due():
    for entry in beat_schedule.build(RHYTHMS, {}, 60.0).values():
        assert entry["options"]["expires"] == entry["schedule"].run_every.total_seconds()


def test_ticks_keep_within_a_second_and_a_minute():
    half_hour = timedelta(minutes=30)

    assert beat_schedule.tick_period_s(half_hour, 1.0) == 60.0  # slots are noticed soon after a start
    assert beat_schedule.tick_period_s(half_hour, 60.0) == 30.0  # 1800 s / 60
    assert beat_schedule.tick_period_s(half_hour, 100_000.0) == 1.0
    assert beat_schedule.tick_period_s(half_hour, 0.0) == 60.0


def test_a_cycle_can_be_switched_off_or_given_another_cadence():
    entries = beat_schedule.build(RHYTHMS, {"meta.full_cycle": None, "meta.collector": timedelta(minutes=5)}, 60.0)

    assert set(entries) == {f"{rhythm.name}.tick" for rhythm in RHYTHMS} - {"meta.full_cycle.tick"}
    assert entries["meta.collector.tick"]["schedule"].run_every == timedelta(seconds=5)


def test_the_house_s_own_cycles_tick_in_real_time_into_the_control_queue():
    entries = beat_schedule.build_control()

    assert {name: entry["schedule"].run_every.total_seconds() for name, entry in entries.items()} == {
        "control.health": 3600.0,
        "control.watch": 60.0,
    }
    assert {entry["options"]["queue"] for entry in entries.values()} == {"control"}


def test_the_schedule_imports_only_the_domain_and_celery_s_schedules():
    tree = ast.parse(Path(beat_schedule.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    roots = {name for name in imported if name.startswith(("domain", "celery"))}
    assert roots == {"domain.catalogue", "celery.schedules"}
    assert imported - roots <= {"collections.abc", "datetime", "typing"}
