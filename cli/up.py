"""`stakazo up` and `stakazo demo`: start one machine, run the first cycle, say what it did and where to look."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import typer

from cli import wording
from cli.console import cell, err, out, print_json, print_table, say
from cli.first_cycles import FirstCycle, run_first
from domain.health import RunState
from domain.money import Money
from embedded.events import Event, EventKind
from workers import addresses, machine, oracle
from workers.bootstrap import House
from workers.machine import Machine
from workers.settings import read_settings

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


def register(app: typer.Typer) -> None:
    """Add the two commands."""
    app.command("up")(up)
    app.command("demo")(demo)
    app.command("migrate")(migrate_database)


def up(*, speed: _SpeedOption = 1.0) -> None:
    """Start everything on this machine, run the first cycles, and keep running until Ctrl-C.

    Embedded Postgres and Redis are started unless DATABASE_URL / REDIS_URL are set. State stays in STAKAZO_HOME
    (.stakazo): the next start goes on where this one stopped.
    """
    stages = Stages()
    with machine.started(read_settings(), speed=speed, on_event=_tell, on_stage=stages.enter) as running:
        stages.close()
        for cycle in run_first(running):
            _print_cycle(cycle)
        _print_where_to_look(running)
        running.supervisor.run_until_stopped()
    say("stopped; `stakazo up` goes on where this stopped")


def demo(*, json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Start everything, run the first cycles, compare ledger and sandbox's log, and stop; exit 0 if all fits."""
    stages = Stages()
    settings = read_settings()
    with machine.started(settings, speed=1.0, on_event=_tell, on_stage=stages.enter) as running:
        stages.enter("the first cycle")
        cycles = run_first(running)
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


def _print_cycle(cycle: FirstCycle) -> None:
    run, stats = cycle.run, cycle.run.stats_snapshot
    seconds = (run.duration_ms or 0) / 1000
    out.print(f"\n{cell(cycle.account.name)}: {cycle.words} {run.id} {run.state} in {seconds:.1f} s", markup=False)
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
    if isinstance(value, Mapping):
        return "; ".join(f"{count} x {cell(why)}" for why, count in value.items()) or "none"
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
