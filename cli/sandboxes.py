"""`stakazo sandbox`: the ad platform on loopback; a twin of a real account from a report, its clock, its faults."""

import json
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import sandbox_export, sandbox_import, sandbox_scenario
from cli.console import AsJson, compact, err, instant, print_json, print_table, say
from cli.session import opened
from domain.errors import BadInputError
from workers import addresses, sandbox_admin

app = typer.Typer(no_args_is_help=True)
faults_app = typer.Typer(no_args_is_help=True)
app.add_typer(faults_app, name="faults", help="Make calls to the sandbox go wrong, by a script.")
app.add_typer(sandbox_scenario.app, name="scenario", help="Worlds for the sandbox: list those that ship, check a file.")
app.command("import")(sandbox_import.import_)
app.command("export")(sandbox_export.export)

_Json = Any  # what a file says before it is checked


@app.command("advance")
def advance(
    hours: Annotated[float, typer.Option(min=0, max=26_400, help="Platform hours to move on.")] = 0.0,
    days: Annotated[float, typer.Option(min=0, max=1100, help="Platform days to move on.")] = 0.0,
    to: Annotated[str | None, typer.Option(metavar="INSTANT", help="ISO instant; UTC where it names no zone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Move the sandbox's clock on: its people see, click and buy meanwhile.

    Example: stakazo sandbox advance --days 1
    """
    seconds = timedelta(hours=hours, days=days).total_seconds()
    if (to is None) is (seconds == 0):
        raise BadInputError("say how far: --hours and --days, or --to an instant")
    with opened() as house:
        admin_url = addresses.sandbox_admin_url(house.settings)
        before, _ = sandbox_admin.read_clock(admin_url)
        with err.status("the sandbox computes the hours between"):
            until = None if to is None else _instant(to)
            after = sandbox_admin.advance(admin_url, seconds=seconds if until is None else None, to=until)
    if as_json:
        print_json({"before": before, "after": after})
    else:
        say(f"the sandbox went from {instant(before)} to {instant(after)}")


@faults_app.command("list")
def list_faults(as_json: AsJson = False) -> None:
    """Show the script in force and how often each line has fired.

    Example: stakazo sandbox faults list
    """
    with opened() as house:
        script = sandbox_admin.faults(addresses.sandbox_admin_url(house.settings))
    _print_script(script, as_json=as_json)


@faults_app.command("set")
def set_faults(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="JSON or TOML: a list of lines, or `script`; - reads JSON.")
    ],
    as_json: AsJson = False,
) -> None:
    """Put a script in force instead of the one that is.

    Example: echo '[{"do": "throttle", "match": {"kind": "adset"}, "times": 3}]' | stakazo sandbox faults set -
    """
    wanted = _script(file)
    with opened() as house:
        script = sandbox_admin.set_faults(addresses.sandbox_admin_url(house.settings), wanted)
    _print_script(script, as_json=as_json)


@faults_app.command("clear")
def clear_faults(as_json: AsJson = False) -> None:
    """End all faults.

    Example: stakazo sandbox faults clear
    """
    with opened() as house:
        script = sandbox_admin.set_faults(addresses.sandbox_admin_url(house.settings), [])
    _print_script(script, as_json=as_json)


def _print_script(script: Any, *, as_json: bool) -> None:
    if as_json:
        print_json({"script": script})
        return
    known = ("do", "match", "times", "after", "seen", "fired")
    print_table(
        "Faults",
        (*known, "with"),
        [
            (
                *(row.get("do"), compact(row.get("match", {})), _times(row), row.get("after", 0)),
                *(row.get("seen", 0), row.get("fired", 0)),
                compact({name: value for name, value in row.items() if name not in known}),
            )
            for row in script
        ],
        empty="none: every call is answered",
    )


def _times(row: Any) -> object:
    times = row.get("times", 1)
    return "for ever" if times is None else times


def _script(file: str) -> list[_Json]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        content = tomllib.loads(text) if file.endswith(".toml") else json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{file} cannot be read ({error})") from None
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(f"{file} is neither JSON nor (as .toml) TOML: {error}") from None
    script = content.get("script") if isinstance(content, dict) else content
    if not isinstance(script, list):
        raise BadInputError(f'{file} holds no list of faults; write [{{"do": "refuse"}}] or {{"script": [...]}}')
    return script


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInputError(f'"{text}" is no instant; write it like 2026-11-21T10:00') from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
