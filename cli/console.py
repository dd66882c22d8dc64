"""Printing: tables for people, one JSON document for machines, text from outside made harmless before it is shown."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.money import Money

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)

_PLAIN: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (Enum, lambda value: value.value),
    ((datetime, date), lambda value: value.isoformat()),
    (timedelta, lambda value: value.total_seconds()),
)
_FORMULA_STARTS = ("=", "+", "@", "\t")


def safe(value: object) -> str:
    """Text from a platform or a person as one printable line: control and escape characters become visible marks.

    Raw newlines and ESC sequences in a campaign's name could otherwise redraw an operator's terminal.
    """
    text = "" if value is None else str(value)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def cell(value: object) -> str:
    """`safe`, and a leading formula sign is defused, since people paste tables into spreadsheets."""
    text = safe(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def plain(value: object) -> Any:
    """Turn house values into what JSON knows; money becomes minor units with its currency, instants ISO 8601."""
    if isinstance(value, Money):
        return {"minor": value.minor, "currency": value.currency}
    for kind, convert in _PLAIN:
        if isinstance(value, kind):
            return convert(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {key: plain(item) for key, item in asdict(value).items()}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def print_json(document: object) -> None:
    """Print one JSON document on standard output, and nothing else."""
    sys.stdout.write(json.dumps(plain(document), indent=2, ensure_ascii=False, default=str) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table whose cells wrap; `empty` is the sentence shown where there is no row."""
    rows = list(rows)
    if not rows:
        out.print(Text(f"{title}: {empty}"))
        return
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    out.print(table)


def say(message: str) -> None:
    """One line for people on standard error, so that `--json` output stays one document."""
    err.print(Text(message))


def ago(instant: datetime | None, now: datetime) -> str:
    """How long ago (or in how long), to the largest sensible unit."""
    if instant is None:
        return "never"
    seconds = int((now - instant).total_seconds())
    text = _span(abs(seconds))
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def _span(seconds: int) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds} s"
