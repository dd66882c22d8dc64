"""What a stepped simulation does while something waits on real time."""

from datetime import UTC, datetime, timedelta

import pytest

from control_tower.standins import NotedDoorbell
from domain.errors import BadInputError
from models.engine import make_engine
from tests.actions.stage import budget, set_stage
from workers.simulation_waits import Patience, require_timely

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def waiting(database_url):
    """An action that nobody has taken, a patience over it, and the hand on its watch."""
    engine = make_engine(database_url)
    stage, watch = set_stage(engine), [0.0]
    action, bell = stage.approve(budget()), NotedDoorbell()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        patience = Patience(
            doorbell=bell,
            conn=conn,
            advance=lambda to: to,
            now=NOON,
            until=NOON + timedelta(seconds=4),
            monotonic_s=lambda: watch[0],
        )

        def look_at(second):
            watch[0] = second
            patience.pass_by()
            return patience.now - NOON, len(bell.actions)

        yield look_at, action
    engine.dispose()


def test_what_is_due_is_rung_for_and_the_clock_stands(waiting):
    look_at, _action = waiting
    assert look_at(0.1) == (timedelta(0), 0)
    assert look_at(0.3) == (timedelta(0), 1)
    assert look_at(0.4) == (timedelta(0), 1)


def test_a_wait_that_drags_on_lets_the_platform_s_clock_run_and_never_into_the_next_slot(waiting):
    """Seen as: a limit that passes with the platform's time never passed, as its clock stood until the limit had."""
    look_at, _action = waiting
    look_at(2.0)
    assert look_at(3.0)[0] == timedelta(seconds=1)
    assert look_at(5.0)[0] == timedelta(seconds=3)
    assert look_at(60.0)[0] == timedelta(seconds=3)


def test_faults_that_come_after_we_have_looked_are_refused():
    require_timely([{"do": "late_commit", "seconds": 1.0}, {"do": "slow", "seconds": 30.0}])
    with pytest.raises(BadInputError, match=r"1 s late at most, not 5 s"):
        require_timely([{"do": "late_commit", "seconds": 5.0}])
