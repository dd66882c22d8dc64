"""How far click rates have come down from their own first weeks: a filter over the chain of `decay.py`, day by day.

Clicks are Poisson with gamma noise between days. The first week is known up to its own noise, so beliefs carry guesses
of it; a group (an account) falls often or rarely, so they carry two paces, and the group's ads say which holds. A day's
common shock is taken from mates that are not tired, never from the ad itself. State is explicit; counts and rates only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from estimators import decay, decay_belief
from estimators.decay import Bools, Chain, Floats, Ints
from estimators.decay_belief import Day, Singles

BASE_DAYS: Final = 7  # with impressions: an ad's own first week
PACES: Final = (1.0, 0.03)  # how often ads of a group fall, against the chain's prior
_PACE_PRIOR: Final = np.log([0.33, 0.67])
_NO_WEIGHT: Final = 1e-9  # of a pace in every group: what it would add to a chance is less
_PACE_TRUST: Final = 0.7  # of the evidence between paces: ads of a group are not quite independent
_NODES: Final = np.array([-1.732, 0.0, 1.732])  # standard deviations of the first week's rate (Gauss-Hermite)
_NODE_SHARE: Final = np.array([1 / 6, 2 / 3, 1 / 6])

_SHOCK_CAP: Final = 0.25  # of a day, common to a group
_SHOCK_SD, _SHOCK_WEIGHT, _SHOCK_LEAST = 0.07, 7.0, 0.02  # prior of its size, worth so many days
_DRIFT: Final = 0.07  # what stays for days is no shock of a day: the share by which its running mean follows
_NOISE, _NOISE_WEIGHT, _NOISE_LOW, _NOISE_HIGH = 0.015, 2e4, 0.003, 0.25  # squared, of an ad's day
_SPREAD, _SPREAD_WEIGHT = 0.15, 2e3  # squared, between the first weeks of a group
_ODD_SD: Final = 2.0  # residuals beyond it count as that much
_OF_ADS: Final = ("group", "first_clicks", "first_seen", "first_days", "base", "belief", "last")
_LIKELY: Final = 0.5  # from here on an ad tells nothing of the day's shock


@dataclass(slots=True, kw_only=True)
class State:
    """What is known after some days: n ads, last in every array, in g groups; changed in place by `step`."""

    chains: tuple[Chain, ...]
    group: Ints  # (n,) 0..g-1
    first_clicks: Floats  # (n,)
    first_seen: Floats  # (n,) impressions, by the day's common shock
    first_days: Ints  # (n,)
    base: Floats  # (nodes, n) click rate of the first week, guesses
    belief: Singles  # (paces, nodes, states, n); sums to 1 over nodes and states
    evidence: Floats  # (g, paces) log-likelihood
    noise: Floats  # (g, 2) numerator and denominator
    last: Floats  # (2, n) of the last day shown: clicks by those expected of the first week's rate, and the latter
    shocks: Floats  # (g, 3) running mean of the day's common shock, sum of squares about it, days

    @property
    def is_ripe(self) -> Bools:
        """Whether the first week is over, by ad."""
        ripe: Bools = self.first_days >= BASE_DAYS
        return ripe

    @property
    def paces(self) -> Floats:
        """Weights of the two paces by group, (g, paces)."""
        log = _PACE_PRIOR + _PACE_TRUST * (self.evidence - self.evidence.max(1, keepdims=True))
        weight = np.exp(log - log.max(1, keepdims=True))
        shares: Floats = weight / weight.sum(1, keepdims=True)
        return shares

    @property
    def day_noise(self) -> Floats:
        """Squared relative noise of an ad's day beyond Poisson, by group."""
        learnt = (np.maximum(self.noise[:, 0], 0.0) + _NOISE * _NOISE_WEIGHT) / (self.noise[:, 1] + _NOISE_WEIGHT)
        return np.asarray(np.clip(learnt, _NOISE_LOW, _NOISE_HIGH), dtype=np.float64)

    def under(self) -> Floats:
        """Return P(ratio under the chain's limit) by ad; 0 while the first week is not over."""
        chain = self.chains[0]
        counted = chain.is_under[chain.level].astype(np.float64)
        return np.where(self.is_ripe, self.worth([counted] * len(PACES)).sum(0), 0.0)

    @property
    def live(self) -> slice:
        """The paces that have weight in any group."""
        has_weight = np.flatnonzero(self.paces.max(0, initial=0.0) > _NO_WEIGHT)
        return slice(has_weight.item(0), has_weight.item(-1) + 1) if len(has_weight) else slice(0, len(PACES))

    def worth(self, of_states: Sequence[Floats]) -> Floats:
        """Return what the beliefs are worth, (nodes, n), by what each state counts in each pace."""
        found, shares = np.zeros(self.base.shape), self.paces
        for pace in range(len(PACES))[self.live]:
            found += np.matmul(of_states[pace].astype(np.float32), self.belief[pace]) * shares[self.group, pace]
        return found


def begin(
    group: Ints,
    limit: float,
    *,
    first_clicks: Floats | None = None,
    first_seen: Floats | None = None,
    days_between: int = 0,
) -> State:
    """Return the state before the first day; ads whose first week lies further back bring its sums (0 = none).

    Between that week and the first day `days_between` went by unseen.
    """
    n, groups = len(group), int(group.max(initial=-1)) + 1
    chains = tuple(decay.make(limit, pace) for pace in PACES)
    state = State(
        chains=chains, group=group, first_clicks=np.zeros(n), first_seen=np.zeros(n),
        first_days=np.zeros(n, np.int64), base=np.zeros((len(_NODES), n)),
        belief=np.zeros((len(PACES), len(_NODES), len(chains[0].level), n), np.float32),
        evidence=np.zeros((groups, len(PACES))), noise=np.zeros((groups, 2)), last=np.zeros((2, n)),
        shocks=np.zeros((groups, 3)),
    )  # fmt: skip
    if first_clicks is not None and first_seen is not None:
        known = np.flatnonzero(first_seen > 0)
        state.first_clicks[known], state.first_seen[known] = first_clicks[known], first_seen[known]
        state.first_days[known] = BASE_DAYS
        _settle_base(state, known)
        decay_belief.move(state.belief, known, chains, days_between)
    return state


def step(state: State, clicks: Ints | Floats, seen: Ints | Floats, *, has_shocks: bool = True) -> Floats:
    """Take a day's clicks and impressions, (n,), both 0 where there is nothing; return the day's shock by ad.

    Without `has_shocks` there is none: what is shown has been put right for it, or has no mates to tell it.
    """
    counts, shown = clicks.astype(np.float64), seen.astype(np.float64)
    runs = state.is_ripe & (shown > 0)  # without impressions nobody tires
    rows = np.flatnonzero(runs)
    rate, under = _foretold(state, rows)
    expected, mates = np.zeros(len(counts)), runs.copy()
    expected[rows], mates[rows] = shown[rows] * rate, under < _LIKELY
    shock = _shock(state, counts, expected, mates) if has_shocks else np.ones(len(counts))
    fresh = ~state.is_ripe & (shown > 0)
    shown *= shock
    _learn(state, counts, shown, rows)
    _learn_noise(state, counts, shown, rows)
    state.first_clicks[fresh] += counts[fresh]
    state.first_seen[fresh] += shown[fresh]
    state.first_days[fresh] += 1
    _settle_base(state, np.flatnonzero(fresh & state.is_ripe))
    return shock


def copied(state: State) -> State:
    """Return a state of its own, so that a step of one does not change the other."""
    return replace(
        state, first_clicks=state.first_clicks.copy(), first_seen=state.first_seen.copy(),
        first_days=state.first_days.copy(), base=state.base.copy(), belief=state.belief.copy(),
        evidence=state.evidence.copy(), noise=state.noise.copy(), last=state.last.copy(),
        shocks=state.shocks.copy(),
    )  # fmt: skip


def together(first: State, second: State) -> State:
    """Return the ads of both as one state; what was learnt of groups is the first's."""
    pairs = {name: (getattr(first, name), getattr(second, name)) for name in _OF_ADS}
    both: dict[str, Any] = {name: np.concatenate(pair, axis=-1) for name, pair in pairs.items()}
    return replace(first, **both)


def of(state: State, rows: Bools) -> State:
    """Return some of the ads; what was learnt of groups stays."""
    some: dict[str, Any] = {name: getattr(state, name)[..., rows] for name in _OF_ADS}
    return replace(state, **some)


def _foretold(state: State, rows: Ints) -> tuple[Floats, Floats]:
    """The click rate expected of a plain day, the first week's times the ratio it is at, and P(under the limit)."""
    chain = state.chains[0]
    ratio, is_under = chain.ratios[chain.level], chain.is_under[chain.level].astype(np.float64)
    at_ratio, under = (state.worth([each.move @ counted for each in state.chains]) for counted in (ratio, is_under))
    return (at_ratio * state.base).sum(0)[rows], under.sum(0)[rows]


def _shock(state: State, counts: Floats, expected: Floats, mates: Bools) -> Floats:
    """A group's common shock of the day as each ad's mates show it: robust, shrunk to 1 and capped."""
    group, groups = state.group, len(state.evidence)
    noise = state.day_noise[group]
    with_any = mates & (expected > 0)
    info = np.where(with_any, expected / (1 + noise * expected), 0.0)
    plain = np.where(with_any, expected, 1.0)
    odd = _ODD_SD * np.sqrt(1 / plain + noise)
    total, middle = np.bincount(group, info, groups).astype(np.float64), np.ones(groups)
    drift, squares, days = state.shocks.T
    spread = (squares + _SHOCK_SD**2 * _SHOCK_WEIGHT) / (days + _SHOCK_WEIGHT)
    firm = 1 / np.maximum(spread, _SHOCK_LEAST**2)
    for _ in range(3):
        centre = middle[group]
        off = np.where(with_any, np.clip(counts / plain / centre - 1, -odd, odd), 0.0) * centre + centre - 1
        summed = np.bincount(group, info * (off - drift[group]), groups)
        middle = np.maximum(1 + drift + summed / (total + firm), 0.5)
    others = (summed[group] - info * (off - drift[group])) / (total[group] - info + firm[group])
    _learn_shocks(state, summed / np.maximum(total, 1e-9), total)
    shock: Floats = 1 + np.clip(others, -_SHOCK_CAP, _SHOCK_CAP)
    return shock


def _learn_shocks(state: State, raw: Floats, total: Floats) -> None:
    """Follow what stays from day to day, so that a decline of many mates is never taken for a day's shock."""
    told = total > _SHOCK_SD**-2 / 4
    seen = np.clip(raw[told], -_SHOCK_CAP, _SHOCK_CAP)
    state.shocks[told, 0] += _DRIFT * seen
    state.shocks[told, 1] += np.maximum(seen**2 - 1 / total[told], 0.0)
    state.shocks[told, 2] += 1


def _learn(state: State, counts: Floats, shown: Floats, rows: Ints) -> None:
    """Move on by a day, and weigh every ratio and guess of the first week by how well it foretold the day."""
    group = state.group[rows]
    day = Day(seen=counts[rows], means=state.base.take(rows, 1) * shown[rows], firm=(1 / state.day_noise)[group])
    for pace, told in enumerate(decay_belief.weigh(state.belief, rows, state.chains, day)):
        state.evidence[:, pace] += np.bincount(group, told, len(state.evidence))


def _learn_noise(state: State, counts: Floats, shown: Floats, rows: Ints) -> None:
    """From one day with impressions to the next, so that a level that moved is not taken for noise."""
    group, groups = state.group[rows], len(state.evidence)
    at_base = shown[rows] * state.base[len(_NODES) // 2, rows]
    now, (before, before_base) = counts[rows] / at_base, state.last.take(rows, 1)
    has_both = before_base > 0
    earlier = np.where(has_both, before_base, 1.0)
    level = (now + before) / 2
    by_chance = now / at_base + before / earlier
    most = 9 * (by_chance / 2 + state.day_noise[group] * level**2)
    excess = np.minimum(((now - before) ** 2 - by_chance) / 2, most)
    weight = np.where(has_both, (2 / (1 / at_base + 1 / earlier)) ** 2, 0.0)
    state.noise[:, 0] += np.bincount(group, weight * excess, groups)
    state.noise[:, 1] += np.bincount(group, weight * level**2, groups)
    state.last[:, rows] = now, at_base


def _settle_base(state: State, rows: Ints) -> None:
    """Shrink first weeks that are over to their group's rate, by what the group's spread says."""
    if not len(rows):
        return
    group, groups, ripe = state.group, len(state.evidence), state.is_ripe
    clicks = np.bincount(group[ripe], state.first_clicks[ripe], groups)
    seen = np.bincount(group[ripe], state.first_seen[ripe], groups)
    middle = (clicks + 0.5) / np.maximum(seen, 1.0)
    expected = np.where(ripe, middle[group] * state.first_seen, 0.0)
    excess = np.where(ripe, (state.first_clicks - expected) ** 2 - expected, 0.0)
    spread = (np.bincount(group, excess, groups) + _SPREAD * _SPREAD_WEIGHT) / (
        np.bincount(group, expected**2, groups) + _SPREAD_WEIGHT
    )
    shape = 1 / np.clip(spread, 0.01, 1.0)[group[rows]]
    counts = shape + state.first_clicks[rows]
    rate = counts / (shape / middle[group[rows]] + state.first_seen[rows])
    sd = np.sqrt(1 / counts + state.day_noise[group[rows]] / BASE_DAYS)
    state.base[:, rows] = rate * np.exp(sd * _NODES[:, None] - sd**2 / 2)
    state.belief[:, :, state.chains[0].start.argmax(), rows] = _NODE_SHARE[:, None]  # it was 0 everywhere
