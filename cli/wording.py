"""How an action is told to a person: the object, the change, where it stands. Words only."""

from domain.actions import CREATES, Action, ActionKind, ActionState, JsonMap
from domain.money import Money

_STATES = {
    ActionState.PROPOSED: "proposed",
    ActionState.BLOCKED: "blocked by us",
    ActionState.OBSERVED: "observed only",
    ActionState.AWAITING_APPROVAL: "awaits approval",
    ActionState.APPROVED: "waits to be sent",
    ActionState.SENT: "on its way",
    ActionState.UNKNOWN: "unknown, will be read back",
    ActionState.APPLIED: "applied",
    ActionState.REFUSED: "refused by the platform",
    ActionState.NOT_APPLIED: "not applied",
    ActionState.CONFLICT: "changed by someone else",
    ActionState.CANCELLED: "cancelled",
    ActionState.DEAD: "given up, look at it",
}


def object_of(action: Action) -> str:
    """Such as "ad set Lookalike 3 % (23850001)"."""
    return f"{action.object_kind.replace('_', ' ')} {action.object_name} ({action.object_id})"


def change_of(action: Action, currency: str) -> str:
    """Such as "budget 40.00 EUR → 48.00 EUR", "active → paused", "mark fatigued"."""
    if action.kind is ActionKind.SET_DAILY_BUDGET:
        before, after = (_budget(values, currency) for values in (action.expected_before, action.target))
        return f"budget {before} → {after}"
    if action.kind is ActionKind.SET_SPENDING_LIMIT:
        before, after = (_limit(values, currency) for values in (action.expected_before, action.target))
        return f"spending limit {before} → {after}"
    if action.kind in CREATES:
        return f"{action.kind.replace('_', ' ')} {action.target.get('name', '')}".strip()
    if "status" in action.target:
        return f"{action.expected_before.get('status', '?')} → {action.target['status']}"
    return action.kind.replace("_", " ")


def state_of(action: Action) -> str:
    """The state in words."""
    return _STATES[action.state]


def why_of(action: Action) -> str:
    """The rule's reason, and where the action did not go through, what stopped it."""
    return f"{action.reason} [{action.state_reason}]" if action.state_reason else action.reason


def _limit(values: JsonMap, currency: str) -> str:
    minor = values.get("spend_cap_minor")
    return "none" if minor == 0 else str(Money(minor, currency)) if type(minor) is int else "?"


def _budget(values: JsonMap, currency: str) -> str:
    minor = values.get("daily_budget_minor")
    return str(Money(minor, currency)) if type(minor) is int else "?"
