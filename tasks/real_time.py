"""Real-time performance (module 14): read what spends now, pace it, propose the pauses that cannot wait, tell people.

A run in which nothing is wrong costs two calls, or none just after the collector, and a handful of short statements.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from actions import door
from decisions.pacing import spans as spans_of
from decisions.protection import Protection, protect
from domain import catalogue
from domain.actions import Json, ObjectKind
from domain.errors import ThrottledError, TransientError
from domain.objects import ObjectState
from models import anomaly_states, findings, live
from models import pacing as states
from models.pacing import PacingState
from models.run_history import LogEntry
from tasks import budget_spikes
from tasks.full_cycle import action_entry, outcomes_of
from tasks.live_reading import Known, Reading, from_collector, from_platform, is_collected
from tasks.live_standing import Loaded, confirmed, load
from tasks.live_words import findings_of, gist, objects_beside_pace, span_row, urgent, warnings_of
from workers.bootstrap import limits_of
from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

STEP = "step_1_real_time"
MODULE = "real_time"
BLIND: Final = timedelta(minutes=30)  # so long without a reading is an error, not a hiccup


def run(work: Work) -> None:
    """Read, pace, protect."""
    with work.step(STEP):
        with work.house.engine.begin() as conn:
            state = states.current(conn, work.account.id)
            until, hour = live.known_until(conn, work.account.id) or (None, -1)
        known = Known(until=until, hour=hour)
        reading = _read(work, known, state)
        if reading is not None:
            _judge(work, reading, known, state)
        _watch(work, state)


def _judge(work: Work, reading: Reading, known: Known, state: PacingState | None) -> None:
    """Keep the reading, say how the account stands, and propose what cannot wait."""
    with work.transaction() as conn:
        loaded = _keep(conn, work, reading, known, state)
        wanted = protect(loaded.seen, loaded.history, loaded.account_history)
        if not wanted.proposals:
            _note(conn, work, loaded, wanted, state)
    if wanted.proposals:
        _protect(work, loaded, wanted, state)


def _watch(work: Work, state: PacingState | None) -> None:
    """See the hours that the collector has brought since the last slot: incidents must not wait for half a day."""
    at = work.account.insights_read_at
    if at is None or (state is not None and at < state.made_at):
        return
    opened = 0
    is_whole = False
    while not is_whole:
        with work.transaction() as conn:
            if anomaly_states.upto(conn, work.account.id) is None:
                return  # days of hours to see at first: that is for the budget spike manager's own run
            if not anomaly_states.is_free(conn, work.account.id):
                return  # it is at them now, and what cannot wait does not wait for it
            seen = budget_spikes.watch(conn, work.account, now=work.run.now_at, most_hours=budget_spikes.SLICE_HOURS)
        opened, is_whole = opened + len(seen.opened), seen.is_whole
    if opened or seen.incident:
        work.stats |= {"anomalies": opened, "incident": seen.incident}


def _read(work: Work, known: Known, state: PacingState | None) -> Reading | None:
    """Read, from the collector's rows where they are young; None = not this time, which the run's figures tell."""
    account, now = work.account, work.run.now_at
    if is_collected(account, known, now):
        with work.house.engine.begin() as conn:
            return from_collector(conn, account, known, now)
    try:
        reading = from_platform(work.house.client_of(account).reader, account, known, now)
    except (ThrottledError, TransientError) as error:
        work.stats["declined"] = f"no reading this time: {type(error).__name__}"
        if state is None or now - state.made_at > BLIND:
            work.note_error(STEP, error)
        return None
    return reading


def _keep(conn: Connection, work: Work, reading: Reading, known: Known, state: PacingState | None) -> Loaded:
    """Keep the reading and load what it is judged against."""
    account, snapshot = work.account, reading.snapshot
    live.note_hours(conn, account.id, reading.hours, snapshot.read_at)
    live.note(conn, account.id, snapshot)
    if known.until is not None and known.until < snapshot.day:
        live.forget_old_hours(conn, account.id, snapshot.day)
    work.stats |= {"source": snapshot.source.value, "calls": reading.calls}
    return load(conn, account, snapshot, state, work.house.settings)


def _protect(work: Work, loaded: Loaded, wanted: Protection, state: PacingState | None) -> None:
    """Look again at what would be paused, then hand it to the door; where nobody answers, people hear of it at once."""
    try:
        states_now = _states(work, wanted)
    except (ThrottledError, TransientError) as error:
        work.note_error(STEP, error)
        with work.transaction() as conn:
            _note(conn, work, loaded, wanted, state)
        return
    seen = confirmed(loaded.seen, states_now)
    sure = protect(seen, loaded.history, loaded.account_history)
    with work.transaction() as conn:
        proposed = door.propose(
            conn,
            account=work.account,
            run_id=work.run.id,
            now=work.run.now_at,
            proposals=sure.proposals,
            actor=work.rhythm.pair.slug,
            module=MODULE,
            limits=limits_of(work.house.settings),
        )
        work.log_in(conn, (action_entry(action) for action in proposed.actions))
        for ring in proposed.rings:
            queue = catalogue.actions_queue(catalogue.platform(ring.platform))
            work.ring_action_after(queue, ring.action_id, ring.about)
        _note(conn, work, loaded, sure, state)
    work.stats |= outcomes_of(proposed.actions, repeated=proposed.repeated)


def _states(work: Work, wanted: Protection) -> Mapping[str, ObjectState]:
    reader, account = work.house.client_of(work.account).reader, work.account.platform_account_id
    found: dict[str, ObjectState] = {}
    for kind in (ObjectKind.CAMPAIGN, ObjectKind.AD_SET):
        ids = [row.object_id for row in wanted.proposals if row.object_kind is kind]
        if ids:
            found |= reader.states(account, kind, ids)
    return found


def _note(conn: Connection, work: Work, loaded: Loaded, sure: Protection, state: PacingState | None) -> None:
    """Write down how the account stands, and what is said of its objects where that is news."""
    account, standing = work.account, loaded.standing
    spans = spans_of(standing, loaded.profile, amount=loaded.seen.amount)
    objects = objects_beside_pace(loaded.seen)
    new = PacingState(
        account_id=account.id,
        made_at=work.run.now_at,
        spans=[span_row(span) for span in spans],
        objects=objects,
        warnings=[*warnings_of(spans, standing.day.day), *urgent(sure)],
        day_targets=loaded.day_targets,
        top_budgets=loaded.top_budgets,
        budgets_since=loaded.budgets_since,
    )
    states.note(conn, new)
    if state is None or _gist(state) != _gist(new):
        own = str(account.platform_account_id)
        findings.replace(conn, account.id, MODULE, work.run.now_at, findings_of(spans, objects, own))
        output: dict[str, Json] = {"warnings": [dict(row) for row in new.warnings], "objects": len(objects)}
        work.log_in(conn, [LogEntry(step=STEP, action="pace", output_snapshot=output, entity_type=ObjectKind.ACCOUNT)])
    work.stats |= {"spent_today": spans[0].spent_minor, "projected_today": spans[0].projected_minor}
    work.stats |= {"pace": str(spans[0].pace), "warnings": len(new.warnings)}


def _gist(state: PacingState) -> object:
    return gist(state.spans, state.objects, state.warnings)


cycle_tasks(app, "real_time", run)
