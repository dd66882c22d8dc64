"""Reads what people type of a test into a plan, and says what the plan can find. Refusals name the way out."""

import math

from sqlalchemy import Connection

from decisions.experiment_state import Claim, Metric, Plan
from decisions.policy import MaturedPolicy
from domain.errors import BadInputError
from domain.objects import Status
from estimators import test_power
from models import experiment_arms
from models.accounts import Account
from models.experiment_arms import Arm

LIFT = 0.10  # the difference that a planned test is told the power for
_MOST_ARMS = 12


def read_arms(conn: Connection, account: Account, ads: str | None, ad_set: str | None) -> tuple[Arm, ...]:
    """Return the arms that were named, by `--ads` or as the active ads of `--ad-set`.

    Raises:
        BadInputError: neither or both were named, an ad is not known, there is one only, too many, or they stand in
            different ad sets.
    """
    if (ads is None) == (ad_set is None):
        raise BadInputError("name what to compare: --ads A,B,… or --ad-set S for all its active ads; one of the two")
    if ad_set is not None:
        arms = experiment_arms.active_of(conn, account.id, ad_set)
        where = f"ad set {ad_set} has {len(arms)} active ads"
    else:
        wanted = tuple(dict.fromkeys(name.strip() for name in (ads or "").split(",") if name.strip()))
        arms = experiment_arms.named(conn, account.id, wanted)
        missing = [name for name in wanted if name not in {arm.id for arm in arms}]
        if missing:
            raise BadInputError(f"no ad {', '.join(missing)} in account {account.id}; `stakazo ad list` shows them")
        where = f"{len(arms)} ads were named"
    return _comparable(arms, where)


def _comparable(arms: tuple[Arm, ...], where: str) -> tuple[Arm, ...]:
    if not 2 <= len(arms) <= _MOST_ARMS:  # noqa: PLR2004 - a comparison needs two
        raise BadInputError(f"{where}; a test compares 2 to {_MOST_ARMS}: name them with --ads A,B")
    parents = {arm.ad_set_id for arm in arms}
    if len(parents) > 1:
        places = ", ".join(f"{arm.id} in {arm.ad_set_id}" for arm in arms)
        raise BadInputError(
            f"these ads stand in {len(parents)} ad sets ({places}), where budgets and audiences differ, so that nothing"
            " of the ads themselves could be told; copy them into one ad set, or test two that stand together"
        )
    idle = [arm.id for arm in arms if arm.status is not Status.ACTIVE]
    if idle:
        raise BadInputError(f"ad {', '.join(idle)} is not active, so that nothing is learnt of it; activate it first")
    return arms


def plan_of(
    arms: tuple[Arm, ...],
    policy: MaturedPolicy,
    *,
    metric: Metric,
    claim: Claim,
    max_days: int | None,
    events_per_day: float,
    ends_on_pick: bool,
) -> Plan:
    """Build the plan: levels from the account's policy, the horizon's events from the traffic of the last week."""
    days = policy.ab_max_days if max_days is None else max_days
    return Plan(
        experiment_id=0, ad_set_id=arms[0].ad_set_id, arms=tuple(sorted(arm.id for arm in arms)), metric=metric,
        claim=claim, alpha=policy.ab_alpha, loss=policy.ab_loss, equal_within=policy.ab_equal_within, max_days=days,
        planned_events=events_per_day * days, ends_on_pick=ends_on_pick,
    )  # fmt: skip


def power_of(plan: Plan, events_per_day: float) -> dict[str, float | None]:
    """Return the chance to claim a 10 % difference in time, and the days that 80 % would take; None = no traffic."""
    if events_per_day <= 0:
        return {"lift": LIFT, "days": plan.max_days, "power": None, "days_for_80_percent": None}
    alpha, is_daily = plan.alpha / plan.directions, plan.claim is Claim.DAILY
    spread = 2.0 if plan.metric is Metric.ROAS else 1.0  # of order values
    per_day = events_per_day * 2 / len(plan.arms) / 4 / spread
    chance = test_power.daily_power if is_daily else test_power.continuous_power
    needed = test_power.information_needed(math.log1p(LIFT), alpha, power=0.8, is_daily=is_daily)
    return {
        "lift": LIFT,
        "days": plan.max_days,
        "power": round(chance(math.log1p(LIFT), per_day * plan.max_days, alpha), 3),
        "days_for_80_percent": round(needed / per_day, 1),
    }


def power_in_words(power: dict[str, float | None], max_days: int) -> str:
    """Say what a plan can find."""
    if power["power"] is None or power["days_for_80_percent"] is None:
        return "these ads had no such events in the last week: how long it takes is told after the first day"
    return (
        f"with this traffic a {LIFT:+.0%} difference would be claimed within {max_days} days with"
        f" {power['power']:.0%}; for 80 % it takes {power['days_for_80_percent']:,.0f} days"
    )
