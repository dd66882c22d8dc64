"""What a stepped simulation does while something waits on real time."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, update

from control_tower.standins import NotedDoorbell
from domain.actions import ActionState
from domain.errors import BadInputError, UnknownOutcomeError
from models import ledger_claims, stepping
from models.engine import make_engine
from models.tables import actions, quotas
from tests.actions.fake_platform import fail
from tests.actions.stage import PATIENT, budget, set_stage
from workers.simulation_waits import Patience, require_timely

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def engine(database_url):
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def stage(engine):
    return set_stage(engine)


@pytest.fixture
def waiting(engine, stage):
    """An action that nobody has taken, a patience over it, and the hand on its watch."""
    watch, bell, action = [0.0], NotedDoorbell(), stage.approve(budget())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        patience = Patience(
            doorbell=bell,
            conn=conn,
            advance=lambda to: to,
            now=NOON,
            until=NOON + timedelta(seconds=70),
            monotonic_s=lambda: watch[0],
        )

        def look_at(second):
            watch[0] = second
            patience.pass_by()
            return patience.now - NOON, len(bell.actions)

        yield look_at, action


def test_what_is_due_is_rung_for_and_the_clock_stands(waiting):
    look_at, _action = waiting
    assert look_at(0.1) == (timedelta(0), 0)
    assert look_at(0.3) == (timedelta(0), 1)
    assert look_at(0.4) == (timedelta(0), 1)


def test_once_all_that_is_open_waits_both_clocks_hop_on_and_never_into_the_next_slot(waiting, engine):
    """Seen as: a limit that passes with the platform's time never passed, as its clock stood until the limit had."""
    look_at, _action = waiting
    with engine.begin() as conn:
        conn.execute(update(actions).values(next_at=func.clock_timestamp() + timedelta(seconds=45)))
    assert look_at(0.6) == (timedelta(seconds=30), 0)
    assert look_at(0.9) == (timedelta(seconds=60), 1)
    assert look_at(60.0)[0] == timedelta(seconds=60)


def test_the_clock_stands_while_somebody_is_at_work(waiting, engine):
    look_at, action = waiting
    with engine.begin() as conn:
        ledger_claims.claim(conn, action.id, owner="one", lease_s=60.0)
    assert look_at(0.6) == (timedelta(0), 0)


def test_the_clock_stands_in_a_quarantine(waiting, stage):
    """Seen as: a late effect came platform minutes after its sending, and the next change of that budget too soon."""
    look_at, action = waiting
    stage.platform.writes = [fail(UnknownOutcomeError("no answer"))]
    assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN
    assert look_at(0.6) == (timedelta(0), 0)


def test_what_was_told_of_calls_ages_with_the_platform_and_a_real_account_s_does_not(engine):
    key = {"platform": "meta", "account": "act_1"}
    with engine.begin() as conn:
        told = {**key, "reported_at": func.now(), "regain_at": func.now()}
        conn.execute(insert(quotas), [{**key, "mode": mode} for mode in ("stub", "live")])
        conn.execute(update(quotas).values(**told))
        stepping.let_pass(conn, timedelta(minutes=5))
        rows = conn.execute(select(quotas.c.mode, quotas.c.reported_at - func.now(), quotas.c.regain_at - func.now()))
        passed = {mode: (-reported, -regain) for mode, reported, regain in rows}
    assert passed == {"stub": (timedelta(minutes=5),) * 2, "live": (timedelta(0),) * 2}


def test_faults_that_come_after_we_have_looked_are_refused():
    require_timely([{"do": "late_commit", "seconds": 1.0}, {"do": "slow", "seconds": 30.0}])
    with pytest.raises(BadInputError, match=r"1 s late at most, not 5 s"):
        require_timely([{"do": "late_commit", "seconds": 5.0}])
