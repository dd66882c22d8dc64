"""What an account must earn: the ROAS below which spending is a loss, and whether its total of budgets is free.

Only a margin or a goal of the advertiser says what a further unit of money must bring; without one the total stays.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from decisions.policy import AccountLimits, MaturedPolicy
from domain.actions import ObjectKind
from domain.evidence import RoasFrame


class Form(StrEnum):
    """What the optimizer may do with the sum of all budgets."""

    FIXED_TOTAL = "fixed_total"  # it moves money between objects, and adds none
    FREE = "free"  # every object gets what still pays


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What an object must reach; a ROAS under `roas` is a loss."""

    form: Form
    roas: float
    basis: str  # "margin", "goal_roas", "goal_cpa", "policy"
    words: str


def aim_of(policy: MaturedPolicy, limits: AccountLimits, *, order_value_minor: float | None = None) -> Aim:
    """Return what the account aims at.

    | set | an object must reach | total of the budgets |
    |---|---|---|
    | margin m | 1 / m | free |
    | goal ROAS g | g | free |
    | goal CPA, and the value of an order is known | that value / the goal | free |
    | none of these | the policy's `roas_low` | fixed |
    """
    margin = limits.margin
    if margin is not None and 0 < margin <= 1:
        return Aim(
            form=Form.FREE, roas=1 / margin, basis="margin",
            words=f"break-even ROAS {1 / margin:.2f} at a margin of {margin * 100:g} %",
        )  # fmt: skip
    if limits.goal_roas is not None:
        return Aim(form=Form.FREE, roas=limits.goal_roas, basis="goal_roas", words=f"goal ROAS {limits.goal_roas:.2f}")
    value = order_value_minor
    if limits.goal_cpa_minor is not None and value is not None and math.isfinite(value) and value > 0:
        roas = value / limits.goal_cpa_minor
        return Aim(form=Form.FREE, roas=roas, basis="goal_cpa", words=f"ROAS {roas:.2f}, which is the goal CPA")
    return Aim(
        form=Form.FIXED_TOTAL, roas=policy.roas_low, basis="policy",
        words=f"ROAS {policy.roas_low:.2f} of the policy (no margin or goal is set)",
    )  # fmt: skip


def order_value_of(frames: Mapping[ObjectKind, RoasFrame]) -> float | None:
    """Return the mean value of an order of the account in minor units; None while it has had no purchase."""
    frame = frames.get(ObjectKind.ACCOUNT)
    if frame is None or not len(frame):
        return None
    purchases = float(frame.purchases.sum())
    worth = float((frame.now * frame.spend_minor).sum())
    return worth / purchases if purchases > 0 and worth > 0 else None
