"""`stakazo simulate`: let the system run for simulated weeks in a world of its own, then report what came of it."""

import os
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self

import typer
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from cli import simulation_report
from cli.console import AsJson, cell, err, instant, out, print_json, say
from cli.simulation_founding import Prepared, Wanted, prepare
from domain.errors import BadInputError
from embedded.errors import StopRequested
from embedded.events import Event, EventKind
from models import accounts, policies
from workers import machine, simulation_checks, simulation_figures, simulation_futures
from workers.machine import Stepped
from workers.settings import read_settings
from workers.simulation import Progress, Simulation

_QUIET = frozenset({EventKind.STARTED, EventKind.READY, EventKind.STOPPED})
_INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)


def simulate(  # noqa: PLR0917 - typer hands options over by name
    scenario: Annotated[
        str | None, typer.Option(metavar="NAME", help="A scenario's name, a file of one, or generated:ADS[:SEED].")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", "-a", metavar="ID", help="An account of your sandbox, as it stands now.")
    ] = None,
    days: Annotated[float, typer.Option(min=0.02, max=400, help="Platform days from the beginning on.")] = 14,
    policy: Annotated[
        str | None, typer.Option(metavar="NAME", help="The policy to decide by; default matured.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="How the world's dice fall; default: the scenario's own.")] = None,
    start: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="The beginning of a scenario (ISO, UTC); default: now.")
    ] = None,
    out_folder: Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Where the report goes.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what the same words began before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole system on a sandbox of its own, slot by slot, and report. Your machine is not touched.

    Ctrl-C stops in order; the same words go on where it stopped. Exit 0 if everything held that must hold.

    Example: stakazo simulate --scenario demo --days 14
    """
    wanted = Wanted(
        scenario=scenario, account=account, days=days, policy=policy, seed=seed, start=_instant(start), fresh=fresh
    )
    prepared = prepare(read_settings(), wanted)
    os.environ.update(prepared.folder.environment())  # for our own settings below, and for every child
    settings = read_settings()
    begun_s = time.monotonic()
    try:
        with machine.stepped(settings, on_event=_tell, on_stage=_stage) as running:
            _set_up(running, prepared)
            with _Teller(prepared) as tell:
                Simulation(machine=running, folder=prepared.folder, plan=prepared.plan, on_slot=tell).run()
            document = _conclude(running, prepared, out_folder, begun_s)
    except StopRequested:
        say("stopped; the same words go on from here")
        raise typer.Exit(_INTERRUPTED) from None
    if as_json:
        print_json(document)
    else:
        _print(document)
    raise typer.Exit(0 if document["ok"] else 1)


def _conclude(running: Stepped, prepared: Prepared, out_folder: Path | None, begun_s: float) -> dict[str, Any]:
    """Check what must hold, look what became of the money, write the report."""
    from sandbox.branching import branch  # late: only this command needs the sandbox

    folder, plan = prepared.folder, prepared.plan
    say("checking, and letting late purchases arrive in a copy of the world")
    seen = simulation_checks.look(running.house, folder, plan)
    checks = simulation_checks.check_all(seen)
    futures = simulation_futures.live_on(running, folder, plan, seen.people, branch)
    figures = simulation_figures.gather(seen, futures)
    report = simulation_report.write(figures, checks, out_folder or folder.report)
    return {
        "ok": not any(check.broken for check in checks),
        "summary": simulation_report.in_words(figures),
        "checks": checks,
        "report": report,
        "folder": folder.path,
        "took_s": round(time.monotonic() - begun_s, 3),
        "figures": figures,
    }


def _print(document: dict[str, Any]) -> None:
    out.print(document["summary"], markup=False, soft_wrap=True)
    for check in document["checks"]:
        for line in check.violations:
            out.print(f"BROKEN, {check.name}: {cell(line)}", style="red", markup=False, soft_wrap=True)
    out.print(f"Report: {document['report'].page}", markup=False, soft_wrap=True)


def _set_up(running: Stepped, prepared: Prepared) -> None:
    """Give the accounts what the operator set on their originals, and the policy. A second time changes nothing."""
    if not prepared.is_new:
        return
    with running.house.engine.begin() as conn:
        for row in accounts.listing(conn):
            if str(row.platform_account_id).removeprefix("act_") not in prepared.plan.account_ids:
                continue
            if prepared.carried:
                accounts.change(conn, row.id, actor="stakazo simulate", **prepared.carried)
            if prepared.policy is not None:
                policies.save(conn, row.id, *prepared.policy, "stakazo simulate")


class _Teller(AbstractContextManager["_Teller"]):
    """Shows how far it is: a bar on a terminal, one line per simulated day elsewhere."""

    def __init__(self, prepared: Prepared) -> None:
        self._plan = prepared.plan
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, console=err, transient=True) if err.is_terminal else None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
            total = (self._plan.end_at - self._plan.begin_at).total_seconds()
            self._task = self._bar.add_task("", total=total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        words = f"day {progress.day}, {instant(progress.now)}"
        if self._bar is not None and self._task is not None:
            passed = (progress.now - progress.begin_at).total_seconds()
            self._bar.update(self._task, completed=passed, description=words)
        elif progress.is_day_over:
            say(f"{words}: {progress.slots} slots in {progress.seconds:.1f} s")


def _stage(stage: str) -> None:
    err.print(f"  starting {stage} …", style="dim", markup=False)


def _tell(event: Event) -> None:
    if event.kind not in _QUIET or event.restarts:
        say(event.line)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInputError(f'"{text}" is no instant; write it like 2026-11-21T10:00') from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
