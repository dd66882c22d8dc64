"""What the settings make of the catalogue's rhythms."""

from datetime import timedelta

import pytest

from models import module_states
from workers.bootstrap import House
from workers.schedule import overrides, starts_stopped, wanted_rhythms
from workers.settings import read_settings
from workers.tower import apply_auto_start

_CATALOGUE = {
    "meta.real_time": timedelta(minutes=5),
    "meta.collector": timedelta(minutes=30),
    "meta.full_cycle": timedelta(minutes=30),
    "meta.api_client": timedelta(hours=1),
    "meta.orphan_sweep": timedelta(hours=1),
    "meta.ab_testing": timedelta(hours=6),
    "meta.budget_spikes": timedelta(hours=12),
    "meta.roas_engine": timedelta(hours=24),
    "meta.optimization": timedelta(hours=24),
    "meta.autonomy": timedelta(hours=24),
    "meta.creative_intelligence": timedelta(hours=24),
}


@pytest.fixture
def settings_with(monkeypatch):
    def settings(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return read_settings()

    return settings


def test_without_settings_the_catalogue_stands(settings_with):
    assert {row.name: row.cycle.every for row in wanted_rhythms(settings_with())} == _CATALOGUE


def test_the_interval_is_that_of_the_full_cycle_alone(settings_with):
    settings = settings_with(META_CYCLE_INTERVAL_MINUTES="60")

    assert overrides(settings) == {"meta.full_cycle": timedelta(hours=1)}
    assert {row.name: row.cycle.every for row in wanted_rhythms(settings)} == _CATALOGUE | {
        "meta.full_cycle": timedelta(hours=1)
    }


def test_a_cycle_that_is_switched_off_is_neither_planned_nor_ticked(settings_with):
    settings = settings_with(META_CYCLE_ENABLED="false")

    assert {row.name for row in wanted_rhythms(settings)} == set(_CATALOGUE) - {"meta.full_cycle"}
    assert overrides(settings) == {"meta.full_cycle": None}


def test_without_auto_start_the_first_start_is_a_person_s(settings_with, database_url, engine):
    settings = settings_with(META_CYCLE_AUTO_START="false", DATABASE_URL=database_url)
    with House.open(settings) as house:
        apply_auto_start(house)
    with engine.begin() as conn:
        assert module_states.stopped(conn) == {"meta.full_cycle"}
        module_states.set_desired(
            conn, ["meta.full_cycle"], module_states.Desired.RUNNING, reason="go", changed_by="ana"
        )
    with House.open(settings) as house:
        apply_auto_start(house)
    with engine.begin() as conn:
        assert module_states.stopped(conn) == frozenset()


def test_with_auto_start_nothing_is_held_back(settings_with):
    assert starts_stopped(settings_with()) == ()


def test_how_often_real_time_looks_is_a_setting_of_its_own(settings_with):
    settings = settings_with(META_REAL_TIME_INTERVAL_MINUTES="15")

    assert overrides(settings)["meta.real_time"] == timedelta(minutes=15)
    assert {row.name: row.cycle.every for row in wanted_rhythms(settings)} == _CATALOGUE | {
        "meta.real_time": timedelta(minutes=15)
    }
