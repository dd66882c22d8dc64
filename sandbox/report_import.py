"""From an Ads Manager export to a twin of the account: read, fit, assume, and tell which is which. All or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.fit_report import FitReport
from sandbox.market.rhythm import Calendar
from sandbox.platform import write_atomically
from sandbox.report import Report, parse_report
from sandbox.report_assumed import origin_lines
from sandbox.report_cells import minor_digits
from sandbox.report_fit import ad_fits, fit_account, fit_lines
from sandbox.report_form import DayOrder, Decimal
from sandbox.report_problems import Problem, ReportError, shown
from sandbox.report_spread import spread, week_rhythm
from sandbox.report_twin import TwinBuilder
from sandbox.scenario import Scenario

_DEFAULT_ZONE: Final = "UTC"
_DAY_S: Final = 86_400
_EPOCH_ORDINAL: Final = 719_163  # 1970-01-01


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A twin, what it is made of, and what its reader should know about the file."""

    scenario: Scenario
    fit_report: FitReport
    notes: tuple[str, ...]

    def write(self, path: Path) -> None:
        """Write the scenario (JSON) so that a reader sees all of it or the former file."""
        write_atomically(path, self.scenario.model_dump_json(exclude_none=True) + "\n")


def import_report(
    path: Path,
    *,
    mapping: Mapping[str, str] | None = None,
    zone: str | None = None,
    currency: str | None = None,
    decimal: Decimal | None = None,
    days: DayOrder | None = None,
) -> Imported:
    """Build the twin of the account that a report is about.

    `mapping` names the header of a field (FIELDS in report_columns.py) where it is not the usual one; `zone` is the
    account's time zone, in which the report's days are meant; `currency` is needed where the headers do not tell it,
    `decimal` and `days` where the cells leave it open how numbers and dates are written.

    Raises:
        ReportError: with every fault that was found; nothing is imported.
    """
    report = parse_report(path, mapping=mapping or {}, currency=currency, decimal=decimal, days=days)
    first, last = report.span
    calendar = _calendar(zone or _DEFAULT_ZONE, day=last)
    rhythm = week_rhythm(calendar, around_day=first)
    by_day = spread(report.rows, rhythm)
    _refuse_nothing(report)
    unit = 10 ** minor_digits(report.currency)
    fit = fit_account(report, by_day, unit=unit)
    twin = TwinBuilder(report, by_day, fit, calendar=calendar, rhythm=rhythm, name=path.stem).build()
    lines = (
        *origin_lines(report, twin, is_zone_told=zone is not None, unit=unit),
        *fit_lines(fit, currency=report.currency, unit=unit),
    )
    told = FitReport(lines=lines, ads=ad_fits(report, fit), breakdowns=report.breakdowns)
    return Imported(scenario=twin.scenario, fit_report=told, notes=report.notes)


def _calendar(zone: str, *, day: int) -> Calendar:
    try:
        return Calendar(zone, around_s=(day - _EPOCH_ORDINAL) * _DAY_S)
    except (KeyError, ValueError, OSError) as error:
        what = str(error) if "part of an hour" in str(error) else f"{shown(zone)} is not a time zone like Europe/Madrid"
        raise ReportError((Problem(line=0, column="zone", reason=what),)) from error


def _refuse_nothing(report: Report) -> None:
    if not report.rows.impressions.any() or not report.rows.spend.any():
        reason = "the report has no impressions or no spend at all; there is nothing to fit"
        raise ReportError((Problem(line=0, column="", reason=reason),))
