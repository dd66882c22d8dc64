"""The budget spike manager (module 9): anomalies in counts and prices, whose fault, incident mode.

`watch` catches up with every complete hour; module 14 calls it every 5 minutes, so that this cycle finds little left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from decisions import anomaly_words, incident_mode
from decisions.anomalies import HourFigures, Seen, Told, Usual, observe
from decisions.incident_mode import Incident
from decisions.policy import MaturedPolicy, parse_policy
from decisions.refunds import AccountHour
from domain.actions import ObjectKind
from domain.alerts import about
from domain.evidence import Anomaly, Finding
from models import anomalies, anomaly_figures, anomaly_states, findings, incidents, policies
from models.accounts import Account
from models.run_history import LogEntry
from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

STEP = "step_1_budget_spikes"
MODULE: Final = "budget_spikes"
KINDS: Final = (ObjectKind.AD_SET, ObjectKind.CAMPAIGN, ObjectKind.ACCOUNT)  # parts first: they tell whose fault
ALERT: Final = "incident_mode"
SLICE_HOURS: Final = 24  # written down at once: a first look sees eight days, and may be killed between two slices
_SHOWN = 20  # anomalies that a run's log names


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What catching up came to: hours seen, anomalies opened and still open, closed ones, the incident in words.

    `is_whole` says that no complete hour is left to be seen.
    """

    hours: int
    opened: tuple[Anomaly, ...]
    closed: int
    incident: str | None
    is_whole: bool = True


def run(work: Work) -> None:
    """Catch up with the hours since the last time, and say of every object what is not as usual."""
    with work.step(STEP):
        account = work.reload_account()
        hours = opened = closed = 0
        is_whole = False
        while not is_whole:
            with work.transaction() as conn:
                seen = watch(conn, account, now=work.run.now_at, most_hours=SLICE_HOURS)
                work.log_in(conn, [_entry(row) for row in seen.opened[: max(_SHOWN - opened, 0)]])
                if seen.is_whole:
                    still = anomalies.current(conn, account.id)
                    findings.replace(conn, account.id, MODULE, work.run.now_at, _findings(still))
            hours, opened, closed = hours + seen.hours, opened + len(seen.opened), closed + seen.closed
            is_whole = seen.is_whole
        work.stats |= {"hours": hours, "opened": opened, "open": len(still), "closed": closed}
        if seen.incident is not None:
            work.stats["incident"] = seen.incident


def watch(conn: Connection, account: Account, *, now: datetime, most_hours: int | None = None) -> Watched:
    """See the complete hours since the last one seen, in the caller's transaction; safe to repeat.

    `now` is the platform's clock. Keeps what is usual, what is not, and the incident; once no hour is left it tells
    people of that. `most_hours` bounds what is seen at once: then ask again until the answer is whole.
    """
    if not any(anomaly_figures.hours_to_see(conn, account, anomaly_states.upto(conn, account.id), now)):
        return Watched(hours=0, opened=(), closed=0, incident=anomalies.incident(conn, account.id))
    watches = anomaly_states.take(conn, account.id, KINDS)
    last = watches[ObjectKind.ACCOUNT].at
    under_way = anomalies.incident_of(conn, account.id)
    share = _false_share(conn, account) / len(KINDS)
    changed = None
    opened: dict[int, Anomaly] = {}
    hours, closed = 0, 0
    is_whole = True
    for at in anomaly_figures.hours_to_see(conn, account, last, now):
        if hours == most_hours:
            is_whole = False
            break
        if changed is None:
            changed = anomaly_figures.changes(conn, account, at - anomaly_figures.CHANGED_WITHIN)
        figures = anomaly_figures.of_hour(conn, account, at)
        held = incident_mode.held(under_way, at)
        before = anomaly_figures.changed_before(changed, at)
        told: list[Told] = []
        usual, beneath = Usual(), None
        for kind in KINDS:
            watches[kind], seen = observe(
                watches[kind], figures[kind], fdr=share, changed=before, held=held, beneath=beneath,
                is_lasting=incident_mode.is_lasting(under_way, at),
            )  # fmt: skip
            beneath = beneath or seen.shared
            told += [*seen.opened, *seen.open]
            opened |= {row.id: row for row in _note(conn, account, seen, at)}
            closed += anomalies.close(conn, account.id, kind, seen.closed, at)
            usual = seen.expected if kind is ObjectKind.ACCOUNT else usual
        _keep_hour(conn, account, figures[ObjectKind.ACCOUNT], usual)
        under_way = incident_mode.advance(under_way, told, at=at, expected_hour_minor=usual.spend_minor)
        anomalies.keep_incident(conn, account.id, under_way, at)
        hours, last = hours + 1, at
    if hours and last is not None:
        anomaly_states.keep(conn, account.id, watches, last)
    if hours and is_whole:  # what began and ended in hours long past is no news
        _tell(conn, account, under_way)
    kept = {row.id for row in anomalies.current(conn, account.id)} if opened else set()
    return Watched(
        hours=hours,
        opened=tuple(row for key, row in opened.items() if key in kept),
        closed=closed,
        incident=None if under_way is None else under_way.words,
        is_whole=is_whole,
    )


def _note(conn: Connection, account: Account, seen: Seen, at: datetime) -> list[Anomaly]:
    """Write down what is open, and return what opened in this hour.

    Of what is calm again the figures of its last unusual hour stay: those are what people ask for.
    """
    for told in seen.open:
        if told.is_calm:
            continue
        anomalies.note(conn, account.id, told, anomaly_words.describe(told, account.currency), upto=at)
    return [
        anomalies.note(conn, account.id, told, anomaly_words.describe(told, account.currency), upto=at)
        for told in seen.opened
    ]


def _keep_hour(conn: Connection, account: Account, figures: HourFigures, usual: Usual) -> None:
    hour = AccountHour(
        at=figures.at, spend_minor=int(figures.spend_minor.sum()), expected_minor=usual.spend_minor,
        low_minor=usual.low_minor, high_minor=usual.high_minor, impressions=int(figures.impressions.sum()),
        usual_cpm_minor=usual.cpm_minor,
    )  # fmt: skip
    anomalies.keep_hour(conn, account.id, hour, int(figures.clicks.sum()), int(figures.purchases.sum()))


def _tell(conn: Connection, account: Account, found: Incident | None) -> None:
    """Let people know that automation is held, or is no more: notices follow from the incident's row."""
    scope = f"account {account.id}"
    if found is None:
        incidents.resolve(conn, ALERT, scope)
        return
    text = f"{account.name}: {found.words}. Nothing that spends more goes by itself until it is over."
    incidents.note(conn, about(ALERT, scope, text, cause=found.cause.value, since=found.since.isoformat()))


def _false_share(conn: Connection, account: Account) -> float:
    """The share of false ones among anomalies that the account's policy allows; classic has none of its own."""
    name, body = policies.current(conn, account.id) or (MaturedPolicy.NAME, {})
    policy = parse_policy(name, body)
    return policy.spike_fdr if isinstance(policy, MaturedPolicy) else MaturedPolicy().spike_fdr


def _findings(rows: Sequence[Anomaly]) -> list[Finding]:
    """One finding of each object, with all that is unusual about it."""
    by_object: dict[tuple[ObjectKind, str], list[Anomaly]] = {}
    for row in rows:
        by_object.setdefault((row.object_kind, row.object_id), []).append(row)
    return [_finding(of) for of in by_object.values()]


def _finding(rows: Sequence[Anomaly]) -> Finding:
    first = rows[0]
    return Finding(
        object_kind=first.object_kind, object_id=first.object_id,
        verdict=", ".join(f"{row.metric}_{'up' if row.is_up else 'down'}" for row in rows),
        words="; ".join(row.words for row in rows),
        evidence={
            **first.evidence,
            "anomalies": [row.id for row in rows],
            "cause": first.cause.value,
            "threshold": round(max(row.q_value for row in rows), 6),
        },
    )  # fmt: skip


def _entry(row: Anomaly) -> LogEntry:
    return LogEntry(
        step=STEP, action=f"{row.metric}_{'up' if row.is_up else 'down'}", entity_type=row.object_kind,
        entity_id=row.object_id, output_snapshot={"anomaly": row.id, "cause": row.cause.value, "words": row.words},
    )  # fmt: skip


cycle_tasks(app, "budget_spikes", run)
