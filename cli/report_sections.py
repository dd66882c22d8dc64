"""The report in words: tables that the terminal, Markdown and HTML show alike. Text from outside is made safe here."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cli.console import cell, span
from control_tower.report import ModuleRecord, Report
from domain.health import SystemStatus
from domain.money import Money
from models.report_reads import StopEvent

UNKNOWN = "unknown"
_MOST_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table; `picture` names the plot that stands above it, `whole` the columns that a narrow screen keeps."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str
    picture: str = ""
    whole: tuple[str, ...] = ()


def headline(report: Report) -> str:
    """How it is and how it did, in one or two sentences."""
    done, status = report.success, report.system.status.replace("_", " ").upper()
    return (
        f"The system is {status}. In {span((report.until - report.since).total_seconds())} it was healthy for"
        f" {percent(done.uptime)} of the time in which somebody looked ({percent(done.observed)} of all)."
    )


def sections(report: Report) -> tuple[Section, ...]:
    """Every table, in the order in which people ask."""
    return (
        _success(report),
        _modules(report),
        _totals(report),
        _incidents(report),
        _recommendations(report),
        _recoveries(report),
        _stops(report),
        _commands(report),
        _runs(report),
    )


def percent(share: float | None) -> str:
    """A share for people."""
    if share is None:
        return UNKNOWN
    if 0.995 <= share < 1:  # noqa: PLR2004 - near one digits count, and what is not whole is not rounded up to it
        return f"{math.floor(share * 100_000) / 1_000:.3f}%"
    return f"{share:.1%}"


def _success(report: Report) -> Section:
    done = report.success
    spell = "nothing had to be cured" if done.mean_time_to_recover_s is None else span(done.mean_time_to_recover_s)
    rows = (
        ("uptime", percent(done.uptime), "share of the observed time in which the system was HEALTHY"),
        ("observed", percent(done.observed), "share of the period in which somebody looked"),
        ("auto-recovery", percent(done.recovery_rate), "cures among the attempts that ended"),
        ("time to recover", spell, "mean, from the first sight of a fault to its cure"),
        ("availability", percent(done.availability), "mean of the modules' time online while wanted"),
        ("emergency stops", f"{done.stops_a_week:.1f} a week", "ordered, drills included"),
        ("false alarms", percent(done.false_alarm_rate), "alerts that a person called false"),
    )
    return Section(
        title="Success",
        columns=("metric", "value", "what it is"),
        rows=_safe(rows),
        empty="",
        picture="status",
        whole=("metric",),
    )


def _modules(report: Report) -> Section:
    rows = [_module(row) for row in report.modules]
    return Section(
        title=f"Modules ({len(rows)} built, {report.planned} planned)",
        columns=("module", "now", "available", "ok 24 h", "errors", "mean", "why"),
        rows=_safe(rows),
        empty="none is built",
        whole=("module", "now"),
    )


def _module(row: ModuleRecord) -> tuple[object, ...]:
    health = row.health
    why = health.stopped_by or (health.reasons[0].text if health.reasons else "")
    errors = UNKNOWN if health.error_count_24h is None else health.error_count_24h
    mean = "" if health.avg_execution_ms is None else f"{health.avg_execution_ms / 1000:.1f} s"
    return (
        health.pair.slug,
        health.word,
        percent(row.availability),
        "none ended" if health.success_rate is None else percent(health.success_rate),
        errors,
        mean,
        why,
    )


def _totals(report: Report) -> Section:
    if report.business is None:
        business: list[tuple[str, object]] = [("active campaigns", UNKNOWN), ("daily budget", UNKNOWN)]
    else:
        budgets: dict[str, int] = {}
        for held in report.business.values():
            for currency, minor in held.daily_budget_minor.items():
                budgets[currency] = budgets.get(currency, 0) + int(minor or 0)
        campaigns = sum(row.active_campaigns for row in report.business.values())
        amounts = ", ".join(str(Money(minor, currency)) for currency, minor in sorted(budgets.items()))
        business = [("active campaigns", campaigns), ("daily budget", amounts or "none runs")]
    error_share = percent(report.total_errors / report.total_calls) if report.total_calls else "no calls"
    rows = (
        *business,
        ("calls to platforms", f"{report.total_calls:,}"),
        ("errors among them", f"{report.total_errors:,} ({error_share})"),
        ("runs that ended", f"{report.ended_runs:,}, {report.failed_runs:,} of them failed"),
        ("changes wanted", counts(report.actions) or "none"),
        ("wait for a person", report.waiting),
        ("health checks", report.checks),
    )
    return Section(title="In all", columns=("what", "figure"), rows=_safe(rows), empty="", picture="calls")


def _incidents(report: Report) -> Section:
    words = {1: "info", 2: "warning", 3: "critical"}
    rows = [
        (
            row.kind.replace("_", " "),
            words[row.severity],
            row.count,
            row.still_open,
            row.called_false,
            "" if row.mean_open_s is None else span(row.mean_open_s),
        )
        for row in report.incidents
    ]
    columns = ("alert", "severity", "times", "open", "called false", "lasted, mean")
    return Section(title="Alerts", columns=columns, rows=_safe(rows), empty="none in this period", picture="incidents")


def _recommendations(report: Report) -> Section:
    rows = [(state, count) for state, count in report.recommendations.items()]
    empty = "nothing was recommended to a person"
    return Section(title="Recommendations by state", columns=("state", "how many"), rows=_safe(rows), empty=empty)


def _recoveries(report: Report) -> Section:
    rows = [
        (
            row.id,
            _short(row.begun_at),
            _words(row.trigger),
            _words(row.action),
            row.target,
            row.state,
            row.outcome or row.reason,
        )
        for row in report.recoveries[:_MOST_ROWS]
    ]
    columns = ("id", "when", "trigger", "action", "target", "state", "outcome")
    return Section(
        title=_title("Recovery", len(report.recoveries)),
        columns=columns,
        rows=_safe(rows),
        empty="nothing to cure",
        whole=("id", "state"),
    )


def _stops(report: Report) -> Section:
    columns = ("stop", "when", "of", "why", "times", "objects", "ended")
    rows = [_stop(row) for row in report.stops[:_MOST_ROWS]]
    title = _title("Emergencies", len(report.stops))
    return Section(title=title, columns=columns, rows=_safe(rows), empty="none", whole=("stop",))


def _stop(row: StopEvent) -> tuple[object, ...]:
    reached = (("quiet", row.quiet_at), ("fenced", row.fenced_at), ("paused", row.paused_at))
    times = [f"{name} {(at - row.closed_at).total_seconds():.1f} s" for name, at in reached if at is not None]
    objects = [
        *([f"{row.paused_objects} paused"] if row.paused_objects else ["none paused"]),
        *([f"{row.resumed_objects} resumed"] if row.resumed_objects else []),
        *([f"{row.in_doubt} in doubt"] if row.in_doubt else []),
    ]
    return (
        row.id,
        _short(row.closed_at),
        "all" if row.account_id is None else f"account {row.account_id}",
        f"{row.reason} ({row.actor})",
        ", ".join(times) or "only closed",
        ", ".join(objects),
        "STILL CLOSED" if row.opened_at is None else f"{_short(row.opened_at)} ({row.opened_by})",
    )


def _commands(report: Report) -> Section:
    rows = [
        (
            row.id,
            _short(row.created_at),
            row.command_type,
            ", ".join(row.target_modules) or row.platform or "all",
            row.state,
            f"{row.reason} ({row.actor})",
        )
        for row in report.commands[:_MOST_ROWS]
    ]
    title, columns = _title("Commands", len(report.commands)), ("id", "when", "command", "of", "state", "why")
    return Section(title=title, columns=columns, rows=_safe(rows), empty="none", whole=("id", "state"))


def _short(at: datetime) -> str:
    return f"{at:%m-%d %H:%M}Z"


def _runs(report: Report) -> Section:
    summed: dict[tuple[str, str], int] = {}
    for row in report.runs:
        summed[row.task, row.state] = summed.get((row.task, row.state), 0) + row.count
    tasks = sorted({task for task, _ in summed})
    states = ("succeeded", "partial", "failed", "stopped", "skipped")
    rows = [(task, *(summed.get((task, state), 0) for state in states)) for task in tasks]
    return Section(title="Runs", columns=("cycle", *states), rows=_safe(rows), empty="none ended", picture="runs")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _title(name: str, count: int) -> str:
    return f"{name} (the newest {_MOST_ROWS} of {count})" if count > _MOST_ROWS else name


def counts(by_name: Mapping[str, int]) -> str:
    """Such as "13 applied, 5 blocked"."""
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in by_name.items())


def _safe(rows: Sequence[Sequence[object]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(cell, row)) for row in rows)


def advice(report: Report) -> Iterator[str]:
    """What a person should look at now, the gravest first."""
    if report.system.status is not SystemStatus.HEALTHY:
        yield from (cell(reason) for reason in report.system.reasons[:5])
    if report.waiting:
        yield f"{report.waiting} changes wait for a person: `stakazo approvals list`"
    if report.recovery.recommended:
        yield f"{report.recovery.recommended} recommendations wait for a person: `stakazo recovery list`"
    if report.success.observed < 0.95 and report.checks:  # noqa: PLR2004 - a tower that watches sees more
        yield f"nobody looked for {percent(1 - report.success.observed)} of the time: did the tower run?"
