"""Reads an Ads Manager export into plain frozen values: objects, and what each ad did in each day or period.

All or nothing: every row is checked, and one malformed row refuses the whole report. What the rows mean for a market
is not decided here.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.fit_report import BreakdownPart
from sandbox.report_breakdowns import Folded, fold
from sandbox.report_columns import Columns, resolve
from sandbox.report_file import read_rows
from sandbox.report_form import DayOrder, Decimal, Form, decide_form
from sandbox.report_problems import Collector, shown
from sandbox.report_row import RowReader
from sandbox.report_tree import Found, Level

Ints = NDArray[np.int64]
METRICS: Final = ("impressions", "clicks", "link_clicks", "spend", "purchases", "value", "reach")
# The sandbox keeps every hour of every ad densely (16 bytes): three million ad-days are 1.2 GB.
MAX_AD_DAYS: Final = 3_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Columns of equal length, ordered by ad and day. Money is minor units; days are ordinals, `last` included."""

    ad: Ints
    first: Ints
    last: Ints
    impressions: Ints
    clicks: Ints
    link_clicks: Ints
    spend: Ints
    purchases: Ints
    value: Ints
    reach: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report as it was told; `present` are the levels that it names, `notes` what a reader should know."""

    account_name: str
    account_id: str | None
    currency: str
    campaigns: tuple[Found, ...]
    ad_sets: tuple[Found, ...]
    ads: tuple[Found, ...]
    rows: Rows
    present: frozenset[Level]
    fields: frozenset[str]
    notes: tuple[str, ...]
    breakdowns: tuple[BreakdownPart, ...] = ()

    @property
    def is_daily(self) -> bool:
        """Whether every row is of one day."""
        return bool((self.rows.first == self.rows.last).all())

    @property
    def span(self) -> tuple[int, int]:
        """The ordinals of the first and the last day told about."""
        return int(self.rows.first.min()), int(self.rows.last.max())


def parse_report(
    path: Path,
    *,
    mapping: Mapping[str, str],
    currency: str | None = None,
    decimal: Decimal | None = None,
    days: DayOrder | None = None,
) -> Report:
    """Read a report; `currency`, `decimal` and `days` say what the file does not.

    Raises:
        ReportError: with every fault that was found; nothing of the report is kept.
    """
    problems = Collector()
    lines = read_rows(path, problems)
    header_line, headers = next(lines, (0, []))
    columns = resolve(headers, mapping, line=header_line, problems=problems)
    code = _currency(columns, currency, line=header_line, problems=problems)
    problems.raise_if_any()
    form = _form(path, columns, decimal=decimal, days=days, problems=problems)
    reader = RowReader(columns, currency=code, form=form, problems=problems)
    kept = {name: array("q") for name in ("line", "ad", "part", "first", "last", *METRICS)}
    for line, cells in lines:
        row = reader.read(line, cells)
        if row is not None:
            for name, value in row.items():
                kept[name].append(value)
    folded = _fold(kept, reader, columns, problems)
    problems.raise_if_any()
    return Report(
        account_name=reader.account_name,
        account_id=reader.account_id,
        currency=reader.currency or "",
        campaigns=tuple(reader.tree.found[Level.CAMPAIGN]),
        ad_sets=tuple(reader.tree.found[Level.AD_SET]),
        ads=tuple(reader.tree.found[Level.AD]),
        rows=Rows(**{name: values for name, values in folded.rows.items() if name != "line"}),
        present=reader.present,
        fields=frozenset(columns.at),
        notes=(*folded.notes, *reader.notes(), *_totals_notes(reader, folded.rows)),
        breakdowns=folded.parts,
    )


def _form(path: Path, columns: Columns, *, decimal: Decimal | None, days: DayOrder | None, problems: Collector) -> Form:
    """Read the file through once for how it writes numbers and dates; its other faults are told by the second time."""
    lines = read_rows(path, Collector())
    next(lines)
    form = decide_form(lines, columns, decimal=decimal, days=days, problems=problems)
    problems.raise_if_any()
    return form


def _fold(kept: "Mapping[str, array[int]]", reader: RowReader, columns: Columns, problems: Collector) -> Folded:
    table = {name: np.frombuffer(values, dtype=np.int64) for name, values in kept.items() if len(values)}
    if not table and not problems.total:
        problems.add(0, "", "the report has no rows")
    problems.raise_if_any()
    folded = fold(
        _in_order(table),
        reader.parts,
        ads=reader.tree.found[Level.AD],
        ad_sets=reader.tree.found[Level.AD_SET],
        unit=10**reader.digits,
        problems=problems,
    )
    problems.raise_if_any()
    _check_overlaps(folded.rows, reader.tree.found[Level.AD], columns, problems)
    _check_size(folded.rows, problems)
    return folded


def _currency(columns: Columns, said: str | None, *, line: int, problems: Collector) -> str | None:
    if said is not None and (len(said) != 3 or not said.isascii() or not said.isalpha()):  # noqa: PLR2004  # ISO 4217
        problems.add(0, "currency", f"{shown(said)} is not a currency code such as EUR")
        return None
    codes = columns.currencies
    if len(codes) > 1:
        problems.add(line, columns.header("spend"), f"the columns are in different currencies: {', '.join(codes)}")
    if said is not None and codes and said.upper() != codes[0]:
        problems.add(line, columns.header("spend"), f"the report is in {codes[0]}, not in {said.upper()}")
    if said is None and not codes and "currency" not in columns.at:
        problems.add(line, columns.header("spend"), "the header does not tell the currency; say it with --currency EUR")
    return said.upper() if said else next(iter(codes), None)


def _in_order(kept: Mapping[str, Ints]) -> dict[str, Ints]:
    order = np.lexsort((kept["line"], kept["last"], kept["first"], kept["ad"]))
    return {name: values[order] for name, values in kept.items()}


def _check_overlaps(rows: Mapping[str, Ints], ads: list[Found], columns: Columns, problems: Collector) -> None:
    same_ad = rows["ad"][1:] == rows["ad"][:-1]
    for index in np.nonzero(same_ad & (rows["first"][1:] <= rows["last"][:-1]))[0].tolist():
        first, second = sorted((int(rows["line"][index]), int(rows["line"][index + 1])))
        reason = (
            f"ad {shown(ads[int(rows['ad'][index])].name)} is already told about on line {first} for the same days; "
            "the report is broken down further, or two ads share their names (export the Ad ID column too)"
        )
        problems.add(second, columns.header("day" if "day" in columns.at else "reporting_starts"), reason)


def _check_size(rows: Mapping[str, Ints], problems: Collector) -> None:
    days = int(rows["last"].max() - rows["first"].min()) + 1
    ads = int(rows["ad"].max()) + 1
    if days * ads > MAX_AD_DAYS:
        reason = f"{ads} ads x {days} days are more than the {MAX_AD_DAYS:,} that the sandbox holds; export fewer days"
        problems.add(0, "", reason)


def _totals_notes(reader: RowReader, rows: Mapping[str, Ints]) -> tuple[str, ...]:
    totals, digits = reader.totals, reader.digits
    if not totals:
        return ()
    lines = ", ".join(str(row.line) for row in totals[:5]) + (", …" if len(totals) > 5 else "")  # noqa: PLR2004
    said = f"left out as totals, not an ad: line {lines}"
    if len(totals) > 1 or totals[0].spend is None:
        return (said,)
    total, stated = int(rows["spend"].sum()), totals[0].spend
    if total == stated:
        return (f"{said} (its spend is that of the rows)",)
    unit = 10**digits
    both = f"{stated / unit:.{digits}f} against {total / unit:.{digits}f} {reader.currency}"
    return (f"{said}; its spend differs from the sum of the rows: {both}",)
