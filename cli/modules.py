"""`stakazo modules`: the catalogue with what is wanted of each pair, and starting and stopping of pairs."""

from typing import Annotated

import typer
from sqlalchemy import Connection

from cli import commanding
from cli.console import AsJson, instant, print_json, print_table, say, span
from cli.session import opened, transaction
from domain import catalogue
from domain.catalogue import Pair
from domain.errors import NotReadyError
from domain.health import CommandType
from models import module_states, run_history
from models.commands import CommandState
from models.module_states import Desired, ModuleState

app = typer.Typer(invoke_without_command=True)

_Slugs = Annotated[list[str], typer.Argument(metavar="MODULE...", help="Such as meta.full_cycle or 10.11.")]
_Wait = Annotated[bool, typer.Option("--wait", help="Wait until every worker was seen to obey; 1 if one does not.")]
_Timeout = Annotated[float, typer.Option(min=1, max=86_400, help="Seconds to wait at most with --wait.")]
_Reason = Annotated[str, typer.Option(help="Why; kept with the change and shown to everyone.")]


@app.callback()
def list_(
    context: typer.Context,
    platform: Annotated[str | None, typer.Option(help="Only this platform: meta, tiktok, linkedin.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the modules of every platform, what is wanted of them and when they last ran.

    `stakazo modules stop meta.full_cycle --reason "price change"` stops one, `start` lets it go on.

    Example: stakazo modules --platform meta
    """
    if context.invoked_subcommand is not None:
        return
    only = None if platform is None else catalogue.platform(platform)
    pairs = [pair for pair in catalogue.PAIRS if only in (None, pair.platform)]
    with opened() as house, transaction(house) as conn:
        states = module_states.listing(conn)
        rows = [_row(conn, pair, states.get(pair.slug)) for pair in pairs]
    if as_json:
        print_json({"modules": rows})
        return
    columns = ("id", "slug", "title", "role", "cadence", "state", "desired", "reason", "last run")
    print_table("Modules", columns, [[row[name.replace(" ", "_")] for name in columns] for row in rows], empty="none")


@app.command("start")
def start(
    slugs: _Slugs, reason: _Reason = "", wait: _Wait = False, timeout: _Timeout = 60.0, as_json: AsJson = False
) -> None:
    """Let modules run again.

    Example: stakazo modules start meta.full_cycle
    """
    _order(CommandType.START_ALL, slugs, reason, wait_s=timeout if wait else 0.0, as_json=as_json)


@app.command("stop")
def stop(
    slugs: _Slugs, reason: _Reason, wait: _Wait = False, timeout: _Timeout = 60.0, as_json: AsJson = False
) -> None:
    """Stop modules: nothing is planned or consumed for them; a run at work ends at its next step.

    Example: stakazo modules stop meta.full_cycle --reason "maintenance until noon" --wait
    """
    _order(CommandType.STOP_ALL, slugs, reason, wait_s=timeout if wait else 0.0, as_json=as_json)


def _row(conn: Connection, pair: Pair, state: ModuleState | None) -> dict[str, object]:
    built = tuple(pair.built_cycles())
    runs = [run_history.last(conn, task=f"{pair.platform.slug}.{cycle.name}") for cycle in built]
    latest = max((run for run in runs if run is not None), key=lambda run: run.slot_at, default=None)
    planned = {cycle.name for cycle in pair.module.cycles} - {cycle.name for cycle in built}
    is_partly_built = built and planned
    return {
        "id": pair.id,
        "slug": pair.slug,
        "title": pair.module.title,
        "role": pair.module.role,
        "job": pair.module.job,
        "cadence": ", ".join(f"{cycle.name} {span(cycle.every.total_seconds())}" for cycle in pair.module.cycles)
        if len(pair.module.cycles) > 1
        else span(pair.module.cycles[0].every.total_seconds()),
        "state": f"built ({', '.join(cycle.name for cycle in built)})" if is_partly_built else _built(pair),
        "desired": (state.desired if state else Desired.RUNNING) if pair.is_built else "",
        "reason": f"{state.reason} ({state.changed_by})" if state else "",
        "last_run": "" if latest is None else f"{latest.state} {instant(latest.slot_at)}",
    }


def _built(pair: Pair) -> str:
    return "built" if pair.is_built else "planned"


def _order(command_type: CommandType, slugs: list[str], reason: str, *, wait_s: float, as_json: bool) -> None:
    """Write a command down and what it wants at once; waits until workers were seen to obey only if asked to."""
    with opened() as house:
        command = commanding.give(house, command_type, reason=reason, modules=slugs)
        if "targets" not in command.results:
            raise NotReadyError(str(command.results.get("why", f"command {command.id} could not be begun")))
        if wait_s:
            command = commanding.wait(house, command, wait_s)
        else:
            commanding.carry_if_alone(house)
            command = commanding.read(house, command.id)
        with transaction(house) as conn:
            states = module_states.listing(conn)
    if as_json:
        print_json({"modules": [states[slug] for slug in command.target_modules], "command": command})
    else:
        for slug in command.target_modules:
            seen = command.results["targets"][slug]["seen"] or "the tower sees to it within seconds"
            say(f"{slug} is to be {states[slug].desired}: {seen}")
        say(f"`stakazo command show {command.id}` tells what became of it")
    if wait_s and command.state is not CommandState.DONE:
        raise typer.Exit(1)
