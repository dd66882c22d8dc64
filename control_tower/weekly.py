"""The week's report by mail: once a week, to those who are named; that it went out is told in the audit.

Due from Monday 06:00 UTC on, for two days: who starts the house on a Friday is not sent an empty week.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from typing import Final

import structlog
from sqlalchemy import Engine

from control_tower.report import Report
from domain.errors import NotReadyError
from domain.money import Money
from models import audit, report_reads
from models.engine import db_now

LOOK_S: Final = 600.0
EVENT: Final = "report.sent"
_AT: Final = time(6)
LATE: Final = timedelta(days=2)
_ACTOR: Final = "tower"

log = structlog.get_logger(__name__)
Send = Callable[[str, str], None]  # title, body; raises NotReadyError


def send_if_due(
    engine: Engine, make: Callable[[], Report], send: Send, *, to: str = "", late: timedelta = LATE
) -> bool:
    """Send the report of the week that ended, if it is due and was not sent; says whether it was sent now.

    A mail that is not taken is tried again at the next look. `to` names whom it is for, where there are several: who
    has it is not sent it again because another's was not taken. Raises nothing of its own.
    """
    with engine.begin() as conn:
        now = db_now(conn)
        slot = slot_before(now)
        key = f"{slot.date()} {to}".strip()
        if now - slot > late or report_reads.was_told(conn, EVENT, key):
            return False
    found = make()
    try:
        send(title_of(found), body_of(found))
    except NotReadyError as error:
        log.warning("weekly report not sent", to=to, why=str(error))
        return False
    with engine.begin() as conn:
        audit.note(conn, actor=_ACTOR, event=EVENT, detail={"key": key})
    return True


def slot_before(now: datetime) -> datetime:
    """The last Monday 06:00 UTC at or before `now`."""
    monday = (now - timedelta(days=now.weekday())).date()
    slot = datetime.combine(monday, _AT, tzinfo=now.tzinfo)
    return slot if slot <= now else slot - timedelta(days=7)


def title_of(report: Report) -> str:
    """Such as "Stakazo, week to 2026-11-23: healthy 99.2 % of the time"."""
    return f"Stakazo, week to {report.until:%Y-%m-%d}: healthy {_percent(report.success.uptime)} of the time"


def body_of(report: Report) -> str:
    """What people ask first, in plain text that fits any mail; `stakazo report` has the rest."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    done = report.success
    yield f"Now: {report.system.status.upper().replace('_', ' ')}"
    yield from (f"  {reason}" for reason in report.system.reasons[:5])
    yield ""
    yield f"Healthy {_percent(done.uptime)} of the time in which somebody looked ({_percent(done.observed)} of all)"
    yield f"Modules online {_percent(done.availability)} of the time in which they were wanted"
    cured = f"{report.recovery.cured} of {report.recovery.begun}"
    took = done.mean_time_to_recover_s
    yield f"Recoveries cured: {cured}{'' if took is None else f', {took:.0f} s to a cure on the mean'}"
    yield f"Emergency stops: {len([row for row in report.stops if row.closed_at >= report.since])}"
    alarms = sum(row.count for row in report.incidents)
    yield f"Alerts: {alarms}, of which people called {_percent(done.false_alarm_rate)} false"
    yield f"Calls to platforms: {report.total_calls}, errors {report.total_errors}"
    yield f"Runs: {report.ended_runs}, failed {report.failed_runs}"
    for platform, held in (report.business or {}).items():
        budgets = ", ".join(str(Money(int(minor or 0), name)) for name, minor in held.daily_budget_minor.items())
        yield f"{platform}: {held.active_campaigns} campaigns run, {budgets or 'no daily budget'} a day"
    if report.actions:
        yield "Changes: " + ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in report.actions.items())
    if report.waiting:
        yield f"{report.waiting} changes wait for a person: stakazo approvals list"
    yield ""
    yield "All of it: stakazo report --out week.html"


def _percent(share: float | None) -> str:
    return "an unknown share" if share is None else f"{share:.1%}"
