"""How the decisions word a change of an ad set: a new daily budget, or a pause. Which ad set and why is theirs."""

from decisions.wording import amounts, percent
from domain.actions import ActionKind, JsonMap, ObjectKind, Priority, Proposal
from domain.snapshot import Snapshot


def change_budget(
    snapshot: Snapshot,
    row: int,
    target: int,
    *,
    step: float,
    rule: str,
    priority: Priority,
    why: str,
    evidence: JsonMap,
) -> Proposal:
    """Propose an absolute daily budget for the ad set in `row`; `step` is signed, as the policy asked for it."""
    write, frame = amounts(snapshot.currency), snapshot.ad_sets
    before = frame.daily_budget_minor.item(row)
    return Proposal(
        kind=ActionKind.SET_DAILY_BUDGET,
        object_kind=ObjectKind.AD_SET,
        object_id=frame.id[row],
        object_name=frame.name[row],
        expected_before={"daily_budget_minor": before},
        target={"daily_budget_minor": target},
        rule=rule,
        priority=priority,
        reason=(
            f"{why}: budget {'+' if step > 0 else ''}{percent(step)}:"
            f" {write(before)} → {write(target)} {snapshot.currency}"
        ),
        evidence=evidence,
    )


def pause(snapshot: Snapshot, row: int, *, rule: str, priority: Priority, why: str, evidence: JsonMap) -> Proposal:
    """Propose to pause the ad set in `row`."""
    frame = snapshot.ad_sets
    return Proposal(
        kind=ActionKind.PAUSE,
        object_kind=ObjectKind.AD_SET,
        object_id=frame.id[row],
        object_name=frame.name[row],
        expected_before={"status": "active"},
        target={"status": "paused"},
        rule=rule,
        priority=priority,
        reason=f"{why}: pause",
        evidence=evidence,
    )


def at_floor(snapshot: Snapshot, row: int, floor_minor: int) -> str:
    """Say that the ad set's own budget cannot go lower, or nothing if it can."""
    before = snapshot.ad_sets.daily_budget_minor.item(row)
    if not 0 < before <= floor_minor:
        return ""
    write = amounts(snapshot.currency)
    return f", and its budget {write(before)} {snapshot.currency} is at the floor of {write(floor_minor)}"
