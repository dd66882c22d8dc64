"""Wants the steps of the optimizer's last plan that waited: their budgets rested, or the cycle had no room for them.

A daily cycle comes 24 h after the last one, and its changes are sent a moment after it: on the next day they still rest
for that moment. The plan stands for a few hours; what has no room yet goes on waiting (`waiting_room`).
"""

from collections.abc import Iterator

from decisions.budget_changes import frames, kind_of
from decisions.policy import AccountLimits, MaturedPolicy
from decisions.waiting_room import WAITING
from domain.actions import ActionKind, ObjectKind, Priority, Proposal
from domain.evidence import Evidence, PlannedStep
from domain.snapshot import Snapshot

RULE = "allocation"


def decide(
    snapshot: Snapshot, policy: MaturedPolicy, limits: AccountLimits, evidence: Evidence
) -> tuple[Proposal, ...]:  # fmt: skip
    """Want each standing step whose object is active and still has the budget that the plan began with."""
    del policy, limits  # the plan was made by them
    return tuple(_again(snapshot, evidence.steps))


def _again(snapshot: Snapshot, steps: tuple[PlannedStep, ...]) -> Iterator[Proposal]:
    if not steps:
        return
    rows = {kind_of(frame): {key: n for n, key in enumerate(frame.id.tolist())} for frame in frames(snapshot)}
    for step in steps:
        frame = snapshot.campaigns if step.object_kind is ObjectKind.CAMPAIGN else snapshot.ad_sets
        row = rows.get(step.object_kind, {}).get(step.object_id)
        if row is None or not frame.is_active[row] or frame.daily_budget_minor.item(row) != step.budget_minor:
            continue
        yield Proposal(
            kind=ActionKind.SET_DAILY_BUDGET,
            object_kind=step.object_kind,
            object_id=step.object_id,
            object_name=str(frame.name[row]),
            expected_before={"daily_budget_minor": step.budget_minor},
            target={"daily_budget_minor": step.target_minor},
            rule=RULE,
            priority=Priority.ROAS,
            reason=f"{step.words}; it waited for {step.evidence.get('blocked_by', 'its turn')}",
            evidence={name: held for name, held in step.evidence.items() if name not in WAITING},
        )
