"""One look at health serves every duty of the tower that needs one in the same round."""

import pytest

from control_tower.health import LOOK_S
from control_tower.standins import SetClock
from tests.control_tower.healthy import healthy_house
from tests.control_tower.well import NOW
from workers.health import SharedLook


@pytest.fixture
def times():
    return [0.0]


@pytest.fixture
def looking(engine, account, times):
    return SharedLook(healthy_house(engine, account, SetClock(NOW)).sources, now_s=lambda: times[0])


def test_who_needs_a_look_gets_the_one_that_was_just_taken(looking, times):
    taken = looking.look()
    times[0] = LOOK_S - 0.1

    assert looking.latest() is taken


def test_an_old_look_is_not_served_for_a_new_one(looking, times):
    taken = looking.latest()
    times[0] = LOOK_S

    assert looking.latest() is not taken
