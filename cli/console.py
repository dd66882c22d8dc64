"""Printing: tables for people, one JSON document for machines, text from outside made harmless before it is shown."""

import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.money import Money

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output instead of a table.")]

_PIPE_WIDTH = 160  # without a terminal there is no width to ask for, and 80 columns would fold every reason


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if not console.is_terminal and "COLUMNS" not in console._environ:  # noqa: SLF001 - the very mapping rich asks
        console.width = _PIPE_WIDTH
    return console


out = _console(stderr=False)
err = _console(stderr=True)

_PLAIN: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (Money, lambda value: {"minor": value.minor, "currency": value.currency}),
    (Enum, lambda value: value.value),
    ((datetime, date), lambda value: value.isoformat()),
    (timedelta, lambda value: value.total_seconds()),
    (Path, str),
    (float, lambda value: value if math.isfinite(value) else None),
    (Mapping, lambda value: {str(plain(key)): plain(item) for key, item in value.items()}),
    ((list, tuple), lambda value: [plain(item) for item in value]),
    ((set, frozenset), lambda value: sorted(plain(item) for item in value)),
)
_FORMULA_STARTS = ("=", "+", "@", "\t")
_FORMULA_WORD = re.compile(r"(\S\s+)(?=[=@]\S|\+[A-Za-z(])")


def safe(value: object) -> str:
    """Text from a platform or a person as one printable line: control and escape characters become visible marks.

    Raw newlines and ESC sequences in a campaign's name could otherwise redraw an operator's terminal.
    """
    text = "" if value is None else str(value)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def cell(value: object) -> str:
    """`safe`, and formula signs are defused, since people paste tables into spreadsheets.

    Those inside too, where a word begins with one: folding may put it at the start of a line. "+30 %" stays.
    """
    text = _FORMULA_WORD.sub(r"\1'", safe(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA_STARTS) else text


def plain(value: object) -> Any:
    """Turn house values into what JSON knows; money becomes minor units with its currency, instants ISO 8601."""
    for kind, convert in _PLAIN:
        if isinstance(value, kind):
            return convert(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


def print_json(document: object) -> None:
    """Print one JSON document on standard output, and nothing else."""
    text = json.dumps(plain(document), indent=2, ensure_ascii=False, default=str, allow_nan=False)
    # Letters stay readable; what a terminal would obey (C1 controls, bidi marks) is written as an escape.
    escaped = "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)
    sys.stdout.write(escaped + "\n")


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str, whole: Sequence[str] = ()
) -> None:
    """Print a table whose cells wrap, but in the columns named `whole`; `empty` is said where there is no row."""
    rows = list(rows)
    if not rows:
        out.print(Text(f"{safe(title)}: {empty}"))
        return
    table = Table(
        title=Text(cell(title)), title_justify="left", header_style="bold", box=None, pad_edge=False, show_edge=False
    )
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in whole)
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    out.print(table)


def print_facts(title: str, facts: Iterable[tuple[str, object]]) -> None:
    """Print names and values of one thing, a line each."""
    table = Table(
        title=Text(cell(title)), title_justify="left", show_header=False, box=None, pad_edge=False, show_edge=False
    )
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(Text(cell(name)), Text(cell(value)))
    out.print(table)


def say(message: str) -> None:
    """One line for people on standard error, so that `--json` output stays one document."""
    err.print(Text(safe(message)))


def compact(value: object) -> str:
    """A JSON value in one short line, for a cell."""
    return json.dumps(plain(value), ensure_ascii=False, default=str, separators=(", ", ": "))


def instant(at: datetime | None) -> str:
    """An instant to the second, in UTC; "never" where there is none."""
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago (or in how long), to the largest sensible unit."""
    if at is None:
        return "never"
    seconds = int((now - at).total_seconds())
    text = span(abs(seconds))
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def span(seconds: float) -> str:
    """A length of time in its largest sensible unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or seconds == size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
