"""Waiting for a run, or for actions, with progress on standard error."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.text import Text
from sqlalchemy import Connection

from cli.console import err, safe, say
from cli.runs import Ended
from cli.session import transaction
from domain.actions import IN_FLIGHT, Action, ActionState
from domain.errors import NotReadyError
from domain.health import OPEN_RUN_STATES
from domain.ids import ActionId, RunId
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
    goes_on = f"run {run_id} goes on; see `stakazo cycle log {run_id}`"
    with _left(goes_on), err.status(f"run {run_id}: waits for a worker") as status:

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


def wait_for_actions(house: House, ids: Sequence[ActionId], timeout_s: float) -> tuple[Action, ...]:
    """Wait a while for actions to end, and return them as they stand; what is unknown waits longer than we do."""
    deadline_s = time.monotonic() + timeout_s
    goes_on = f"action {', '.join(map(str, ids))} {'goes' if len(ids) == 1 else 'go'} on; see `stakazo actions list`"
    with _left(goes_on), err.status("waits for the executor"):
        _until(house, lambda conn: None if _any_moves(_read(conn, ids)) else True, deadline_s)
    with transaction(house) as conn:
        return _read(conn, ids)


@contextmanager
def _left(goes_on: str) -> Iterator[None]:
    """Ctrl-C ends the waiting alone: whoever waited must not take it for a withdrawal."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"no longer waiting: {goes_on}")
        raise


def _read(conn: Connection, ids: Sequence[ActionId]) -> tuple[Action, ...]:
    return tuple(row for one in ids if (row := ledger_reads.get(conn, one)) is not None)


def _any_moves(rows: Sequence[Action]) -> bool:
    return any(row.state in IN_FLIGHT - {ActionState.UNKNOWN} for row in rows)


def _until(house: House, look: Callable[[Connection], _Read | None], deadline_s: float) -> _Read | None:
    while True:
        with transaction(house) as conn:
            found = look(conn)
        if found is not None or time.monotonic() >= deadline_s:
            return found
        time.sleep(_POLL_S)


def _settled(conn: Connection, run_id: RunId) -> bool | None:
    return None if _any_moves(ledger_reads.of_run(conn, run_id)) else True
