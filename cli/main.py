"""Entry point: registers every command, and turns errors into one line and an exit code (0 fine, 1 failed, 2 usage)."""

import os
import sys
from pathlib import Path
from typing import NoReturn, cast

import typer

from cli import (
    accounts,
    actions,
    alerts,
    approvals,
    audit,
    authority,
    backup,
    changes,
    command,
    cycles,
    digests,
    doctor,
    drill,
    edits,
    emergency,
    fence,
    health,
    levels,
    logs,
    metrics,
    modules,
    objects,
    policies,
    quota,
    recovery,
    reference,
    report,
    sandboxes,
    schedules,
    secrets,
    simulate,
    spending_limit,
    status,
    tower,
    undo,
    up,
    users,
    why,
)
from cli.console import err, print_json, safe
from domain.errors import BadInputError, StakazoError
from embedded.errors import EmbeddedError, StopRequested
from workers import log

app = typer.Typer(
    name="stakazo",
    help="Runs a company's ads unattended. Start with `stakazo up`; `stakazo doctor` says what is wrong.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _room in (
    up,
    simulate,
    tower,
    metrics,
    status,
    report,
    logs,
    health,
    cycles,
    doctor,
    reference,
    objects,
    digests,
    why,
    approvals,
):
    _room.register(app)
emergency.register(app)
drill.register(app)
app.add_typer(modules.app, name="modules")
app.add_typer(alerts.app, name="alerts")
app.add_typer(command.app, name="command", help="Order the tower about: eight commands, each a row with its outcome.")
app.add_typer(schedules.app, name="schedules")
app.add_typer(cycles.app, name="cycle", help="Run a full cycle now, or look at past ones.")
app.add_typer(actions.app, name="actions", help="The ledger: what was wanted, why, and what became of it.")
app.add_typer(approvals.app, name="approvals", help="What waits for a person, and taking an answer back.")
spending_limit.register(changes.app)
app.add_typer(changes.app, name="change", help="Ask for a change yourself, through the same door.")
app.add_typer(undo.app, name="undo", help="What taking changes back would do; and doing it.")
app.add_typer(edits.app, name="edits", help="What people changed by hand, and until when we keep off.")
app.add_typer(fence.app, name="fence", help="Stop everything that writes; open it again, and resume what was paused.")
app.add_typer(policies.app, name="policy", help="The rules' thresholds, per account.")
app.add_typer(audit.app, name="audit", help="Who did what: look, hand out, check that nobody touched it.")
app.add_typer(backup.app, name="backup", help="A copy of the database in use; a house that wakes up stopped.")
app.add_typer(accounts.app, name="account", help="Accounts: level, caps, pause switch.")
app.add_typer(levels.app, name="level", help="How far accounts and modules may go by themselves.")
app.add_typer(users.app, name="user", help="Who may use this house: names, roles, tokens.")
app.add_typer(quota.app, name="quota", help="Calls to the platforms: how many are left, who may make them.")
app.add_typer(recovery.app, name="recovery", help="What was done by itself, whether it helped, what waits for you.")
app.add_typer(secrets.app, name="secret", help="Tokens, sealed: set, list, rotate, delete; never shown.")
app.add_typer(sandboxes.app, name="sandbox", help="The ad platform on loopback: import, advance, faults.")

FAILED, USAGE, INTERRUPTED = 1, 2, 130
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)  # typer's own click has no public name


def main() -> NoReturn:
    """Run the command that was typed."""
    _prepare_streams()
    log.set_up(level="error")  # standard output is for tables and documents; what rooms below log goes to the other
    try:
        code = _run()
        sys.stdout.flush()
    except OSError as error:
        code = _lose_output(error)
    sys.exit(code)


def _prepare_streams() -> None:
    """Let no name that the terminal's charset lacks, and no closed stream, end a command in a crash."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open as long as we live
        elif hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="backslashreplace")


def _lose_output(error: OSError) -> int:
    """A reader that went away, as `head` does, is no news; a full disk is."""
    if not isinstance(error, BrokenPipeError):
        err.print(f"stakazo: {safe(error)}", markup=False, soft_wrap=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains once more as it ends
    return FAILED


def _run() -> int:
    try:
        result = authority.guarded(app)(prog_name="stakazo", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort) as error:
        return 0 if isinstance(error, StopRequested) else INTERRUPTED
    except (StakazoError, EmbeddedError) as error:
        return _explain(error, USAGE if isinstance(error, BadInputError) else FAILED)
    except typer.Exit as leave:
        return int(leave.exit_code)
    except _UsageError as error:
        error.show()
        if "--json" in sys.argv:
            _document(error, [safe(error.format_message())])
        return USAGE
    return result if isinstance(result, int) else 0


def _explain(error: Exception, code: int) -> int:
    """Say it on standard error; who asked for JSON gets their one document all the same."""
    lines = [safe(line) for line in str(error).splitlines()] or [type(error).__name__]
    for line in lines:
        err.print(f"stakazo: {line}", markup=False, soft_wrap=True)
    if "--json" in sys.argv:
        _document(error, lines)
    return code


def _document(error: Exception, lines: list[str]) -> None:
    print_json({"error": {"kind": type(error).__name__, "problems": lines}})


if __name__ == "__main__":
    main()
