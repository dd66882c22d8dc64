"""The autonomous system (module 7): weighs levels of autonomy on evidence. Up is recommended, down is done at once."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from actions import levels
from decisions.promotion import Advice, ModuleRecord, Move, judge
from domain import catalogue
from domain.actions import Json, ObjectKind
from domain.evidence import Finding
from domain.modules import Role
from models import allocations, audit, findings, module_levels, promotions, roas_calibration
from models.accounts import Account
from models.promotions import Kept
from tasks.full_cycle import policy_of
from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

STEP: Final = "step_1_autonomy"
MODULE: Final = "autonomy"
_STEERS: Final = "optimization"  # whose changes are held against what they were to bring


def run(work: Work) -> None:
    """Weigh every acting module of the account; take levels back where that is due."""
    with work.step(STEP):
        account, now = work.reload_account(), work.run.now_at
        with work.transaction() as conn:
            advices = advise(conn, account, now)
            for advice in advices:
                _act(conn, account, advice, now, by=f"{work.rhythm.pair.slug}, run {work.run.id}")
            findings.replace(conn, account.id, MODULE, now, _findings(account, advices))
        work.stats["judged"] = len(advices)
        work.stats["recommended"] = [row.module for row in advices if row.move is Move.PROMOTE]
        work.stats["demoted"] = [row.module for row in advices if row.move is Move.DEMOTE]


def advise(conn: Connection, account: Account, now: datetime) -> tuple[Advice, ...]:
    """Say what is advised now of every built module that acts; writes nothing."""
    kept = promotions.current(conn, account.id)
    return tuple(
        judge(record_of(conn, account, pair.module.slug, now, kept.get(pair.module.slug)))
        for pair in catalogue.PAIRS
        if pair.platform.slug == account.platform and pair.module.role is Role.ACTS and any(pair.built_cycles())
    )


def record_of(conn: Connection, account: Account, module: str, now: datetime, kept: Kept | None) -> ModuleRecord:
    """Gather what is on record of a module."""
    tasks = [row.name for row in catalogue.RHYTHMS if row.pair.module.slug == module]
    demoted_at = kept.demoted_at if kept else None
    counted = promotions.counts(conn, account.id, module, tasks, now, demoted_at=demoted_at)
    until = now.astimezone(ZoneInfo(account.zone)).date() - timedelta(days=1)
    told = roas_calibration.calibration(conn, account.id, until)
    held = [row for row in told if row.object_kind is ObjectKind.AD_SET]
    own = module_levels.of(conn, account.id, module)
    gains = allocations.totals(conn, account.id) if module == _STEERS else None
    return ModuleRecord(
        module=module, level=levels.effective(account.level, own), account_level=account.level, runs=counted.runs,
        failed_week=counted.failed_week, answered=counted.answered, approved=counted.approved,
        forecasts=sum(row.forecasts for row in held), held=sum(row.held for row in held),
        settled=gains.changes if gains else 0, predicts=gains is not None,
        predicted_minor=gains.predicted_minor if gains else 0.0,
        realised_minor=gains.realised_minor if gains else 0.0,
        backtest=promotions.latest_backtest(conn, account.id, policy_of(conn, account)[0]),
        streak=_streak(account, kept, now),
        days_since_demotion=None if demoted_at is None else (now - demoted_at) / timedelta(days=1),
    )  # fmt: skip


def _act(conn: Connection, account: Account, advice: Advice, now: datetime, *, by: str) -> None:
    before = promotions.current(conn, account.id).get(advice.module)
    streak = _streak(account, before, now) + 1 if advice.earned else 0
    promotions.keep(conn, account.id, advice, streak=streak, now=now)
    if advice.move is Move.DEMOTE:
        module_levels.put(conn, account.id, advice.module, advice.to, set_by=by)
        detail: dict[str, Json] = {
            "module": advice.module, "before": advice.level, "after": advice.to, "reasons": list(advice.reasons),
        }  # fmt: skip
        audit.note(conn, actor=by, event="level.demoted", account_id=account.id, detail=detail)


def _streak(account: Account, kept: Kept | None, now: datetime) -> int:
    """The days in a row before today: a second look of a day is no second day."""
    if kept is None:
        return 0
    zone = ZoneInfo(account.zone)
    is_today = kept.advised_at.astimezone(zone).date() == now.astimezone(zone).date()
    return max(0, kept.streak - 1) if is_today else kept.streak


def _findings(account: Account, advices: tuple[Advice, ...]) -> tuple[Finding, ...]:
    """One row of the account: what is recommended or was taken back."""
    told = [row for row in advices if row.move is not Move.KEEP]
    if not told:
        return ()
    words = "; ".join(f"{row.module}: {row.move} from {row.level} to {row.to}" for row in told)
    shown: dict[str, Json] = {row.module: {"reasons": list(row.reasons), **row.evidence} for row in told}
    return (
        Finding(
            object_kind=ObjectKind.ACCOUNT, object_id=account.platform_account_id, verdict=told[0].move, words=words,
            evidence=shown,
        ),
    )  # fmt: skip


cycle_tasks(app, "autonomy", run)
