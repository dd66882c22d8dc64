"""The ROAS engine (module 5): maturity, posterior of matured ROAS per object, forecasts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import Connection

from decisions.break_even import Aim, aim_of
from decisions.expected_spend import expected_spend
from decisions.policy import MaturedPolicy
from decisions.roas_findings import tell
from decisions.roas_posterior import Estimate, day_weights, estimate_sums, pace_of, quantile, weigh
from domain.actions import Json, ObjectKind
from domain.evidence import Finding
from domain.panel import MaturityCurve
from domain.snapshot import Floats
from estimators.forecast import forecast
from estimators.maturity import learn
from estimators.order_values import spread_of_orders
from models import findings, maturity_curves, panels, roas_estimates, standing
from models.accounts import Account
from models.panels import Reading
from models.roas_estimates import Told
from tasks.full_cycle import limits_of_account, policy_of
from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

STEP = "step_1_roas_engine"
MODULE: Final = "roas_engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What one look at an account's figures told. Nothing of it is written."""

    reading: Reading
    curve: MaturityCurve
    estimate: Estimate
    daily_spend_minor: dict[ObjectKind, Floats]
    aim: Aim


def run(work: Work) -> None:
    """Learn from what was collected, and write down what is known now in the place of what was known before."""
    with work.step(STEP):
        account = work.reload_account()
        if account.insights_read_at is None:
            declined = "no figures of this account were read yet; the collector reads them"
            work.stats["declined"] = declined
            work.errors.append({"step": STEP, "error": "Declined", "message": declined})
            return
        with work.house.engine.begin() as conn:
            learnt = look(conn, account, work.run.now_at, keep=work.keep)
        work.keep()
        with work.load() as conn:
            write(conn, account, learnt, work.run.now_at)
        work.stats |= _stats(learnt)


def look(conn: Connection, account: Account, now: datetime, *, keep: Callable[[], None] = lambda: None) -> Learnt:
    """Learn the curve, the pace and the posteriors at this instant; writes nothing.

    `keep` is called between readings, each of which takes a while where there are 10^5 ads.
    """
    _, chosen = policy_of(conn, account)
    policy = chosen if isinstance(chosen, MaturedPolicy) else MaturedPolicy()
    reading, days = panels.reading(account, now), policy.history_days
    curve = learn(*maturity_curves.cohorts(conn, account, reading))
    keep()
    ad_sets, campaigns = panels.load_with_parents(conn, account, ObjectKind.AD_SET, days=days, reading=reading)
    pace = pace_of(ad_sets, curve)
    weights = day_weights(campaigns.age_days, curve, reading.day_share, policy.half_life_days, pace)
    ads = panels.load_sums(
        conn, account, ObjectKind.AD, reading=reading, age_days=campaigns.age_days, weights=weights,
        parents=ad_sets.object_id,
    )  # fmt: skip
    keep()
    estimate = estimate_sums(
        ads, weigh(ad_sets, weights), weigh(campaigns, weights), account_id=account.platform_account_id, pace=pace,
        order_cv2=spread_of_orders(campaigns.purchases, campaigns.revenue_minor),
    )  # fmt: skip
    value = estimate.order_values[ObjectKind.ACCOUNT]
    has_orders = len(value) > 0 and float(campaigns.purchases.sum()) > 0
    return Learnt(
        reading=reading,
        curve=curve,
        estimate=estimate,
        daily_spend_minor=expected_spend(ads, ad_sets, campaigns, standing.load(conn, account.id)),
        aim=aim_of(policy, limits_of_account(account), order_value_minor=float(value[0]) if has_orders else None),
    )


def told_of(learnt: Learnt) -> dict[ObjectKind, Told]:
    """Return posteriors with their forecasts, by kind."""
    estimate = learnt.estimate
    return {
        kind: Told(
            frame=frame,
            order_value_minor=estimate.order_values[kind],
            ahead=forecast(
                frame, learnt.daily_spend_minor[kind][: len(frame)], estimate.order_values[kind],
                order_cv2=estimate.order_cv2, pace=estimate.pace,
            ),
        )
        for kind, frame in estimate.frames.items()
    }  # fmt: skip


def write(conn: Connection, account: Account, learnt: Learnt, now: datetime) -> None:
    """Put what was learnt in the place of what was known before."""
    told = told_of(learnt)
    maturity_curves.keep(conn, account.id, learnt.curve, now)
    roas_estimates.replace(conn, account.id, now, learnt.reading.until + timedelta(days=1), told)
    read_at = account.insights_read_at
    age_s = None if read_at is None else max(0, int((now - read_at).total_seconds()))
    rows = (row for one in told.values() for row in _findings(one, learnt, age_s))
    findings.replace(conn, account.id, MODULE, now, rows)


def _findings(one: Told, learnt: Learnt, age_s: int | None) -> tuple[Finding, ...]:
    orders = np.maximum(one.order_value_minor, 1e-9)
    a_day = learnt.daily_spend_minor[one.frame.kind][: len(one.frame)] * one.ahead.roas / orders
    return tell(
        one.frame, learnt.aim, purchases_a_day=a_day, order_cv2=learnt.estimate.order_cv2, data_age_s=age_s
    )  # fmt: skip


def _stats(learnt: Learnt) -> dict[str, Json]:
    """Figures for people: how much is known, and the account's ROAS now and once matured."""
    frames, curve = learnt.estimate.frames, learnt.curve
    account = frames[ObjectKind.ACCOUNT]
    counts: dict[str, Json] = {f"{kind.value}s": len(frame) for kind, frame in frames.items() if kind != "account"}
    figures: dict[str, Json] = {
        "learnt_from_purchases": round(curve.cohorts),
        "arrived_by_next_day": round(float(curve.share[1]), 3),
        "arrived_in_a_week": round(float(curve.share[7]), 3),
        "until": learnt.reading.until.isoformat(),
    }
    if len(account):
        low, middle, high = (round(float(quantile(account, p)[0]), 3) for p in (0.1, 0.5, 0.9))
        figures |= {"roas_now": round(float(account.now[0]), 3), "roas_matured": middle, "roas_80": [low, high]}
    return counts | figures


cycle_tasks(app, "roas_engine", run)
