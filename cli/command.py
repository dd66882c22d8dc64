"""`stakazo command`: the tower's eight commands as rows, with what each did and saw; holding, releasing, cancelling."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from cli import commanding
from cli.console import AsJson, instant, print_json, print_table
from cli.session import AccountFilter, actor, opened, principal, transaction
from control_tower.commands.ordering import NEEDS
from domain.actions import JsonMap
from domain.errors import BadInputError
from domain.health import CommandType
from domain.ids import CommandId
from domain.permissions import require
from models import commands
from models.commands import OPEN_STATES, Command, CommandState
from workers.bootstrap import House

_T = CommandType
_HELP: Final = {
    _T.START_ALL: "Let modules run again, or an account: all, those of --platform, or each --module.",
    _T.STOP_ALL: "Stop modules, or an account: nothing is planned or consumed; runs end at their next look.",
    _T.RESTART_MODULE: "Take modules from every worker, drop what waits, let runs begin anew and consume again.",
    _T.SYNC_DATA: "Collect for every account now, and report each run.",
    _T.OPTIMIZE: "Run the acting modules now, each behind what it comes after, and report each run.",
    _T.HEALTH_CHECK: "Check every module on evidence now, and keep the check.",
}
_EXAMPLE: Final = {
    _T.START_ALL: "start_all --module full_cycle",
    _T.STOP_ALL: "stop_all --reason 'maintenance until noon'",
    _T.RESTART_MODULE: "restart_module --module full_cycle --reason 'it is stuck'",
    _T.SYNC_DATA: "sync_data --account 1",
    _T.OPTIMIZE: "optimize --hold --reason 'weekly, after the review'",
    _T.HEALTH_CHECK: "health_check --json",
}


class _Types(TyperGroup):
    """Commands by their wire values; upper-case and older names are understood."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find one by any of its names."""
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            return found
        try:
            return super().get_command(ctx, CommandType.parse(cmd_name.replace("-", "_")))
        except BadInputError:
            return None


app = typer.Typer(cls=_Types, no_args_is_help=True)

_Platform = Annotated[str | None, typer.Option(help="Only this platform: meta, tiktok, linkedin.")]
_Modules = Annotated[
    list[str] | None, typer.Option("--module", "-m", metavar="MODULE", help="Such as meta.full_cycle; may be repeated.")
]
_Reason = Annotated[str, typer.Option(help="Why; kept with the command and shown to everyone.")]
_Hold = Annotated[bool, typer.Option("--hold", help="Write it down; a person releases it later.")]
_Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for what comes of it, or only order it.")]
_Timeout = Annotated[float, typer.Option(min=1, max=86_400, help="Seconds to wait at most; the tower goes on after.")]
_Id = Annotated[int, typer.Argument(metavar="ID", help="As `stakazo command list` shows it.")]


def _make(command_type: CommandType) -> Callable[..., None]:
    def order(  # noqa: PLR0917 - options of the command line, by name
        platform: _Platform = None,
        module: _Modules = None,
        account: AccountFilter = None,
        reason: _Reason = "",
        hold: _Hold = False,
        wait: _Wait = True,
        timeout: _Timeout = 600.0,
        as_json: AsJson = False,
    ) -> None:
        with opened() as house:
            command = commanding.give(
                house, command_type, reason=reason, platform=platform, modules=module or (), account=account,
                is_held=hold,
            )  # fmt: skip
            _leave_after(house, command, wait=wait, timeout=timeout, as_json=as_json)

    order.__doc__ = (
        f"{_HELP[command_type]} Exit status 1 if it failed or has not ended.\n\n"
        f"Example: stakazo command {_EXAMPLE[command_type]}"
    )
    return order


for _type in _HELP:
    app.command(str(_type))(_make(_type))


@app.command("emergency_stop")
def emergency_stop(  # noqa: PLR0917 - options of the command line, by name
    reason: _Reason,
    platform: _Platform = None,
    account: AccountFilter = None,
    stop_schedulers: Annotated[bool, typer.Option(help="Also make every worker stand still; of all accounts.")] = True,
    pause_campaigns: Annotated[bool, typer.Option(help="Also pause what spends.")] = True,
    send_alerts: Annotated[bool, typer.Option(help="Also tell people.")] = True,
    hold: _Hold = False,
    wait: _Wait = True,
    timeout: _Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Let nothing be sent any more, from now on; the tower finishes the rest. `stakazo emergency-stop` says more.

    Example: stakazo command emergency_stop --reason 'spend looks wrong'
    """
    options: JsonMap = {
        "stop_schedulers": stop_schedulers, "pause_campaigns": pause_campaigns, "send_alerts": send_alerts
    }  # fmt: skip
    with opened() as house:
        command = commanding.give(
            house, _T.EMERGENCY_STOP, reason=reason, platform=platform, account=account, is_held=hold, options=options
        )
        _leave_after(house, command, wait=wait, timeout=timeout, as_json=as_json)


@app.command("resume")
def resume(  # noqa: PLR0917 - options of the command line, by name
    reason: _Reason,
    stop: Annotated[int | None, typer.Option(metavar="ID", help="Which stop, where several are open.")] = None,
    resume_schedulers: Annotated[bool, typer.Option(help="Let modules run again.")] = True,
    resume_campaigns: Annotated[bool, typer.Option(help="Switch on again exactly what this stop switched off.")] = True,
    run_health_check: Annotated[bool, typer.Option(help="Check health afterwards.")] = True,
    staged: Annotated[bool, typer.Option("--staged", help="10 %, 50 %, then all.")] = False,
    hold: _Hold = False,
    wait: _Wait = True,
    timeout: _Timeout = 600.0,
    as_json: AsJson = False,
) -> None:
    """End an emergency stop: what it paused and nobody touched since runs again. See `stakazo resume --plan` first.

    Example: stakazo command resume --reason 'the figures were late' --staged
    """
    options: JsonMap = {
        "stop": stop, "resume_schedulers": resume_schedulers, "resume_campaigns": resume_campaigns,
        "run_health_check": run_health_check, "staged": staged,
    }  # fmt: skip
    with opened() as house:
        command = commanding.give(house, _T.RESUME, reason=reason, is_held=hold, options=options)
        _leave_after(house, command, wait=wait, timeout=timeout, as_json=as_json)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 50, as_json: AsJson = False
) -> None:
    """List what was ordered, the newest first.

    Example: stakazo command list --limit 10
    """
    with opened() as house, transaction(house) as conn:
        rows = commands.history(conn, limit)
    if as_json:
        print_json({"commands": rows})
        return
    print_table(
        "Commands",
        ("id", "command", "of", "state", "ordered", "by", "why"),
        [
            (
                *(row.id, row.command_type, ", ".join(row.target_modules) or row.platform or row.account_id or "all"),
                *(row.state, instant(row.created_at), row.actor, row.reason),
            )
            for row in rows
        ],
        empty="none yet; `stakazo command --help` lists them",
    )


@app.command("show")
def show(command_id: _Id, as_json: AsJson = False) -> None:
    """Show one command: what was wanted, what was done, what was seen afterwards.

    Example: stakazo command show 7
    """
    with opened() as house:
        commanding.show(commanding.read(house, CommandId(command_id)), as_json=as_json)


@app.command("release")
def release(command_id: _Id, wait: _Wait = True, timeout: _Timeout = 600.0, as_json: AsJson = False) -> None:
    """Let a held command be carried out. It takes the permission that giving it takes.

    Example: stakazo command release 7
    """
    with opened() as house:
        with transaction(house) as conn:
            held = commands.get(conn, CommandId(command_id))
            require(principal(conn), NEEDS[held.command_type])
            released = commands.release(conn, held.id, by=actor())
        begun = commanding.begin(house, released.id)
        _leave_after(house, begun, wait=wait, timeout=timeout, as_json=as_json)


@app.command("cancel")
def cancel(command_id: _Id, as_json: AsJson = False) -> None:
    """Take a command back that nobody has begun. It takes the permission that giving it takes.

    Example: stakazo command cancel 7
    """
    with opened() as house, transaction(house) as conn:
        held = commands.get(conn, CommandId(command_id))
        require(principal(conn), NEEDS[held.command_type])
        command = commands.cancel(conn, held.id, by=actor())
    commanding.show(command, as_json=as_json)


def _leave_after(house: House, command: Command, *, wait: bool, timeout: float, as_json: bool) -> None:
    if wait:
        command = commanding.wait(house, command, timeout)
    else:
        commanding.carry_if_alone(house)
        command = commanding.read(house, command.id)
    _leave(command, as_json=as_json, is_waited=wait)


def _leave(command: Command, *, as_json: bool, is_waited: bool = True) -> None:
    """Exit 0 if it is done, held, or was only ordered; 1 if it failed, or goes on longer than it was waited for."""
    commanding.show(command, as_json=as_json)
    is_fine = command.state in {CommandState.DONE, CommandState.HELD}
    raise typer.Exit(0 if is_fine or (command.state in OPEN_STATES and not is_waited) else 1)
