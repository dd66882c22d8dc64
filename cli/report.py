"""`stakazo report`: how the house did in a period, for the terminal, a program, or a file to hand on."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cli import report_page
from cli.console import AsJson, cell, instant, out, print_json, print_table, say
from cli.report_sections import advice, headline, sections
from cli.session import opened, reading
from cli.status import COLOURS
from control_tower import report as reports
from control_tower.health import judged
from control_tower.report import Report
from domain.errors import BadInputError
from workers.bootstrap import House
from workers.health import sources_of

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_WRITTEN = frozenset({".htm", ".html", ".markdown", ".md", ".txt"})
_LONGEST = timedelta(days=90)  # what the spans are kept for
_Since = Annotated[str, typer.Option("--since", metavar="SPAN", help="How far back: such as 24h, 7d, 4w; at most 90d.")]
_Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write it into FILE instead: .html with plots, or .md.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(since: _Since = "7d", as_json: AsJson = False, out_file: _Out = None) -> None:
    """Show uptime, recoveries, availability, alerts, stops, commands, and what the modules did, of a period.

    Shares are of the time in which somebody looked, which is told too.
    Example: stakazo report --since 4w --out may.html
    """
    period = parse_span(since)
    with opened() as house:
        found = report_of(house, period)
    if out_file is not None:
        _write(found, out_file)
        say(f"written: {out_file}")
    if as_json:
        print_json({"report": _document(found)})
    elif out_file is None:
        _print(found)


def report_of(house: House, period: timedelta) -> Report:
    """Look at the house now and sum the period."""
    checked = judged(sources_of(house), in_full=True)
    with reading():
        return reports.make(house.engine, checked, period=period)


def parse_span(text: str) -> timedelta:
    """Read such as "24h", "7d", "4w".

    Raises:
        BadInputError: it is none, or longer than what is kept.
    """
    found = re.fullmatch(r"([1-9]\d{0,3})([hdw])", text.strip().lower())
    if found is None:
        raise BadInputError(f'"{text}" is no span of time; write such as 24h, 7d or 4w')
    period = int(found.group(1)) * _UNITS[found.group(2)]
    if period > _LONGEST:
        raise BadInputError(f"{text} is longer than the 90 days that are kept; write 90d")
    return period


def _document(found: Report) -> dict[str, object]:
    """The report with its modules by name, as a program wants them."""
    modules = [
        {
            "module": row.health.pair.slug,
            "status": row.health.word,
            "availability": row.availability,
            "success_rate_24h": row.health.success_rate,
            "error_count_24h": row.health.error_count_24h,
            "avg_execution_ms": row.health.avg_execution_ms,
            "api_calls_24h": row.health.api_calls_24h,
            "reasons": [why.text for why in row.health.reasons],
        }
        for row in found.modules
    ]
    names = [name for name in Report.__dataclass_fields__ if name != "modules"]
    totals = {"total_calls": found.total_calls, "total_errors": found.total_errors}
    return {**{name: getattr(found, name) for name in names}, "modules": modules, **totals}


def _write(found: Report, path: Path) -> None:
    if path.suffix.lower() not in _WRITTEN:
        raise BadInputError(f"{path} is none of {', '.join(sorted(_WRITTEN))}; name the file so")
    try:
        report_page.write(found, path)
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror}") from None


def _print(found: Report) -> None:
    status = found.system.status
    out.print(Text.assemble((status.upper().replace("_", " "), COLOURS[status]), f"  {_period(found)}"))
    out.print(Text(headline(found)))
    for line in advice(found):
        out.print(Text(f"  {line}"))
    for section in sections(found):
        out.print()
        print_table(section.title, section.columns, section.rows, empty=section.empty, whole=section.whole)


def _period(found: Report) -> str:
    return cell(f"{instant(found.since)} to {instant(found.until)}")
