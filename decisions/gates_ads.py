"""What stands between an ad and each rule on ads: tests and fatigue. Figure against limit; decides nothing."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from decisions.freshness import age_s
from decisions.gates import Gate
from decisions.policy import ClassicPolicy
from decisions.wording import percent
from domain.snapshot import Bools, Snapshot
from estimators.rates import rate

RULES: Final[Mapping[str, str]] = MappingProxyType(
    {"ab_winner": "pause a loser or publish a winner of a test", "fatigue": "mark it fatigued and ask for a variant"}
)


def of_ad(snapshot: Snapshot, row: int, policy: ClassicPolicy) -> tuple[Gate, ...]:
    """Return the gates of every rule on the ad in `row`."""
    return (*_test(snapshot, row, policy), *_fatigue(snapshot, row, policy))


def _gate(snapshot: Snapshot, rule: str, name: str, *, passes: bool, figure: str, wants: str, is_tree: bool) -> Gate:
    read_at = snapshot.tree_read_at if is_tree else snapshot.insights_read_at
    return Gate(rule=rule, name=name, passes=passes, figure=figure, wants=wants, age_s=age_s(read_at, snapshot.now))


def _siblings(snapshot: Snapshot, row: int) -> Bools:
    ads = snapshot.ads
    same: Bools = (ads.ad_set_index == ads.ad_set_index[row]) & (ads.ad_set_index >= 0)
    return same


def _test(snapshot: Snapshot, row: int, policy: ClassicPolicy) -> tuple[Gate, ...]:
    rule, ads, sets = "ab_winner", snapshot.ads, snapshot.ad_sets
    inside = ads.ad_set_index.item(row)
    in_test = inside >= 0 and bool(sets.is_active[inside] and sets.is_ab_test[inside])
    arms = _siblings(snapshot, row) & ads.is_active
    due = (ads.age_hours > policy.ab_min_hours) & (ads.impressions_total > policy.ab_min_impressions)
    has_due = bool(due[row])
    counts = f"{ads.impressions_total.item(row):,} impressions after {ads.age_hours.item(row):.0f} h"
    least = f"more than {policy.ab_min_impressions:,} after more than {policy.ab_min_hours:g} h"
    waiting = int((arms & ~due).sum())
    is_rested = not ads.is_active.item(row) and ads.is_marked_fatigued.item(row)
    best, figure = _standing(snapshot, row, arms, due)
    return (
        _gate(
            snapshot, rule, "test", passes=in_test, is_tree=True,
            figure="in an active test" if in_test else "its ad set is no active test",
            wants='an active ad set labelled "ab_test"',
        ),
        _gate(
            snapshot, rule, "arms", passes=int(arms.sum()) >= 2, is_tree=True,  # noqa: PLR2004 - a comparison needs two
            figure=f"{int(arms.sum())} active arms", wants="at least 2",
        ),
        _gate(snapshot, rule, "own_due", passes=has_due, figure=counts, wants=least, is_tree=False),
        _gate(
            snapshot, rule, "all_due", passes=waiting == 0, is_tree=False,
            figure=f"{waiting} active arms wait for theirs", wants=f"every arm has {least}",
        ),
        _gate(
            snapshot, rule, "not_fatigued", passes=not is_rested, is_tree=True,
            figure="paused and fatigued" if is_rested else "not resting as fatigued", wants="not fatigued",
        ),
        _gate(
            snapshot, rule, "winner", passes=best, figure=figure, is_tree=False,
            wants="one arm alone has the highest CTR, and this one is not the active winner",
        ),
    )  # fmt: skip


def _standing(snapshot: Snapshot, row: int, arms: Bools, due: Bools) -> tuple[bool, str]:
    """Whether the test, as it stands, changes this ad; and its place in words."""
    ads = snapshot.ads
    compared = _siblings(snapshot, row) & due & (arms | ~ads.is_marked_fatigued)
    ctr = np.where(compared, rate(ads.clicks_total, ads.impressions_total), -1.0)
    own, best = ctr.item(row), float(ctr.max(initial=-1.0))
    leaders = np.flatnonzero(ctr == best)
    if own < 0 or len(leaders) != 1:
        return False, "not compared yet" if own < 0 else f"{len(leaders)} arms share CTR {percent(best, 2)}"
    leader = int(leaders[0])
    figure = f"CTR {percent(own, 2)}, the best is {percent(best, 2)}"
    is_active, leads = bool(ads.is_active[row]), leader == row
    changes = (leads and not is_active) or (not leads and is_active and bool(ads.is_active[leader]))
    return changes, figure


def _fatigue(snapshot: Snapshot, row: int, policy: ClassicPolicy) -> tuple[Gate, ...]:
    rule, ads = "fatigue", snapshot.ads
    inside = ads.ad_set_index.item(row)
    runs = bool(ads.is_active[row]) and inside >= 0 and bool(snapshot.ad_sets.is_active[inside])
    is_marked = bool(ads.is_marked_fatigued[row])
    last, week = (
        float(rate(getattr(ads, f"clicks_{span}"), getattr(ads, f"impressions_{span}"))[row])
        for span in ("last", "week")
    )
    few = policy.fatigue_min_impressions
    rates = "no CTR to compare" if np.isnan(last) or np.isnan(week) else f"CTR {percent(last, 2)} on the last day"
    limit = "" if np.isnan(week) else f"under {percent((1 - policy.fatigue_drop) * week, 2)}"
    return (
        _gate(
            snapshot, rule, "active", passes=runs, figure="runs" if runs else "it, or its ad set, is paused",
            wants="active", is_tree=True,
        ),
        _gate(
            snapshot, rule, "unmarked", passes=not is_marked, is_tree=True,
            figure="marked fatigued already" if is_marked else "not marked yet", wants="not marked yet",
        ),
        *(
            _gate(
                snapshot, rule, f"impressions_{span}", passes=getattr(ads, f"impressions_{span}").item(row) >= few,
                figure=f"{getattr(ads, f'impressions_{span}').item(row):,} impressions {words}",
                wants=f"at least {few:,}", is_tree=False,
            )
            for span, words in (("last", "on the last complete day"), ("week", "in the 7 days before"))
        ),
        _gate(
            snapshot, rule, "drop", passes=last < (1 - policy.fatigue_drop) * week, figure=rates,
            wants=limit or "both rates", is_tree=False,
        ),
    )  # fmt: skip
