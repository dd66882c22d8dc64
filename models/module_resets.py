"""A pair's runs begin anew: what recovery changes in Postgres when it restarts or resets a module. Never commits."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, update

from domain.health import OPEN_RUN_STATES, RunState
from models import module_states
from models.tables import runs


def make_due(conn: Connection, tasks: Sequence[str]) -> int:
    """Let open runs of these tasks be rung for now rather than at their next turn; those put back keep their time."""
    waits = update(runs).where(runs.c.task.in_(tasks), runs.c.state == RunState.PLANNED, runs.c.reason == "")
    return conn.execute(waits.values(ring_at=func.clock_timestamp())).rowcount


def reset(conn: Connection, pair: str, tasks: Sequence[str], *, by: str, reason: str) -> int:
    """Let runs at work end at their next look and begin anew, and give every open one all its attempts; how many.

    What runs have proposed stays as it is: actions are the door's, and no run proposes the same twice.
    """
    module_states.restart(conn, [pair], reason=reason, changed_by=by)
    anew = update(runs).where(runs.c.task.in_(tasks), runs.c.state.in_(OPEN_RUN_STATES))
    count = conn.execute(anew.values(attempts=0)).rowcount
    waits = update(runs).where(runs.c.task.in_(tasks), runs.c.state == RunState.PLANNED)
    conn.execute(waits.values(ring_at=func.clock_timestamp(), reason=""))
    return count
