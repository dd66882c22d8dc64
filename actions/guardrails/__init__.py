"""What may not happen: one pure rule per file, a verdict with a reason. The door judges twice: proposing and sending.

`GUARDRAILS` is the ordered table: what stops by conduct comes first, then steps and caps trim, so that
what looks at the amount itself sees the target to be sent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from actions.guardrails import (
    account_cap,
    ad_set_cap,
    arbiter_window,
    break_even,
    budget_unit,
    campaign_cap,
    cbo,
    cooldown,
    cumulative_24h,
    currency,
    cycle_limit,
    data_age,
    floor,
    hands_off,
    hourly_edits,
    hysteresis,
    incident,
    large_change,
    learning_resets,
    mass_pause,
    month_budget,
    never_create_active,
    never_touch,
    one_open_action,
    step,
    worst_day,
)
from actions.guardrails.facts import Facts, Limits
from domain.actions import CREATES, ActionKind, JsonMap, Proposal, Verdict

__all__ = ["GUARDRAILS", "Facts", "Guardrail", "Judgement", "Limits", "fold", "judge", "judge_all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """One rule, the kinds of action it is asked about, and whether a person's approval lifts its stop.

    What only `paces` automation does not bind the taking back of a change: that is no further step.
    """

    slug: str
    kinds: frozenset[ActionKind]
    judge: Callable[[Proposal, Facts], Verdict]
    approvable: bool = False
    paces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """All verdicts folded: whether it may go, what exactly may go, and why (stops if stopped, else trims)."""

    allowed: bool
    needs_approval: bool  # stopped, but only by what a person's approval lifts
    target: JsonMap
    reasons: tuple[str, ...]


_K = ActionKind
_BUDGET = frozenset({_K.SET_DAILY_BUDGET})
_PAUSE = frozenset({_K.PAUSE})
_ARCHIVE = frozenset({_K.ARCHIVE})
_LIMIT = frozenset({_K.SET_SPENDING_LIMIT})
_CHANGES = _BUDGET | _PAUSE | frozenset({_K.ACTIVATE})
_RAISES = _BUDGET | frozenset({_K.ACTIVATE})
_SPENDS = _BUDGET | frozenset({_K.ACTIVATE}) | CREATES
_SWITCHED = CREATES - {_K.CREATE_CREATIVE}  # a creative has no switch

# EMERGENCY_PAUSE stands in no row, and no row is asked about a spending limit that a stop orders: they go past
# everything but write-ahead, read-back and audit (ARCHITECTURE §3).
# RECORDED_ONLY kinds are never sent, so that nothing guards them.
GUARDRAILS: tuple[Guardrail, ...] = (
    Guardrail(slug=currency.SLUG, kinds=_SPENDS, judge=currency.judge),
    Guardrail(slug=never_touch.SLUG, kinds=_CHANGES | CREATES | _ARCHIVE, judge=never_touch.judge),
    Guardrail(slug=data_age.SLUG, kinds=_CHANGES, judge=data_age.judge),
    Guardrail(slug=hands_off.SLUG, kinds=_CHANGES, judge=hands_off.judge),
    Guardrail(slug=never_create_active.SLUG, kinds=_SWITCHED, judge=never_create_active.judge),
    Guardrail(slug=one_open_action.SLUG, kinds=_CHANGES | _ARCHIVE | _LIMIT, judge=one_open_action.judge),
    Guardrail(slug=arbiter_window.SLUG, kinds=_CHANGES, judge=arbiter_window.judge),
    Guardrail(slug=incident.SLUG, kinds=_RAISES | CREATES, judge=incident.judge),
    Guardrail(slug=hysteresis.SLUG, kinds=_RAISES, judge=hysteresis.judge),
    Guardrail(slug=cooldown.SLUG, kinds=_BUDGET, judge=cooldown.judge, paces=True),
    Guardrail(slug=hourly_edits.SLUG, kinds=_BUDGET, judge=hourly_edits.judge),
    Guardrail(slug=cbo.SLUG, kinds=_BUDGET, judge=cbo.judge),
    Guardrail(slug=break_even.SLUG, kinds=_BUDGET, judge=break_even.judge),
    Guardrail(slug=step.SLUG, kinds=_BUDGET, judge=step.judge, paces=True),
    Guardrail(slug=cumulative_24h.SLUG, kinds=_BUDGET, judge=cumulative_24h.judge, paces=True),
    Guardrail(slug=ad_set_cap.SLUG, kinds=_SPENDS, judge=ad_set_cap.judge),
    Guardrail(slug=campaign_cap.SLUG, kinds=_SPENDS, judge=campaign_cap.judge),
    Guardrail(slug=account_cap.SLUG, kinds=_SPENDS, judge=account_cap.judge),
    Guardrail(slug=worst_day.SLUG, kinds=_SPENDS, judge=worst_day.judge),
    Guardrail(slug=month_budget.SLUG, kinds=_SPENDS, judge=month_budget.judge),
    Guardrail(slug=budget_unit.SLUG, kinds=_BUDGET | CREATES, judge=budget_unit.judge),
    Guardrail(slug=floor.SLUG, kinds=_BUDGET | CREATES, judge=floor.judge),
    Guardrail(slug=large_change.SLUG, kinds=_RAISES, judge=large_change.judge, approvable=True),
    Guardrail(slug=learning_resets.SLUG, kinds=_RAISES, judge=learning_resets.judge, approvable=True, paces=True),
    Guardrail(slug=mass_pause.SLUG, kinds=_PAUSE, judge=mass_pause.judge, approvable=True),
    Guardrail(slug=cycle_limit.SLUG, kinds=_CHANGES | CREATES, judge=cycle_limit.judge),
)
_ASKED = {kind: tuple(row for row in GUARDRAILS if kind in row.kinds) for kind in ActionKind}
_APPROVABLE = frozenset(row.slug for row in GUARDRAILS if row.approvable)


def judge_all(proposal: Proposal, facts: Facts) -> tuple[Verdict, ...]:
    """Ask every guardrail that the kind concerns, in order; each sees the target as the ones before trimmed it.

    A stop does not end it, so that an operator reads every reason at once.
    """
    verdicts: list[Verdict] = []
    for guardrail in _ASKED[proposal.kind]:
        if guardrail.paces and proposal.undoes is not None:
            continue
        verdict = guardrail.judge(proposal, facts)
        verdicts.append(verdict)
        if verdict.trimmed_target is not None:
            proposal = replace(proposal, target=verdict.trimmed_target)
    return tuple(verdicts)


def fold(proposal: Proposal, verdicts: Iterable[Verdict]) -> Judgement:
    """Fold the verdicts on a proposal into one judgement."""
    verdicts = tuple(verdicts)
    stops = [verdict for verdict in verdicts if not verdict.allowed]
    trims = [verdict for verdict in verdicts if verdict.trimmed_target is not None]
    targets = [verdict.trimmed_target for verdict in verdicts if verdict.trimmed_target is not None]
    return Judgement(
        allowed=not stops,
        needs_approval=bool(stops) and all(verdict.guardrail in _APPROVABLE for verdict in stops),
        target=[proposal.target, *targets][-1],
        reasons=tuple(verdict.reason for verdict in stops or trims),
    )


def judge(proposal: Proposal, facts: Facts) -> Judgement:
    """Judge a proposal by every guardrail: `fold` of `judge_all`."""
    return fold(proposal, judge_all(proposal, facts))
