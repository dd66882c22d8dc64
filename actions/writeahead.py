"""Tx A: judges again at the door, reserves under the caps and marks actions sent, all before a byte leaves.

One short transaction under the account's cap lock; the platform is not spoken to in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from actions import approvals, steps
from actions.facts import gather, reservation_for
from actions.guardrails import Facts, Limits, fold, judge_all
from actions.timing import Timing
from domain.actions import Action, ActionState, Priority, Proposal
from domain.ids import ActionId
from models import accounts, fence, ledger_claims, ledger_moves
from models.ledger_moves import Move


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """Why an action may not go, or None and what is held for it under the caps."""

    stop: str | None = None
    reserved_minor: int = 0


def write_ahead(
    engine: Engine,
    actions: Sequence[Action],
    *,
    now: datetime,
    owner: str,
    limits: Limits,
    timing: Timing,
    checkpoint: steps.Checkpoint,
) -> tuple[Action, ...]:
    """Return the actions as sent, or as blocked with the reason; `now` is the platform's instant.

    They are of one account and one run, and are judged in their order, each with those before it in the sums: what no
    longer fits under a cap is blocked, and the others go. Rows that are no longer ours are missing from the answer.
    """
    with engine.begin() as conn:
        fence.lock_caps(conn, actions[0].account_id)
        held = ledger_claims.still_held(conn, actions)
        ours = [action for action in actions if action.id in held]
        judged = _judge_again(conn, ours, now, limits) if ours else {}
        moves = [_move(action, judged[action.id], now, timing) for action in ours]
        moved = ledger_moves.move(conn, moves, actor=owner)
        checkpoint(steps.RESERVED)
    return tuple(moved[action.id] for action in ours if action.id in moved)


def _move(action: Action, judged: _Judged, now: datetime, timing: Timing) -> Move:
    if judged.stop is not None:
        return ledger_moves.settled(action, ActionState.BLOCKED, reason=judged.stop)
    return ledger_moves.sent(
        action, deadline_s=timing.send_deadline_s, reserved_minor=judged.reserved_minor, platform_at=now
    )


def _judge_again(
    conn: Connection, actions: Sequence[Action], now: datetime, limits: Limits
) -> Mapping[ActionId, _Judged]:
    first = actions[0]
    if first.stop_id is not None:  # then all are of that stop
        barrier = fence.barrier(conn, first.account_id, first.stop_id)
        return {action.id: _Judged(stop=barrier) for action in actions}
    unapproved = approvals.missing_of(conn, actions)
    gathered = gather(
        conn,
        account=accounts.get(conn, first.account_id),
        now=now,
        proposals=[as_proposal(action) for action in actions],
        run_id=first.run_id,
        limits=limits,
        besides=[action.id for action in actions],
        with_spend=False,
    )
    judged = {key: _Judged(stop=reason) for key, reason in unapproved.items()}
    for action in actions:
        if action.id in unapproved:
            continue
        proposal = as_proposal(action)
        facts = replace(gathered.facts(proposal), is_approved=action.needs_approval)
        judged[action.id] = _judge_one(action, proposal, facts)
        if judged[action.id].stop is None:
            gathered.count(proposal, judged[action.id].reserved_minor)
        if first.run_id is None:  # of no cycle: what goes out together must not fill one
            gathered.in_cycle = 0
    return judged


def _judge_one(action: Action, proposal: Proposal, facts: Facts) -> _Judged:
    judgement = fold(proposal, judge_all(proposal, facts))
    reason = "; ".join(judgement.reasons)
    if not judgement.allowed:
        return _Judged(stop=reason)
    if dict(judgement.target) != dict(action.target):
        return _Judged(stop=f"less is allowed now than was decided, so the next cycle decides afresh: {reason}")
    return _Judged(reserved_minor=reservation_for(proposal, facts))


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
