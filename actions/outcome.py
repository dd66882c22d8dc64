"""Tx C: writes down what came of actions: state, event, reservation and our mirror, all in one transaction.

An ending of an action that is no longer ours is dropped; it harms none of the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from actions import people, steps
from actions.precheck import Differs
from actions.readback import Seen
from actions.send import Postponed, Unknown
from actions.timing import Timing
from domain import catalogue
from domain.actions import CREATES, Action, ActionState, JsonMap, ObjectKind
from domain.ids import ActionId
from models import ledger_claims, ledger_moves, mirror
from models.accounts import Account
from models.ledger_moves import Move, released

_LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"
_DEADLOCKS = 3  # in a row, after which each ending is written alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is to be written of one action: its move, and what belongs to the same transaction.

    `also` runs before anything is told in the audit, whose place in line is taken last. `account_waits_s` lets the
    account's other actions wait, where the platform throttles.
    """

    move: Move
    also: Callable[[Connection], object] | None = None
    account_waits_s: float | None = None
    told_besides: tuple[str, JsonMap] | None = None  # a second event and its detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Records for one executor."""

    engine: Engine
    owner: str
    timing: Timing
    checkpoint: steps.Checkpoint

    def record(self, endings: Sequence[Ending]) -> Mapping[ActionId, ActionState]:
        """Write the endings of one account's actions; return where those stand that were still ours."""
        if not endings:
            return {}
        for _ in range(_DEADLOCKS):
            try:
                return self._record(endings)
            except OperationalError as error:
                state = getattr(error.orig, "sqlstate", None)
                if state == _DEADLOCK:  # the other one goes on, and nothing of ours was written: once more
                    continue
                if len(endings) == 1 or state != _LOCK_NOT_AVAILABLE:
                    raise
                break
        # The mirror is being rewritten by a reading: alone, each may wait for its row without holding another's.
        return {key: state for ending in endings for key, state in self._record([ending]).items()}

    def _record(self, endings: Sequence[Ending]) -> Mapping[ActionId, ActionState]:
        with self.engine.begin() as conn:
            self._postpone(conn, endings)
            moved = ledger_moves.change(conn, [ending.move for ending in endings])
            made = [ending for ending in endings if ending.move.action.id in moved]
            for ending in made:
                if ending.also is not None:
                    ending.also(conn)
            _set_mirror(conn, made)
            ledger_moves.tell(conn, [each for ending in made for each in _events(ending)], actor=self.owner)
            self.checkpoint(steps.NOTED)
        self.checkpoint(steps.RECORDED)
        return {key: action.state for key, action in moved.items()}

    @staticmethod
    def _postpone(conn: Connection, endings: Sequence[Ending]) -> None:
        waits = [ending.account_waits_s for ending in endings if ending.account_waits_s is not None]
        if waits:
            ledger_claims.postpone(conn, endings[0].move.action.account_id, wait_s=max(waits))

    def release(self, action: Action, reason: str, wait_s: float, *, is_throttled: bool = False) -> Ending:
        """Let go of it as it is."""
        move = released(action, reason=reason, wait_s=wait_s)
        return Ending(move=move, account_waits_s=wait_s if is_throttled else None)

    def settle(self, action: Action, after: ActionState, reason: str, error: JsonMap | None = None) -> Ending:
        """End it without an effect of ours."""
        return Ending(move=ledger_moves.settled(action, after, reason=reason, error=error))

    def conflict(self, action: Action, found: Differs, now: datetime) -> Ending:
        """Somebody changed it since the decision: it is left to them for a while."""
        return Ending(
            move=ledger_moves.settled(action, ActionState.CONFLICT, reason=found.reason),
            also=lambda conn: people.note_conflict(conn, action, found.present, now),
        )

    def put_back(self, action: Action, outcome: Postponed) -> Ending:
        """Nothing had any effect: it may be sent again later."""
        move = ledger_moves.put_back(action, reason=outcome.reason, wait_s=outcome.wait_s)
        return Ending(move=move, account_waits_s=outcome.wait_s if outcome.is_throttled else None)

    def unknown(
        self,
        action: Action,
        account: Account,
        outcome: Unknown,
        *,
        object_id: str | None,
        read_to_write_ms: int | None,
    ) -> Ending:
        """Nobody knows: nobody looks before the quarantine is over, and nobody sends it again."""
        return Ending(
            move=ledger_moves.unknown(
                action,
                reason=outcome.reason,
                quarantine_s=self._quarantine_s(action, account),
                object_id=object_id,
                error=outcome.error or None,
                read_to_write_ms=read_to_write_ms,
            )
        )

    def not_seen(self, action: Action, account: Account, reason: str) -> Ending:
        """Its effect was looked for and is not there: somebody looks once more, another quarantine from now."""
        wait_s = self._quarantine_s(action, account)
        return Ending(move=ledger_moves.unseen(action, reason=reason, wait_s=wait_s))

    def abandon(self, action: Action, account: Account) -> Ending:
        """Take over from an executor that died after the write-ahead; its send may have begun at the deadline."""
        after_s = self.timing.client_deadline_s + self._quarantine_s(action, account)
        reason = "its executor died after the write-ahead; the platform may have it"
        return Ending(move=ledger_moves.abandoned(action, reason=reason, after_deadline_s=after_s))

    def applied(self, action: Action, seen: Seen, reason: str, *, read_to_write_ms: int | None = None) -> Ending:
        """The effect was seen: our mirror shows it from the same instant on.

        Of a create that was made several times all are paused, and none is ever activated but the recorded one.
        """
        duplicates: JsonMap | None = {"duplicates": [*seen.others]} if seen.others else None
        move = ledger_moves.settled(
            action,
            ActionState.APPLIED,
            reason=reason,
            object_id=seen.object_id,
            error=duplicates,
            read_to_write_ms=read_to_write_ms,
        )
        return Ending(move=move, told_besides=None if duplicates is None else ("duplicate", duplicates))

    def _quarantine_s(self, action: Action, account: Account) -> float:
        return self.timing.quarantine_s(action.kind, catalogue.platform(account.platform), account.mode)


def _set_mirror(conn: Connection, made: Sequence[Ending]) -> None:
    """Show what was applied, before the next reading does."""
    moves = [ending.move for ending in made if ending.move.after is ActionState.APPLIED]
    updates = [move.action for move in moves if move.action.kind not in CREATES]
    kinds = dict.fromkeys(action.object_kind for action in updates)
    for kind in kinds.keys() - {ObjectKind.ACCOUNT}:  # the mirror holds what is inside accounts
        values = {action.object_id: action.target for action in updates if action.object_kind is kind}
        mirror.set_values_of(conn, updates[0].account_id, kind, values)


def _events(ending: Ending) -> tuple[Move | ledger_moves.Note, ...]:
    if ending.told_besides is None:
        return (ending.move,)
    event, detail = ending.told_besides
    return ending.move, ledger_moves.Note(
        action=ending.move.action, state=ending.move.after, event=event, detail=detail
    )
