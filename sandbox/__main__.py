"""`python -m sandbox`: serves an ad platform on loopback, or lists the scenarios."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from sandbox.platform import Platform
from sandbox.scenario import load_scenario, scenario_names
from sandbox.server import lock_folder, serve

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
_USAGE = 2


@app.command("serve")
def serve_command(  # noqa: PLR0917 - typer reads options from the signature
    data: Annotated[Path, typer.Option(help="Folder that holds the platform's state; made if it is missing.")],
    scenario: Annotated[
        str | None, typer.Option(help="A name, a .toml or .json file, or generated:ADS[:SEED]; default: demo.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the Graph API; 0 lets the kernel choose.")] = 0,
    admin_port: Annotated[int, typer.Option(help="Port of the admin address; 0 lets the kernel choose.")] = 0,
    host: Annotated[str, typer.Option(help="Where to answer; another for containers only.")] = "127.0.0.1",
    speed: Annotated[
        float | None, typer.Option(help="Platform seconds per real second; 0 freezes it; default 1, then as left.")
    ] = None,
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"],
                                      help="The platform's present in a new folder (UTC); default: now.")
    ] = None,
) -> None:  # fmt: skip
    """Serve the platform until Ctrl-C; prints one JSON line with its addresses once it is ready."""
    os.umask(0o077)
    try:
        lock_folder(data)
        platform = Platform(data, scenario=scenario, start=start, speed=speed)
    except BlockingIOError:
        typer.echo(f"another sandbox is already running in {data}", err=True)
        raise typer.Exit(_USAGE) from None
    except (ValueError, FileNotFoundError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_USAGE) from None
    uvloop.run(serve(platform, data, port=port, admin_port=admin_port, host=host))


@app.command("scenarios")
def scenarios_command() -> None:
    """List the scenarios that ship with the sandbox."""
    for name in scenario_names():
        typer.echo(f"{name}: {load_scenario(name).title}")


if __name__ == "__main__":
    app()
