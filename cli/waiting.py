"""Waiting for a run and for its actions, with progress on standard error."""

import time
from collections.abc import Callable
from typing import TypeVar

from rich.text import Text
from sqlalchemy import Connection

from cli.console import err, safe, say
from cli.runs import Ended
from cli.session import transaction
from domain.actions import IN_FLIGHT, ActionState
from domain.errors import NotReadyError
from domain.health import OPEN_RUN_STATES
from domain.ids import RunId
from models import ledger_reads, run_history
from models.accounts import Account
from models.runs import Run
from workers.bootstrap import House

_POLL_S = 0.5
_SETTLE_S = 60.0
_Read = TypeVar("_Read")


def wait_for(house: House, account: Account, run_id: RunId, timeout_s: float) -> Ended:
    """Wait for the run, then a while for its actions; unknown outcomes wait out a quarantine of minutes, we do not."""
    deadline_s = time.monotonic() + timeout_s
    told = 0
    with err.status(f"run {run_id}: waits for a worker") as status:

        def see(conn: Connection) -> Run | None:
            nonlocal told
            row = run_history.get(conn, run_id)
            if row is not None:
                status.update(Text(f"run {run_id}: {row.state}, attempt {row.attempts} {safe(row.reason)}"))
                for done in row.steps_executed[told:]:
                    say(f"  {done.get('step')} {done.get('ms')} ms")
                told = len(row.steps_executed)
            return row if row is not None and row.state not in OPEN_RUN_STATES else None

        ended = _until(house, see, deadline_s)
        if ended is None:
            raise NotReadyError(
                f"run {run_id} has not ended after {timeout_s:.0f} s; it goes on: see `stakazo cycle log {run_id}`, "
                "and `stakazo status` for whether workers live"
            )
        status.update(f"run {run_id}: its actions are on their way")
        _until(house, lambda conn: _settled(conn, run_id), min(deadline_s, time.monotonic() + _SETTLE_S))
    with transaction(house) as conn:
        return Ended(account=account, run=ended, actions=ledger_reads.of_run(conn, run_id))


def _until(house: House, look: Callable[[Connection], _Read | None], deadline_s: float) -> _Read | None:
    while True:
        with transaction(house) as conn:
            found = look(conn)
        if found is not None or time.monotonic() >= deadline_s:
            return found
        time.sleep(_POLL_S)


def _settled(conn: Connection, run_id: RunId) -> bool | None:
    moving = IN_FLIGHT - {ActionState.UNKNOWN}
    return None if any(row.state in moving for row in ledger_reads.of_run(conn, run_id)) else True
