"""The optimizer (module 6): daily budgets by marginal return, once a day; says what it left alone and why. Pure.

R_i(s) is what object i brings at a daily spend s (`estimators/response.py`). Without a margin or goal the total of all
budgets stays and money moves until marginal returns are equal; with one, each object gets what still pays:
R_i'(s) = the ROAS that must be reached. Steps, floors and caps bound it; edits under their noise are dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from decisions.allocation_bounds import as_arrays, bounds_of, says
from decisions.allocation_choice import Choice, choose
from decisions.allocation_objects import Steered, steered, task_of, under_break_even
from decisions.allocation_record import Planned
from decisions.allocation_room import NO_CAPS, Room
from decisions.allocation_words import Told, say, waits_to_earn
from decisions.break_even import Aim, Form, aim_of, order_value_of
from decisions.budget_changes import frames, kind_of
from decisions.policy import AccountLimits, MaturedPolicy
from decisions.waiting_room import Fitted, fit
from domain.actions import ObjectKind, Proposal
from domain.evidence import Finding, RoasEvidence
from domain.leeway import UNKNOWN, Leeway
from domain.snapshot import Snapshot
from estimators.response import Response

__all__ = ["AllocationPlan", "Planned", "Room", "allocate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationPlan:
    """What the optimizer wants of an account, and what it has to say of the rest; `planned` has what waits as well."""

    aim: Aim
    price: float | None  # marginal revenue per money at which budgets were set; None where nothing could be
    proposals: tuple[Proposal, ...]
    findings: tuple[Finding, ...]
    planned: tuple[Planned, ...]
    gain_minor: float  # a day, of all that is planned
    steered: int  # objects that could be moved
    fitted: Fitted  # the proposals, and what of the plan waits for a guardrail


def allocate(
    snapshot: Snapshot, policy: MaturedPolicy, limits: AccountLimits, roas: RoasEvidence,
    responses: Mapping[ObjectKind, Response], *, room: Room = NO_CAPS,
    leeway: Leeway = UNKNOWN,
) -> AllocationPlan:  # fmt: skip
    """Propose daily budgets for what is free to move and known; nothing is read but the arguments.

    What may not be moved now, as `leeway` has it, keeps its budget, and what others get is chosen around it; steps that
    have no room now wait, and are part of the plan that stands.
    """
    aim = aim_of(policy, limits, order_value_minor=order_value_of(roas.frames))
    everything = steered(snapshot, responses)
    rows = everything.at(everything.is_known)
    unknown = everything.at(~everything.is_known)
    marginal = rows.marginal(rows.budget.astype(np.float64))
    told = Told(
        snapshot=snapshot, aim=aim, policy=policy, rows=rows, unknown=unknown, choice=None, marginal=marginal
    )  # fmt: skip
    if not len(rows):
        return AllocationPlan(
            aim=aim,
            price=None,
            proposals=(),
            findings=say(told)[1],
            planned=(),
            gain_minor=0.0,
            steered=0,
            fitted=fit((), snapshot, leeway),
        )
    bounds = bounds_of(rows, snapshot, leeway)
    choice = choose(task_of(rows, snapshot, policy, limits, aim, room, as_arrays(bounds, len(rows))))
    told = replace(told, choice=choice)
    planned = _planned(snapshot, rows, choice, aim)
    wanted, findings = say(told)
    fitted = fit(wanted, snapshot, leeway)
    bound = (*fitted.waits, *says(told, bounds))
    named = {(row.object_kind, row.object_id) for row in bound}
    findings = (*(row for row in findings if (row.object_kind, row.object_id) not in named), *bound)
    if limits.margin is not None:
        said = frozenset(row.object_id for row in findings)
        findings += tuple(waits_to_earn(told, under_break_even(rows, snapshot, limits.margin), said))
    return AllocationPlan(
        aim=aim, price=float(np.exp(choice.log_price.max())), proposals=fitted.proposals, findings=findings,
        planned=planned, gain_minor=float(sum(row.gain_minor for row in planned)), steered=len(rows), fitted=fitted,
    )  # fmt: skip


def _planned(snapshot: Snapshot, rows: Steered, choice: Choice, aim: Aim) -> tuple[Planned, ...]:
    at = np.flatnonzero(choice.target != rows.budget)
    rows, target = rows.at(at), choice.target[at]
    before, after = rows.revenue(rows.budget.astype(np.float64)), rows.revenue(target.astype(np.float64))
    is_free = aim.form is Form.FREE
    worth = 1 / aim.roas if is_free else 1.0
    price = 1.0 if is_free else float(np.exp(choice.log_price.max()))
    gain = worth * (after - before) - price * (target - rows.budget)
    names = [(kind_of(frame), frame.id) for frame in frames(snapshot)]
    columns = (rows.frame, rows.row, rows.budget, target, before, after, gain, choice.noise[at])
    return tuple(
        Planned(
            object_kind=names[frame][0],
            object_id=str(names[frame][1][row]),
            budget_minor=budget,
            target_minor=new,
            revenue_minor=brings,
            target_revenue_minor=would_bring,
            worth=worth,
            price=price,
            gain_minor=gains,
            noise_minor=noise,
        )
        for frame, row, budget, new, brings, would_bring, gains, noise in zip(
            *(column.tolist() for column in columns), strict=True
        )
    )
