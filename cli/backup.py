"""`stakazo backup write|restore`: a copy of the database while it is in use, and a house that wakes up stopped."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import out, print_json, say
from domain.errors import NotReadyError
from workers import addresses
from workers.settings import Settings, read_settings

app = typer.Typer(no_args_is_help=True)
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("write")
def write(path: Annotated[Path, typer.Argument(help="The file to write; replaced once the new one is whole.")], *,
          json: _Json = False) -> None:  # fmt: skip
    """Write a backup of the database while everything runs. It is as secret as the database itself.

    Needs the owner's address (DATABASE_OWNER_URL). Secrets in it stay sealed: keep SECRET_KEY elsewhere, without it
    they are lost. Example: stakazo backup write /backups/stakazo-2026-11-21.dump
    """
    from workers import backups  # late: only these two commands need it

    written = backups.write(_owner_url(read_settings()), path)
    if json:
        print_json({"backup": written})
        return
    say(f"{written.path}: {written.size_bytes:,} bytes, as of {written.taken_at:%Y-%m-%d %H:%M:%S} UTC")


@app.command("restore")
def restore(path: Annotated[Path, typer.Argument(help="A file that `stakazo backup write` made.")], *,
            json: _Json = False) -> None:  # fmt: skip
    """Fill an empty database from a backup, stop everything in it, and check the audit; nothing runs until `resume`.

    The house does not know what it did after the backup: look at the platform first. Exit 1 if the audit is broken.
    Example: stakazo backup restore /backups/stakazo-2026-11-21.dump
    """
    from workers import backups  # late: only these two commands need it

    settings = read_settings()
    restored = backups.restore(_owner_url(settings), addresses.database_url(settings), path)
    if json:
        print_json({"restored": restored})
    else:
        rows = restored.audit
        out.print(f"restored from {restored.taken_from}", markup=False)
        out.print(f"audit: {rows.rows:,} rows, {'BROKEN' if rows.problems else 'unbroken'}", markup=False)
        out.print(
            f"stopped: stop {restored.stop}; {restored.open_stops} open; nothing runs and nothing is sent", markup=False
        )
        out.print(f"in flight when the backup was taken: {restored.in_flight} actions", markup=False)
        out.print("next: start the processes, `stakazo health`, compare with the platform, then `stakazo resume`")
    raise typer.Exit(1 if restored.audit.problems else 0)


def _owner_url(settings: Settings) -> str:
    url = addresses.owner_url(settings)
    if url is None:
        raise NotReadyError(
            "only the owner of the tables may copy all of them; set DATABASE_OWNER_URL to the owner's address"
        )
    return url
