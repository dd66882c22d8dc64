"""What an experiment is and what is kept of it between looks: values, and how new figures are folded in. No verdicts.

A stratum is an hour or a day. Evidence of pairs adds up over strata, so that a look needs only what came since the
last; metrics whose days are restated (purchases arrive late) are folded anew from the days as they are known now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self, cast

import numpy as np

from domain.actions import Json
from domain.errors import BadInputError
from domain.snapshot import Bools, Floats, Ints
from estimators import evalues


class Metric(StrEnum):
    """What arms are compared by."""

    CLICKS = "clicks"  # per impression
    CONVERSIONS = "conversions"  # purchases per unit of spend
    ROAS = "roas"  # revenue per unit of spend


class Claim(StrEnum):
    """When it may be claimed that an arm is better."""

    CONTINUOUS = "continuous"  # at any look, as often as one likes
    DAILY = "daily"  # at one look a day; finds more for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An experiment as it was declared."""

    experiment_id: int
    ad_set_id: str
    arms: tuple[str, ...]  # ad ids, as the rows of every array
    metric: Metric = Metric.CLICKS
    claim: Claim = Claim.CONTINUOUS
    alpha: float = 0.05
    loss: float = 0.005  # a pick's expected loss, as a share of the rate
    equal_within: float = 0.02
    max_days: int = 14
    planned_events: float = 0.0  # of all arms until max_days; 0 = learnt from the first day's totals
    ends_on_pick: bool = False
    day_noise: float = 0.0  # variance of ad-days' own log rate, as the account's ads show it
    day_noise_weight: float = 20.0  # and how many comparisons of days that is worth

    def __post_init__(self) -> None:
        if len(set(self.arms)) != len(self.arms) or len(self.arms) < 2:  # noqa: PLR2004 - a comparison needs two
            raise BadInputError(f"a test compares at least two different ads; it names {len(set(self.arms))}")

    @property
    def directions(self) -> int:
        """How many hypotheses "this ad is better than that one" there are."""
        return len(self.arms) * (len(self.arms) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """Figures of k arms in h strata. `events` are clicks, purchases or, for ROAS, revenue in minor units."""

    day: Ints  # (h,) days since the test began
    events: Floats  # (k, h)
    exposures: Floats  # impressions or spend
    spend_minor: Floats
    purchases: Floats
    are_counts: bool = False  # exposures, each of which has one event at most

    def __post_init__(self) -> None:
        for name in ("events", "exposures", "spend_minor", "purchases"):
            values = getattr(self, name)
            if not np.isfinite(values).all() or (values < 0).any():
                raise BadInputError(f"{name} of a test are negative or not finite; collect them again")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of k arms; arrays are replaced, never written into."""

    log_e: Floats  # (k, k, j): evidence that the first is better than the second by each of THETAS
    score: Floats  # (k, k): events of the first beyond its share
    information: Floats  # (k, k): and their variance under equal rates
    events: Floats  # (k, d) by day
    exposures: Floats  # (k, d)
    spend_minor: Floats  # (k,)
    purchases: Floats  # (k,)
    weights: Floats  # (j,) the bet; zeros until the test is tuned
    looks: tuple[tuple[float, ...], ...] = ()  # of daily claims: fraction of the horizon, then the pairs' information

    @classmethod
    def empty(cls, arms: int) -> Self:
        """Nothing is known yet."""
        bets = len(evalues.THETAS)
        pairs, days = np.zeros((arms, arms)), np.zeros((arms, 0))
        return cls(
            log_e=np.zeros((arms, arms, bets)), score=pairs, information=pairs, events=days, exposures=days,
            spend_minor=np.zeros(arms), purchases=np.zeros(arms), weights=np.zeros(bets),
        )  # fmt: skip

    def restarted(self) -> Self:
        """The same test without its figures: the bet and past looks stay."""
        return replace(type(self).empty(len(self.events)), weights=self.weights, looks=self.looks)

    def to_json(self) -> dict[str, Json]:
        """Everything, as lists."""
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        return {**arrays, "looks": [list(look) for look in self.looks]}

    @classmethod
    def from_json(cls, values: Mapping[str, Json]) -> Self:
        """Read what `to_json` wrote."""
        arms = len(cast("list[Any]", values["spend_minor"]))
        arrays = {name: np.array(values[name], np.float64) for name in _ARRAYS}
        arrays |= {name: arrays[name].reshape(arms, -1) for name in ("events", "exposures")}
        return cls(**arrays, looks=tuple(tuple(look) for look in cast("list[list[float]]", values["looks"])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look computes; k arms."""

    scale: float  # the unit of an event: 1, or for ROAS the mean order value
    dispersion: float
    log_e: Floats  # (k, k) "the first is better"
    beaten_by: Bools  # (k, k) and claimed
    mean: Floats  # (k,) log rate beside the test's
    sd: Floats
    p_best: Floats
    loss: Floats
    p_equal: float
    needs_events: float  # more, of all arms
    needs_days: float  # inf where nothing comes in
    days: float  # since the test began


_ARRAYS = ("log_e", "score", "information", "events", "exposures", "spend_minor", "purchases", "weights")


def fold(state: State, strata: Strata) -> State:
    """Add strata to the evidence of every pair; an hour in which either of a pair had no exposure says nothing."""
    arms = len(state.events)
    log_e, score, information = state.log_e.copy(), state.score.copy(), state.information.copy()
    for one in range(arms):
        for other in range(arms):
            if one == other:
                continue
            is_both = (strata.exposures[one] > 0) & (strata.exposures[other] > 0)
            gained = strata.events[one, is_both]
            total = gained + strata.events[other, is_both]
            exposed = strata.exposures[one, is_both]
            shown = exposed + strata.exposures[other, is_both]
            share = exposed / shown
            log_e[one, other] += evalues.log_evidence(gained, total, share)
            score[one, other] += (gained - total * share).sum()
            information[one, other] += evalues.information_of(total, share, shown if strata.are_counts else None)
    days = max(state.events.shape[1], int(strata.day.max(initial=-1)) + 1)
    return replace(
        state, log_e=log_e, score=score, information=information,
        events=_added(state.events, strata.events, strata.day, days),
        exposures=_added(state.exposures, strata.exposures, strata.day, days),
        spend_minor=state.spend_minor + strata.spend_minor.sum(axis=1),
        purchases=state.purchases + strata.purchases.sum(axis=1),
    )  # fmt: skip


def _added(before: Floats, gained: Floats, day: Ints, days: int) -> Floats:
    found = np.zeros((len(before), days))
    found[:, : before.shape[1]] = before
    for arm in range(len(before)):
        np.add.at(found[arm], day.clip(0), gained[arm])
    return found
