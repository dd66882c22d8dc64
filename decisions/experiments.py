"""The verdict of a look at an experiment: claimed, picked, equivalent, or not decidable yet and what it still needs.

A claim between two arms holds the chance of ever claiming falsely (continuous) or over the planned looks (daily) at
`alpha`. Over several arms a daily one still does; a continuous one holds the expected share of false claims (e-BH). A
pick claims nothing: it is what to go on with, and what it may lose.
"""

import math
from dataclasses import replace
from typing import Final

import numpy as np

from decisions.experiment_state import Claim, Metric, Plan, Seen, State, Strata, fold
from decisions.experiment_words import evidence_of, words_of
from decisions.policy import MaturedPolicy
from domain.errors import BadInputError
from domain.evidence import TestState, TestVerdict
from domain.snapshot import Bools, Floats
from estimators import evalues, group_sequential, picks, test_power
from estimators.dispersion import day_dispersion

__all__ = ["Claim", "Metric", "Plan", "State", "Strata", "advance", "fold", "look", "plan_of_label"]

_DRAWS: Final = 2000
_ORDER_VARIANCE: Final = 1.0  # squared spread of order values around their mean, on top of their number's (assumed)
_SURELY_EQUAL: Final = 0.95
_FEWEST: Final = 10.0  # events below which the end of a test picks nothing
_FEWEST_DAYS: Final = 2.0  # one day cannot be told from a day's whim, however many events it had
_EFFECT: Final = math.log(1.10)  # what "needs" are told for while no lead is visible


def plan_of_label(policy: MaturedPolicy, *, experiment_id: int, ad_set_id: str, arms: tuple[str, ...]) -> Plan:
    """Return the test that a label on the platform declares: by clicks, looked at at any time, ended by a pick."""
    return Plan(
        experiment_id=experiment_id, ad_set_id=ad_set_id, arms=arms, metric=Metric.CLICKS, claim=Claim.CONTINUOUS,
        alpha=policy.ab_alpha, loss=policy.ab_loss, equal_within=policy.ab_equal_within, max_days=policy.ab_max_days,
        ends_on_pick=True,
    )  # fmt: skip


def advance(plan: Plan, state: State, *, days: float) -> State:
    """Prepare a look: tune the bet once to what the horizon will show, and note the look of the day.

    The bet is tuned by totals alone, which say nothing of which arm is better, and never again: changed later, it
    would cost the guarantee.
    """
    total = float(state.events.sum()) / _unit(plan, state)
    if plan.metric is Metric.CLICKS and (state.events.sum(axis=1) > state.exposures.sum(axis=1)).any():
        raise BadInputError(f"experiment {plan.experiment_id} has more clicks than impressions; collect them again")
    if not state.weights.any() and (plan.planned_events > 0 or (days >= 1 and total > 0)):
        planned = plan.planned_events or total / days * plan.max_days
        share = 2 / len(plan.arms) / 4 / (1 + _ORDER_VARIANCE * (plan.metric is Metric.ROAS))
        state = replace(state, weights=evalues.tuned_weights(planned * share, plan.alpha / plan.directions))
    fraction = min(math.floor(days) / plan.max_days, 1.0)
    if fraction > (state.looks[-1][0] if state.looks else 0.0):
        state = replace(state, looks=(*state.looks, (fraction, *state.information.ravel().tolist())))
    return state


def look(plan: Plan, state: State, *, days: float, seed: int = 0) -> TestVerdict:
    """Say what an advanced state means after `days`; equal states give equal verdicts."""
    seen = _see(plan, state, days=days, seed=seed)
    best, verdict = int(np.argmax(seen.mean)), _state(plan, state, seen, days)
    has_lost: Bools = np.asarray(seen.beaten_by.any(axis=0))
    drop = tuple(arm for row, arm in enumerate(plan.arms) if has_lost[row])
    if verdict is TestState.EQUIVALENT:
        best = _cheapest(plan, state, seen)
    if days < _FEWEST_DAYS:
        drop = ()
    if verdict in {TestState.CLAIMED, TestState.PICKED, TestState.EQUIVALENT}:
        drop = tuple(arm for row, arm in enumerate(plan.arms) if row != best)
    keep = tuple(arm for arm in plan.arms if arm not in drop)
    return TestVerdict(
        experiment_id=plan.experiment_id,
        ad_set_id=plan.ad_set_id,
        state=verdict,
        keep=keep,
        drop=drop,
        words=words_of(plan, seen, verdict, best, drop),
        evidence=evidence_of(plan, state, seen),
    )


def _see(plan: Plan, state: State, *, days: float, seed: int) -> Seen:
    scale, dispersion = _unit(plan, state), dispersion_of(plan, state)
    log_e = np.full(state.score.shape, 0.0)
    if state.weights.any():
        log_e = evalues.combined(state.log_e, state.weights, np.full(state.score.shape, scale * dispersion))
    events, exposures = state.events.sum(axis=1) / scale, state.exposures.sum(axis=1)
    mean, sd = picks.posterior(events, exposures, dispersion=dispersion)
    normals = np.random.default_rng(seed).standard_normal((_DRAWS, len(plan.arms)))
    compared = picks.compare(mean, sd, normals)
    lead = float(np.sort(mean)[-1] - np.sort(mean)[-2])
    effect = lead if lead > math.log1p(plan.equal_within) else _EFFECT
    information = test_power.information_needed(
        effect, plan.alpha / plan.directions, power=0.5, is_daily=plan.claim is Claim.DAILY
    )
    total = float(events.sum())
    more = max(0.0, information * dispersion * 2 * len(plan.arms) - total)
    return Seen(
        scale=scale, dispersion=dispersion, log_e=log_e, beaten_by=_claims(plan, state, log_e, dispersion * scale),
        mean=mean, sd=sd, p_best=compared.p_best, loss=compared.loss,
        p_equal=float(picks.within(mean, sd, plan.equal_within)),
        needs_events=more, needs_days=more / (total / days) if total > 0 and days > 0 else math.inf,
        days=days,
    )  # fmt: skip


def _claims(plan: Plan, state: State, log_e: Floats, scale: float) -> Bools:
    """(k, k): the row's arm is claimed to be better than the column's."""
    arms = len(plan.arms)
    is_pair = ~np.eye(arms, dtype=np.bool_)
    found: Bools = np.zeros((arms, arms), np.bool_)
    if plan.claim is Claim.CONTINUOUS:
        found[is_pair] = evalues.discoveries(log_e[is_pair], plan.alpha)
        return found
    if not state.looks or list(state.looks[-1][1:]) != state.information.ravel().tolist():
        return found  # between two looks of a day nothing may be claimed
    fractions = tuple(row[0] for row in state.looks)
    gathered = np.maximum.accumulate(np.array([row[1:] for row in state.looks]), axis=0).reshape(-1, arms, arms)
    for one, other in zip(*np.nonzero(np.triu(is_pair)), strict=True):
        reached = gathered[:, one, other]
        if reached[-1] > 0:
            alpha = 2 * plan.alpha / plan.directions
            bound = float(group_sequential.boundaries(fractions, tuple(reached.tolist()), alpha)[-1])
            z = float(state.score[one, other] / math.sqrt(scale * max(state.information[one, other], 1e-12)))
            found[one, other], found[other, one] = z >= bound, z <= -bound
    return found


def _state(plan: Plan, state: State, seen: Seen, days: float) -> TestState:
    wins = seen.beaten_by.sum(axis=1)
    total = float(state.events.sum()) / seen.scale
    if (wins == len(plan.arms) - 1).any() and days >= _FEWEST_DAYS:
        return TestState.CLAIMED
    if seen.p_equal >= _SURELY_EQUAL and days >= _FEWEST_DAYS:
        return TestState.EQUIVALENT
    is_over = days >= plan.max_days
    is_cheap = days >= _FEWEST_DAYS and float(seen.loss.min()) < plan.loss
    if total >= _FEWEST and (is_over or (plan.ends_on_pick and is_cheap)):
        return TestState.PICKED
    return TestState.UNDECIDED if is_over else TestState.RUNNING


def _cheapest(plan: Plan, state: State, seen: Seen) -> int:
    """Which arm to keep of equals: the one that pays least for an event; per spend that is the rate itself."""
    events = state.events.sum(axis=1)
    if plan.metric is not Metric.CLICKS or not (events > 0).all():
        return int(np.argmax(seen.mean))
    return int(np.argmin(state.spend_minor / events))


def _unit(plan: Plan, state: State) -> float:
    """What one event counts: of revenue, the mean order."""
    if plan.metric is not Metric.ROAS:
        return 1.0
    return max(float(state.events.sum()) / max(float(state.purchases.sum()), 1.0), 1.0)


def dispersion_of(plan: Plan, state: State) -> float:
    """Return how much more arms vary from day to day than counts explain; for ROAS with the spread of order values."""
    least = 1.0 + _ORDER_VARIANCE * (plan.metric is Metric.ROAS)
    if not state.events.size:
        return least
    events = state.events / _unit(plan, state)
    return float(day_dispersion(events, state.exposures, least, plan.day_noise, plan.day_noise_weight))
