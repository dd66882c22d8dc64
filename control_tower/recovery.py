"""What calls for recovery, what is done about it, how often, and whether it helped. Pure: one table and its rules.

Nothing here acts (`remedies.py` does) and nothing here reads (`scenes.py` does). No cure writes to a platform.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from domain.actions import JsonMap
from domain.recovery import AUTOMATIC_FROM, RecoveryAction, RecoveryState, Trigger

MOST_TRIES: Final = 3  # per target ...
TRIES_WITHIN: Final = timedelta(hours=1)  # ... in this time; then a person has to look
PAUSES: Final = (timedelta(minutes=1), timedelta(minutes=5))  # after the first failure, after the second


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """What is done on a trigger. `pair` None = the house's own table, else a row that a person declared."""

    trigger: Trigger
    action: RecoveryAction
    confidence: float
    pair: str | None = None
    reason: str = ""

    @property
    def is_automatic(self) -> bool:
        """Whether it is carried out without a person; resetting a module's state never is (ARCHITECTURE §5)."""
        return self.confidence >= AUTOMATIC_FROM and self.action is not RecoveryAction.RESET_MODULE


# REQUIREMENTS §2; for a stale cache they name the action and no confidence: forgetting what can be derived is harmless.
TABLE: Final[tuple[Procedure, ...]] = (
    Procedure(trigger=Trigger.MODULE_OFFLINE, action=RecoveryAction.RESTART_SCHEDULER, confidence=0.90),
    Procedure(trigger=Trigger.MANY_ERRORS, action=RecoveryAction.RESET_MODULE, confidence=0.75),
    Procedure(trigger=Trigger.SCHEDULER_NOT_RUNNING, action=RecoveryAction.RESTART_SCHEDULER, confidence=0.95),
    Procedure(trigger=Trigger.DATABASE_UNHEALTHY, action=RecoveryAction.RECONNECT_DB, confidence=0.85),
    Procedure(trigger=Trigger.CACHE_STALE, action=RecoveryAction.CLEAR_CACHE, confidence=0.90),
)

# How long a cure has to show: a run may take its hard limit of 10 min, a process is up again and has done a canary
# within 3 min, a pool is open at the next query, and errors over a day are over once a run went well.
SHOWS_WITHIN: Final[Mapping[Trigger, timedelta]] = MappingProxyType(
    {
        Trigger.MODULE_OFFLINE: timedelta(minutes=12),
        Trigger.MANY_ERRORS: timedelta(hours=1),
        Trigger.SCHEDULER_NOT_RUNNING: timedelta(minutes=3),
        Trigger.DATABASE_UNHEALTHY: timedelta(minutes=1),
        Trigger.CACHE_STALE: timedelta(minutes=1),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """Something that calls for recovery. `target` is a pair's slug, a worker's name, "beat" or "database"."""

    trigger: Trigger
    target: str
    platform: str | None
    reason: str
    evidence: JsonMap = field(default_factory=dict)

    @property
    def key(self) -> tuple[Trigger, str]:
        """What it is, however it is worded."""
        return self.trigger, self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An earlier procedure on the same target. `ended_at` None = its outcome is still watched."""

    trigger: Trigger
    state: RecoveryState
    begun_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not now; `until` None = until its outcome is known."""

    until: datetime | None
    why: str


def procedures_for(symptom: Symptom, declared: Sequence[Procedure]) -> tuple[Procedure, ...]:
    """Return what may be tried, the most trusted first: what a person declared for the pair, else the table's."""
    own = [row for row in declared if row.pair == symptom.target and row.trigger is symptom.trigger]
    found = own or [row for row in TABLE if row.trigger is symptom.trigger]
    return tuple(sorted(found, key=lambda row: -row.confidence))


def choose(symptom: Symptom, declared: Sequence[Procedure], failures: int) -> Procedure:
    """Return the procedure for this try: after each failure the next one, the last again where there is no more."""
    found = procedures_for(symptom, declared)
    return found[min(failures, len(found) - 1)]


def why_wait(attempts: Sequence[Attempt], now: datetime) -> Wait | None:
    """Say why nothing is tried on this target now, None if it may be.

    `attempts` are those on the target that were carried out, in any order; recommendations are none.
    """
    if any(row.ended_at is None for row in attempts):
        return Wait(until=None, why="the outcome of an earlier attempt is still watched")
    lately = [row for row in attempts if row.begun_at > now - TRIES_WITHIN]
    if len(lately) >= MOST_TRIES:
        until = min(row.begun_at for row in lately) + TRIES_WITHIN
        return Wait(until=until, why=f"{len(lately)} attempts in an hour are the most; a person has to look")
    failed = failures_in_a_row(lately)
    if not failed:
        return None
    last = max(row.ended_at for row in lately if row.ended_at is not None)
    until = last + PAUSES[min(failed, len(PAUSES)) - 1]
    return Wait(until=until, why=f"{failed} attempts have failed; the next one after a pause") if now < until else None


def failures_in_a_row(attempts: Sequence[Attempt]) -> int:
    """Count the newest attempts that failed with no cure among them."""
    count = 0
    for row in sorted(attempts, key=lambda held: held.begun_at, reverse=True):
        if row.state is RecoveryState.CURED:
            break
        count += row.state in {RecoveryState.FAILED, RecoveryState.ESCALATED}
    return count


def outcome(*, is_still_there: bool | None, now: datetime, verify_until: datetime) -> RecoveryState:
    """Judge an attempt by the world, not by what the cure said. None = the evidence is cut: nothing is known.

    What cannot be seen is not cured: with the time over, it has failed.
    """
    if is_still_there is False:
        return RecoveryState.CURED
    return RecoveryState.RUNNING if now < verify_until else RecoveryState.FAILED
