"""Carries out one action by the send protocol: at most one effect, whatever dies when.

claim → precheck → reserve and write ahead → fence and send → read back → record. A row that is found sent was left by
an executor that died; one that is unknown waits for its quarantine. Neither is ever sent again.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy import Engine

from actions import precheck, readback, steps
from actions.guardrails import Limits
from actions.outcome import Recorder
from actions.send import Answered, Outcome, Postponed, Refused, Sending, Unknown, send
from actions.timing import Timing
from actions.writeahead import write_ahead
from domain.actions import CREATES, Action, ActionKind, ActionState, Level
from domain.clock import PlatformClock
from domain.errors import InvariantError, LostClaimError, NotReadyError
from domain.ids import ActionId
from domain.ports import Client, PlatformReader
from models import accounts, fence, ledger, ledger_reads
from models.accounts import Account
from models.engine import db_now

STEPS = steps.STEPS
_TIMING = Timing()
_LIMITS = Limits()


class Executor:
    """Carries actions out, one call each; several may run side by side, in threads or processes."""

    def __init__(  # noqa: PLR0917 - the order is what it needs, then what has a default
        self,
        engine: Engine,
        client_of: Callable[[Account], Client],
        clock_of: Callable[[Account], PlatformClock],
        owner: str,
        timing: Timing = _TIMING,
        checkpoint: steps.Checkpoint = steps.pass_by,
        *,
        limits: Limits = _LIMITS,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._client_of = client_of
        self._clock_of = clock_of
        self._owner = owner
        self._timing = timing
        self._checkpoint = checkpoint
        self._limits = limits
        self._monotonic_s = monotonic_s
        self._recorder = Recorder(engine=engine, owner=owner, timing=timing, checkpoint=checkpoint)

    def execute(self, action_id: ActionId) -> ActionState:
        """Bring the action as far as it goes now; return where it stands.

        Safe under any number of deliveries, also at once: only who claims the row acts on it.

        Raises:
            InvariantError: there is no such action.
        """
        with self._engine.begin() as conn:
            action = ledger.claim(conn, action_id, owner=self._owner, lease_s=self._timing.lease_s)
            account = None if action is None else accounts.get(conn, action.account_id)
        if action is None or account is None:
            return self._standing(action_id)
        try:
            self._checkpoint(steps.CLAIMED)
            return self._go_on(action, account)
        except LostClaimError:
            return self._standing(action_id)

    def _go_on(self, action: Action, account: Account) -> ActionState:
        if action.state is ActionState.SENT:
            return self._recorder.abandon(action, account)
        if action.crash_count > self._timing.most_crashes:
            reason = f"its executor died {self._timing.most_crashes} times in a row; a person must look"
            return self._recorder.settle(action, ActionState.DEAD, reason)
        try:
            client, now = self._client_of(account), self._clock_of(account).now()
        except NotReadyError as error:
            return self._recorder.release(action, str(error), self._timing.held_wait_s)
        match action.state:
            case ActionState.APPROVED:
                return self._turn_away(action, account) or self._carry_out(action, account, client, now)
            case ActionState.UNKNOWN:
                return self._look_again(action, account, client.reader)
            case _:
                raise InvariantError(f"action {action.id} was claimed while {action.state}")

    def _turn_away(self, action: Action, account: Account) -> ActionState | None:
        """What keeps an approved action from being looked at any further; None = nothing."""
        timing, recorder = self._timing, self._recorder
        with self._engine.begin() as conn:
            age_s = (db_now(conn) - ledger_reads.wanted_since(conn, action)).total_seconds()
            barrier = fence.barrier(conn, action.account_id, action.stop_id)
        if action.kind is ActionKind.EMERGENCY_PAUSE:
            return None if barrier is None else recorder.settle(action, ActionState.CANCELLED, barrier)
        if age_s > timing.approval_life_s and not action.needs_approval:  # what a person approved has its own life
            reason = f"could not be sent for {age_s:.0f} s, over {timing.approval_life_s:.0f} s; the next cycle decides"
            return recorder.settle(action, ActionState.CANCELLED, reason)
        if account.level is Level.OBSERVE:
            return recorder.settle(action, ActionState.CANCELLED, "the account was set to observe meanwhile")
        if barrier is not None or account.is_paused:
            return recorder.release(action, barrier or "the account is paused", timing.held_wait_s)
        return None

    def _carry_out(self, action: Action, account: Account, client: Client, now: datetime) -> ActionState:
        found = precheck.look(client.reader, account.platform_account_id, action, self._timing)
        read_s = self._monotonic_s()
        self._checkpoint(steps.PRECHECKED)
        if not isinstance(found, precheck.Ready):
            return self._end_early(action, found, now)
        begun_s = self._monotonic_s()
        sent = write_ahead(
            self._engine,
            action,
            now=now,
            owner=self._owner,
            limits=self._limits,
            timing=self._timing,
            checkpoint=self._checkpoint,
        )
        if sent.state is not ActionState.SENT:
            return sent.state
        self._checkpoint(steps.WRITTEN_AHEAD)
        sending = Sending(
            engine=self._engine,
            writer=client.writer,
            account=account.platform_account_id,
            timing=self._timing,
            monotonic_s=self._monotonic_s,
            begun_s=begun_s,
            checkpoint=self._checkpoint,
            read_s=None if action.kind in CREATES else read_s,
        )
        return self._conclude(sent, account, client.reader, send(sending, sent), now)

    def _end_early(self, action: Action, found: precheck.Precheck, now: datetime) -> ActionState:
        match found:
            case precheck.AlreadyDone():
                seen = readback.Seen(object_id=action.object_id)
                return self._recorder.applied(action, seen, "it already was as wanted; nothing was sent")
            case precheck.Differs():
                return self._recorder.conflict(action, found, now)
            case precheck.Unreachable(reason=reason):
                return self._recorder.settle(action, ActionState.REFUSED, reason)
            case precheck.Later(reason=reason, wait_s=wait_s, is_throttled=is_throttled):
                return self._recorder.release(action, reason, wait_s, is_throttled=is_throttled)
            case precheck.Ready():
                raise InvariantError(f"action {action.id} is ready and was to end early")
            case _:
                assert_never(found)

    def _conclude(
        self, action: Action, account: Account, reader: PlatformReader, outcome: Outcome, sent_at: datetime
    ) -> ActionState:
        if isinstance(outcome, Postponed):
            return self._recorder.put_back(action, outcome)
        recorder = replace(self._recorder, read_to_write_ms=outcome.read_to_write_ms)
        match outcome:
            case Refused(reason=reason, error=error):
                return recorder.refused(action, reason, error)
            case Unknown():
                return recorder.unknown(action, account, outcome, None)
            case Answered(object_id=object_id):
                found = self._read_back(replace(action, result_object_id=object_id), account, reader, sent_at)
                if isinstance(found, readback.Seen):
                    return recorder.applied(action, found, "")
                doubt = Unknown(reason=f"answered as done, but reading back: {found.reason}", error={})
                return recorder.unknown(action, account, doubt, object_id)
            case _:
                assert_never(outcome)

    def _look_again(self, action: Action, account: Account, reader: PlatformReader) -> ActionState:
        """The quarantine is over: what is not there now never comes, as far as the platform's traits hold.

        Of an update that is said at the second look only, a quarantine later: until then nothing else is written to the
        object, since a late old write would overwrite the newer one.
        """
        with self._engine.begin() as conn:
            held = ledger_reads.machinery(conn, action.id)
        if held is None or held.sent_platform_at is None:
            raise InvariantError(f"action {action.id} is unknown and was never sent")
        found = self._read_back(action, account, reader, held.sent_platform_at)
        match found:
            case readback.Seen():
                return self._recorder.applied(action, found, "seen after the quarantine")
            case readback.NotSeen(reason=reason) if action.kind not in CREATES and held.looks == 0:
                return self._recorder.not_seen(action, account, f"not seen after the quarantine, once: {reason}")
            case readback.NotSeen(reason=reason):
                return self._recorder.settle(
                    action, ActionState.NOT_APPLIED, f"not seen after the quarantine: {reason}"
                )
            case readback.Unreadable(reason=reason, wait_s=wait_s):
                return self._recorder.release(action, reason, wait_s)
            case _:
                assert_never(found)

    def _read_back(
        self, action: Action, account: Account, reader: PlatformReader, sent_at: datetime
    ) -> readback.ReadBack:
        after = sent_at - timedelta(seconds=self._timing.find_margin_s)
        found = readback.read_back(
            reader, account.platform_account_id, action, created_after=after, timing=self._timing
        )
        self._checkpoint(steps.READ_BACK)
        return found

    def _standing(self, action_id: ActionId) -> ActionState:
        with self._engine.begin() as conn:
            action = ledger.get(conn, action_id)
        if action is None:
            raise InvariantError(f"there is no action {action_id}")
        return action.state
