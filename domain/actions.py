"""What an action is: its kinds, its states and their legal transitions, and the values around it.

`TRANSITIONS` is the one table; the database enforces the same pairs (models/migrations) and a test compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TypeAlias

from domain.ids import AccountId, ActionId, RunId, StopId

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonMap: TypeAlias = Mapping[str, Json]


class ObjectKind(StrEnum):
    """What can be acted on, in the house's words."""

    ACCOUNT = "account"
    CAMPAIGN = "campaign"
    AD_SET = "ad_set"
    CREATIVE = "creative"
    AD = "ad"


class ActionKind(StrEnum):
    """Every kind of change that may go through the door. Written to disk: renaming one is a migration."""

    SET_DAILY_BUDGET = "set_daily_budget"
    PAUSE = "pause"
    ACTIVATE = "activate"
    CREATE_CAMPAIGN = "create_campaign"
    CREATE_AD_SET = "create_ad_set"
    CREATE_CREATIVE = "create_creative"
    CREATE_AD = "create_ad"
    MARK_FATIGUED = "mark_fatigued"  # ours alone: recorded, never sent
    PROPOSE_VARIANT = "propose_variant"  # a brief for creative production: recorded, never sent
    EMERGENCY_PAUSE = "emergency_pause"  # of a stop: its closed fence admits it
    SET_SPENDING_LIMIT = "set_spending_limit"  # of an account, for its life; 0 = none
    ARCHIVE = "archive"  # of an orphan: paused, without spend, of no use to anybody; cannot be undone


CREATES = frozenset(
    {ActionKind.CREATE_CAMPAIGN, ActionKind.CREATE_AD_SET, ActionKind.CREATE_CREATIVE, ActionKind.CREATE_AD}
)
RECORDED_ONLY = frozenset({ActionKind.MARK_FATIGUED, ActionKind.PROPOSE_VARIANT})
PROTECTIVE = frozenset({ActionKind.PAUSE, ActionKind.EMERGENCY_PAUSE})


class ActionState(StrEnum):
    """Where an action stands. Terminal states have no way out of them in `TRANSITIONS`."""

    PROPOSED = "proposed"  # wanted by a module, not judged yet
    BLOCKED = "blocked"  # by our own guardrail, with the reason
    OBSERVED = "observed"  # recorded at level observe; nothing is sent
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"  # may be sent
    SENT = "sent"  # written ahead: from here on the platform may have it
    UNKNOWN = "unknown"  # sent, and no answer that could be trusted
    APPLIED = "applied"  # confirmed on the platform (or, for RECORDED_ONLY kinds, recorded)
    REFUSED = "refused"  # by the platform, without effect
    NOT_APPLIED = "not_applied"  # quarantine over and nothing seen
    CONFLICT = "conflict"  # the platform's value was not what the decision was based on
    CANCELLED = "cancelled"
    DEAD = "dead"  # its executor died too often; a person looks, and may requeue it


_S = ActionState
TRANSITIONS: frozenset[tuple[ActionState, ActionState]] = frozenset(
    {
        (_S.PROPOSED, _S.BLOCKED),
        (_S.PROPOSED, _S.OBSERVED),
        (_S.PROPOSED, _S.AWAITING_APPROVAL),
        (_S.PROPOSED, _S.APPROVED),
        (_S.PROPOSED, _S.APPLIED),  # RECORDED_ONLY kinds
        (_S.AWAITING_APPROVAL, _S.APPROVED),
        (_S.AWAITING_APPROVAL, _S.CANCELLED),
        (_S.APPROVED, _S.SENT),
        (_S.APPROVED, _S.BLOCKED),  # judged again at the door
        (_S.APPROVED, _S.CONFLICT),
        (_S.APPROVED, _S.REFUSED),  # refused while reading ahead: the object is gone
        (_S.APPROVED, _S.APPLIED),  # it already is as wanted: nothing is sent
        (_S.APPROVED, _S.CANCELLED),
        (_S.APPROVED, _S.DEAD),
        (_S.SENT, _S.APPROVED),  # proven not sent: fence closed, deadline missed before the socket, throttled
        (_S.SENT, _S.APPLIED),
        (_S.SENT, _S.REFUSED),
        (_S.SENT, _S.UNKNOWN),
        (_S.UNKNOWN, _S.APPLIED),
        (_S.UNKNOWN, _S.NOT_APPLIED),
        (_S.UNKNOWN, _S.DEAD),  # reading it back keeps killing its executor
        (_S.DEAD, _S.APPROVED),  # requeued by a person: it was never sent
        (_S.DEAD, _S.UNKNOWN),  # requeued by a person: it may have been sent, so it is read back first
    }
)
BY_PERSON = frozenset({(_S.DEAD, _S.APPROVED), (_S.DEAD, _S.UNKNOWN)})  # the machinery never takes these steps
TERMINAL: frozenset[ActionState] = frozenset(set(ActionState) - {before for before, _ in TRANSITIONS - BY_PERSON})
IN_FLIGHT = frozenset({_S.APPROVED, _S.SENT, _S.UNKNOWN})  # open: no second action on the object
MAY_HAVE_EFFECT = frozenset({_S.SENT, _S.UNKNOWN, _S.APPLIED})  # what caps and cooldowns must count


def is_legal(before: ActionState, after: ActionState) -> bool:
    """Whether the table knows this step."""
    return (before, after) in TRANSITIONS


class Priority(IntEnum):
    """Who wins when two proposals want the same object; higher wins (ARCHITECTURE §5, arbiter)."""

    FATIGUE = 10
    POSITIVE_SPIKE = 20
    ROAS = 30
    AB_WINNER = 40
    NEGATIVE_SPIKE = 50
    PERSON = 60
    SAFETY = 70


class Level(StrEnum):
    """How much an account, or a module on it, may do by itself; the lower of the two holds. In rising order."""

    OBSERVE = "observe"  # recorded; nothing can be sent
    PROPOSE = "propose"  # every change waits for a person's approval
    APPROVE = "approve"  # pauses and cuts go by themselves; what spends more waits for approval
    AUTO = "auto"  # all within the guardrails; what is over an approval threshold waits all the same


class Mode(StrEnum):
    """Which platform is spoken to: the sandbox on loopback, or the real one."""

    STUB = "stub"
    LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a rule wants, with absolute values: `target` and the `expected_before` it was decided on.

    Keys are the house's words: `daily_budget_minor` (int, the account's currency), `status` ("active" | "paused"),
    `spend_cap_minor` (int, of an account; 0 = no limit), and for creates the fields of the object (`name`,
    `parent_id`, ...).
    """

    kind: ActionKind
    object_kind: ObjectKind
    object_id: str  # for creates: the parent's id
    object_name: str
    expected_before: JsonMap
    target: JsonMap
    rule: str
    priority: Priority
    reason: str
    evidence: JsonMap = field(default_factory=dict)
    undoes: ActionId | None = None  # the action whose effect this takes back
    # The open emergency stop whose closed fence admits it: of every emergency pause, and of a spending limit that was
    # ordered along with a stop; of nothing else.
    stop_id: StopId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one guardrail says: pass, pass with a smaller target, or stop; always with the reason in words."""

    guardrail: str
    allowed: bool
    reason: str
    trimmed_target: JsonMap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A ledger row. `decided_at` is on the platform's clock, every other `_at` on Postgres' clock."""

    id: ActionId
    account_id: AccountId
    run_id: RunId | None
    kind: ActionKind
    object_kind: ObjectKind
    object_id: str
    object_name: str
    expected_before: JsonMap
    target: JsonMap
    rule: str
    priority: int
    reason: str
    evidence: JsonMap
    state: ActionState
    state_reason: str
    op_token: str
    proposed_by: str  # who wanted it: a module's run, or a principal's name
    needs_approval: bool  # a person other than the proposer must have approved this very request
    undoes: ActionId | None
    stop_id: StopId | None
    epoch: int
    attempts: int
    crash_count: int
    result_object_id: str | None
    decided_at: datetime
    created_at: datetime
    sent_at: datetime | None
    finished_at: datetime | None
