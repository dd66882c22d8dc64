"""`stakazo logs`: what this machine's processes wrote, in one order, by run, action, stop or command."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from cli.console import AsJson, out, safe, say
from cli.session import opened, transaction
from domain.errors import StakazoError
from domain.ids import RunId
from models import ledger_reads
from workers import addresses, log_lines
from workers.bootstrap import House
from workers.log_lines import LogLine, Wanted

_POLL_S = 0.5
_COLOURS = {"warning": "yellow", "error": "red", "critical": "bold red"}
_QUIET = frozenset({"logger", "exception"})
_Level = Literal["debug", "info", "warning", "error"]
_Run = Annotated[int | None, typer.Option("--run", metavar="ID", help="About this run, and the actions it proposed.")]
_Action = Annotated[int | None, typer.Option("--action", metavar="ID", help="About this action.")]
_Stop = Annotated[int | None, typer.Option("--stop", metavar="ID", help="About this emergency stop.")]
_Command = Annotated[int | None, typer.Option("--command", metavar="ID", help="About this command.")]
_Process = Annotated[str | None, typer.Option("--process", help="Of one process, such as worker-cycles or tower.")]
_Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on, until Ctrl-C.")]
_Lines = Annotated[int, typer.Option("--lines", "-n", min=0, help="The last so many.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("logs")(logs)


def logs(
    *,
    run: _Run = None,
    action: _Action = None,
    stop: _Stop = None,
    command: _Command = None,
    process: _Process = None,
    level: Annotated[_Level, typer.Option("--level", help="From this level up.")] = "info",
    follow: _Follow = False,
    lines: _Lines = 50,
    as_json: AsJson = False,
) -> None:
    """Show what the processes of this machine wrote, a line each event, in the order in which it happened.

    With --json each line is the event as it was written, with its process. Example: stakazo logs --run 12 --follow
    """
    with opened() as house:
        folder = addresses.folders(house.settings).logs
        asked = {"run": run, "action": action, "stop": stop, "command": command}
        about = {(key, str(value)) for key, value in asked.items() if value is not None}
        if run is not None:
            about |= _actions_of(house, RunId(run))
    wanted = Wanted(about=frozenset(about), level=level, process=process)
    found = log_lines.read(folder, wanted)
    for line in found[max(0, len(found) - lines) :]:
        _print(line, as_json=as_json)
    if not found and not follow:
        say(f"nothing of that is in {folder}; --level debug shows more, `stakazo cycle log` what Postgres keeps")
    if follow:
        for line in _live(wanted, folder=folder):
            _print(line, as_json=as_json)


def _actions_of(house: House, run_id: RunId) -> set[tuple[str, str]]:
    """The run's actions, where the database can say; logs are read when nothing else works, too."""
    try:
        with transaction(house) as conn:
            return {("action", str(row.id)) for row in ledger_reads.of_run(conn, run_id)}
    except StakazoError as error:
        say(f"without the run's actions: {error}")
        return set()


def _live(wanted: Wanted, *, folder: Path) -> Iterator[LogLine]:
    def goes_on() -> bool:
        time.sleep(_POLL_S)
        return True

    try:
        yield from log_lines.follow(folder, wanted, goes_on=goes_on)
    except KeyboardInterrupt:
        return


def _print(line: LogLine, *, as_json: bool) -> None:
    if as_json:
        document = {"ts": line.ts, "process": line.process, "level": line.level, "event": line.event, **line.fields}
        typer.echo(json.dumps(document))
        return
    told = " ".join(f"{key}={_value(value)}" for key, value in line.fields.items() if key not in _QUIET)
    head = f"{line.ts[:19].replace('T', ' ')}Z {line.process} "
    out.print(
        Text.assemble(
            safe(head), (safe(line.event), _COLOURS.get(line.level, "bold")), safe(f" {told}" if told else "")
        )
    )
    if "exception" in line.fields:
        out.print(Text("\n".join(map(safe, str(line.fields["exception"]).splitlines()[-3:])), style="dim"))


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
