"""A/B winners: the arm with the highest click rate of an ad set that is labelled a test, once every arm has its due."""

import numpy as np

from decisions.policy import AccountLimits, ClassicPolicy
from decisions.wording import ages, percent
from domain.actions import ActionKind, Json, ObjectKind, Priority, Proposal
from domain.snapshot import Bools, Ints, Snapshot
from estimators.rates import rate

RULE = "ab_winner"


def decide(snapshot: Snapshot, policy: ClassicPolicy, limits: AccountLimits) -> tuple[Proposal, ...]:  # noqa: ARG001 - one signature for all rules
    """Pick the arm with the highest CTR since creation; pause the others, publish the winner if it is paused.

    Arms are the active ads of an active ad set labelled "ab_test", and its paused ads that have their due and are not
    fatigued. There must be two active ones, and each active one must be older than `ab_min_hours` and have more than
    `ab_min_impressions`. Two arms that share the highest CTR decide nothing.

    A paused winner is only activated at first; the losers are paused in the cycle that finds it active, so that an ad
    set never stands without an ad. Example: arms with 40 of 2,000 (2.0 %) and 30 of 2,000 (1.5 %), both 50 h old: the
    second is paused.
    """
    is_arm = _arms(snapshot, policy)
    winner_of = _winners(snapshot, is_arm)
    if not winner_of:
        return ()
    ads = snapshot.ads
    shared: dict[str, Json] = {
        "ab_min_hours": policy.ab_min_hours,
        "ab_min_impressions": policy.ab_min_impressions,
        **ages(snapshot),
    }
    found = []
    for row in np.flatnonzero(is_arm).tolist():
        winner = winner_of.get(ads.ad_set_index.item(row))
        if winner is None:
            continue
        if row == winner and not ads.is_active.item(row):
            found.append(_publish(snapshot, row, shared))
        elif row != winner and ads.is_active.item(row) and ads.is_active.item(winner):
            found.append(_pause(snapshot, row, winner, shared))
    return tuple(found)


def _arms(snapshot: Snapshot, policy: ClassicPolicy) -> Bools:
    """Ads of tests that can be decided now."""
    ads, ad_sets = snapshot.ads, snapshot.ad_sets
    if not len(ad_sets):
        return np.zeros(len(ads), dtype=np.bool_)
    in_test = (ads.ad_set_index >= 0) & (ad_sets.is_active & ad_sets.is_ab_test)[ads.ad_set_index]
    has_due = (ads.age_hours > policy.ab_min_hours) & (ads.impressions_total > policy.ab_min_impressions)
    runs = in_test & ads.is_active
    active = np.bincount(ads.ad_set_index[runs], minlength=len(ad_sets))
    waiting = np.bincount(ads.ad_set_index[runs & ~has_due], minlength=len(ad_sets))
    decidable = (active >= 2) & (waiting == 0)  # noqa: PLR2004 - a comparison needs two
    arms: Bools = in_test & has_due & decidable[ads.ad_set_index] & (ads.is_active | ~ads.is_marked_fatigued)
    return arms


def _winners(snapshot: Snapshot, is_arm: Bools) -> dict[int, int]:
    """Ad set row → ad row of its only best arm."""
    ads = snapshot.ads
    rows: Ints = np.flatnonzero(is_arm)
    ctr = rate(ads.clicks_total, ads.impressions_total)[rows]
    group = ads.ad_set_index[rows]
    best = np.full(len(snapshot.ad_sets), -1.0)
    np.maximum.at(best, group, ctr)
    is_best = ctr == best[group]  # equal fractions divide to equal doubles, so a tie is seen as one
    times_best = np.bincount(group[is_best], minlength=len(snapshot.ad_sets))
    is_only = is_best & (times_best[group] == 1)
    return dict(zip(group[is_only].tolist(), rows[is_only].tolist(), strict=True))


def _publish(snapshot: Snapshot, row: int, shared: dict[str, Json]) -> Proposal:
    ads = snapshot.ads
    return Proposal(
        kind=ActionKind.ACTIVATE,
        object_kind=ObjectKind.AD,
        object_id=ads.id[row],
        object_name=ads.name[row],
        expected_before={"status": "paused"},
        target={"status": "active"},
        rule=RULE,
        priority=Priority.AB_WINNER,
        reason=f"its {_rate(snapshot, row)} is the best of its test, but it is paused: publish the winner",
        evidence={**_counts(snapshot, row), **shared},
    )


def _pause(snapshot: Snapshot, row: int, winner: int, shared: dict[str, Json]) -> Proposal:
    ads = snapshot.ads
    return Proposal(
        kind=ActionKind.PAUSE,
        object_kind=ObjectKind.AD,
        object_id=ads.id[row],
        object_name=ads.name[row],
        expected_before={"status": "active"},
        target={"status": "paused"},
        rule=RULE,
        priority=Priority.AB_WINNER,
        reason=f"its {_rate(snapshot, row)} lost the test to ad {ads.id[winner]} with {_rate(snapshot, winner)}: pause",
        evidence={
            **_counts(snapshot, row),
            "winner_id": ads.id[winner],
            "winner_clicks": ads.clicks_total.item(winner),
            "winner_impressions": ads.impressions_total.item(winner),
            **shared,
        },
    )


def _rate(snapshot: Snapshot, row: int) -> str:
    clicks, impressions = snapshot.ads.clicks_total.item(row), snapshot.ads.impressions_total.item(row)
    age = f"{snapshot.ads.age_hours.item(row):.0f} h"
    return f"CTR {percent(clicks / impressions, 2)} ({clicks:,} of {impressions:,} after {age})"


def _counts(snapshot: Snapshot, row: int) -> dict[str, Json]:
    return {
        "clicks": snapshot.ads.clicks_total.item(row),
        "impressions": snapshot.ads.impressions_total.item(row),
        "age_hours": round(snapshot.ads.age_hours.item(row), 2),
    }
