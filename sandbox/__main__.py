"""`python -m sandbox`: serves an ad platform on loopback, or lists the scenarios."""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from sandbox.clock import FASTEST
from sandbox.dialects import DIALECTS, DialectRow, Spoken, open_dialects, row_of
from sandbox.platform import Platform
from sandbox.scenario import load_scenario, scenario_names
from sandbox.server import bind, lock_folder, serve

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
_USAGE = 2
_LAST_PORT = 65_535


@app.command("serve")
def serve_command(  # noqa: PLR0917 - typer reads options from the signature
    data: Annotated[
        Path, typer.Option(help="Folder that holds the platform's state; made if it is missing.")
    ] = Path("sandbox-data"),
    scenario: Annotated[
        str | None, typer.Option(help="A name, a .toml or .json file, or generated:ADS[:SEED]; default: demo.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=_LAST_PORT, help="Port of the Graph API; 0 lets the kernel choose.")
    ] = 0,
    admin_port: Annotated[
        int, typer.Option(min=0, max=_LAST_PORT, help="Port of the admin address; 0 lets the kernel choose.")
    ] = 0,
    host: Annotated[str, typer.Option(help="Where to answer; another for containers only.")] = "127.0.0.1",
    speed: Annotated[
        float | None, typer.Option(min=0, max=FASTEST,
                                   help="Platform seconds per real second; 0 freezes it; default 1, then as left.")
    ] = None,
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"],
                                      help="The platform's present in a new folder (UTC); default: now.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="The access token to let in; default: as left, drawn in a new folder.")
    ] = None,
    app_secret: Annotated[
        str | None, typer.Option(help="The app's secret: signs webhooks, and checks appsecret_proof where one is sent.")
    ] = None,
    tier: Annotated[
        str | None, typer.Option(help="standard_access or development_access: how much the app may call.")
    ] = None,
    dialect: Annotated[
        list[str] | None, typer.Option(help="One more dialect, on a port of its own: NAME=module:function.")
    ] = None,
) -> None:  # fmt: skip
    """Serve the platform until Ctrl-C.

    Prints one JSON line with its addresses once it is ready, and on stderr how to call it.

    Example: python -m sandbox serve --data /tmp/shop --scenario demo --port 8080
    """
    os.umask(0o077)
    try:
        lock_folder(data)
        rows = (*DIALECTS, *map(row_of, dialect or []))
        sockets = bind(host, [port, *([0] * (len(rows) - 1)), admin_port])
        platform = Platform(data, scenario=scenario, start=start, speed=speed)
        platform.let_in(token=token, app_secret=app_secret)
        dialects = _dialects(rows, platform, tier)
    except BlockingIOError:
        typer.echo(f"another sandbox is already running in {data}: stop it, or give another folder (--data)", err=True)
        raise typer.Exit(_USAGE) from None
    except (FileExistsError, NotADirectoryError):
        typer.echo(f"{data} is no folder: give one by --data; it is made if it is missing", err=True)
        raise typer.Exit(_USAGE) from None
    except (ValueError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_USAGE) from None
    uvloop.run(serve(platform, data, dialects, sockets))


def _dialects(rows: Iterable[DialectRow], platform: Platform, tier: str | None) -> Spoken:
    dialects = open_dialects(rows, platform)
    if tier is not None:
        next(iter(dialects.values())).set_tier(tier)
    return dialects


@app.command("scenarios")
def scenarios_command() -> None:
    """List the scenarios that ship with the sandbox."""
    for name in scenario_names():
        typer.echo(f"{name}: {load_scenario(name).title}")


if __name__ == "__main__":
    app()
