"""How an action is said in one line. Objects go by their ids, since names are other people's text."""

from typing import NamedTuple

from domain.actions import CREATES, Action, ActionKind
from domain.ids import ActionId


class Ring(NamedTuple):
    """An action to ring for: its id, its platform, and what Flower shows as arguments."""

    action_id: ActionId
    platform: str
    about: str


def about(action: Action, platform_account_id: str) -> str:
    """Such as "account act_1 · pause ad 23"."""
    thing = f"{action.object_kind.replace('_', ' ')} {action.object_id}"
    verb = action.kind.replace("_", " ")
    if action.kind in CREATES:
        return f"account {platform_account_id} · {verb} in {action.object_id}"
    if action.kind is ActionKind.SET_DAILY_BUDGET:
        before, after = (values.get("daily_budget_minor") for values in (action.expected_before, action.target))
        return f"account {platform_account_id} · {verb} of {thing}: {before} → {after}"
    return f"account {platform_account_id} · {verb} {thing}"


def ring(action: Action, platform: str, platform_account_id: str) -> Ring:
    """Say for what a worker is to be rung."""
    return Ring(action.id, platform, about(action, platform_account_id))
