"""Where proposals become rows of the ledger: arbiter, guardrails, level. Nothing is sent here.

Runs in the caller's transaction and under the account's cap lock, so that two runs cannot share the room under a cap.
"""

import base64
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from actions.arbiter import Arbitration, arbitrate
from actions.facts import Gathered, gather, reservation_for
from actions.guardrails import Judgement, Limits, fold, judge_all
from actions.wording import Ring, ring
from domain.actions import CREATES, RECORDED_ONLY, Action, ActionKind, ActionState, Level, Proposal, Verdict
from domain.errors import InvariantError
from domain.ids import AdId, RunId
from models import accounts, fence, ledger, ledger_reads, mirror
from models.accounts import Account
from models.ledger import Draft

_LIMITS = Limits()
_CONFIRMABLE = frozenset({"status", "daily_budget_minor", "name"})
_OPEN_OBJECT = "uq_actions_open_object"
_Key = tuple[ActionKind, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """Every row of this proposing, in the order of recording; `rings` are for those that may be sent."""

    actions: tuple[Action, ...]
    rings: tuple[Ring, ...]


def propose(
    conn: Connection,
    *,
    account: Account,
    run_id: RunId | None,
    now: datetime,
    proposals: Sequence[Proposal],
    actor: str,
    limits: Limits = _LIMITS,
) -> Proposed:
    """Record what a module wants, judged; `now` is the platform's instant that the run was planned with.

    Proposing the same for the same run again returns the rows that are there and adds nothing. Level, caps and the
    ages of the data are read anew: `account` may have been loaded before its collection.

    Raises:
        InvariantError: a change sets nothing, or what cannot be read back.
    """
    for proposal in proposals:
        _require_sendable(proposal)
    fence.lock_caps(conn, account.id)
    account = accounts.get(conn, account.id)
    held = () if run_id is None else ledger_reads.of_run(conn, run_id)
    fresh = _not_yet_recorded(proposals, {(row.kind, row.object_id, row.rule) for row in held})
    drafts = _judge(conn, account, fresh, run_id=run_id, now=now, limits=limits)
    added = _record(conn, account, drafts, run_id=run_id, now=now, actor=actor)
    _take_effect(conn, account, now, added)
    rows = (*held, *added)
    rings = tuple(
        ring(row, account.platform, account.platform_account_id) for row in rows if row.state is ActionState.APPROVED
    )
    return Proposed(actions=rows, rings=rings)


def _require_sendable(proposal: Proposal) -> None:
    """What a change may set is what a reading can confirm; anything else could never be told applied."""
    if proposal.kind in CREATES | RECORDED_ONLY:
        return
    if not proposal.target or not set(proposal.target) <= _CONFIRMABLE:
        raise InvariantError(
            f"{proposal.kind} of {proposal.object_kind} {proposal.object_id} by {proposal.rule} is to set"
            f" {sorted(proposal.target)}; a change sets some of {sorted(_CONFIRMABLE)}"
        )


def _not_yet_recorded(proposals: Iterable[Proposal], seen: set[_Key]) -> list[Proposal]:
    """Keep the first proposal of each key under which a run records; the database allows no second."""
    fresh = []
    for proposal in proposals:
        key = (proposal.kind, proposal.object_id, proposal.rule)
        if key not in seen:
            seen.add(key)
            fresh.append(proposal)
    return fresh


def _judge(
    conn: Connection,
    account: Account,
    proposals: list[Proposal],
    *,
    run_id: RunId | None,
    now: datetime,
    limits: Limits,
) -> list[Draft]:
    emergencies = [proposal for proposal in proposals if proposal.kind is ActionKind.EMERGENCY_PAUSE]
    others = [proposal for proposal in proposals if proposal.kind is not ActionKind.EMERGENCY_PAUSE]
    arbitration = arbitrate(others)
    gathered = gather(conn, account=account, now=now, proposals=others, run_id=run_id, limits=limits)
    stop = _stop_of_account(conn, account)
    return [
        *(_draft(proposal, ActionState.APPROVED, "emergency stop", ()) for proposal in emergencies),
        *(_judge_one(proposal, gathered, stop) for proposal in arbitration.winners),
        *_losers(arbitration),
    ]


def _stop_of_account(conn: Connection, account: Account) -> str | None:
    state = fence.state(conn, account.id)
    if state.closed:
        return f"the fence is closed: {state.reason}"
    return "the account is paused" if account.is_paused else None


def _losers(arbitration: Arbitration) -> list[Draft]:
    return [_draft(loser.proposal, ActionState.BLOCKED, loser.reason, ()) for loser in arbitration.losers]


def _judge_one(proposal: Proposal, gathered: Gathered, stop: str | None) -> Draft:
    facts = gathered.facts(proposal)
    verdicts = judge_all(proposal, facts)
    judgement = fold(proposal, verdicts)
    reason = "; ".join(judgement.reasons)
    if not judgement.allowed:
        return _draft(proposal, ActionState.BLOCKED, reason, verdicts)
    if proposal.kind in RECORDED_ONLY:
        return _draft(proposal, ActionState.APPLIED, "recorded; nothing is sent for it", verdicts)
    if stop is not None:
        return _draft(proposal, ActionState.BLOCKED, stop, verdicts)
    wanted = _as_trimmed(proposal, judgement)
    reserved = reservation_for(wanted, facts)
    gathered.count(wanted, reserved)
    if gathered.account.level is Level.OBSERVE:
        return _draft(wanted, ActionState.OBSERVED, "the account is at level observe", verdicts)
    return _draft(wanted, ActionState.APPROVED, "", verdicts, reserved)


def _as_trimmed(proposal: Proposal, judgement: Judgement) -> Proposal:
    """The proposal with what the guardrails left of it; its reason says what they took, for good."""
    trims = "; ".join(judgement.reasons)
    return replace(
        proposal, target=judgement.target, reason=f"{proposal.reason}; {trims}" if trims else proposal.reason
    )


def _draft(
    proposal: Proposal, state: ActionState, reason: str, verdicts: tuple[Verdict, ...], reserved_minor: int = 0
) -> Draft:
    return Draft(
        proposal=proposal,
        state=state,
        reason=reason,
        verdicts=verdicts,
        cap_reserved_minor=reserved_minor,
        op_token=base64.b32encode(secrets.token_bytes(10)).decode(),
    )


def _record(
    conn: Connection,
    account: Account,
    drafts: Sequence[Draft],
    *,
    run_id: RunId | None,
    now: datetime,
    actor: str,
) -> tuple[Action, ...]:
    """Insert all at once; should another action on one of the objects be open after all, one by one."""

    def insert(some: Sequence[Draft]) -> tuple[Action, ...]:
        with conn.begin_nested():
            return ledger.insert_drafts(
                conn, account_id=account.id, run_id=run_id, decided_at=now, actor=actor, drafts=some
            )

    try:
        return insert(drafts)
    except IntegrityError as error:
        _require_open_object(error)
    rows: list[Action] = []
    for draft in drafts:
        try:
            rows.extend(insert([draft]))
        except IntegrityError as error:
            _require_open_object(error)
            reason = "another action on the object is open; wait for its outcome"
            rows.extend(insert([replace(draft, state=ActionState.BLOCKED, reason=reason, cap_reserved_minor=0)]))
    return tuple(rows)


def _require_open_object(error: IntegrityError) -> None:
    diagnosis = getattr(error.orig, "diag", None)
    if getattr(diagnosis, "constraint_name", None) != _OPEN_OBJECT:
        raise error


def _take_effect(conn: Connection, account: Account, now: datetime, rows: Iterable[Action]) -> None:
    """Do what an action does that is ours alone."""
    fatigued = [
        AdId(row.object_id) for row in rows if row.kind is ActionKind.MARK_FATIGUED and row.state is ActionState.APPLIED
    ]
    if fatigued:
        mirror.mark_all_fatigued(conn, account.id, fatigued, now)
