"""Who goes before whom over cycles and modules: an approved change that was not sent yet may be overtaken.

Within one cycle the arbiter decides (`arbiter.py`); what was sent, or waits for its outcome, is never overtaken.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from domain.actions import CREATES, ActionKind, ActionState, Proposal
from domain.errors import LostClaimError
from domain.ids import AccountId
from models import ledger, ledger_sums
from models.ledger import Draft
from models.ledger_sums import OpenAction

_BESIDE = CREATES | {ActionKind.EMERGENCY_PAUSE}  # they stand beside whatever is open


def overtakes(proposal: Proposal, under_way: OpenAction) -> bool:
    """Whether the proposal may take the place of the open change: it weighs more, and nobody is sending that."""
    return not under_way.is_held and proposal.priority > under_way.priority


def cancel_overtaken(conn: Connection, account_id: AccountId, drafts: Sequence[Draft], *, actor: str) -> None:
    """Cancel the open changes whose place approved drafts take. Call it under the cap lock, before they are recorded.

    One that an executor claims at this very moment stays, and the draft is blocked by it as it is recorded.
    """
    coming = [draft for draft in drafts if draft.state is ActionState.APPROVED and draft.proposal.kind not in _BESIDE]
    if not coming:
        return
    standing = ledger_sums.open_actions(conn, account_id, ())
    for draft in coming:
        wanted = draft.proposal
        under_way = standing.get((wanted.object_kind, wanted.object_id))
        if under_way is None or not overtakes(wanted, under_way):
            continue
        action = ledger.get(conn, under_way.id)
        if action is None:
            continue
        reason = f"overtaken by {wanted.rule}, which weighs more: {wanted.priority} over {action.priority}"
        try:
            ledger.settle(conn, action, ActionState.CANCELLED, actor=actor, reason=reason, event="overtaken")
        except LostClaimError:
            continue
