"""Entry point: registers every command, and turns errors into one line and an exit code (0 fine, 1 failed, 2 usage)."""

import sys
from typing import NoReturn

import typer

from cli import accounts, actions, cycles, doctor, modules, policies, sandboxes, status, tower, up
from cli.console import err, safe
from domain.errors import BadInputError, StakazoError
from embedded.errors import EmbeddedError, StopRequested

app = typer.Typer(
    name="stakazo",
    help="Runs a company's ads unattended. Start with `stakazo up`; `stakazo doctor` says what is wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _room in (up, tower, status, modules, cycles, doctor):
    _room.register(app)
app.add_typer(cycles.app, name="cycle", help="Run a full cycle now, or look at past ones.")
app.add_typer(actions.app, name="actions", help="The ledger: what was wanted, why, and what became of it.")
app.add_typer(policies.app, name="policy", help="The rules' thresholds, per account.")
app.add_typer(accounts.app, name="account", help="Accounts: level, caps, pause switch.")
app.add_typer(sandboxes.app, name="sandbox", help="The ad platform on loopback: import, advance, faults.")


def main() -> NoReturn:
    """Run the command that was typed."""
    try:
        result = app(standalone_mode=False)
    except StopRequested:
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except BadInputError as error:
        _explain(error)
        sys.exit(2)
    except (StakazoError, EmbeddedError) as error:
        _explain(error)
        sys.exit(1)
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # click's usage errors print themselves
            error.show()
            sys.exit(error.exit_code)
        raise
    sys.exit(result if isinstance(result, int) else 0)


def _explain(error: Exception) -> None:
    for line in str(error).splitlines() or [type(error).__name__]:
        err.print(f"stakazo: {safe(line)}", markup=False)


if __name__ == "__main__":
    main()
