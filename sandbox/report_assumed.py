"""Tells what of a twin was read and what was assumed, with sources; what was fitted is told by report_fit."""

from collections.abc import Sequence
from typing import Final

from sandbox.fit_report import FitLine, How
from sandbox.report import Report
from sandbox.report_tree import Level
from sandbox.report_twin import MONTHLY_FREQUENCY, SATURATION_CPMS, Twin

_FACTS: Final = "facts/domain.md §2b"
_LAWS: Final = (
    ("conversion lag", "share visible: 1 h 15 %, 24 h 55 %, 3 d 75 %, 7 d 95 %, 28 d 100 %", f"{_FACTS}, a synthesis"),
    ("fatigue", "click likelihood ~ (N+1)^-0.43 for N earlier exposures, alike for all ads", f"{_FACTS} [F1]"),
    ("hour and weekday rhythm", "the market's own: clicks 13-16 h, purchases 19-21 h", f"{_FACTS} [B13][B14], weak"),
    ("chance", "6 % day to day and 5 % hour to hour in prices and click rates", "sandbox/market/kernel.py, no source"),
    ("order spread", "single orders vary by 35 % around their ad's value", "sandbox/market/purchases.py, no source"),
    ("recent purchases", "the report is settled: nothing arrives later for its days", "an assumption, no source"),
    ("delivery within an ad set", "money follows appeal (click rate x fatigue)", "sandbox/market/kernel.py, no source"),
)


def origin_lines(report: Report, twin: Twin, *, is_zone_told: bool, unit: int) -> tuple[FitLine, ...]:
    """Return everything that was read or assumed, read first."""
    account = twin.scenario.accounts[0]
    zone = account.timezone
    return (
        _history(report),
        _line("currency", How.READ, account.currency),
        _line("time zone", How.READ if is_zone_told else How.ASSUMED, zone if is_zone_told else f"{zone}: say --zone"),
        *_levels(report),
        *_clicks(report),
        *_budgets(report, twin, unit=unit),
        *_standing(report, twin),
        _line(
            "age", How.ASSUMED, "objects exist since their first day in the report, or since Starts where it is told"
        ),
        _audience(report, twin),
        FitLine(
            name="response to spend",
            how=How.ASSUMED,
            based_on=f"prices are 27 % up at the present spend, or at {SATURATION_CPMS} x CPM a day where that is more",
            low=min(twin.saturations) / unit,
            high=max(twin.saturations) / unit,
            unit=f"{account.currency} a day",
            source="the market's curve; no source",
        ),
        _line("countries", How.ASSUMED, ", ".join(account.countries), "the report does not tell"),
        *(_line(name, How.ASSUMED, what, source) for name, what, source in _LAWS),
    )


def _history(report: Report) -> FitLine:
    if report.is_daily:
        return _line("history", How.READ, "day by day, served back as it stands in the report")
    what = "the report has no days: totals were spread evenly over each row's days, by weekday; sums are kept exactly"
    return _line("history", How.ASSUMED, what, "weekday rhythm of the market; largest remainders")


def _levels(report: Report) -> tuple[FitLine, ...]:
    missing = [level.replace("_", " ") + "s" for level in Level if level not in report.present]
    if not missing:
        return ()
    return (_line("levels", How.ASSUMED, f"the report names no {' and no '.join(missing)}: one was made per parent"),)


def _clicks(report: Report) -> tuple[FitLine, ...]:
    told = report.fields & {"link_clicks", "link_ctr"}, report.fields & {"clicks", "ctr"}
    if all(told):
        return ()
    missing = "all clicks" if told[0] else "link clicks"
    return (_line(missing, How.ASSUMED, "1.3 clicks of any kind per link click, as the market makes", "no source"),)


def _budgets(report: Report, twin: Twin, *, unit: int) -> tuple[FitLine, ...]:
    budgets = twin.budgets
    lines = []
    unit_name = f"{report.currency} a day"
    if budgets.read:
        lifetime = f"; {budgets.from_lifetime} lifetime budgets divided by their days" if budgets.from_lifetime else ""
        what = f"{len(budgets.read)} budgets{lifetime}"
        lines.append(_range("daily budget", How.READ, what, budgets.read, divisor=unit, unit=unit_name))
    if budgets.assumed:
        what = f"{len(budgets.assumed)} budgets not told: 1.1 x mean spend of the days with any"
        lines.append(_range("daily budget", How.ASSUMED, what, budgets.assumed, divisor=unit, unit=unit_name))
    return tuple(lines)


def _standing(report: Report, twin: Twin) -> tuple[FitLine, ...]:
    told = len(report.ads) - twin.standing.guessed
    lines = []
    if told:
        lines.append(_line("delivery", How.READ, f"of {told} ads"))
    if twin.standing.guessed:
        what = f"{twin.standing.guessed} ads without a known delivery: on if shown in the report's last 7 days"
        lines.append(_line("delivery", How.ASSUMED, what))
    return tuple(lines)


def _audience(report: Report, twin: Twin) -> FitLine:
    floor = ", at least the largest reach of a row" if report.fields & {"reach", "frequency"} else ""
    what = f"people see an ad set {MONTHLY_FREQUENCY:g} times in 30 days{floor}"
    source = f"{_FACTS} [F4], indicative"
    return _range("audience size", How.ASSUMED, what, twin.audience_sizes, unit="people", source=source)


def _line(name: str, how: How, based_on: str, source: str = "") -> FitLine:
    return FitLine(name=name, how=how, based_on=based_on, source=source)


def _range(
    name: str, how: How, based_on: str, values: Sequence[int], *, unit: str, divisor: int = 1, source: str = ""
) -> FitLine:
    low, high = min(values) / divisor, max(values) / divisor
    return FitLine(name=name, how=how, based_on=based_on, low=low, high=high, unit=unit, source=source)
