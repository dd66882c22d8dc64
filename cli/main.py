"""Entry point: runs what was typed, and turns errors into one line and an exit code (0 fine, 1 failed, 2 usage)."""

import os
import sys
from pathlib import Path
from typing import NoReturn, cast

import typer

from cli import authority
from cli.console import err, print_json, safe
from cli.tree import build
from domain.errors import BadInputError, StakazoError
from embedded.errors import EmbeddedError, StopRequested
from workers import log

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
        result = authority.guarded(build(*sys.argv[1:2]))(prog_name="stakazo", standalone_mode=False)
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
