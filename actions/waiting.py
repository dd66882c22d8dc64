"""What waits for a person while new proposals come in: one request per object, the newest, and a no is heard.

The same request again is only counted; one of the same or higher priority takes its place; what a person rejected is
not asked again by the same rule for a day.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from domain.actions import CREATES, Action, ActionKind, ActionState, Priority, Proposal
from domain.ids import AccountId
from models import approvals, ledger

AWAITED: Final = "awaiting_approval"
REJECTED: Final = "rejected"
WAITS: Final = "waits_for_person"
NO_HOLDS: Final = timedelta(hours=24)
_STANDS_NOW: Final = frozenset({ActionState.AWAITING_APPROVAL, ActionState.APPROVED})
_Object = tuple[str, str]


class Waiting:
    """The requests of an account that wait, read under the cap lock; `counts` says how many came again."""

    def __init__(self, conn: Connection, account_id: AccountId) -> None:
        self._changes: dict[_Object, Action] = {}
        self._creates: list[Action] = []
        for action in approvals.waiting(conn, account_id):
            if action.kind in CREATES:
                self._creates.append(action)
            else:
                self._changes[_object(action)] = action
        self._rejected = approvals.rejected_within(conn, account_id, NO_HOLDS.total_seconds())
        self.counts: Counter[str] = Counter()

    def is_asked_already(self, proposal: Proposal) -> bool:
        """Say whether the very same waits for an answer; if so, count it. What a person asks for is always a row."""
        if proposal.priority is Priority.PERSON or not any(_is_same(proposal, row) for row in self._beside(proposal)):
            return False
        self.counts[AWAITED] += 1
        return True

    def hindrance(self, proposal: Proposal) -> tuple[str, str] | None:
        """Say by what and why a request cannot wait for approval beside what is there; None = it can."""
        held = self._changes.get(_object(proposal)) if proposal.kind not in CREATES else None
        if held is not None and held.priority > proposal.priority:
            return WAITS, f"action {held.id} ({held.rule}), which goes before, waits for approval on the same object"
        return None

    def refusal(self, proposal: Proposal) -> tuple[str, str] | None:
        """Say by what and why a person's no stops it, at any level, also where nothing would wait; None = none does."""
        by = self._rejected.get((proposal.kind, proposal.object_id, proposal.rule))
        if by is None or proposal.priority is Priority.PERSON:
            return None
        return REJECTED, f"{by} rejected what {proposal.rule} wants here less than {NO_HOLDS.days * 24} h ago"

    def supersede(self, conn: Connection, added: Iterable[Action], *, actor: str) -> None:
        """Cancel what waited on an object for which something of the same or higher priority has come in."""
        for new in added:
            held = self._changes.get(_object(new)) if new.kind not in CREATES else None
            if held is None or new.state not in _STANDS_NOW or new.kind is ActionKind.EMERGENCY_PAUSE:
                continue
            if new.priority >= held.priority:
                reason = f"action {new.id} ({new.rule}) on the same object took its place"
                ledger.settle(conn, held, ActionState.CANCELLED, actor=actor, reason=reason, event="superseded")
                del self._changes[_object(new)]

    def _beside(self, proposal: Proposal) -> Sequence[Action]:
        if proposal.kind in CREATES:
            return self._creates
        held = self._changes.get(_object(proposal))
        return () if held is None else (held,)


def _object(wanted: Proposal | Action) -> _Object:
    return (wanted.object_kind, wanted.object_id)


def _is_same(proposal: Proposal, row: Action) -> bool:
    if (proposal.kind, proposal.object_kind, proposal.object_id, proposal.rule) != (
        *(row.kind, row.object_kind, row.object_id, row.rule),
    ):
        return False
    return dict(proposal.target) == dict(row.target) and dict(proposal.expected_before) == dict(row.expected_before)
