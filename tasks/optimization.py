"""The optimization loop (module 6): allocates daily budgets by marginal return; tracks what came of it."""

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from actions import door
from actions.door import Proposed
from actions.guardrails import Limits
from decisions.allocation import AllocationPlan, allocate
from decisions.allocation_room import Room, daily_room
from decisions.evidence_age import OLDEST, ROAS
from decisions.freshness import stale_reason
from decisions.policy import AccountLimits, MaturedPolicy
from domain import catalogue
from domain.actions import ObjectKind
from domain.evidence import RoasEvidence
from domain.snapshot import Snapshot
from estimators.response import Response, fit
from models import accounts, allocations, findings, maturity_curves, panels, roas_estimates, snapshots
from models.accounts import Account
from models.run_history import LogEntry
from tasks import leeway
from tasks.full_cycle import action_entry, limits_of_account, outcomes_of, policy_of
from workers.bootstrap import limits_of
from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

STEP = "step_1_optimization"
MODULE: Final = "optimization"
_DATA_AGE: Final = timedelta(hours=2)
_ROAS_AGE: Final = OLDEST[ROAS]
_FIGURES: Final = ("impressions", "clicks", "spend_minor", "purchases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the optimizer wants at an instant, or why it declined. Nothing of it is written."""

    plan: AllocationPlan | None
    declined: str | None


def run(work: Work) -> None:
    """Settle what has matured, plan, propose through the door, and keep what the plan expects."""
    with work.step(STEP):
        account, now = work.reload_account(), work.run.now_at
        with work.house.engine.begin() as conn:
            judged = judge(conn, account, now, doors=limits_of(work.house.settings))
        work.keep()
        with work.transaction() as conn:
            account = accounts.get(conn, account.id)
            work.stats["settled"] = _settle(conn, account, now)
            if judged.plan is not None:
                _propose(work, conn, account, judged.plan)
        if judged.declined is not None:
            work.stats["declined"] = judged.declined
            work.errors.append({"step": STEP, "error": "Declined", "message": judged.declined})


def judge(conn: Connection, account: Account, now: datetime, *, doors: Limits) -> Judged:
    """Load what is known at this instant and ask the optimizer, within the door's limits; writes nothing."""
    _, policy = policy_of(conn, account)
    if not isinstance(policy, MaturedPolicy):
        return Judged(plan=None, declined="policy classic steers budgets in the full cycle")
    snapshot = snapshots.load(
        conn, account, now=now, window_days=policy.window_days, spike_hours=policy.spike_hours
    )  # fmt: skip
    roas = roas_estimates.current(conn, account.id)
    declined = stale_reason(snapshot, _DATA_AGE) or _too_old(roas, now)
    if declined is not None or roas is None:
        return Judged(plan=None, declined=declined)
    limits = limits_of_account(account)
    responses = _responses(conn, account, policy, snapshot, roas, now)
    room = _room(conn, account, limits, now)
    left = leeway.gather(conn, account, snapshot, doors)
    plan = allocate(snapshot, policy, limits, roas, responses, room=room, leeway=left)
    return Judged(plan=plan, declined=None)


def _too_old(roas: RoasEvidence | None, now: datetime) -> str | None:
    if roas is None:
        return (
            "the ROAS engine has not said anything of this account yet; `stakazo cycle run --cycle roas_engine` runs it"
        )
    hours = (now - roas.made_at) / timedelta(hours=1)
    if now - roas.made_at > _ROAS_AGE:
        return f"the ROAS engine ran last {hours:.0f} h ago, more than {_ROAS_AGE / timedelta(hours=1):.0f} h; run it"
    return None


def _responses(  # noqa: PLR0917 - what a plan is made of
    conn: Connection, account: Account, policy: MaturedPolicy, snapshot: Snapshot, roas: RoasEvidence, now: datetime
) -> dict[ObjectKind, Response]:
    reading, curve = panels.reading(account, now), maturity_curves.current(conn, account.id)
    wanted = {
        ObjectKind.CAMPAIGN: len(snapshot.campaigns) > 0,
        ObjectKind.AD_SET: bool((snapshot.ad_sets.daily_budget_minor > 0).any()),
    }
    found = {}
    for kind in (kind for kind, is_wanted in wanted.items() if is_wanted and kind in roas.frames):
        panel = panels.load(conn, account, kind, days=policy.history_days, reading=reading, figures=_FIGURES)
        found[kind] = fit(panel, curve, roas.frames[kind], half_life_days=policy.half_life_days)
    return found


def _room(conn: Connection, account: Account, limits: AccountLimits, now: datetime) -> Room:
    """What the month's budget leaves for each of its days."""
    if limits.month_budget_minor is None:
        return Room()
    today = now.astimezone(ZoneInfo(account.zone)).date()
    left = calendar.monthrange(today.year, today.month)[1] - today.day + 1
    spent = allocations.spent_between(conn, account.id, today.replace(day=1), today - timedelta(days=1))
    return Room(account_daily_minor=daily_room(limits.month_budget_minor, spent_minor=spent, days_left=left))


def _settle(conn: Connection, account: Account, now: datetime) -> int:
    until = panels.reading(account, now).until
    return allocations.settle(conn, account.id, until=until, now=now, curve=maturity_curves.current(conn, account.id))


def _propose(work: Work, conn: Connection, account: Account, plan: AllocationPlan) -> None:
    now = work.run.now_at
    proposed = door.propose(
        conn, account=account, run_id=work.run.id, now=now, proposals=plan.proposals, module=MODULE,
        actor=f"{work.rhythm.pair.slug}, run {work.run.id}", limits=limits_of(work.house.settings),
    )  # fmt: skip
    findings.replace(conn, account.id, MODULE, now, plan.findings)
    allocations.record(
        conn, account.id, planned_on=now.astimezone(ZoneInfo(account.zone)).date(), planned_at=now,
        planned=plan.planned,
        action_ids={(action.object_kind, action.object_id): action.id for action in proposed.actions},
    )  # fmt: skip
    work.log_in(conn, [_plan_entry(plan)])
    work.log_in(conn, (action_entry(action) for action in proposed.actions))
    _ring(work, proposed)
    work.stats |= {
        **({"waits": dict(plan.fitted.waiting)} if plan.fitted.waits else {}),
        **outcomes_of(proposed.actions, repeated=proposed.repeated), "steered": plan.steered,
        "expected_gain_minor": round(plan.gain_minor), "form": plan.aim.form.value, "aim": plan.aim.words,
    }  # fmt: skip


def _ring(work: Work, proposed: Proposed) -> None:
    for ring in proposed.rings:
        queue = catalogue.actions_queue(catalogue.platform(ring.platform))
        work.ring_action_after(queue, ring.action_id, ring.about)


def _plan_entry(plan: AllocationPlan) -> LogEntry:
    return LogEntry(
        step=STEP, action="allocate", input_snapshot={"steered": plan.steered, "form": plan.aim.form.value},
        output_snapshot={
            "proposals": len(plan.proposals), "findings": len(plan.findings),
            "expected_gain_minor": round(plan.gain_minor), "price": plan.price, "aim": plan.aim.words,
        },
    )  # fmt: skip


cycle_tasks(app, "optimization", run)
