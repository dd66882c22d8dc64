"""Pauses what spends, for an emergency stop: lists it once, what spends most first, and carries it out in this process.

Never through Celery. What is left when patience ends, the tower goes on with (`finish_open`); the list says what this
stop paused, which is all that may be resumed after it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy import Connection, Engine

from actions import door, stop
from actions.timing import Timing
from domain.actions import ActionKind, ActionState, ObjectKind, Priority, Proposal
from domain.calls import calling
from domain.clock import PlatformClock
from domain.errors import NotReadyError, StakazoError
from domain.ids import ActionId, CampaignId, StopId
from domain.ports import CallClass
from models import accounts, fence, spending, stop_items, stops
from models.accounts import Account
from models.spending import Spender
from models.stops import Stop

RULE = "emergency_stop"
_NAP_S = 1.0
# None = another stop was pausing it already, and may have been ended before it did.
_CAME_TO_NOTHING = frozenset(
    {None, ActionState.REFUSED, ActionState.NOT_APPLIED, ActionState.CANCELLED, ActionState.DEAD}
)

log = structlog.get_logger(__name__)


class Executes(Protocol):
    """What of an executor is needed: it brings one action as far as it goes now."""

    def execute(self, action_id: ActionId) -> ActionState:
        """Return where the action stands then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a stop's pauses are; `left_s` is the estimate from those that are done, None = nothing to go by yet."""

    settled: int
    total: int
    left_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pausing:
    """What pausing needs: the executor that sends, the platforms' clocks, and when to give up for now."""

    engine: Engine
    executor: Executes
    clock_of: Callable[[Account], PlatformClock]
    progress: Callable[[Progress], None] = lambda _: None
    monotonic_s: Callable[[], float] = time.monotonic
    rest: Callable[[float], None] = time.sleep


def pause_all(pausing: Pausing, stop_id: StopId, *, patience_s: float) -> Stop:
    """Pause every campaign that is switched on in the stop's scope; go on where somebody left off.

    Ends when all are settled or patience is over; `paused_at` of the stop says which. A pause with an unknown outcome
    is waited for by the tower, not here.
    """
    until_s = pausing.monotonic_s() + patience_s
    _list(pausing, stop_id)
    with calling(CallClass.EMERGENCY):
        _carry_out(pausing, stop_id, until_s)
    with pausing.engine.begin() as conn:
        stops.note_paused(conn, stop_id)
        return stops.get(conn, stop_id)


def ask_again(pausing: Pausing, stop_id: StopId) -> int:
    """Put pauses of an open stop that came to nothing on their way once more; return how many.

    For a person who orders the stop again, having mended what was wrong, such as the token. `pause_all` goes on then.
    """
    with pausing.engine.begin() as conn:
        failed = {row.account_id for row in stop_items.listing(conn, stop_id) if row.pause_state in _CAME_TO_NOTHING}
        owners = [accounts.get(conn, account_id) for account_id in sorted(failed)]
    return sum(_ask_account_again(pausing, stop_id, account) for account in owners)


def _ask_account_again(pausing: Pausing, stop_id: StopId, account: Account) -> int:
    try:
        now = pausing.clock_of(account).now()
    except NotReadyError as error:
        log.warning("cannot be paused now", account=account.id, cause=str(error))
        return 0
    with pausing.engine.begin() as conn:
        fence.lock_caps(conn, account.id)
        held = stops.get(conn, stop_id, hold=True)
        busy = stop_items.being_paused(conn, account.id)
        again = [
            Spender(campaign_id=CampaignId(row.object_id), name=row.object_name, spend_minor=row.spend_minor)
            for row in stop_items.listing(conn, stop_id)
            if row.account_id == account.id and row.pause_state in _CAME_TO_NOTHING and row.object_id not in busy
        ]
        if held.opened_at is not None or not again:
            return 0
        wanted = [_proposal(held, row) for row in again]
        rows = door.propose(conn, account=account, run_id=None, now=now, proposals=wanted, actor=held.actor).actions
        for row in rows:
            stop_items.pause_anew(conn, stop_id, account.id, row)
    return len(rows)


def finish_open(
    pausing: Pausing, *, timing: Timing, patience_s: float, finish: Callable[[StopId], Stop] | None = None
) -> int:
    """Do what open stops still need: drain, answer, list, pause; return how many needed something.

    They share the patience: a stop of fifty accounts is fifty stops, and the caller has more to see to. `finish` drains
    and answers; the control tower's own sees to workers too.
    """
    with pausing.engine.begin() as conn:
        waiting = stops.unfinished(conn)
    for stop_id in waiting:
        held = (finish or (lambda one: _finish(pausing, one, timing)))(stop_id)
        if held.pauses and held.opened_at is None and held.paused_at is None:
            _go_on(pausing, stop_id, patience_s / len(waiting))
        log.info("stop gone on with", stop=stop_id)
    return len(waiting)


def _finish(pausing: Pausing, stop_id: StopId, timing: Timing) -> Stop:
    return stop.finish(pausing.engine, stop_id, timing=timing, monotonic_s=pausing.monotonic_s, rest=pausing.rest)


def _go_on(pausing: Pausing, stop_id: StopId, patience_s: float) -> None:
    try:
        pause_all(pausing, stop_id, patience_s=patience_s)
    except StakazoError as error:  # a token that went bad, say: the next round tries again, and other stops have theirs
        log.warning("a stop's pauses do not go on", stop=stop_id, cause=str(error))


def _list(pausing: Pausing, stop_id: StopId) -> None:
    with pausing.engine.begin() as conn:
        held = stops.get(conn, stop_id)
        scope = accounts.listing(conn) if held.account_id is None else (accounts.get(conn, held.account_id),)
    if held.listed_at is not None or held.opened_at is not None:
        return
    done = [_list_account(pausing, held, account) for account in scope]  # all are tried, whatever becomes of one
    if all(done):
        with pausing.engine.begin() as conn:
            stops.note_listed(conn, stop_id)


def _list_account(pausing: Pausing, held: Stop, account: Account) -> bool:
    """Put what the account has switched on under the stop, with a pause for each; False = not now."""
    try:
        now = pausing.clock_of(account).now()
    except NotReadyError as error:
        log.warning("cannot be paused now", account=account.id, cause=str(error))
        return False
    with pausing.engine.begin() as conn:
        fence.lock_caps(conn, account.id)  # before the stop's row and the audit, as everywhere
        if stops.get(conn, held.id, hold=True).opened_at is not None:
            return True
        known = stop_items.listed(conn, held.id, account.id)
        found = [
            row
            for row in spending.active_campaigns(conn, account.id)
            if (ObjectKind.CAMPAIGN, row.campaign_id) not in known
        ]
        _add(conn, held, account, found, now)
    return True


def _add(conn: Connection, held: Stop, account: Account, found: list[Spender], now: datetime) -> None:
    busy = stop_items.being_paused(conn, account.id)
    wanted = [_proposal(held, row) for row in found if row.campaign_id not in busy]
    rows = door.propose(conn, account=account, run_id=None, now=now, proposals=wanted, actor=held.actor).actions
    ids = {row.object_id: row.id for row in rows}
    stop_items.add(
        conn,
        [
            {
                "stop_id": held.id,
                "account_id": account.id,
                "object_kind": ObjectKind.CAMPAIGN,
                "object_id": row.campaign_id,
                "object_name": row.name,
                "status_before": "active",
                "spend_minor": row.spend_minor,
                "action_id": ids.get(row.campaign_id),
                "note": "" if row.campaign_id in ids else "another stop is pausing it already",
            }
            for row in found
        ],
    )


def _proposal(held: Stop, row: Spender) -> Proposal:
    return Proposal(
        kind=ActionKind.EMERGENCY_PAUSE,
        object_kind=ObjectKind.CAMPAIGN,
        object_id=row.campaign_id,
        object_name=row.name,
        expected_before={"status": "active"},
        target={"status": "paused"},
        rule=RULE,
        priority=Priority.SAFETY,
        reason=f"emergency stop {held.id}: {held.reason}",
        evidence={"spend_minor": row.spend_minor},
        stop_id=held.id,
    )


def _carry_out(pausing: Pausing, stop_id: StopId, until_s: float) -> None:
    begun_s, first = pausing.monotonic_s(), None
    while True:
        with pausing.engine.begin() as conn:
            settled, total = stop_items.progress(conn, stop_id)
            waiting = [
                row for row in stop_items.unsettled(conn, stop_id) if row[1] is not ActionState.UNKNOWN or row[2] <= 0
            ]
        first = settled if first is None else first
        now_s = pausing.monotonic_s()
        done = settled - first
        left_s = None if done == 0 else (now_s - begun_s) / done * (total - settled)
        pausing.progress(Progress(settled=settled, total=total, left_s=left_s))
        if not waiting or now_s >= until_s:
            return
        action_id, _, wait_s = min(waiting, key=lambda row: row[2])
        if wait_s > 0:
            pausing.rest(min(wait_s, _NAP_S, max(0.0, until_s - now_s)))
        else:
            pausing.executor.execute(action_id)
