"""Creative fatigue: an ad whose click rate fell by `fatigue_drop` against its own 7 days before. Nothing is sent."""

import numpy as np

from decisions.policy import AccountLimits, ClassicPolicy
from decisions.wording import ages, percent
from domain.actions import ActionKind, Json, ObjectKind, Priority, Proposal
from domain.snapshot import Bools, Ints, Snapshot
from estimators.rates import rate

RULE = "fatigue"
_VARY: tuple[Json, ...] = ("fragments", "titles", "music")  # REQUIREMENTS §4


def decide(snapshot: Snapshot, policy: ClassicPolicy, limits: AccountLimits) -> tuple[Proposal, ...]:  # noqa: ARG001 - one signature for all rules
    """Mark active ads whose CTR of the last complete day is under (1 - drop) x that of the 7 days before.

    Example: 7,000 impressions and 140 clicks in the 7 days are 2 %, 13 clicks of 1,000 on the last day are 1.3 %, under
    1.4 %: fatigued. Both windows need `fatigue_min_impressions`. An ad that is marked already is not marked again. For
    each creative of a newly marked ad one variant is proposed, from its ad with the lowest id.
    """
    rows = np.flatnonzero(_is_fatigued(snapshot, policy))
    shared: dict[str, Json] = {
        "fatigue_drop": policy.fatigue_drop,
        "fatigue_min_impressions": policy.fatigue_min_impressions,
        **ages(snapshot),
    }
    marks = [_mark(snapshot, row, policy, shared) for row in rows.tolist()]
    variants = [_variant(snapshot, row, policy, shared) for row in _first_of_each_creative(snapshot, rows)]
    return (*marks, *variants)


def _is_fatigued(snapshot: Snapshot, policy: ClassicPolicy) -> Bools:
    ads, ad_sets = snapshot.ads, snapshot.ad_sets
    runs = ads.is_active & (ads.ad_set_index >= 0) & ~ads.is_marked_fatigued
    if len(ad_sets):
        runs &= ad_sets.is_active[ads.ad_set_index]
    enough = (ads.impressions_last >= policy.fatigue_min_impressions) & (
        ads.impressions_week >= policy.fatigue_min_impressions
    )
    last, week = rate(ads.clicks_last, ads.impressions_last), rate(ads.clicks_week, ads.impressions_week)
    fatigued: Bools = runs & enough & (last < (1 - policy.fatigue_drop) * week)
    return fatigued


def _first_of_each_creative(snapshot: Snapshot, rows: Ints) -> list[int]:
    """Rows are ordered by ad id; an ad without a creative has nothing to vary."""
    creatives = snapshot.ads.creative_id
    first: dict[str, int] = {}
    for row in rows.tolist():
        if creatives[row]:
            first.setdefault(creatives[row], row)
    return list(first.values())


def _mark(snapshot: Snapshot, row: int, policy: ClassicPolicy, shared: dict[str, Json]) -> Proposal:
    ads = snapshot.ads
    return Proposal(
        kind=ActionKind.MARK_FATIGUED,
        object_kind=ObjectKind.AD,
        object_id=ads.id[row],
        object_name=ads.name[row],
        expected_before={"is_marked_fatigued": False},
        target={"is_marked_fatigued": True},
        rule=RULE,
        priority=Priority.FATIGUE,
        reason=f"{_figures(snapshot, row, policy)}: marked fatigued",
        evidence=_evidence(snapshot, row, shared),
    )


def _variant(snapshot: Snapshot, row: int, policy: ClassicPolicy, shared: dict[str, Json]) -> Proposal:
    ads = snapshot.ads
    return Proposal(
        kind=ActionKind.PROPOSE_VARIANT,
        object_kind=ObjectKind.CREATIVE,
        object_id=ads.creative_id[row],
        object_name=ads.name[row],
        expected_before={},
        target={"ad_id": ads.id[row], "ad_set_id": ads.ad_set_id[row], "vary": list(_VARY)},
        rule=RULE,
        priority=Priority.FATIGUE,
        reason=f"{_figures(snapshot, row, policy)}: its creative {ads.creative_id[row]} wants a new variant",
        evidence=_evidence(snapshot, row, shared),
    )


def _figures(snapshot: Snapshot, row: int, policy: ClassicPolicy) -> str:
    ads = snapshot.ads
    last = ads.clicks_last.item(row) / ads.impressions_last.item(row)
    week = ads.clicks_week.item(row) / ads.impressions_week.item(row)
    counts = f"{ads.clicks_last.item(row):,} of {ads.impressions_last.item(row):,}"
    return (
        f"CTR {percent(last, 2)} on the last day ({counts}) is {percent(1 - last / week, 0)} under the"
        f" {percent(week, 2)} of the 7 days before (limit {percent(policy.fatigue_drop)})"
    )


def _evidence(snapshot: Snapshot, row: int, shared: dict[str, Json]) -> dict[str, Json]:
    ads = snapshot.ads
    return {
        "impressions_last": ads.impressions_last.item(row),
        "clicks_last": ads.clicks_last.item(row),
        "impressions_week": ads.impressions_week.item(row),
        "clicks_week": ads.clicks_week.item(row),
        **shared,
    }
