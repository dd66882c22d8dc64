"""How a look is told: one sentence for people, and the figures behind it. Judges nothing."""

import math

import numpy as np

from decisions.experiment_state import Claim, Metric, Plan, Seen, State
from domain.actions import Json
from domain.evidence import TestState
from estimators import evalues

EVENTS = {Metric.CLICKS: "clicks", Metric.CONVERSIONS: "purchases", Metric.ROAS: "purchases"}
RATES = {Metric.CLICKS: "click rate", Metric.CONVERSIONS: "purchases per spend", Metric.ROAS: "ROAS"}
_FAR_DAYS = 999.0
_FEW_DAYS = 10


def words_of(plan: Plan, seen: Seen, verdict: TestState, best: int, drop: tuple[str, ...]) -> str:
    """Say in one sentence, without a full stop, what the look found."""
    ad = f"ad {plan.arms[best]}"
    lead = _lead(seen, best)
    match verdict:
        case TestState.CLAIMED:
            return f"{ad} is better: {RATES[plan.metric]} {lead:+.1%} against the next; {_guarantee(plan)}"
        case TestState.EQUIVALENT:
            return f"no difference above {plan.equal_within:.0%} is left (P {seen.p_equal:.0%}): keep {ad}, the cheaper"
        case TestState.PICKED:
            return (
                f"go on with {ad}: best with P {seen.p_best[best]:.0%}, expected loss {max(seen.loss[best], 0):.2%};"
                f" a pick after {seen.days:.1f} days, not a claim"
            )
        case TestState.UNDECIDED:
            return (
                f"its {plan.max_days} days are over with too few {EVENTS[plan.metric]} to pick by; {_needs(plan, seen)}"
            )
        case _:
            lost = f"; {', '.join(f'ad {arm}' for arm in drop)} lost already" if drop else ""
            return f"not decidable yet: {_needs(plan, seen)}; {ad} leads with P {seen.p_best[best]:.0%}{lost}"


def _guarantee(plan: Plan) -> str:
    """What a claim promises: false-discovery control over several arms holds a share, not a chance."""
    if plan.claim is Claim.DAILY:
        return f"claimed with at most {plan.alpha:.0%} chance of a false claim, looked at daily"
    always = "looked at as often as one likes"
    if len(plan.arms) > 2:  # noqa: PLR2004 - a pair
        return f"claimed with at most {plan.alpha:.0%} of such claims expected to be false, {always}"
    return f"claimed with at most {plan.alpha:.0%} chance of a false claim, {always}"


def evidence_of(plan: Plan, state: State, seen: Seen) -> dict[str, Json]:
    """Return the figures of a look, all finite."""
    events, exposures = state.events.sum(axis=1), state.exposures.sum(axis=1)
    best = int(np.argmax(seen.mean))
    low, high = interval(plan, state, seen, best)
    log_needed = math.log(plan.directions / plan.alpha)
    e_best = float(np.delete(seen.log_e[best], best).min())
    arms: dict[str, Json] = {
        arm: {
            "events": float(events[row]), "exposures": float(exposures[row]),
            "spend_minor": float(state.spend_minor[row]), "p_best": round(float(seen.p_best[row]), 4),
            "loss": round(float(max(seen.loss[row], 0.0)), 5), "relative": round(math.expm1(float(seen.mean[row])), 5),
        }
        for row, arm in enumerate(plan.arms)
    }  # fmt: skip
    return {
        "counts": {EVENTS[plan.metric]: float(events.sum() / seen.scale)},
        "days": round(seen.days, 2),
        "arms": arms,
        "best": plan.arms[best],
        "posterior": {
            "mean": round(_lead(seen, best), 5), "low": low, "high": high,
            "certainty": round(float(seen.p_best[best]), 4),
        },
        "log_e": round(e_best, 4),
        "threshold": round(log_needed, 4),
        "dispersion": round(seen.dispersion, 3),
        "p_equal": round(seen.p_equal, 4),
        "metric": plan.metric.value,
        "claim": plan.claim.value,
        "needs": {
            EVENTS[plan.metric]: math.ceil(min(seen.needs_events, 1e12)),
            "days": round(min(seen.needs_days, _FAR_DAYS), 1),
        },
    }  # fmt: skip


def interval(plan: Plan, state: State, seen: Seen, best: int) -> tuple[Json, Json]:
    """Return the lead's interval over the next best, that holds at any stopping; None while it is unbounded."""
    order = np.argsort(-seen.mean)
    other = int(order[1] if int(order[0]) == best else order[0])
    information = float(state.information[best, other]) / (seen.scale * seen.dispersion)
    events, exposures = state.events.sum(axis=1), state.exposures.sum(axis=1)
    if information <= 0 or not state.weights.any() or min(events[best], events[other]) <= 0:
        return None, None
    raw = math.log(events[best] / exposures[best] / (events[other] / exposures[other]))
    width = evalues.radius(information, state.weights, 2 * plan.alpha / plan.directions)
    low, high = (math.expm1(min(max(raw + side, -20.0), 7.0)) for side in (-width, width))
    return round(low, 4), round(high, 4)


def _lead(seen: Seen, best: int) -> float:
    return math.expm1(float(seen.mean[best] - np.delete(seen.mean, best).max()))


def _needs(plan: Plan, seen: Seen) -> str:
    more = f"about {math.ceil(min(seen.needs_events, 1e12)):,} more {EVENTS[plan.metric]}"
    if not math.isfinite(seen.needs_days) or seen.needs_days > _FAR_DAYS:
        return f"{more}, which this traffic does not bring in {_FAR_DAYS:.0f} days"
    days = max(seen.needs_days, 0.1)
    left = max(plan.max_days - seen.days, 0.0)
    late = f", but it ends in {left:.0f}" if days > left else ""
    return f"{more} or {days:.{1 if days < _FEW_DAYS else 0}f} days{late}"
