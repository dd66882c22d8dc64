"""Who is told what of an incident, and when. Pure: an incident and what a channel was told of it in, wishes out.

A card has a life: opened, escalated, reminded, resolved. Nothing here is lost with a crash: what is wanted follows from
the rows each time anew.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from domain.alerts import Severity, kind
from domain.quiet_hours import QuietHours
from models.incidents import SETTLE, Incident
from models.notices import Event, Notice, Wish

REMIND_EVERY: Final = timedelta(hours=4)  # of what is critical, open, and nobody has acknowledged

NEWS_FOR: Final = timedelta(hours=1)  # a channel that is set up today does not hear of what was over yesterday


def wishes(
    incident: Incident, told: Sequence[Notice], channel: str, now: datetime, quiet: QuietHours | None
) -> Iterator[Wish]:
    """Tell what this channel should hear now; `told` is what it was or will be told of the incident, oldest first."""
    event = _event(incident, told, channel, now)
    if event is not None:
        yield Wish(
            incident_id=incident.id,
            channel=channel,
            event=event,
            severity=incident.severity,
            title=_title(incident, event),
            body=_body(incident, event),
            due_at=now if quiet is None or incident.severity >= Severity.CRITICAL else quiet.over_at(now),
        )


def is_moot(incident: Incident, notice: Notice) -> bool:
    """Whether a notice that waits is better not sent: the state is over, was not critical, and nobody heard of it."""
    is_over = incident.resolved_at is not None and kind(incident.kind).holds
    return is_over and notice.is_waiting and notice.event is not Event.RESOLVED and notice.severity < Severity.CRITICAL


def _event(incident: Incident, told: Sequence[Notice], channel: str, now: datetime) -> Event | None:
    if incident.kind == "test" or (incident.kind == "channel_dead" and incident.scope == channel):
        return None  # tests are sent to whom they are about; a dead channel cannot carry the news of its death
    if not told:
        return Event.OPENED if _is_news(incident, now) else None
    if told[-1].event is Event.RESOLVED:
        return None
    if incident.severity > max(row.severity for row in told):
        return Event.ESCALATED
    if incident.resolved_at is None:
        return Event.REMINDED if _is_forgotten(incident, told[-1], now) else None
    is_settled = kind(incident.kind).holds and incident.resolved_at + SETTLE <= now
    return Event.RESOLVED if is_settled else None


def _is_news(incident: Incident, now: datetime) -> bool:
    if incident.resolved_at is None:
        return True
    is_worth_it = not kind(incident.kind).holds or incident.severity >= Severity.CRITICAL
    return is_worth_it and now < incident.resolved_at + NEWS_FOR


def _is_forgotten(incident: Incident, last: Notice, now: datetime) -> bool:
    is_seen_to = incident.acknowledged_at is not None
    return incident.severity >= Severity.CRITICAL and not is_seen_to and last.wanted_at + REMIND_EVERY <= now


def _title(incident: Incident, event: Event) -> str:
    match event:
        case Event.OPENED | Event.ESCALATED:
            return f"[{incident.severity.word}] {incident.title}"
        case Event.REMINDED:
            return f"[still {incident.severity.word}] {incident.title}"
        case Event.RESOLVED:
            return f"[resolved] {incident.title}"


def _body(incident: Incident, event: Event) -> str:
    lines = [incident.body] if incident.body else []
    if event is Event.RESOLVED and incident.resolved_at is not None:
        took = incident.resolved_at - incident.opened_at
        over = f"It is over since {incident.resolved_at:%Y-%m-%d %H:%M} UTC, after {_words(took)}."
        lines = [over, *(f"It was: {line}" for line in lines)]
    else:
        lines.append(f"What to do: {kind(incident.kind).advice}")
        seen = f", seen {incident.times} times" if incident.times > 1 and not kind(incident.kind).holds else ""
        lines.append(f"Since {incident.opened_at:%Y-%m-%d %H:%M} UTC{seen}.")
    lines.append(f"`stakazo alerts show {incident.id}`")
    return "\n".join(lines)


def _words(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"  # noqa: PLR2004 - an hour
