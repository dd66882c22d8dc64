"""Where proposals become rows of the ledger: arbiter, guardrails, level. Nothing is sent here.

Runs in the caller's transaction and under the account's cap lock, so that two runs cannot share the room under a cap.
"""

import base64
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from actions import figures, levels, precedence
from actions.arbiter import arbitrate
from actions.facts import Gathered, gather, reservation_for
from actions.guardrails import Judgement, Limits, fold, judge_all, one_open_action
from actions.repeats import ARBITER, FENCE, PAUSED, Repeats
from actions.waiting import Waiting
from actions.wording import Ring, ring
from domain.actions import CREATES, RECORDED_ONLY, Action, ActionKind, ActionState, Level, Proposal, Verdict
from domain.errors import InvariantError
from domain.ids import AdId, RunId
from models import accounts, fence, ledger, ledger_reads, mirror, module_levels
from models.accounts import Account
from models.ledger import Draft
from models.ledger_rows import discriminator

_LIMITS = Limits()
_CONFIRMABLE = frozenset({"status", "daily_budget_minor", "name", "spend_cap_minor"})
_OPEN_OBJECT = "uq_actions_open_object"
_AT_ONCE = 500  # drafts are judged and recorded in parts, so that the verdicts of 10^4 are never held together
_Key = tuple[ActionKind, str, str, str]
_Stop = tuple[str, str]  # what stops every action of the account, and why


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """Every row of this proposing, in the order of recording; `rings` are for those that may be sent.

    `repeats` counts, by what blocks, the proposals whose block is on record already (`actions/repeats.py`), and those
    that wait for approval already (`actions/waiting.py`).
    """

    actions: tuple[Action, ...]
    rings: tuple[Ring, ...]
    repeats: Mapping[str, int] = field(default_factory=dict)

    @property
    def repeated(self) -> int:
        """How many proposals were blocked again, without a row of their own."""
        return sum(self.repeats.values())


def propose(
    conn: Connection,
    *,
    account: Account,
    run_id: RunId | None,
    now: datetime,
    proposals: Sequence[Proposal],
    actor: str,
    module: str | None = None,
    limits: Limits = _LIMITS,
) -> Proposed:
    """Record what a module wants, judged; `now` is the platform's instant that the run was planned with.

    Proposing the same for the same run again returns the rows that are there and adds nothing; a block that an earlier
    run has put on record is only counted. Level, caps and the ages of the data are read anew: `account` may have been
    loaded before its collection.

    Raises:
        InvariantError: a change sets nothing, or what cannot be read back.
    """
    for proposal in proposals:
        _require_sendable(proposal)
    fence.lock_caps(conn, account.id)
    account = accounts.get(conn, account.id)
    held = () if run_id is None else ledger_reads.of_run(conn, run_id)
    fresh = _not_yet_recorded(proposals, {_key(row) for row in held})
    repeats = None if run_id is None else Repeats(conn, account.id, now)
    level = levels.effective(account.level, module_levels.of(conn, account.id, module))
    waiting = Waiting(conn, account.id)
    judged = _judge(conn, account, fresh, waiting, level=level, run_id=run_id, now=now, limits=limits)
    drafts = (draft for draft in judged if repeats is None or not repeats.is_repeat(draft))
    added: list[Action] = []
    while part := list(islice(drafts, _AT_ONCE)):  # ends with the drafts
        added += _record(conn, account, part, run_id=run_id, now=now, actor=actor, module=module)
    waiting.supersede(conn, added, actor=actor)
    _take_effect(conn, account, now, added)
    rows = (*held, *added)
    rings = tuple(
        ring(row, account.platform, account.platform_account_id) for row in rows if row.state is ActionState.APPROVED
    )
    counts = waiting.counts if repeats is None else repeats.counts + waiting.counts
    return Proposed(actions=rows, rings=rings, repeats=dict(counts))


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
        key = _key(proposal)
        if key not in seen:
            seen.add(key)
            fresh.append(proposal)
    return fresh


def _key(row: Proposal | Action) -> _Key:
    return row.kind, row.object_id, row.rule, discriminator(row.kind, row.target)


def _judge(
    conn: Connection,
    account: Account,
    proposals: list[Proposal],
    waiting: Waiting,
    *,
    level: Level,
    run_id: RunId | None,
    now: datetime,
    limits: Limits,
) -> Iterator[Draft]:
    """Judge one after the other, by falling priority: each is judged with those before it in the sums."""
    emergencies = [proposal for proposal in proposals if proposal.stop_id is not None]
    others = [proposal for proposal in proposals if proposal.stop_id is None]
    arbitration = arbitrate(others)
    gathered = gather(conn, account=account, now=now, proposals=others, run_id=run_id, limits=limits)
    stop = _stop_of_account(conn, account)
    yield from (_draft(proposal, ActionState.APPROVED, "emergency stop", ()) for proposal in emergencies)
    judged = (_judge_one(proposal, gathered, waiting, level, stop) for proposal in arbitration.winners)
    yield from (draft for draft in judged if draft is not None)
    yield from (_blocked(loser.proposal, loser.reason, (), by=ARBITER) for loser in arbitration.losers)


def _stop_of_account(conn: Connection, account: Account) -> _Stop | None:
    state = fence.state(conn, account.id)
    if state.closed:
        return FENCE, f"the fence is closed: {state.reason}"
    return (PAUSED, "the account is paused") if account.is_paused else None


def _judge_one(
    proposal: Proposal, gathered: Gathered, waiting: Waiting, level: Level, stop: _Stop | None
) -> Draft | None:
    """Judge by every guardrail; once the cycle is full by that one alone: the next cycle judges the rest anew.

    None = the very same waits for a person's answer already.
    """
    full = gathered.full_cycle(proposal)
    if full is not None:
        return _blocked(proposal, full.reason, (full,), by=full.guardrail)
    facts = gathered.facts(proposal)
    verdicts = judge_all(proposal, facts)
    judgement = fold(proposal, verdicts)
    if not judgement.allowed and not judgement.needs_approval:
        by = ",".join(verdict.guardrail for verdict in verdicts if not verdict.allowed)
        return _blocked(proposal, "; ".join(judgement.reasons), verdicts, by=by)
    if proposal.kind in RECORDED_ONLY:
        return _draft(proposal, ActionState.APPLIED, "recorded; nothing is sent for it", verdicts)
    refusal = stop or waiting.refusal(proposal)
    if refusal is not None:
        return _blocked(proposal, refusal[1], verdicts, by=refusal[0])
    wanted = _as_trimmed(proposal, judgement)
    told = figures.write(wanted, facts)
    why = "; ".join(judgement.reasons) if judgement.needs_approval else levels.waits_for_person(level, wanted)
    if why is not None and level is not Level.OBSERVE:
        asked = _ask(wanted, gathered, waiting, why, verdicts)
        return None if asked is None else replace(asked, judged_on=told)
    reserved = reservation_for(wanted, facts)
    gathered.count(wanted, reserved, told)
    observed = level is Level.OBSERVE
    state, reason = (ActionState.OBSERVED, "at level observe") if observed else (ActionState.APPROVED, "")
    return replace(_draft(wanted, state, reason, verdicts, 0 if observed else reserved), judged_on=told)


def _ask(
    wanted: Proposal, gathered: Gathered, waiting: Waiting, why: str, verdicts: tuple[Verdict, ...]
) -> Draft | None:
    """Let it wait for a person; its room under the caps is taken as it is sent, not before."""
    if waiting.is_asked_already(wanted):
        gathered.count_asked(wanted)
        return None
    hindrance = waiting.hindrance(wanted)
    if hindrance is not None:
        return _blocked(wanted, hindrance[1], verdicts, by=hindrance[0])
    gathered.count(wanted, 0)
    return replace(_draft(wanted, ActionState.AWAITING_APPROVAL, why, verdicts), needs_approval=True)


def _as_trimmed(proposal: Proposal, judgement: Judgement) -> Proposal:
    """The proposal with what the guardrails left of it; its reason says what they took, for good."""
    trims = "; ".join(judgement.reasons) if judgement.allowed else ""
    return replace(
        proposal, target=judgement.target, reason=f"{proposal.reason}; {trims}" if trims else proposal.reason
    )


def _blocked(proposal: Proposal, reason: str, verdicts: tuple[Verdict, ...], *, by: str) -> Draft:
    return _draft(proposal, ActionState.BLOCKED, reason, verdicts, by=by)


def _draft(
    proposal: Proposal,
    state: ActionState,
    reason: str,
    verdicts: tuple[Verdict, ...],
    reserved_minor: int = 0,
    *,
    by: str | None = None,
) -> Draft:
    return Draft(
        proposal=proposal,
        state=state,
        reason=reason,
        verdicts=verdicts,
        cap_reserved_minor=reserved_minor,
        op_token=base64.b32encode(secrets.token_bytes(10)).decode(),
        blocked_by=by,
    )


def _record(
    conn: Connection,
    account: Account,
    drafts: Sequence[Draft],
    *,
    run_id: RunId | None,
    now: datetime,
    actor: str,
    module: str | None,
) -> tuple[Action, ...]:
    """Insert all at once; should another action on one of the objects be open after all, one by one."""

    def insert(some: Sequence[Draft]) -> tuple[Action, ...]:
        with conn.begin_nested():
            return ledger.insert_drafts(
                conn, account_id=account.id, run_id=run_id, decided_at=now, actor=actor, drafts=some, module=module
            )

    late = precedence.cancel_overtaken(conn, account.id, drafts, actor=actor)
    drafts = [_beside_open(draft) if draft.op_token in late else draft for draft in drafts]
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
            rows.extend(insert([_beside_open(draft)]))
    return tuple(rows)


def _beside_open(draft: Draft) -> Draft:
    reason = "another action on the object is open; wait for its outcome"
    return replace(
        draft, state=ActionState.BLOCKED, reason=reason, cap_reserved_minor=0, blocked_by=one_open_action.SLUG
    )


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
