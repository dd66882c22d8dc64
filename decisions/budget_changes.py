"""How the decisions word a change of what carries a budget, an ad set or a campaign: a new daily budget, or a pause."""

from typing import TypeAlias

from decisions.wording import amounts, percent
from domain.actions import ActionKind, JsonMap, ObjectKind, Priority, Proposal
from domain.snapshot import AdSetFrame, Bools, CampaignFrame, Hold, Snapshot

Frame: TypeAlias = AdSetFrame | CampaignFrame


def frames(snapshot: Snapshot) -> tuple[Frame, ...]:
    """What rules steer: campaigns that carry a daily budget, then ad sets."""
    return snapshot.campaigns, snapshot.ad_sets


def kind_of(frame: Frame) -> ObjectKind:
    """What the rows of the frame are."""
    return ObjectKind.CAMPAIGN if isinstance(frame, CampaignFrame) else ObjectKind.AD_SET


def is_free(frame: Frame) -> Bools:
    """Rows that rules may act on: nobody bound their spend by other means than a daily budget."""
    free: Bools = (frame.hold == Hold.FREE) | (frame.hold == Hold.CAMPAIGN_BUDGET)
    return free


def change_budget(
    snapshot: Snapshot,
    frame: Frame,
    row: int,
    target: int,
    *,
    step: float,
    rule: str,
    priority: Priority,
    why: str,
    evidence: JsonMap,
) -> Proposal:
    """Propose an absolute daily budget for the object in `row`; `step` is signed, as the policy asked for it."""
    write = amounts(snapshot.currency)
    before = frame.daily_budget_minor.item(row)
    whose = "campaign budget" if kind_of(frame) is ObjectKind.CAMPAIGN else "budget"
    return Proposal(
        kind=ActionKind.SET_DAILY_BUDGET,
        object_kind=kind_of(frame),
        object_id=frame.id[row],
        object_name=frame.name[row],
        expected_before={"daily_budget_minor": before},
        target={"daily_budget_minor": target},
        rule=rule,
        priority=priority,
        reason=(
            f"{why}: {whose} {'+' if step > 0 else ''}{percent(step)}:"
            f" {write(before)} → {write(target)} {snapshot.currency}"
        ),
        evidence=evidence,
    )


def pause(frame: Frame, row: int, *, rule: str, priority: Priority, why: str, evidence: JsonMap) -> Proposal:
    """Propose to pause the object in `row`."""
    return Proposal(
        kind=ActionKind.PAUSE,
        object_kind=kind_of(frame),
        object_id=frame.id[row],
        object_name=frame.name[row],
        expected_before={"status": "active"},
        target={"status": "paused"},
        rule=rule,
        priority=priority,
        reason=f"{why}: pause",
        evidence=evidence,
    )


def at_floor(snapshot: Snapshot, frame: Frame, row: int, floor_minor: int) -> str:
    """Say that the object's own budget cannot go lower, or nothing if it can."""
    before = frame.daily_budget_minor.item(row)
    if not 0 < before <= floor_minor:
        return ""
    write = amounts(snapshot.currency)
    return f", and its budget {write(before)} {snapshot.currency} is at the floor of {write(floor_minor)}"
