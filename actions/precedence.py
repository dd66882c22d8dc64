"""Who goes before whom over cycles and modules: an approved change that was not sent yet may be overtaken.

Within one cycle the arbiter decides (`arbiter.py`); what was sent, or waits for its outcome, is never overtaken.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from domain.actions import CREATES, ActionKind, ActionState, ObjectKind, Proposal
from domain.ids import AccountId
from models import ledger, ledger_moves, ledger_sums
from models.ledger import Draft
from models.ledger_sums import OpenAction

_BESIDE = CREATES | {ActionKind.EMERGENCY_PAUSE}  # they stand beside whatever is open


def overtakes(proposal: Proposal, under_way: OpenAction) -> bool:
    """Whether the proposal may take the place of the open change: it weighs more, and nobody is sending that."""
    return not under_way.is_held and proposal.priority > under_way.priority


def cancel_overtaken(conn: Connection, account_id: AccountId, drafts: Sequence[Draft], *, actor: str) -> frozenset[str]:
    """Cancel the open changes whose place approved drafts take, under the cap lock; return the tokens of drafts whose
    object stays taken: an executor claims its change at this very moment, and nobody waits for that.
    """  # noqa: D205 - the sentence needs the room
    coming = [draft for draft in drafts if draft.state is ActionState.APPROVED and draft.proposal.kind not in _BESIDE]
    if not coming:
        return frozenset()
    standing = ledger_sums.open_actions(conn, account_id, ())
    late = {draft.op_token: (draft.proposal, under_way) for draft in coming if (under_way := standing.get(_of(draft)))}
    moves = []
    for wanted, under_way in late.values():
        action = ledger.get(conn, under_way.id) if overtakes(wanted, under_way) else None
        if action is not None:
            reason = f"overtaken by {wanted.rule}, which weighs more: {wanted.priority} over {action.priority}"
            moves.append(ledger_moves.settled(action, ActionState.CANCELLED, reason=reason, event="overtaken"))
    gone = ledger_moves.move_free(conn, moves, actor=actor) if moves else {}
    return frozenset(token for token, (_, under_way) in late.items() if under_way.id not in gone)


def _of(draft: Draft) -> tuple[ObjectKind, str]:
    return draft.proposal.object_kind, draft.proposal.object_id
