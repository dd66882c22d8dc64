"""The first cycles of a machine that has just started: planned, waited for, and told with what they did.

On an account's first day everything is due at once, and what acts half-hourly may come before what it decides from:
then it is asked for once more.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cli.console import say
from domain import catalogue
from domain.actions import IN_FLIGHT, Action, ActionState
from domain.errors import NotReadyError
from domain.health import OPEN_RUN_STATES, RunState
from domain.ids import RunId
from domain.modules import Role
from models import accounts, ledger_reads, run_history, stops
from models.accounts import Account
from models.runs import Run
from workers import planner
from workers.bootstrap import House
from workers.machine import Machine
from workers.work import why_stop

FIRST_CYCLE = "full_cycle"
_SOURCES = ("roas_engine", "ab_testing", "budget_spikes", "creative_intelligence")  # what it decides from
_CYCLE_TIMEOUT_S = 600.0
_SETTLE_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCycle:
    """What a first cycle of an account did."""

    account: Account
    run: Run
    actions: tuple[Action, ...]

    @property
    def words(self) -> str:
        """Which cycle it was, such as "full cycle"."""
        return self.run.task.partition(".")[2].replace("_", " ")


def run_first(running: Machine) -> tuple[FirstCycle, ...]:
    """Run what is due on every account of the sandbox, side by side, and wait until its actions have settled.

    Raises:
        NotReadyError: no account is open, or a cycle does not end.
    """
    house = running.house
    with house.engine.connect() as conn:
        opened = [accounts.get(conn, account_id) for account_id in running.accounts]
    if not opened:
        raise NotReadyError("no account is open: the sandbox shows none and no live account is set up")
    planner.planner_of(house).plan()
    due = [(account, _run_of(running, account)) for account in opened if not _is_held_back(house, account)]
    return tuple(cycle for account, run_id in due for cycle in _of_account(running, account, run_id))


def _of_account(running: Machine, account: Account, run_id: RunId) -> tuple[FirstCycle, ...]:
    """The acting cycles that ran since the start, the full cycle last."""
    _wait_for(running, run_id, lambda: not _open_runs(running, account))
    if _is_outdated(running, account, run_id):
        run_id = planner.ask(running.house, _task(account), account, asked_by="stakazo up")
        _wait_for(running, run_id, lambda: not _is_open(running, run_id))
    others = [
        row
        for rhythm in catalogue.RHYTHMS
        if rhythm.pair.module.role is Role.ACTS and rhythm.name != _task(account)
        if (row := _newest(running, account, rhythm.name)) is not None
    ]
    told = [_told(running, account, row.id) for row in others]
    return (*(cycle for cycle in told if cycle.actions), _told(running, account, run_id))


def _is_held_back(house: House, account: Account) -> bool:
    """A machine that starts while all is stopped comes up, stands still and says why: a stop outlives restarts."""
    with house.engine.connect() as conn:
        held = next((row for row in stops.covering(conn, account.id)), None)
        why = why_stop(conn, catalogue.rhythm(_task(account)), account)
    if why is None:
        return False
    way_out = f"`stakazo resume --stop {held.id}` ends the stop" if held else "`stakazo status` says more"
    say(f"{account.name}: no cycle runs, {why}; {way_out}")
    return True


def _run_of(running: Machine, account: Account) -> RunId:
    """The run of the slot that was just planned (by us, beat or the tower), else one beside the slots."""
    newest = _newest(running, account, _task(account))
    if newest is not None:
        return newest.id
    return planner.ask(running.house, _task(account), account, asked_by="stakazo up")


def _newest(running: Machine, account: Account, task: str) -> Run | None:
    """The newest run of a cycle since the start that was not skipped."""
    with running.house.engine.connect() as conn:
        newest = run_history.last(conn, task=task, account_id=account.id)
    if newest is None or newest.created_at < running.started_at or newest.state is RunState.SKIPPED:
        return None
    return newest


def _is_outdated(running: Machine, account: Account, run_id: RunId) -> bool:
    """Whether something that the full cycle decides from ended only after it had begun."""
    with running.house.engine.connect() as conn:
        mine = run_history.get(conn, run_id)
    begun_at = None if mine is None else mine.started_at
    sources = (_newest(running, account, f"{account.platform}.{name}") for name in _SOURCES)
    ends = [row.finished_at for row in sources if row is not None and row.finished_at is not None]
    return begun_at is not None and any(end > begun_at for end in ends)


def _task(account: Account) -> str:
    return f"{account.platform}.{FIRST_CYCLE}"


def _wait_for(running: Machine, run_id: RunId, is_over: Callable[[], bool]) -> None:
    if not running.supervisor.wait(is_over, timeout_s=_CYCLE_TIMEOUT_S):
        raise NotReadyError(
            f"the first cycles have not ended after {_CYCLE_TIMEOUT_S:.0f} s; see `stakazo cycle log {run_id}`"
        )


def _told(running: Machine, account: Account, run_id: RunId) -> FirstCycle:
    running.supervisor.wait(lambda: not _is_settling(running, run_id), timeout_s=_SETTLE_TIMEOUT_S)
    with running.house.engine.connect() as conn:
        run = run_history.get(conn, run_id)
        if run is None:
            raise NotReadyError(f"run {run_id} has vanished")
        return FirstCycle(account=account, run=run, actions=ledger_reads.of_run(conn, run_id))


def _open_runs(running: Machine, account: Account) -> list[Run]:
    with running.house.engine.connect() as conn:
        return [run for run in run_history.open_runs(conn) if run.account_id == account.id]


def _is_open(running: Machine, run_id: RunId) -> bool:
    with running.house.engine.connect() as conn:
        run = run_history.get(conn, run_id)
    return run is not None and run.state in OPEN_RUN_STATES


def _is_settling(running: Machine, run_id: RunId) -> bool:
    """Unknown outcomes wait out a quarantine of minutes; nobody at a terminal waits for those."""
    with running.house.engine.connect() as conn:
        rows = ledger_reads.of_run(conn, run_id)
    return any(row.state in IN_FLIGHT - {ActionState.UNKNOWN} for row in rows)
