"""A worker that has just begun is sent its first canary at once; the others each minute."""

import pytest

from control_tower import canaries as tower_canaries
from control_tower.standins import ObedientSwitchboard
from models import canaries, heartbeats
from models.heartbeats import ProcessKind


@pytest.fixture
def switchboard(engine):
    with engine.begin() as conn:
        for worker in ("cycles@a", "actions@a"):
            heartbeats.beat(conn, process=worker, kind=ProcessKind.WORKER, detail={})
    return ObedientSwitchboard(workers={"cycles@a": set(), "actions@a": set()})


def test_only_who_was_sent_none_is_sent_a_first_one(engine, switchboard):
    with engine.begin() as conn:
        canaries.send(conn, "cycles@a")

    assert tower_canaries.send_to_new(engine, switchboard) == ("actions@a",)
    assert tower_canaries.send_to_new(engine, switchboard) == ()


def test_a_worker_that_begins_anew_is_new_and_owes_nothing_of_before(engine, switchboard):
    tower_canaries.send(engine, switchboard)
    with engine.begin() as conn:
        canaries.begin(conn, "cycles@a")
        assert canaries.listing(conn)["cycles@a"].owed_s is None

    assert tower_canaries.send_to_new(engine, switchboard) == ("cycles@a",)


def test_a_first_canary_that_could_not_be_sent_is_tried_again(engine, switchboard):
    switchboard.is_away = True
    assert tower_canaries.send_to_new(engine, switchboard) == ()

    switchboard.is_away = False
    assert set(tower_canaries.send_to_new(engine, switchboard)) == {"actions@a", "cycles@a"}


class Quick(ObedientSwitchboard):
    """Workers whose pools are done before the sender has looked up."""

    def send_canary(self, worker):
        with self.engine.begin() as conn:
            canaries.done(conn, worker)
        return super().send_canary(worker)


def test_a_pool_that_is_quicker_than_its_sender_owes_nothing(engine, switchboard):
    quick = Quick(workers=switchboard.workers)
    quick.engine = engine
    for send in (tower_canaries.send_to_new, tower_canaries.send, tower_canaries.send):
        assert set(send(engine, quick)) == {"actions@a", "cycles@a"}
        assert _owed(engine) is None


def test_what_a_worker_owes_counts_from_the_first_canary_that_it_did_not_do(engine):
    with engine.begin() as conn:
        canaries.send(conn, "cycles@a")
    first = _owed(engine)
    with engine.begin() as conn:
        canaries.send(conn, "cycles@a")
    assert _owed(engine) > first

    with engine.begin() as conn:
        canaries.done(conn, "cycles@a")
    assert _owed(engine) is None


def _owed(engine):
    with engine.begin() as conn:
        return canaries.listing(conn)["cycles@a"].owed_s
