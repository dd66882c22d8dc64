"""What to do about ads that creative intelligence calls fatigued: mark them, and ask for a variant. Nothing is sent."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import numpy as np

from decisions.policy import AccountLimits, MaturedPolicy
from decisions.wording import ages
from domain.actions import ActionKind, Json, ObjectKind, Priority, Proposal
from domain.evidence import AdStage, Evidence, Stage
from domain.snapshot import Bools, Snapshot

RULE: Final = "tired"
MODULE: Final = "creative_intelligence"
_VARY: tuple[Json, ...] = ("fragments", "titles", "music")  # REQUIREMENTS §4
_OLDEST: Final = timedelta(hours=72)  # three cycles of the module that says it


def decide(
    snapshot: Snapshot,
    policy: MaturedPolicy,  # noqa: ARG001 - one signature for all rules; the ratio is in the evidence
    limits: AccountLimits,  # noqa: ARG001 - the same
    evidence: Evidence,
) -> tuple[Proposal, ...]:
    """Mark running ads whose stage is fatigued, unless they are; propose one variant for each of their creatives.

    Nothing is decided on stages of over 72 hours. The variant is asked of the creative's fatigued ad of the lowest id.
    """
    made_at = evidence.ages.get(MODULE)
    if made_at is not None and snapshot.now - made_at > _OLDEST:
        return ()
    age: dict[str, Json] = {} if made_at is None else {"data_age_s": int((snapshot.now - made_at).total_seconds())}
    told = {stage.ad_id: stage for stage in evidence.stages if stage.stage is Stage.FATIGUED}
    if not told:
        return ()
    marks = _may_be_marked(snapshot)
    rows = [(row, told[ad_id]) for row in np.flatnonzero(marks).tolist() if (ad_id := snapshot.ads.id[row]) in told]
    shared = {**ages(snapshot), **age}
    return (
        *(_mark(snapshot, row, stage, shared) for row, stage in rows),
        *_variants(snapshot, rows, shared),
    )


def _may_be_marked(snapshot: Snapshot) -> Bools:
    ads, ad_sets = snapshot.ads, snapshot.ad_sets
    runs = ads.is_active & (ads.ad_set_index >= 0) & ~ads.is_marked_fatigued
    if len(ad_sets):
        runs &= ad_sets.is_active[ads.ad_set_index]
    return runs


def _mark(snapshot: Snapshot, row: int, stage: AdStage, shared: dict[str, Json]) -> Proposal:
    ads = snapshot.ads
    return Proposal(
        kind=ActionKind.MARK_FATIGUED,
        object_kind=ObjectKind.AD,
        object_id=str(ads.id[row]),
        object_name=str(ads.name[row]),
        expected_before={"is_marked_fatigued": False},
        target={"is_marked_fatigued": True},
        rule=RULE,
        priority=Priority.FATIGUE,
        reason=f"{stage.words}: marked fatigued",
        evidence=_evidence(stage, shared),
    )


def _variants(snapshot: Snapshot, rows: list[tuple[int, AdStage]], shared: dict[str, Json]) -> Iterator[Proposal]:
    """Rows are ordered by ad id; an ad without a creative has nothing to vary."""
    ads, seen = snapshot.ads, set[str]()
    for row, stage in rows:
        creative = str(ads.creative_id[row])
        if not creative or creative in seen:
            continue
        seen.add(creative)
        yield Proposal(
            kind=ActionKind.PROPOSE_VARIANT,
            object_kind=ObjectKind.CREATIVE,
            object_id=creative,
            object_name=str(ads.name[row]),
            expected_before={},
            target={"ad_id": str(ads.id[row]), "ad_set_id": str(ads.ad_set_id[row]), "vary": list(_VARY)},
            rule=RULE,
            priority=Priority.FATIGUE,
            reason=f"{stage.words}: its creative {creative} wants a new variant",
            evidence=_evidence(stage, shared),
        )


def _evidence(stage: AdStage, shared: dict[str, Json]) -> dict[str, Json]:
    return {**stage.evidence, "reason": stage.reason, **shared}
