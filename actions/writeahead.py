"""Tx A: judges again at the door, reserves under the caps and marks the action sent, all before a byte leaves.

One short transaction under the account's cap lock; the platform is not spoken to in it.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from actions import approvals, steps
from actions.facts import gather, reservation_for
from actions.guardrails import Limits, fold, judge_all
from actions.timing import Timing
from domain.actions import Action, ActionKind, ActionState, Priority, Proposal
from models import accounts, fence, ledger


def write_ahead(
    engine: Engine,
    action: Action,
    *,
    now: datetime,
    owner: str,
    limits: Limits,
    timing: Timing,
    checkpoint: steps.Checkpoint,
) -> Action:
    """Return the action as sent, or as blocked with the reason; `now` is the platform's instant.

    Raises:
        LostClaimError: the row is no longer ours.
    """
    with engine.begin() as conn:
        fence.lock_caps(conn, action.account_id)
        stop, reserved_minor = _judge_again(conn, action, now, limits)
        if stop is not None:
            judged = ledger.settle(conn, action, ActionState.BLOCKED, actor=owner, reason=stop)
        else:
            judged = ledger.mark_sent(
                conn,
                action,
                actor=owner,
                deadline_s=timing.send_deadline_s,
                reserved_minor=reserved_minor,
                platform_at=now,
            )
        checkpoint(steps.RESERVED)
    return judged


def _judge_again(conn: Connection, action: Action, now: datetime, limits: Limits) -> tuple[str | None, int]:
    if action.kind is ActionKind.EMERGENCY_PAUSE:
        return fence.barrier(conn, action.account_id, action.stop_id), 0
    unapproved = approvals.missing(conn, action)
    if unapproved is not None:
        return unapproved, 0
    proposal = as_proposal(action)
    account = accounts.get(conn, action.account_id)
    gathered = gather(
        conn,
        account=account,
        now=now,
        proposals=[proposal],
        run_id=action.run_id,
        limits=limits,
        besides=[action.id],
        with_spend=False,
    )
    facts = replace(gathered.facts(proposal), is_approved=action.needs_approval)
    judgement = fold(proposal, judge_all(proposal, facts))
    reason = "; ".join(judgement.reasons)
    if not judgement.allowed:
        return reason, 0
    if dict(judgement.target) != dict(action.target):
        return f"less is allowed now than was decided, so the next cycle decides afresh: {reason}", 0
    return None, reservation_for(proposal, facts)


def as_proposal(action: Action) -> Proposal:
    """Read an action as the proposal that it was, trims included."""
    return Proposal(
        kind=action.kind,
        object_kind=action.object_kind,
        object_id=action.object_id,
        object_name=action.object_name,
        expected_before=action.expected_before,
        target=action.target,
        rule=action.rule,
        priority=Priority(action.priority),
        reason=action.reason,
        evidence=action.evidence,
        undoes=action.undoes,
        stop_id=action.stop_id,
    )
