"""What follows from tests: the losers stop, the arm that goes on runs. Acts on verdicts, never on raw click rates."""

import numpy as np

from decisions.policy import AccountLimits, MaturedPolicy
from decisions.wording import ages
from domain.actions import ActionKind, Json, ObjectKind, Priority, Proposal
from domain.evidence import Evidence, TestState, TestVerdict
from domain.snapshot import Snapshot

RULE = "test_outcome"
_ACTS = frozenset({TestState.RUNNING, TestState.CLAIMED, TestState.PICKED, TestState.EQUIVALENT})


def decide(
    snapshot: Snapshot,
    policy: MaturedPolicy,  # noqa: ARG001 - one signature for all rules
    limits: AccountLimits,  # noqa: ARG001
    evidence: Evidence,
) -> tuple[Proposal, ...]:
    """Pause the ads that a test dropped, once one that goes on is active; before that, activate the best of those.

    A test without anything to drop, one that was stopped or ended undecided, and one whose ad set is off change
    nothing. An ad that is marked fatigued is not activated.
    """
    found: list[Proposal] = []
    for verdict in evidence.tests:
        if verdict.drop and verdict.state in _ACTS:
            found.extend(_of_test(snapshot, verdict))
    return tuple(found)


def _of_test(snapshot: Snapshot, verdict: TestVerdict) -> list[Proposal]:
    ads, ad_sets = snapshot.ads, snapshot.ad_sets
    named = {*verdict.keep, *verdict.drop}
    rows = {
        str(ads.id[row]): row
        for row in np.flatnonzero(np.asarray(ads.ad_set_id == verdict.ad_set_id)).tolist()
        if str(ads.id[row]) in named and ads.ad_set_index[row] >= 0 and ad_sets.is_active[ads.ad_set_index[row]]
    }
    kept = [rows[arm] for arm in verdict.keep if arm in rows]
    if any(ads.is_active.item(row) for row in kept):
        losing = [rows[arm] for arm in verdict.drop if arm in rows and ads.is_active.item(rows[arm])]
        return [_proposal(snapshot, verdict, row, ActionKind.PAUSE) for row in losing]
    ready = [row for row in kept if not ads.is_marked_fatigued.item(row)]
    if len(verdict.keep) == 1 and ready:
        return [_proposal(snapshot, verdict, ready[0], ActionKind.ACTIVATE)]
    return []


def _proposal(snapshot: Snapshot, verdict: TestVerdict, row: int, kind: ActionKind) -> Proposal:
    before, after = ("active", "paused") if kind is ActionKind.PAUSE else ("paused", "active")
    why = "lost its test" if kind is ActionKind.PAUSE else "is what its test goes on with, but it is paused"
    shared: dict[str, Json] = {
        "experiment": verdict.experiment_id,
        "test_state": verdict.state.value,
        "winner_id": verdict.keep[0] if len(verdict.keep) == 1 else None,
    }
    return Proposal(
        kind=kind,
        object_kind=ObjectKind.AD,
        object_id=str(snapshot.ads.id[row]),
        object_name=str(snapshot.ads.name[row]),
        expected_before={"status": before},
        target={"status": after},
        rule=RULE,
        priority=Priority.AB_WINNER,
        reason=f"{why} (experiment {verdict.experiment_id}): {verdict.words}",
        evidence={**verdict.evidence, **shared, **ages(snapshot)},
    )
