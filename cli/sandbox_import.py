"""`stakazo sandbox import`: a twin of a real account, made from an Ads Manager export, for the next `stakazo up`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.console import AsJson, print_json, print_table, say
from cli.sandbox_export import choice
from domain.errors import BadInputError, NotReadyError
from embedded.runtime import read_runtime
from workers.settings import Settings, read_settings

if TYPE_CHECKING:
    from sandbox.report_import import Imported

_RUNS = "stop it (Ctrl-C in its terminal), then import; or set STAKAZO_HOME to another folder for the twin"


def import_(  # noqa: PLR0917 - typer hands options over by name
    report: Annotated[Path, typer.Argument(metavar="REPORT.csv", help="An Ads Manager export: a row per ad and day.")],
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=HEADER", help="Which header holds a field, if not the usual; repeatable."),
    ] = None,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="The account's zone: Europe/Madrid.")] = None,
    currency: Annotated[str | None, typer.Option(metavar="EUR", help="Its currency, if no header tells it.")] = None,
    decimal: Annotated[
        str | None, typer.Option(metavar="comma|dot", help="Its decimal mark, if the cells leave it open.")
    ] = None,
    dates: Annotated[
        str | None, typer.Option(metavar="dmy|mdy", help="Its order of day and month, if the cells leave it open.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Move the sandbox that is there aside.")] = False,
    out_file: Annotated[Path | None, typer.Option("--out", help="Only write the twin into this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build a twin of a real account from a report; the next `stakazo up` runs on it.

    English and Spanish headers are known, with or without days and breakdowns, whose rows are added up once. Says what
    was read, what was fitted from the counts and what had to be assumed. A malformed row is reported with its line, and
    then nothing is imported.

    Example: stakazo sandbox import report.csv --map spend="Gasto (EUR)" --zone Europe/Madrid
    """
    settings = read_settings()
    if out_file is None:
        _refuse_if_taken(settings, replace=replace)
    how = {"zone": zone, "currency": currency, "decimal": decimal, "days": dates}
    imported = _read(report, _pairs(mapping or []), how)
    if out_file is not None:
        _write(imported, out_file)
        _tell(imported, {"scenario": out_file, "founded": False, "data": None, "replaced": None}, as_json=as_json)
        return
    written = settings.home / "scenarios" / f"{imported.scenario.name}.json"
    _write(imported, written)
    replaced = _found(settings, written, replace=replace)
    place = {"scenario": written, "founded": True, "data": settings.sandbox_data, "replaced": replaced}
    _tell(imported, place, as_json=as_json)


def _read(report: Path, mapping: dict[str, str], how: dict[str, str | None]) -> "Imported":
    from sandbox.report_form import DayOrder, Decimal  # late: only this command needs the sandbox and its statistics
    from sandbox.report_import import import_report
    from sandbox.report_problems import ReportError

    decimal = choice("--decimal", how["decimal"], Decimal)
    days = choice("--dates", how["days"], DayOrder)
    try:
        return import_report(
            report, mapping=mapping, zone=how["zone"], currency=how["currency"], decimal=decimal, days=days
        )
    except ReportError as error:
        more = error.total - len(error.problems)
        lines = [_problem(row.line, row.column, row.reason) for row in error.problems]
        if more:
            lines.append(f"and {more} more")
        raise BadInputError("\n".join([f"{report}: {error}", *lines])) from None
    except OSError as error:
        raise BadInputError(f"{report} cannot be read ({error.strerror})") from None


def _refuse_if_taken(settings: Settings, *, replace: bool) -> None:
    """Look before the report is read, so that a long one is not read in vain."""
    from sandbox.founding import holds_world  # late, as above

    runtime = read_runtime(settings.home)
    if runtime is not None and runtime.alive:
        raise NotReadyError(f"a machine runs on {settings.home}; {_RUNS}")
    if holds_world(settings.sandbox_data) and not replace:
        raise BadInputError(
            f"{settings.sandbox_data} already holds an ad platform; --replace moves it aside, "
            "and STAKAZO_HOME set to another folder keeps both"
        )


def _found(settings: Settings, written: Path, *, replace: bool) -> Path | None:
    from sandbox.founding import found  # late, as above

    try:
        return found(settings.sandbox_data, written, replace=replace)
    except BlockingIOError:
        raise NotReadyError(f"a sandbox runs on {settings.sandbox_data}; {_RUNS}") from None
    except (FileExistsError, ValueError) as error:
        raise BadInputError(str(error)) from None
    except OSError as error:
        raise NotReadyError(f"{settings.sandbox_data} cannot be changed ({error.strerror})") from None


def _write(imported: "Imported", file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # an account's figures are nobody else's
        imported.write(file)
    except OSError as error:
        raise NotReadyError(f"{file} cannot be written ({error.strerror}); name another folder") from None


def _tell(imported: "Imported", place: dict[str, Any], *, as_json: bool) -> None:
    account = imported.scenario.accounts[0]
    if as_json:
        about = {"id": account.id, "name": account.name, "currency": account.currency, "timezone": account.timezone}
        document = {"account": about, "counts": _counts(imported), "notes": imported.notes}
        print_json(place | document | {"fit_report": imported.fit_report.to_json()})
        return
    counted = ", ".join(f"{count} {name}" for name, count in _counts(imported).items())
    print_table(
        f"Twin of {account.name} ({account.currency}, {account.timezone}): {counted}",
        ("quantity", "how", "based on", "from", "to", "unit", "source"),
        [
            (line.name, line.how, line.based_on, _figure(line.low), _figure(line.high), line.unit, line.source)
            for line in imported.fit_report.lines
        ],
        empty="nothing was fitted",
    )
    for note in imported.notes:
        say(f"note: {note}")
    say(f"the twin is written to {place['scenario']}")
    if place["replaced"]:
        say(f"the sandbox that was there is kept in {place['replaced']}")
        say("its accounts stay in the ledger, and are paused by the next `stakazo up`")
    if place["founded"]:
        say("`stakazo up` runs on it from its next start")


def _counts(imported: "Imported") -> dict[str, int]:
    account = imported.scenario.accounts[0]
    ad_sets = [one for campaign in account.campaigns for one in campaign.ad_sets]
    return {
        "campaigns": len(account.campaigns),
        "ad_sets": len(ad_sets),
        "ads": sum(len(one.ads) for one in ad_sets),
        "ad_days": len(account.history),
    }


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def _problem(line: int, column: str, reason: str) -> str:
    where = [f"line {line}"] * bool(line) + [f'column "{column}"'] * bool(column)
    return f"{', '.join(where)}: {reason}" if where else reason


def _pairs(mapping: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in mapping:
        field, equals, header = text.partition("=")
        if not equals or not field.strip() or not header:
            raise BadInputError(f'"{text}" is not FIELD=HEADER; write it like --map spend="Gasto (EUR)"')
        found[field.strip()] = header
    return found
