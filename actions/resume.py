"""Ends a stop: opens its fence, and switches on again exactly what that stop switched off and nobody touched since.

A plan first, from fresh readings: before the stop, as the stop left it, as it is now. What cannot be read is an error,
never a reason to switch something on. Applying it is proposing, through the same door as every change.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine

from actions import door, spending_limits
from actions.door import Proposed
from actions.guardrails import Limits
from actions.quota import READS_AT_ONCE
from domain.actions import IN_FLIGHT, Action, ActionKind, ActionState, Json, ObjectKind, Priority, Proposal
from domain.clock import PlatformClock
from domain.ids import AccountId, StopId
from domain.objects import Activity
from domain.permissions import Permission, Principal, require
from domain.ports import PlatformReader
from models import accounts, audit, fence, ledger_moves, ledger_reads, stop_items, stop_limits, stops
from models.accounts import Account
from models.ledger_moves import Move
from models.stop_items import Item, Touch
from models.stops import Stop

RULE = "resume"
_LIMITS = Limits()
_MARGIN = timedelta(seconds=5)  # the platform's history is told to the second, by a clock that is not quite ours
_Key = tuple[AccountId, ObjectKind, str]


class Fate(StrEnum):
    """What becomes of an object that the stop was to pause."""

    RESTORE = "restore"
    LEFT = "left"
    UNDER_WAY = "under way"  # its resuming has no outcome yet
    DONE = "resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One object: its status before the stop, what the stop made of it, and its status now (None = gone)."""

    item: Item
    before: str
    ours: str
    now: str | None
    fate: Fate
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The stop as it is now, and what was proposed for each account."""

    stop: Stop
    proposed: tuple[Proposed, ...]


def plan(engine: Engine, stop_id: StopId, reader_of: Callable[[Account], PlatformReader]) -> tuple[Step, ...]:
    """Say for every object of a stop what resuming would do; the platform is read, nothing is written.

    Raises:
        BadInputError: no such stop.
        PlatformError: the platform cannot be read; nothing is known then.
        NotReadyError: an account's platform is not there.
    """
    with engine.begin() as conn:
        stops.get(conn, stop_id)
        items = stop_items.listing(conn, stop_id)
        touched = stop_items.touched_since(conn, stop_id)
        owners = {account_id: accounts.get(conn, account_id) for account_id in {row.account_id for row in items}}
    steps: dict[_Key, Step] = {}
    for account_id, account in owners.items():
        own = [row for row in items if row.account_id == account_id]
        candidates = [row for row in own if _settled_why(row) is None]
        reader = reader_of(account)
        present, edits = _present(reader, account, candidates), _edits(reader, account, candidates)
        for row in own:
            key = _key(row)
            steps[key] = _step(row, present.get(key), edits.get(key), touched.get(key))
    return tuple(steps[_key(row)] for row in items)


def apply(
    engine: Engine,
    stop_id: StopId,
    steps: Sequence[Step],
    by: Principal,
    *,
    reason: str,
    clock_of: Callable[[Account], PlatformClock],
    share: float = 1.0,
    limits: Limits = _LIMITS,
    gives_back_limits: bool = True,
) -> Resumed:
    """Open the stop's fence, if it is not yet, and propose what the steps restore; no steps = only open.

    Spending limits that the stop set are given back with the first share: at them nothing would be delivered.

    `share` (0..1) of what can be restored, what spends least first, those resumed already counted in. One transaction:
    either the fence is open and every row is there, or nothing is.

    Raises:
        NotAllowedError: `by` may not resume.
    """
    require(by, Permission.RESUME)
    chosen = _share_of(steps, share)
    with engine.begin() as conn:
        owners = [accounts.get(conn, account_id) for account_id in sorted({row.item.account_id for row in chosen})]
        held_down = _held_down(conn, stop_id) if gives_back_limits else {}
        owners += [accounts.get(conn, key) for key in sorted(held_down.keys() - {account.id for account in owners})]
    nows = {account.id: clock_of(account).now() for account in owners}
    with engine.begin() as conn:
        for account in owners:
            fence.lock_caps(conn, account.id)  # before the stop's row and the audit, as everywhere
        held = _open(conn, stop_id, by, reason=reason, resumed=len(chosen))
        for step in steps:
            if step.fate is Fate.LEFT:
                stop_items.note_resumed(conn, step.item, note=step.why)
        held_down = _held_down(conn, stop_id) if gives_back_limits else {}
        given_back = tuple(
            spending_limits.give_back(
                conn, account, held_down[account.id], now=nows[account.id], reason=reason, rule=RULE, actor=by.name,
                limits=limits,
            )
            for account in owners
            if account.id in held_down
        )  # fmt: skip
        proposed = tuple(
            _propose(conn, account, chosen, now=nows[account.id], by=by, reason=reason, limits=limits)
            for account in owners
        )
    return Resumed(stop=held, proposed=given_back + proposed)


def _held_down(conn: Connection, stop_id: StopId) -> dict[AccountId, list[Action]]:
    """Limits that the stop set and nobody took back yet."""
    found: dict[AccountId, list[Action]] = defaultdict(list)
    for row in stop_limits.to_give_back(conn, stop_id):
        found[row.account_id].append(row)
    return dict(found)


def _open(conn: Connection, stop_id: StopId, by: Principal, *, reason: str, resumed: int) -> Stop:
    held = stops.get(conn, stop_id, hold=True)
    detail: dict[str, Json] = {"stop": stop_id, "reason": reason, "resumed": resumed}
    if held.opened_at is not None:
        audit.note(conn, actor=by.name, event="fence.resumed", account_id=held.account_id, detail=detail)
        return held
    detail["epoch"] = fence.open_(conn, held.account_id)
    opened = stops.open_(conn, stop_id, actor=by.name)
    _cancel_unsent(conn, stop_id, by)
    audit.note(conn, actor=by.name, event="fence.opened", account_id=held.account_id, detail=detail)
    return opened


def _cancel_unsent(conn: Connection, stop_id: StopId, by: Principal) -> None:
    """A pause that is left open would keep the next stop from pausing the object."""
    moves: dict[AccountId, list[Move]] = defaultdict(list)
    for row in ledger_reads.unsent_of_stop(conn, stop_id):
        reason = f"stop {stop_id} was ended before it was sent"
        moves[row.account_id].append(ledger_moves.settled(row, ActionState.CANCELLED, reason=reason))
    for own in moves.values():
        ledger_moves.move_free(conn, own, actor=by.name)


def _propose(
    conn: Connection,
    account: Account,
    chosen: Iterable[Step],
    *,
    now: datetime,
    by: Principal,
    reason: str,
    limits: Limits,
) -> Proposed:
    own = {(step.item.object_kind, step.item.object_id): step for step in chosen if step.item.account_id == account.id}
    wanted = [_proposal(step, reason) for step in own.values()]
    done = door.propose(conn, account=account, run_id=None, now=now, proposals=wanted, actor=by.name, limits=limits)
    for row in done.actions:
        step = own[row.object_kind, row.object_id]
        stop_items.note_resumed(conn, step.item, action_id=row.id, note=row.state_reason)
    return done


def _proposal(step: Step, reason: str) -> Proposal:
    item = step.item
    return Proposal(
        kind=ActionKind.ACTIVATE,
        object_kind=item.object_kind,
        object_id=item.object_id,
        object_name=item.object_name,
        expected_before={"status": step.ours},
        target={"status": step.before},
        rule=RULE,
        priority=Priority.PERSON,
        reason=f"resumes what stop {item.stop_id} paused: {reason}",
        evidence={"stop": item.stop_id},
        undoes=item.action_id,
    )


def _step(item: Item, now: str | None, edit: Activity | None, touch: Touch | None) -> Step:
    fate, why = _fate(item, now, edit, touch)
    return Step(item=item, before=item.status_before, ours="paused", now=now, fate=fate, why=why)


def _fate(item: Item, now: str | None, edit: Activity | None, touch: Touch | None) -> tuple[Fate, str]:
    going = _going(item)
    if going is not None:
        return going
    kept = _settled_why(item) or _why_touched(now, edit, touch)
    return (Fate.RESTORE, "paused by this stop, and nobody touched it since") if kept is None else (Fate.LEFT, kept)


def _going(item: Item) -> tuple[Fate, str] | None:
    if item.resume_state is ActionState.APPLIED:
        return Fate.DONE, f"switched on again by action {item.resume_action_id}"
    if item.resume_state in IN_FLIGHT | {ActionState.AWAITING_APPROVAL}:
        return Fate.UNDER_WAY, f"action {item.resume_action_id} is {item.resume_state}"
    return None


def _why_touched(now: str | None, edit: Activity | None, touch: Touch | None) -> str | None:
    if now is None:
        return "it is gone"
    if now != "paused":
        return f"it is {now} now: somebody changed it since"
    if touch is not None:
        return f"action {touch.action_id} ({touch.rule}) touched it since and is {touch.state}"
    if edit is not None:
        return f"{edit.actor_name or edit.actor_id} touched it at {edit.at:%Y-%m-%d %H:%M:%S}Z: {edit.event}"
    return None


def _settled_why(item: Item) -> str | None:
    """Why the stop did not pause it, as far as our own records say; None = it did."""
    if item.action_id is None:
        return item.note or "this stop did not pause it"
    if item.pause_state in IN_FLIGHT:
        return f"its pause (action {item.action_id}) has no outcome yet; plan again once it has"
    if item.pause_state is not ActionState.APPLIED:
        return f"its pause (action {item.action_id}) did not happen: {item.pause_state}"
    if item.pause_sent_at is None:
        return "it was paused already when the stop came to it"
    return None


def _present(reader: PlatformReader, account: Account, items: Sequence[Item]) -> Mapping[_Key, str]:
    found: dict[_Key, str] = {}
    by_kind: dict[ObjectKind, list[str]] = defaultdict(list)
    for row in items:
        by_kind[row.object_kind].append(row.object_id)
    for kind, ids in by_kind.items():
        for start in range(0, len(ids), READS_AT_ONCE):
            states = reader.states(account.platform_account_id, kind, ids[start : start + READS_AT_ONCE])
            found |= {(account.id, kind, key): str(state.values.get("status")) for key, state in states.items()}
    return found


def _edits(reader: PlatformReader, account: Account, items: Sequence[Item]) -> Mapping[_Key, Activity]:
    """The newest line of the platform's history by somebody else, for each object that has one since its pause."""
    sent = {(row.object_kind, row.object_id): row.pause_sent_at for row in items if row.pause_sent_at is not None}
    if not sent:
        return {}
    found: dict[_Key, Activity] = {}
    for page in reader.activities(account.platform_account_id, min(sent.values()) - _MARGIN):
        for line in page:
            since = sent.get((line.object_kind, line.object_id))
            if since is not None and not line.is_ours and line.at >= since - _MARGIN:
                found.setdefault((account.id, line.object_kind, line.object_id), line)
    return found


def _share_of(steps: Sequence[Step], share: float) -> tuple[Step, ...]:
    going = sum(step.fate in {Fate.DONE, Fate.UNDER_WAY} for step in steps)
    able = sorted((step for step in steps if step.fate is Fate.RESTORE), key=lambda step: step.item.spend_minor)
    return tuple(able[: max(0, math.ceil(share * (going + len(able))) - going)])


def _key(item: Item) -> _Key:
    return item.account_id, item.object_kind, item.object_id
