"""How judged proposals come into the ledger: many rows and their events in one statement. What they say is the door's.

Rows travel as one JSON document: a statement with a parameter for every cell of 10^4 rows takes seconds to be parsed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, RowMapping, text

from domain.actions import TERMINAL, Action, ActionState, Json, JsonMap, Proposal, Verdict, is_legal
from domain.errors import InvariantError
from domain.ids import AccountId, ActionId, RunId
from models.cleaning import json_document
from models.ledger_rows import from_proposal

_CHUNK = 500  # rows in a statement: bounds the document, not the load


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A judged proposal on its way into the ledger; `proposal.target` is what may be sent, trims included.

    `blocked_by` names what stopped it as it was proposed, such as "cooldown,cycle_limit"; `judged_on` holds figures too
    dear to sum again at the door.
    """

    proposal: Proposal
    state: ActionState
    reason: str
    verdicts: tuple[Verdict, ...]
    cap_reserved_minor: int
    op_token: str
    blocked_by: str | None = None
    needs_approval: bool = False
    judged_on: JsonMap = field(default_factory=dict)


# The rows are written as they were judged; that each was a proposal first is told by their events.
_INSERT = text(
    """
    WITH drafts AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS draft (
            place int, kind text, object_kind text, object_id text, object_name text, expected_before jsonb,
            target jsonb, rule text, priority smallint, reason text, evidence jsonb, verdicts jsonb, op_token text,
            state text, state_reason text, blocked_by text, cap_reserved_minor bigint, is_final boolean,
            needs_approval boolean, undoes bigint, stop_id bigint, discriminator text, judged_on jsonb
        )
    ), added AS (
        INSERT INTO actions (
            account_id, run_id, decided_at, kind, object_kind, object_id, object_name, expected_before, target, rule,
            priority, reason, evidence, verdicts, op_token, state, state_reason, blocked_by, cap_reserved_minor,
            needs_approval, undoes, stop_id, discriminator, judged_on, proposed_by, module, finished_at
        )
        SELECT :account_id, CAST(:run_id AS bigint), CAST(:decided_at AS timestamptz), kind, object_kind, object_id,
               object_name, expected_before, target, rule, priority, reason, evidence, verdicts, op_token, state,
               state_reason, blocked_by, cap_reserved_minor, needs_approval, undoes, stop_id, discriminator, judged_on,
               :actor, :module, CASE WHEN is_final THEN clock_timestamp() END
        FROM drafts ORDER BY place
        RETURNING id, op_token, state, state_reason, created_at, finished_at
    ), told AS (
        SELECT jsonb_agg(jsonb_build_object(
            'action_id', added.id, 'actor', CAST(:actor AS text), 'event', step.event,
            'before_state', step.before_state, 'after_state', coalesce(step.after_state, added.state), 'epoch', 0,
            'detail', CASE WHEN step.event = 'judged' THEN jsonb_build_object('reason', added.state_reason)
                      ELSE '{}' END
        ) ORDER BY added.id, step.place) AS lines
        FROM added CROSS JOIN (VALUES (1, 'proposed', NULL, 'proposed'), (2, 'judged', 'proposed', NULL))
            AS step (place, event, before_state, after_state)
    ), heard AS (
        SELECT audit_append(:account_id, lines) FROM told
    )
    SELECT op_token, id, created_at, finished_at FROM added CROSS JOIN heard
    """
)


def insert_drafts(
    conn: Connection,
    *,
    account_id: AccountId,
    run_id: RunId | None,
    decided_at: datetime,
    actor: str,
    drafts: Sequence[Draft],
    module: str | None = None,
) -> tuple[Action, ...]:
    """Record proposals with their verdicts, each in its draft's state; in the order of the drafts.

    Raises:
        IntegrityError: a draft is to be in flight, and another action on its object is.
        InvariantError: no proposal can come into a draft's state.
    """
    added: list[Action] = []
    for start in range(0, len(drafts), _CHUNK):
        chunk = drafts[start : start + _CHUNK]
        rows: list[Json] = [_row(place, draft) for place, draft in enumerate(chunk)]
        values = {
            "account_id": account_id,
            "run_id": run_id,
            "decided_at": decided_at,
            "actor": actor,
            "module": module,
        }
        found = conn.execute(_INSERT, {**values, "rows": json_document(rows)})
        stored = {row["op_token"]: row for row in found.mappings()}
        added.extend(
            _action(
                draft,
                stored[draft.op_token],
                account_id=account_id,
                run_id=run_id,
                decided_at=decided_at,
                actor=actor,
            )
            for draft in chunk
        )
    return tuple(added)


def _row(place: int, draft: Draft) -> dict[str, Json]:
    if not is_legal(ActionState.PROPOSED, draft.state):
        raise InvariantError(f"a proposal cannot come into the state {draft.state}")
    return from_proposal(draft.proposal, draft.verdicts, draft.op_token) | {
        "place": place,
        "state": draft.state,
        "state_reason": draft.reason,
        "blocked_by": draft.blocked_by,
        "cap_reserved_minor": draft.cap_reserved_minor,
        "is_final": draft.state in TERMINAL,
        "needs_approval": draft.needs_approval,
        "judged_on": dict(draft.judged_on),
    }


def _action(
    draft: Draft, stored: RowMapping, *, account_id: AccountId, run_id: RunId | None, decided_at: datetime, actor: str
) -> Action:
    """The row as it was just written; only what the database gave it is read back."""
    wanted = draft.proposal
    return Action(
        id=ActionId(stored["id"]),
        account_id=account_id,
        run_id=run_id,
        kind=wanted.kind,
        object_kind=wanted.object_kind,
        object_id=wanted.object_id,
        object_name=wanted.object_name,
        expected_before=wanted.expected_before,
        target=wanted.target,
        rule=wanted.rule,
        priority=int(wanted.priority),
        reason=wanted.reason,
        evidence=wanted.evidence,
        state=draft.state,
        state_reason=draft.reason,
        op_token=draft.op_token,
        proposed_by=actor,
        needs_approval=draft.needs_approval,
        undoes=wanted.undoes,
        stop_id=wanted.stop_id,
        epoch=0,
        attempts=0,
        crash_count=0,
        result_object_id=None,
        decided_at=decided_at,
        created_at=stored["created_at"],
        sent_at=None,
        finished_at=stored["finished_at"],
    )
