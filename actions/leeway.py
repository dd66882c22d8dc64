"""Turns what the guardrails know of an account into what they leave a plan. Pure; `tasks` and the twin gather for it.

Reads the guardrails' limits and figures, and loosens none: whatever is planned on it, they judge anew.
"""

from collections.abc import Mapping
from datetime import datetime

from actions.guardrails import Limits
from actions.guardrails.facts import LastChange
from domain.leeway import Held, Key, Turn
from domain.snapshot import Snapshot


def resting_until(snapshot: Snapshot, changed_at: Mapping[str, datetime], limits: Limits) -> dict[str, datetime]:
    """Return until when budgets rest that were changed lately, as the cooldown counts; what has rested is left out."""
    found: dict[str, datetime] = {}
    if not changed_at:
        return found
    for frame in (snapshot.campaigns, snapshot.ad_sets):
        for name, is_learning in zip(frame.id.tolist(), frame.is_learning.tolist(), strict=True):
            last = changed_at.get(name)
            until = None if last is None else last + (limits.cooldown_learning if is_learning else limits.cooldown)
            if until is not None and snapshot.now < until:
                found[name] = until
    return found


def turns(changes: Mapping[Key, LastChange], limits: Limits) -> dict[Key, Turn]:
    """Return which way objects were changed last, and until when that binds what weighs no more."""
    window, whole = limits.window, limits.hysteresis
    return {
        key: Turn(is_up=row.is_up, priority=row.priority, window_until=row.at + window, until=row.at + whole)
        for key, row in changes.items()
    }


def held(hands_off: Mapping[Key, datetime], in_change: Mapping[Key, int | None]) -> dict[Key, Held]:
    """Return what people changed by hand, until when, and what is being changed.

    `in_change` has the weight that overtakes a change, or None where nothing does: it is being sent, or nobody
    knows yet what became of it.
    """
    found = {
        key: Held(guard="one_open_action", until=None, words="a change of it is under way", priority=priority)
        for key, priority in in_change.items()
    }
    return found | {
        key: Held(guard="hands_off", until=until, words="a person changed it by hand")
        for key, until in hands_off.items()
    }
