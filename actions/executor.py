"""Carries out actions by the send protocol: at most one effect of each, whatever dies when.

claim → precheck → reserve and write ahead → fence and send → read back → record. Updates of one account that are due
together go through it together, each with an outcome of its own; everything else is a batch of one. A row that is
found sent was left by an executor that died; one that is unknown waits for its quarantine. Neither is sent again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy import Engine

from actions import precheck, quota, readback, steps
from actions.guardrails import Limits
from actions.outcome import Ending, Recorder
from actions.send import Answered, Outcome, Postponed, Refused, Sending, Unknown, send
from actions.timing import Timing
from actions.writeahead import write_ahead
from domain.actions import CREATES, Action, ActionState, Level
from domain.clock import PlatformClock
from domain.errors import InvariantError, NotReadyError, PlatformError
from domain.ids import ActionId
from domain.ports import Client, PlatformReader
from models import accounts, fence, ledger_claims, ledger_reads
from models.accounts import Account

STEPS = steps.STEPS
MOST_AT_ONCE = 50  # what a platform takes in one call
_TIMING = Timing()
_LIMITS = Limits()
_Reached = Mapping[ActionId, ActionState]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What was claimed together, and what the door knew as it was: all are approved, or there is but one."""

    actions: Sequence[Action]
    account: Account
    barrier: str | None  # what keeps them from being sent
    waited_s: Mapping[ActionId, float]


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
        most_at_once: int = MOST_AT_ONCE,
    ) -> None:
        self._engine = engine
        self._client_of = client_of
        self._clock_of = clock_of
        self._owner = owner
        self._timing = timing
        self._checkpoint = checkpoint
        self._limits = limits
        self._monotonic_s = monotonic_s
        self._most_at_once = most_at_once
        self._recorder = Recorder(engine=engine, owner=owner, timing=timing, checkpoint=checkpoint)

    def execute(self, action_id: ActionId) -> ActionState:
        """Bring the action as far as it goes now, and what can go out with it; return where it stands.

        Safe under any number of deliveries, also at once: only who claims a row acts on it. The wake-up of an action
        that went out with another one finds nothing to do, in one statement and a reading.

        Raises:
            InvariantError: there is no such action.
        """
        standing = self._look(action_id)
        held = self._claim(action_id, self._most_of(standing)) if standing.is_due else None
        if held is None:  # nothing to do, or somebody was faster
            return self._look(action_id).state if standing.is_due else standing.state
        self._checkpoint(steps.CLAIMED)
        reached = self._go_on(held)
        return reached[action_id] if action_id in reached else self._look(action_id).state  # lost on the way

    def _look(self, action_id: ActionId) -> ledger_claims.Standing:
        """Look before claiming: of 50 wake-ups of a batch 49 find nothing to do, and should cost next to nothing."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            standing = ledger_claims.look(conn, action_id)
        if standing is None:
            raise InvariantError(f"there is no action {action_id}")
        return standing

    def _most_of(self, standing: ledger_claims.Standing) -> int:
        """A batch that an account at rest could never take in one call would be put back for ever."""
        if not standing.has_quota:
            return self._most_at_once
        return min(self._most_at_once, quota.most_writes(standing.score_limit))

    def _claim(self, action_id: ActionId, most: int) -> _Held | None:
        """Take what is due, and look at the desired state of the account in the same transaction."""
        with self._engine.begin() as conn:
            actions = ledger_claims.claim(conn, action_id, owner=self._owner, lease_s=self._timing.lease_s, most=most)
            if not actions:
                return None
            return _Held(
                actions=actions,
                account=accounts.get(conn, actions[0].account_id),
                barrier=fence.barrier(conn, actions[0].account_id, actions[0].stop_id),
                waited_s=ledger_claims.waited_s(conn, actions),
            )

    def _go_on(self, held: _Held) -> _Reached:
        actions, account, record = held.actions, held.account, self._recorder.record
        first = actions[0]
        if first.state is ActionState.SENT:
            return record([self._recorder.abandon(first, account)])
        if first.crash_count > self._timing.most_crashes:
            reason = f"its executor died {self._timing.most_crashes} times in a row; a person must look"
            return record([self._recorder.settle(first, ActionState.DEAD, reason)])
        try:
            client, now = self._client_of(account), self._clock_of(account).now()
        except (NotReadyError, PlatformError) as error:  # nothing was begun: no reason to count it as a crash
            return record([self._recorder.release(row, str(error), self._timing.held_wait_s) for row in actions])
        match first.state:
            case ActionState.APPROVED:
                return self._carry_out(held, client, now)
            case ActionState.UNKNOWN:
                return record([self._look_again(first, account, client.reader)])
            case _:
                raise InvariantError(f"action {first.id} was claimed while {first.state}")

    def _carry_out(self, held: _Held, client: Client, now: datetime) -> _Reached:
        """Bring approved actions through the protocol; those that end at a step are missing from the next ones."""
        account = held.account
        turned_away = {action.id: ending for action in held.actions if (ending := self._turn_away(action, held))}
        reached = dict(self._recorder.record(list(turned_away.values())))
        actions = [action for action in held.actions if action.id not in turned_away]
        if not actions:
            return reached
        found = precheck.look(client.reader, account.platform_account_id, actions, self._timing)
        read_s = self._monotonic_s()
        self._checkpoint(steps.PRECHECKED)
        ready = [action for action in actions if isinstance(found[action.id], precheck.Ready)]
        early = [self._end_early(action, found[action.id], now) for action in actions if action not in ready]
        reached |= self._recorder.record(early)
        if not ready:
            return reached
        sending = Sending(
            engine=self._engine,
            writer=client.writer,
            account=account.platform_account_id,
            timing=self._timing,
            monotonic_s=self._monotonic_s,
            begun_s=self._monotonic_s(),
            checkpoint=self._checkpoint,
        )
        judged = write_ahead(
            self._engine,
            ready,
            now=now,
            owner=self._owner,
            limits=self._limits,
            timing=self._timing,
            checkpoint=self._checkpoint,
        )
        reached |= {action.id: action.state for action in judged if action.state is not ActionState.SENT}
        sent = [action for action in judged if action.state is ActionState.SENT]
        if not sent:
            return reached
        self._checkpoint(steps.WRITTEN_AHEAD)
        outcomes = send(sending, sent)
        has_read = sending.left_s is not None and sent[0].kind not in CREATES
        window_ms = round(((sending.left_s or read_s) - read_s) * 1000) if has_read else None
        reached |= self._recorder.record(
            self._conclude(sent, outcomes, account, client.reader, sent_at=now, window_ms=window_ms)
        )
        return reached

    def _turn_away(self, action: Action, held: _Held) -> Ending | None:
        """How an action ends that is not looked at any further; None = it is."""
        timing, recorder, account = self._timing, self._recorder, held.account
        barrier, age_s = held.barrier, held.waited_s[action.id]
        if action.stop_id is not None:
            return None if barrier is None else recorder.settle(action, ActionState.CANCELLED, barrier)
        if age_s > timing.approval_life_s and not action.needs_approval:  # what a person approved has its own life
            reason = f"could not be sent for {age_s:.0f} s, over {timing.approval_life_s:.0f} s; the next cycle decides"
            return recorder.settle(action, ActionState.CANCELLED, reason)
        if account.level is Level.OBSERVE:
            return recorder.settle(action, ActionState.CANCELLED, "the account was set to observe meanwhile")
        if barrier is not None or account.is_paused:
            return recorder.release(action, barrier or "the account is paused", timing.held_wait_s)
        return None

    def _end_early(self, action: Action, found: precheck.Precheck, now: datetime) -> Ending:
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
        self,
        actions: Sequence[Action],
        outcomes: Mapping[ActionId, Outcome],
        account: Account,
        reader: PlatformReader,
        *,
        sent_at: datetime,
        window_ms: int | None,
    ) -> list[Ending]:
        """What became of each; those that were answered are read back together."""
        named = {key: row.object_id for key, row in outcomes.items() if isinstance(row, Answered)}
        answered = [replace(row, result_object_id=named[row.id]) for row in actions if row.id in named]
        seen = self._read_back(answered, account, reader, sent_at) if answered else {}
        return [self._end(action, outcomes[action.id], seen.get(action.id), account, window_ms) for action in actions]

    def _end(
        self,
        action: Action,
        outcome: Outcome,
        found: readback.ReadBack | None,
        account: Account,
        window_ms: int | None,
    ) -> Ending:
        match outcome:
            case Postponed():
                return self._recorder.put_back(action, outcome)
            case Refused(reason=reason, error=error):
                return self._recorder.settle(action, ActionState.REFUSED, reason, error)
            case Unknown():
                return self._recorder.unknown(action, account, outcome, object_id=None, read_to_write_ms=window_ms)
            case Answered(object_id=object_id):
                if isinstance(found, readback.Seen):
                    return self._recorder.applied(action, found, "", read_to_write_ms=window_ms)
                why = "nothing was read" if found is None else found.reason
                doubt = Unknown(reason=f"answered as done, but reading back: {why}", error={})
                return self._recorder.unknown(action, account, doubt, object_id=object_id, read_to_write_ms=window_ms)
            case _:
                assert_never(outcome)

    def _look_again(self, action: Action, account: Account, reader: PlatformReader) -> Ending:
        """The quarantine is over: what is not there now never comes, as far as the platform's traits hold.

        Of an update that is said at the second look only, a quarantine later: until then nothing else is written to the
        object, since a late old write would overwrite the newer one.
        """
        with self._engine.begin() as conn:
            held = ledger_reads.machinery(conn, action.id)
        if held is None or held.sent_platform_at is None:
            raise InvariantError(f"action {action.id} is unknown and was never sent")
        found = self._read_back([action], account, reader, held.sent_platform_at)[action.id]
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
        self, actions: Sequence[Action], account: Account, reader: PlatformReader, sent_at: datetime
    ) -> Mapping[ActionId, readback.ReadBack]:
        after = sent_at - timedelta(seconds=self._timing.find_margin_s)
        found = readback.read_back(
            reader, account.platform_account_id, actions, created_after=after, timing=self._timing
        )
        self._checkpoint(steps.READ_BACK)
        return found
