"""The catalogue: 18 modules on 3 platforms, and everything that is derived from the two tables."""

from datetime import timedelta

import pytest

from domain import catalogue
from domain.catalogue import PAIRS, RHYTHMS
from domain.errors import BadInputError
from domain.modules import MODULES, Lane, Role
from domain.platforms import PLATFORMS


def test_eighteen_modules_on_three_platforms_are_54_pairs():
    assert (len(MODULES), len(PLATFORMS), len(PAIRS)) == (18, 3, 54)
    assert [module.number for module in MODULES] == list(range(1, 19))


def test_ids_slugs_and_queues_are_unique():
    assert len({pair.id for pair in PAIRS}) == len({pair.slug for pair in PAIRS}) == len(PAIRS)
    queues = [queue for lane in Lane for queue in catalogue.queues(lane)]
    assert len(set(queues)) == len(queues)
    names = [cycle.name for module in MODULES for cycle in module.cycles]
    assert len(set(names)) == len(names)


def test_ids_are_those_that_operators_know():
    assert catalogue.pair("10.14").slug == "meta.real_time"
    assert catalogue.pair("tiktok.real_time").id == "11.14"
    assert catalogue.pair("12.18").module.role is Role.WATCHES


def test_a_planned_pair_has_no_queue():
    planned = [pair for pair in PAIRS if not pair.is_built]
    queues = {queue for lane in Lane for queue in catalogue.queues(lane)}
    assert planned
    for pair in planned:
        assert not queues & {f"{pair.platform.slug}.{cycle.name}" for cycle in pair.module.cycles}


def test_a_platform_without_a_client_has_nothing_built_and_no_executor():
    without = [platform for platform in PLATFORMS if platform.client is None]
    for platform in without:
        assert not any(pair.is_built for pair in PAIRS if pair.platform is platform)
        assert catalogue.actions_queue(platform) not in catalogue.queues(Lane.ACTIONS)


def test_the_full_cycle_runs_every_half_hour_behind_its_collector():
    rhythm = catalogue.rhythm("meta.full_cycle")
    assert rhythm.cycle.every == timedelta(minutes=30)
    assert rhythm.cycle.after == ("collector",)
    assert {"meta.full_cycle", "meta.collector"} <= set(catalogue.queues(Lane.CYCLES))


def test_what_a_cycle_waits_for_exists_and_nothing_waits_for_itself():
    cycles = {cycle.name: cycle for module in MODULES for cycle in module.cycles}
    for cycle in cycles.values():
        assert set(cycle.after) <= set(cycles)
        waiting, met = list(cycle.after), set()
        while waiting:
            name = waiting.pop()
            assert name != cycle.name
            if name not in met:
                met.add(name)
                waiting.extend(cycles[name].after)


def test_evidence_modules_and_the_tower_propose_nothing_and_acting_ones_do():
    for module in MODULES:
        assert bool(module.may_propose) == (module.role is Role.ACTS)


def test_every_built_cycle_is_built_on_a_platform_that_exists():
    slugs = {platform.slug for platform in PLATFORMS}
    assert all(cycle.built_on <= slugs for module in MODULES for cycle in module.cycles)
    assert all(rhythm.pair.is_built for rhythm in RHYTHMS)


def test_a_name_that_is_not_there_is_refused_with_what_there_is():
    with pytest.raises(BadInputError, match='no platform "myspace"; there are meta, tiktok, linkedin'):
        catalogue.platform("myspace")
    with pytest.raises(BadInputError, match=r'no module "10\.19"'):
        catalogue.pair("10.19")
    with pytest.raises(BadInputError, match=r'no cycle "meta\.targeting" is built; there are'):
        catalogue.rhythm("meta.targeting")
