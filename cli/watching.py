"""`--watch`: a look that is shown again and again, for `status` and `health`. What is looked at is theirs to say."""

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import typer
from rich.text import Text

from cli.console import instant, out, safe
from domain.errors import StakazoError

EVERY_S = 2.0
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C.")]
WatchEvery = Annotated[float, typer.Option("--every", min=0.5, max=3600, help="Seconds between two looks of --watch.")]
Show = Callable[[], bool]  # looks, prints with `cli.console`, and says whether all is well


def show(
    look: Show,
    *,
    is_watched: bool,
    as_json: bool = False,
    every_s: float = EVERY_S,
    rest: Callable[[float], None] | None = None,
    looks: int | None = None,
) -> NoReturn:
    """Show a look once, or with `is_watched` until Ctrl-C; leave with 0 if the last one was well, else with 1.

    A watched look that cannot be had (Postgres is away) is shown as its message, and tried again. With `as_json` each
    look is one line. `looks` ends the watching by itself.

    Raises:
        Exit: always.
    """
    if not is_watched:
        raise typer.Exit(0 if look() else 1)
    is_well, done = True, 0
    with suppress(KeyboardInterrupt), _screen(as_json=as_json):
        while looks is None or done < looks:
            if done:
                (rest or time.sleep)(every_s)
            is_well = _again(look, as_json=as_json, every_s=every_s)
            done += 1
    raise typer.Exit(0 if is_well else 1)


def _again(look: Show, *, as_json: bool, every_s: float) -> bool:
    caught = io.StringIO()
    with out.capture() as tables, redirect_stdout(caught):
        try:
            is_well = look()
        except StakazoError as error:
            is_well = False
            _tell(error, as_json=as_json, file=caught)
    if as_json:
        _write(json.dumps(json.loads(caught.getvalue())))
    else:
        _draw(tables.get() + caught.getvalue(), every_s)
    return is_well


def _tell(error: StakazoError, *, as_json: bool, file: io.StringIO) -> None:
    if as_json:
        file.seek(0)
        file.truncate()
        file.write(json.dumps({"error": {"kind": type(error).__name__, "problems": str(error).splitlines()}}))
    else:
        out.print(Text(safe(error)))


def _draw(picture: str, every_s: float) -> None:
    """Put the picture over the one before; what the terminal is too low for is counted, not scrolled away."""
    head = f"{instant(datetime.now(UTC))}, again every {every_s:g} s; Ctrl-C ends"
    lines = picture.rstrip("\n").splitlines()
    if not out.is_terminal:
        _write("\n".join((f"--- {head}", *lines)))
        return
    room = max(3, out.size.height - 2)
    if len(lines) > room:
        lines = [
            *lines[: room - 1],
            f"… {len(lines) - room + 1} more lines: enlarge the terminal, or leave out --watch",
        ]
    _write("\x1b[H" + "\n".join(f"{line}\x1b[K" for line in (head, *lines)) + "\x1b[J", end="")


def _write(text: str, end: str = "\n") -> None:
    out.file.write(text + end)
    out.file.flush()


@contextmanager
def _screen(*, as_json: bool) -> Iterator[None]:
    is_drawn = out.is_terminal and not as_json
    if is_drawn:
        out.set_alt_screen(enable=True)
        out.show_cursor(show=False)
    try:
        yield
    finally:
        if is_drawn:
            out.show_cursor(show=True)
            out.set_alt_screen(enable=False)
