"""The store of backtests and of what was last advised on levels, and the figures that such advice rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from decisions.promotion import Advice, BacktestGain, Move
from domain.actions import Json, JsonMap, Level
from domain.clock import require_aware
from domain.ids import AccountId
from models.tables import backtests, promotions

_KEPT_DAYS: Final = 400
_WINDOW: Final = timedelta(days=28)
_COUNTS: Final = text("""
SELECT
    (SELECT count(*) FROM runs WHERE account_id = :account AND task = ANY(:tasks) AND slot_at > :since
        AND state IN ('succeeded', 'partial', 'failed')) AS runs,
    (SELECT count(*) FROM runs WHERE account_id = :account AND task = ANY(:tasks) AND slot_at > :week
        AND state = 'failed')
    + (SELECT count(*) FROM actions WHERE account_id = :account AND module = :module AND decided_at > :week
        AND state = 'dead') AS failed_week,
    count(p.action_id) AS answered, count(*) FILTER (WHERE p.decision = 'approved') AS approved
FROM (
    SELECT DISTINCT ON (p.action_id) p.action_id, p.decision
    FROM approvals AS p JOIN actions AS a ON a.id = p.action_id
    WHERE a.account_id = :account AND a.module = :module AND a.decided_at > :since AND p.withdrawn_at IS NULL
    ORDER BY p.action_id, p.id DESC
) AS p
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a module did and what people answered, of 28 days; faults of 7."""

    runs: int
    failed_week: int
    answered: int
    approved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was advised last on a module."""

    account_id: AccountId
    module: str
    advised_at: datetime
    move: Move
    level: Level
    to: Level
    streak: int
    demoted_at: datetime | None
    reasons: tuple[str, ...]
    missing: tuple[str, ...]
    evidence: JsonMap


def counts(
    conn: Connection, account_id: AccountId, module: str, tasks: Sequence[str], now: datetime, *,
    demoted_at: datetime | None = None,
) -> Counted:  # fmt: skip
    """Count runs of the module's tasks, its faults, and the answers to its proposals, up to an instant.

    Faults that a demotion has answered, those up to `demoted_at`, do not count again.
    """
    now = require_aware("now", now)
    asked = {
        "account": account_id, "module": module, "tasks": list(tasks), "since": now - _WINDOW,
        "week": max(now - timedelta(days=7), demoted_at or now - timedelta(days=7)),
    }  # fmt: skip
    row = conn.execute(_COUNTS, asked).one()
    return Counted(runs=row.runs, failed_week=row.failed_week, answered=row.answered, approved=row.approved)


def save_backtest(
    conn: Connection, account_id: AccountId, *, policy: str, over: str, cases: int, days: int, gain_minor: float,
    low_minor: float | None, high_minor: float | None, detail: JsonMap,
) -> None:  # fmt: skip
    """Keep a backtest; those of more than a year ago go."""
    conn.execute(
        insert(backtests).values(
            account_id=account_id, policy=policy, over_policy=over, cases=cases, days=days, gain_minor=gain_minor,
            low_minor=low_minor, high_minor=high_minor, detail=dict(detail),
        )
    )  # fmt: skip
    old = func.clock_timestamp() - timedelta(days=_KEPT_DAYS)
    conn.execute(delete(backtests).where(backtests.c.account_id == account_id, backtests.c.made_at < old))


def latest_backtest(conn: Connection, account_id: AccountId, policy: str) -> BacktestGain | None:
    """Return the newest backtest of a policy of the account."""
    age = func.extract("epoch", func.clock_timestamp() - backtests.c.made_at)
    query = (
        select(backtests.c.gain_minor, backtests.c.low_minor, backtests.c.high_minor, age.label("age_s"))
        .where(backtests.c.account_id == account_id, backtests.c.policy == policy)
        .order_by(backtests.c.id.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    return BacktestGain(
        gain_minor=row.gain_minor,
        low_minor=row.low_minor,
        high_minor=row.high_minor,
        age_days=float(row.age_s) / 86_400,
    )


def current(conn: Connection, account_id: AccountId) -> Mapping[str, Kept]:
    """What was advised last, by module."""
    rows = conn.execute(select(promotions).where(promotions.c.account_id == account_id))
    return {row.module: _kept(row) for row in rows}


def demoted(conn: Connection) -> tuple[Kept, ...]:
    """Modules whose last advice was a step back, for the tower's alert."""
    query = select(promotions).where(promotions.c.move == Move.DEMOTE)
    return tuple(_kept(row) for row in conn.execute(query.order_by(promotions.c.account_id, promotions.c.module)))


def keep(conn: Connection, account_id: AccountId, advice: Advice, *, streak: int, now: datetime) -> None:
    """Write what is advised in the place of what was; the instant of the last demotion stays."""
    told: dict[str, Json | datetime] = {
        "advised_at": require_aware("now", now), "move": advice.move, "level": advice.level, "to_level": advice.to,
        "streak": streak, "reasons": list(advice.reasons), "missing": list(advice.missing),
        "evidence": advice.evidence,
    }  # fmt: skip
    if advice.move is Move.DEMOTE:
        told["demoted_at"] = now
    row = upsert(promotions).values(account_id=account_id, module=advice.module, **told)
    conn.execute(row.on_conflict_do_update(index_elements=["account_id", "module"], set_=told))


def _kept(row: Any) -> Kept:
    return Kept(
        account_id=AccountId(row.account_id), module=row.module, advised_at=row.advised_at, move=Move(row.move),
        level=Level(row.level), to=Level(row.to_level), streak=row.streak, demoted_at=row.demoted_at,
        reasons=tuple(row.reasons), missing=tuple(row.missing), evidence=row.evidence,
    )  # fmt: skip
