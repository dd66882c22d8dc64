"""A person's yes to one exact request: bound to its hash, single use, expiring, by somebody else than the proposer.

Giving, rejecting and withdrawing happen under the account's cap lock, like judging at the door. What is approved is
judged again as it is sent: a yes lifts what is approvable, and no cap.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from actions import levels
from actions.request import fingerprint
from actions.wording import Ring, ring
from domain.actions import Action, ActionState, Level
from domain.errors import BadInputError, NotAllowedError, NotReadyError
from domain.ids import ActionId
from domain.permissions import Permission, Principal, may, require
from models import accounts, approvals, fence, ledger, ledger_reads, principals
from models.approvals import Approval, Standing

LIFE: Final = timedelta(hours=24)  # of a yes that nobody has used
ANSWER_WITHIN: Final = timedelta(hours=24)  # then the request is cancelled: the world moved on
LONGEST: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An action that may be sent now, until when, and for what to ring."""

    action: Action
    expires_at: datetime
    ring: Ring


def give(conn: Connection, by: Principal, action_id: ActionId, *, reason: str, life: timedelta = LIFE) -> Given:
    """Say yes to exactly what the row holds, once, until `life` is over.

    Raises:
        NotAllowedError: `by` may not approve, or proposed it.
        BadInputError: there is no such action, it does not wait, or the life is none.
        NotReadyError: another change of the object is under way.
    """
    if not timedelta(0) < life <= LONGEST:
        raise BadInputError(f"an approval lives from 1 s to {LONGEST.days} days, not {life}")
    held = _hold(conn, by, action_id)
    action = held.action
    if action.proposed_by == by.name:
        raise NotAllowedError(f"{by.name} proposed action {action.id}; somebody else must approve it")
    _require_waiting(action)
    request_hash = fingerprint(action, held.account)
    expires_at = approvals.give(
        conn, action.id, request_hash=request_hash, decided_by=by.id, reason=reason, life_s=life.total_seconds()
    )
    detail = {"request": request_hash, "reason": reason, "expires_at": expires_at.isoformat()}
    try:
        with conn.begin_nested():
            admitted = ledger.admit(conn, action, actor=by.name, detail=detail)
    except IntegrityError:
        raise NotReadyError(
            f"another change of {action.object_kind.replace('_', ' ')} {action.object_id} is under way; approve action"
            f" {action.id} once `stakazo actions list` shows its outcome"
        ) from None
    platform = accounts.get(conn, action.account_id).platform
    return Given(action=admitted, expires_at=expires_at, ring=ring(admitted, platform, held.account))


def reject(conn: Connection, by: Principal, action_id: ActionId, *, reason: str) -> Action:
    """Say no: the action is cancelled.

    Raises:
        NotAllowedError: `by` may not decide on approvals.
        BadInputError: there is no such action, or it does not wait.
    """
    held = _hold(conn, by, action_id)
    _require_waiting(held.action)
    request_hash = fingerprint(held.action, held.account)
    approvals.reject(conn, action_id, request_hash=request_hash, decided_by=by.id, reason=reason)
    words = f"rejected by {by.name}" + (f": {reason}" if reason else "")
    return ledger.settle(
        conn, held.action, ActionState.CANCELLED, actor=by.name, reason=words, event="approval.rejected"
    )


def withdraw(conn: Connection, by: Principal, action_id: ActionId, *, reason: str = "") -> Action:
    """Take a yes back while nothing was sent; the action is cancelled.

    Raises:
        NotAllowedError: `by` may not decide on approvals.
        BadInputError: there is no such approval, or it was used: the change is sent.
    """
    held = _hold(conn, by, action_id)
    approval = approvals.standing(conn, [action_id]).get(action_id)
    if approval is None:
        raise BadInputError(f"action {action_id} has no approval to withdraw; `stakazo actions show {action_id}`")
    if held.action.state is not ActionState.APPROVED:
        raise BadInputError(
            f"action {action_id} is {held.action.state.replace('_', ' ')}: its approval can no longer be withdrawn;"
            f" what was applied is taken back with `stakazo undo action {action_id}`"
        )
    approvals.withdraw(conn, approval.id, withdrawn_by=by.name)
    words = f"the approval of {approval.approver} was withdrawn by {by.name}" + (f": {reason}" if reason else "")
    return ledger.settle(
        conn, held.action, ActionState.CANCELLED, actor=by.name, reason=words, event="approval.withdrawn"
    )


def missing(conn: Connection, action: Action) -> str | None:
    """Say why an action may not be sent now for want of approval; None = nothing is wanting.

    Call it under the cap lock, in the transaction that marks the action sent: rows and approver are held as read.
    """
    return missing_of(conn, [action]).get(action.id)


def missing_of(conn: Connection, wanted: Collection[Action]) -> Mapping[ActionId, str]:
    """`missing` for several of one account, in two statements; those that may be sent are left out."""
    held = approvals.locked(conn, [action.id for action in wanted])
    given = approvals.standing(
        conn, [key for key, row in held.items() if row.action.needs_approval or row.was_approved]
    )
    found = {
        action.id: _why_not(action, held[action.id], given.get(action.id)) if action.id in held else "it is gone"
        for action in wanted
    }
    return {key: reason for key, reason in found.items() if reason is not None}


def expire(conn: Connection, limit: int = 200) -> int:
    """Cancel what nobody answered in time, by Postgres' clock; return how many."""
    return _expire(conn, approvals.unanswered(conn, ANSWER_WITHIN.total_seconds(), limit), by="tower")


def expire_stepped(conn: Connection, now: datetime) -> int:
    """The same where weeks pass in minutes, by the platform's clock: what was asked for that long before `now`."""
    late = [row for row in approvals.waiting(conn) if row.decided_at <= now - ANSWER_WITHIN]
    return _expire(conn, late, by="stakazo simulate")


def _expire(conn: Connection, late: Collection[Action], *, by: str) -> int:
    done = 0
    for account_id in sorted({action.account_id for action in late}):  # by rising id, as everybody takes locks
        fence.lock_caps(conn, account_id)
        held = approvals.locked(conn, [action.id for action in late if action.account_id == account_id])
        for row in held.values():
            if row.action.state is ActionState.AWAITING_APPROVAL:
                hours = ANSWER_WITHIN.total_seconds() / 3600
                reason = f"nobody approved it within {hours:g} h; the next cycle decides afresh"
                ledger.settle(
                    conn, row.action, ActionState.CANCELLED, actor=by, reason=reason, event="approval.expired"
                )
                done += 1
    return done


def _hold(conn: Connection, by: Principal, action_id: ActionId) -> Standing:
    """Check the permission on the principal as it is now, and hold the action under the cap lock."""
    standing = principals.standing(conn, by.id)
    if standing is None:
        raise NotAllowedError(f"{by.name} was disabled and may do nothing")
    require(standing, Permission.APPROVE)
    known = ledger_reads.get(conn, action_id)
    if known is None:
        raise BadInputError(f"no action {action_id}; `stakazo approvals list` shows what waits")
    fence.lock_caps(conn, known.account_id)
    return approvals.locked(conn, [action_id])[action_id]


def _require_waiting(action: Action) -> None:
    if action.state is ActionState.AWAITING_APPROVAL:
        return
    because = f" ({action.state_reason})" if action.state_reason else ""
    raise BadInputError(
        f"action {action.id} does not wait for approval: it is {action.state.replace('_', ' ')}{because};"
        " `stakazo approvals list` shows what waits"
    )


def _why_not(action: Action, held: Standing, given: Approval | None) -> str | None:
    """What is wanting; the row as it is now decides, and the action as it was claimed must be the same."""
    if held.action.stop_id is not None:
        return None  # an open stop is its leave; the database sees to that
    level = levels.effective(held.account_level, held.module_level)
    if level is Level.OBSERVE:
        return "at level observe nothing is sent"
    now = fingerprint(held.action, held.account)
    if fingerprint(action, held.account) != now:
        return f"action {action.id} was changed since it was claimed; nothing is sent for it"
    if not held.action.needs_approval and not held.was_approved:
        why = levels.waits_for_person(level, held.action)
        return None if why is None else f"{why}, and the level was {level} only after it was decided"
    if given is None:
        return f"action {action.id} needs a person's approval, and none stands"
    return _why_void(given, held, now)


def _why_void(given: Approval, held: Standing, now: str) -> str | None:
    who, approver = f"the approval of {given.approver}", given.approver
    void = (
        (
            given.request_hash != now,
            f"{who} was for another request: action {given.action_id} is not what was approved",
        ),
        (given.is_expired, f"{who} expired at {given.expires_at:%Y-%m-%d %H:%M:%S}Z"),
        (given.used_at is not None, f"{who} was used already"),
        (given.is_approver_disabled, f"{who} is void: {approver} was disabled"),
        (
            not may(given.approver_role, Permission.APPROVE),
            f"{who} is void: {approver} is a {given.approver_role} now and may not approve",
        ),
        (approver == held.action.proposed_by, f"{who} is void: {approver} proposed it"),
    )
    return next((reason for is_so, reason in void if is_so), None)
