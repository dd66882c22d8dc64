"""Tx C: writes down what came of an action: state, event, reservation and our mirror in one transaction each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from actions import people, steps
from actions.precheck import Differs
from actions.readback import Seen
from actions.send import Postponed, Unknown
from actions.timing import Timing
from domain import catalogue
from domain.actions import CREATES, Action, ActionState, JsonMap
from models import hand_edits, ledger, mirror
from models.accounts import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Records for one executor; every method returns the state that was reached.

    Raises (all methods): LostClaimError, if the row is no longer ours.
    """

    engine: Engine
    owner: str
    timing: Timing
    checkpoint: steps.Checkpoint
    read_to_write_ms: int | None = None  # of the write whose outcome is recorded

    def release(self, action: Action, reason: str, wait_s: float, *, is_throttled: bool = False) -> ActionState:
        """Let go of it as it is; where the platform throttles, the account's other actions wait with it."""

        def change(conn: Connection) -> Action:
            if is_throttled:
                ledger.postpone_account(conn, action.account_id, wait_s=wait_s)
            return ledger.release(conn, action, actor=self.owner, reason=reason, wait_s=wait_s)

        return self._record(change)

    def settle(self, action: Action, after: ActionState, reason: str) -> ActionState:
        """End it without an effect of ours."""
        return self._record(lambda conn: ledger.settle(conn, action, after, actor=self.owner, reason=reason))

    def conflict(self, action: Action, found: Differs, now: datetime) -> ActionState:
        """End it since somebody changed the object; whose edit it may be is written down with it."""

        def change(conn: Connection) -> Action:
            people.note_conflict(conn, action, found.present, now)
            return ledger.settle(conn, action, ActionState.CONFLICT, actor=self.owner, reason=found.reason)

        return self._record(change)

    def refused(self, action: Action, reason: str, error: JsonMap) -> ActionState:
        """End it as the platform's no."""
        return self._record(
            lambda conn: ledger.settle(
                conn, action, ActionState.REFUSED, actor=self.owner, reason=reason, last_error=error
            )
        )

    def put_back(self, action: Action, outcome: Postponed) -> ActionState:
        """Nothing had any effect: it may be sent again later."""

        def change(conn: Connection) -> Action:
            if outcome.is_throttled:
                ledger.postpone_account(conn, action.account_id, wait_s=outcome.wait_s)
            return ledger.put_back(conn, action, actor=self.owner, reason=outcome.reason, wait_s=outcome.wait_s)

        return self._record(change)

    def unknown(self, action: Action, account: Account, outcome: Unknown, object_id: str | None) -> ActionState:
        """Nobody knows: nobody looks before the quarantine is over, and nobody sends it again."""
        quarantine_s = self._quarantine_s(action, account)
        return self._record(
            lambda conn: ledger.mark_unknown(
                conn,
                action,
                actor=self.owner,
                reason=outcome.reason,
                quarantine_s=quarantine_s,
                result_object_id=object_id,
                last_error=outcome.error or None,
            )
        )

    def not_seen(self, action: Action, account: Account, reason: str) -> ActionState:
        """Its effect was looked for and is not there: somebody looks once more, another quarantine from now."""
        wait_s = self._quarantine_s(action, account)
        return self._record(
            lambda conn: ledger.note_unseen(conn, action, actor=self.owner, reason=reason, wait_s=wait_s)
        )

    def abandon(self, action: Action, account: Account) -> ActionState:
        """Take over from an executor that died after the write-ahead; its send may have begun at the deadline."""
        after_s = self.timing.client_deadline_s + self._quarantine_s(action, account)
        reason = "its executor died after the write-ahead; the platform may have it"
        return self._record(
            lambda conn: ledger.mark_abandoned(conn, action, actor=self.owner, reason=reason, after_deadline_s=after_s)
        )

    def applied(self, action: Action, seen: Seen, reason: str) -> ActionState:
        """The effect was seen: our mirror shows it from the same instant on."""
        return self._record(lambda conn: self._apply(conn, action, seen, reason))

    def _apply(self, conn: Connection, action: Action, seen: Seen, reason: str) -> Action:
        duplicates: JsonMap | None = {"duplicates": [*seen.others]} if seen.others else None
        applied = ledger.settle(
            conn,
            action,
            ActionState.APPLIED,
            actor=self.owner,
            reason=reason,
            result_object_id=seen.object_id,
            last_error=duplicates,
        )
        if duplicates is not None:  # all of them are paused and none is ever activated but the recorded one
            ledger.note(conn, applied, actor=self.owner, event="duplicate", detail=duplicates)
        if action.kind not in CREATES:
            mirror.set_values(conn, action.account_id, action.object_kind, action.object_id, action.target)
        return applied

    def _quarantine_s(self, action: Action, account: Account) -> float:
        return self.timing.quarantine_s(action.kind, catalogue.platform(account.platform))

    def _record(self, change: Callable[[Connection], Action]) -> ActionState:
        with self.engine.begin() as conn:
            changed = change(conn)
            if self.read_to_write_ms is not None:
                hand_edits.note_read_to_write(conn, changed.id, self.read_to_write_ms)
            self.checkpoint(steps.NOTED)
        self.checkpoint(steps.RECORDED)
        return changed.state
