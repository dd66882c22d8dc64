"""`stakazo up` and `stakazo demo`: start one machine, run the first cycle, say what it did and where to look."""

import sys
import time
from dataclasses import dataclass, field
from typing import Annotated

import typer

from cli import wording
from cli.console import cell, err, out, print_json, print_table, say
from domain import catalogue
from domain.actions import IN_FLIGHT, Action, ActionState
from domain.errors import NotReadyError
from domain.health import OPEN_RUN_STATES, RunState
from domain.ids import RunId
from domain.money import Money
from embedded.events import Event, EventKind
from models import accounts, ledger_reads, run_history, stops
from models.accounts import Account
from models.runs import Run
from workers import addresses, machine, oracle, planner
from workers.bootstrap import House
from workers.machine import Machine
from workers.settings import read_settings
from workers.work import why_stop

FIRST_CYCLE = "full_cycle"
_CYCLE_TIMEOUT_S = 600.0
_SETTLE_TIMEOUT_S = 60.0
_MONEY = frozenset({"total_spend_today"})  # minor units of the account's currency
_QUIET = frozenset({EventKind.STARTED, EventKind.READY})
_SpeedOption = Annotated[float, typer.Option("--speed", min=0.0, help="Sandbox seconds per real second.")]


@dataclass(slots=True)
class Stages:
    """Seconds spent in each stage of the start, and a line for each on standard error."""

    seconds: dict[str, float] = field(default_factory=dict)
    _current: str | None = None
    _since: float = 0.0

    def enter(self, stage: str) -> None:
        """A stage begins; the one before has ended."""
        self.close()
        self._current, self._since = stage, time.monotonic()
        err.print(f"  starting {stage} …", style="dim", markup=False)

    def close(self) -> None:
        """The last stage has ended."""
        if self._current is not None:
            self.seconds[self._current] = round(time.monotonic() - self._since, 3)
            self._current = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCycle:
    """What the first cycle of an account did."""

    account: Account
    run: Run
    actions: tuple[Action, ...]


def register(app: typer.Typer) -> None:
    """Add the two commands."""
    app.command("up")(up)
    app.command("demo")(demo)
    app.command("migrate")(migrate_database)


def up(*, speed: _SpeedOption = 1.0) -> None:
    """Start everything on this machine, run the first full cycle, and keep running until Ctrl-C.

    Embedded Postgres and Redis are started unless DATABASE_URL / REDIS_URL are set. State stays in STAKAZO_HOME
    (.stakazo): the next start goes on where this one stopped.
    """
    stages = Stages()
    with machine.started(read_settings(), speed=speed, on_event=_tell, on_stage=stages.enter) as running:
        stages.close()
        for cycle in _first_cycles(running):
            _print_cycle(cycle)
        _print_where_to_look(running)
        running.supervisor.run_until_stopped()
    say("stopped; `stakazo up` goes on where this stopped")


def demo(*, json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Start everything, run one full cycle, compare the ledger with the sandbox's log, and stop; exit 0 if all fits."""
    stages = Stages()
    settings = read_settings()
    with machine.started(settings, speed=1.0, on_event=_tell, on_stage=stages.enter) as running:
        stages.enter("the first cycle")
        cycles = _first_cycles(running)
        stages.close()
        comparison = oracle.compare(running.house.engine, addresses.sandbox_admin_url(settings))
        fine = comparison.agrees and bool(cycles) and all(cycle.run.state is RunState.SUCCEEDED for cycle in cycles)
        if json:
            print_json(
                {
                    "ok": fine,
                    "cycles": [_document(cycle) for cycle in cycles],
                    "ledger_equals_oracle": comparison.agrees,
                    "comparison": comparison,
                    "stages_s": stages.seconds,
                    "flower": {"address": running.flower_address, "user": running.flower_login.user},
                }
            )
        else:
            for cycle in cycles:
                _print_cycle(cycle)
            verdict = "the same" if comparison.agrees else f"NOT the same: {comparison}"
            out.print(
                f"Ledger and sandbox's own log: {comparison.applied} applied, {comparison.effects} effects, {verdict}.",
                markup=False,
            )
    raise typer.Exit(0 if fine else 1)


def migrate_database() -> None:
    """Bring the database to this version's schema and open the sandbox's accounts; for machines without `stakazo up`.

    Example: DATABASE_URL=postgresql://... stakazo migrate
    """
    settings = read_settings()
    is_split = machine.migrate_as_owner(settings, addresses.database_url(settings))
    with House.open(settings, name="stakazo-migrate") as house:
        opened = machine.open_stub_accounts(house)
    say(f"the schema is up to date; {len(opened)} accounts of the sandbox are open")
    if not is_split:
        say(
            "everything runs as one role of Postgres, so that triggers alone guard the audit; set DATABASE_OWNER_URL to"
            " the owner's address and DATABASE_URL to another role's, which this command makes"
        )


def _first_cycles(running: Machine) -> tuple[FirstCycle, ...]:
    """Run a full cycle on every account of the sandbox, side by side, and wait until its actions have settled."""
    house = running.house
    with house.engine.connect() as conn:
        opened = [accounts.get(conn, account_id) for account_id in running.accounts]
    if not opened:
        raise NotReadyError("no account is open: the sandbox shows none and no live account is set up")
    planner.planner_of(house).plan()
    due = [(account, _run_of(running, account)) for account in opened if not _is_held_back(house, account)]
    return tuple(_wait_for(running, account, run_id) for account, run_id in due)


def _is_held_back(house: House, account: Account) -> bool:
    """A machine that starts while all is stopped comes up, stands still and says why: a stop outlives restarts."""
    with house.engine.connect() as conn:
        held = next((row for row in stops.covering(conn, account.id)), None)
        why = why_stop(conn, catalogue.rhythm(f"{account.platform}.{FIRST_CYCLE}"), account)
    if why is None:
        return False
    way_out = f"`stakazo resume --stop {held.id}` ends the stop" if held else "`stakazo status` says more"
    say(f"{account.name}: no cycle runs, {why}; {way_out}")
    return True


def _run_of(running: Machine, account: Account) -> RunId:
    """The run of the slot that was just planned (by us, beat or the tower), else one beside the slots."""
    task = f"{account.platform}.{FIRST_CYCLE}"
    with running.house.engine.connect() as conn:
        newest = run_history.last(conn, task=task, account_id=account.id)
    if newest is not None and newest.created_at >= running.started_at and newest.state is not RunState.SKIPPED:
        return newest.id
    return planner.ask(running.house, task, account, asked_by="stakazo up")


def _wait_for(running: Machine, account: Account, run_id: RunId) -> FirstCycle:
    if not running.supervisor.wait(lambda: not _is_open(running, run_id), timeout_s=_CYCLE_TIMEOUT_S):
        raise NotReadyError(
            f"the first cycle has not ended after {_CYCLE_TIMEOUT_S:.0f} s; see `stakazo cycle log {run_id}`"
        )
    running.supervisor.wait(lambda: not _is_settling(running, run_id), timeout_s=_SETTLE_TIMEOUT_S)
    with running.house.engine.connect() as conn:
        run = run_history.get(conn, run_id)
        if run is None:
            raise NotReadyError(f"run {run_id} has vanished")
        return FirstCycle(account=account, run=run, actions=ledger_reads.of_run(conn, run_id))


def _is_open(running: Machine, run_id: RunId) -> bool:
    with running.house.engine.connect() as conn:
        run = run_history.get(conn, run_id)
    return run is not None and run.state in OPEN_RUN_STATES


def _is_settling(running: Machine, run_id: RunId) -> bool:
    """Unknown outcomes wait out a quarantine of minutes; nobody at a terminal waits for those."""
    with running.house.engine.connect() as conn:
        rows = ledger_reads.of_run(conn, run_id)
    return any(row.state in IN_FLIGHT - {ActionState.UNKNOWN} for row in rows)


def _print_cycle(cycle: FirstCycle) -> None:
    run, stats = cycle.run, cycle.run.stats_snapshot
    seconds = (run.duration_ms or 0) / 1000
    out.print(f"\n{cell(cycle.account.name)}: full cycle {run.id} {run.state} in {seconds:.1f} s", markup=False)
    for name, value in stats.items():
        out.print(f"  {name.replace('_', ' ')}: {_figure(name, value, cycle.account.currency)}", markup=False)
    for error in run.errors:
        out.print(f"  error: {cell(error)}", style="red", markup=False)
    print_table(
        "What it did",
        ("object", "change", "state", "why"),
        [
            (
                wording.object_of(row),
                wording.change_of(row, cycle.account.currency),
                wording.state_of(row),
                wording.why_of(row),
            )
            for row in cycle.actions
        ],
        empty="nothing had to change",
    )


def _figure(name: str, value: object, currency: str) -> str:
    if isinstance(value, int) and name in _MONEY:
        return str(Money(value, currency))
    return f"{value:.2f}" if isinstance(value, float) else cell(value)


def _document(cycle: FirstCycle) -> dict[str, object]:
    return {"account": cycle.account, "run": cycle.run, "actions": cycle.actions}


def _print_where_to_look(running: Machine) -> None:
    login = running.flower_login
    password = login.password if login.is_new else "(kept in flower.json of the data folder)"
    out.print(f"\nFlower: {running.flower_address}  user {login.user}  password {password}", markup=False)
    out.print(f"Metrics: {running.metrics_address}  for Prometheus", markup=False)
    out.print("  stakazo status          what runs, where, since when", markup=False)
    out.print("  stakazo actions list    what was changed, and why", markup=False)
    out.print("  stakazo plan            what the next cycle would do", markup=False)
    out.print("Running; Ctrl-C stops everything in order.", markup=False)
    sys.stdout.flush()


def _tell(event: Event) -> None:
    if event.kind not in _QUIET or event.restarts:
        say(event.line)
