"""`stakazo sandbox export`: the sandbox's account as a file of Ads Manager's form, to try imports and spreadsheets."""

from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.console import AsJson, err, print_json, say
from domain.errors import BadInputError, NotReadyError
from workers import addresses, sandbox_admin
from workers.settings import Settings, read_settings

if TYPE_CHECKING:
    from sandbox.account import Account
    from sandbox.export import ExportForm
    from sandbox.world import World

_MARKS = {"comma": ",", "semicolon": ";", "tab": "\t"}
Choice = TypeVar("Choice", bound=StrEnum)


def export(  # noqa: PLR0917 - typer hands options over by name
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Where to write; a file that is there is replaced.")],
    lang: Annotated[str, typer.Option(metavar="en|es", help="Language of headers and values.")] = "en",
    days: Annotated[str, typer.Option(metavar="daily|period", help="A row per ad and day, or per ad.")] = "daily",
    breakdown: Annotated[str, typer.Option(metavar="none|age_gender", help="Cut rows by age and gender.")] = "none",
    encoding: Annotated[str, typer.Option(metavar="utf-8|utf-8-sig|utf-16", help="utf-8-sig has a BOM.")] = "utf-8",
    decimal: Annotated[str, typer.Option(metavar="dot|comma", help="comma: 1.234,56 (thousands have dots).")] = "dot",
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="comma|semicolon|tab", help="Default: comma, and semicolon with a decimal comma."),
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="First day; default: the first there is.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Last day; default: the last that is over.")] = None,
    account: Annotated[
        str | None, typer.Option("--account", "-a", metavar="ID", help="The platform's id (act_...), if several.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the sandbox's account in the form of an Ads Manager export, with its totals row.

    Works beside a running sandbox and without one. Figures are as reports know them now: purchases of the last 28 days
    are still arriving. Names stand verbatim, as in Ads Manager: a name like =SUM(A1) is a formula to a spreadsheet, so
    import those columns as text.

    Example: stakazo sandbox export twin.csv --lang es --breakdown age_gender --decimal comma
    """
    form = _form(lang=lang, days=days, breakdown=breakdown, encoding=encoding, decimal=decimal, delimiter=delimiter)
    settings = read_settings()
    with err.status("the sandbox's hours are computed"):
        world, now_s = _world(settings)
    chosen = _account(world, account)
    first, last = _span(chosen, since, until, now_s=now_s)
    from sandbox.export import export_account  # late: only this command needs the sandbox

    try:
        written = export_account(chosen, file, first=first, last=last, cutoff_s=world.cutoff_s(now_s), form=form)
    except ValueError as error:
        raise BadInputError(f"{error}; choose other days with --since and --until") from None
    except OSError as error:
        raise NotReadyError(f"{file} cannot be written ({error.strerror}); name another file") from None
    if as_json:
        about = {"account": chosen.id, "currency": chosen.spec.currency, "since": first, "until": last}
        print_json({"file": file, **about, "rows": written.rows, "ads": written.ads, "totals": written.totals})
        return
    say(f"{written.rows} rows of {written.ads} ads from {first} to {last} are written to {file}")
    zone = chosen.spec.timezone
    say(f"read it back with `stakazo sandbox import {file} --zone {zone} --out twin.json`")


def choice(option: str, text: str | None, choices: type[Choice]) -> Choice | None:
    """Return the choice that was typed, None where none was.

    Raises:
        BadInputError: it is none of the choices.
    """
    if text is None:
        return None
    try:
        return choices(text.lower())
    except ValueError:
        raise BadInputError(f"{option} {text}: write one of {', '.join(choices)}") from None


def _form(*, lang: str, days: str, breakdown: str, encoding: str, decimal: str, delimiter: str | None) -> "ExportForm":
    from sandbox.export import Breakdown, Days, Encoding, ExportForm  # late, as above
    from sandbox.export_words import Language
    from sandbox.report_form import Decimal

    if delimiter is not None and delimiter not in (*_MARKS, *_MARKS.values()):
        raise BadInputError(f"--delimiter {delimiter}: write one of {', '.join(_MARKS)}")
    return ExportForm(
        language=choice("--lang", lang, Language) or Language.EN,
        days=choice("--days", days, Days) or Days.DAILY,
        breakdown=choice("--breakdown", breakdown, Breakdown) or Breakdown.NONE,
        encoding=choice("--encoding", encoding, Encoding) or Encoding.UTF_8,
        decimal=choice("--decimal", decimal, Decimal) or Decimal.DOT,
        delimiter=None if delimiter is None else _MARKS.get(delimiter, delimiter),
    )


def _world(settings: Settings) -> "tuple[World, float]":
    from sandbox.export_world import read_world  # late, as above

    try:
        now = sandbox_admin.read_clock(addresses.sandbox_admin_url(settings))[0]
    except NotReadyError:
        now = None  # none runs: its clock stands where it was left
    try:
        return read_world(settings.sandbox_data, now=now)
    except FileNotFoundError as error:
        raise NotReadyError(f"{error}; `stakazo up` or `stakazo sandbox import` founds one") from None


def _account(world: "World", wanted: str | None) -> "Account":
    known = world.accounts
    found = known.get((wanted or "").removeprefix("act_")) if wanted else None
    if found is None and wanted is None and len(known) == 1:
        found = next(iter(known.values()))
    if found is None:
        ids = ", ".join(f"act_{one}" for one in known)
        what = f"no account {wanted} here" if wanted else "several accounts here; name one with --account"
        raise BadInputError(f"{what}: {ids}")
    return found


def _span(account: "Account", since: str | None, until: str | None, *, now_s: float) -> tuple[date, date]:
    calendar = account.calendar
    oldest = calendar.day_at(calendar.start_of(account.market.grid.first_hour))
    first = date.fromordinal(oldest) if since is None else _day("--since", since)
    last = date.fromordinal(calendar.day_at(now_s)) - timedelta(days=1) if until is None else _day("--until", until)
    if last < first:
        raise BadInputError(f"{first} is after {last}: choose other days with --since and --until")
    return max(first, date.fromordinal(oldest)), last


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInputError(f'{option} "{text}" is no day; write it like 2026-11-21') from None
