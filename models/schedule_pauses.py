"""Which schedules people hold back. A held schedule plans no slots; runs that a person asks for are not its business.

`until_at` is the platform's clock: from then on slots are planned again without anybody's doing. No commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.actions import Json
from domain.health import RunState
from domain.ids import AccountId
from models import audit
from models.cleaning import clean_text
from models.runs import SCHEDULE
from models.tables import runs, schedule_pauses


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One cycle of one account that is held back."""

    task: str
    account_id: AccountId
    reason: str
    paused_by: str
    paused_at: datetime
    until_at: datetime | None  # platform's clock, None = until somebody resumes it


def listing(conn: Connection) -> tuple[Pause, ...]:
    """Return the pauses that nobody has ended, those included whose time is over by their platform's clock."""
    rows = conn.execute(select(schedule_pauses).where(schedule_pauses.c.ended_at.is_(None)).order_by("id"))
    return tuple(_pause(row) for row in rows)


def paused(conn: Connection, account_id: AccountId, now: datetime) -> frozenset[str]:
    """Return tasks of the account of which no slot is to be planned at the platform's instant `now`."""
    over = schedule_pauses.c.until_at
    wanted = select(schedule_pauses.c.task).where(
        schedule_pauses.c.account_id == account_id,
        schedule_pauses.c.ended_at.is_(None),
        or_(over.is_(None), over > now),
    )
    return frozenset(conn.execute(wanted).scalars())


def pause(
    conn: Connection, task: str, account_id: AccountId, *, reason: str, by: str, until_at: datetime | None
) -> Pause:
    """Hold a schedule back, or change why and until when; planned slots that nobody has begun are given up."""
    values: dict[str, Any] = {"reason": clean_text(reason), "paused_by": by, "until_at": until_at}
    row = insert(schedule_pauses).values(task=task, account_id=account_id, **values)
    upsert = row.on_conflict_do_update(
        index_elements=[schedule_pauses.c.task, schedule_pauses.c.account_id],
        index_where=schedule_pauses.c.ended_at.is_(None),
        set_={**values, "paused_at": func.clock_timestamp()},
    )
    found = _pause(conn.execute(upsert.returning(schedule_pauses)).one())
    given_up = update(runs).where(
        runs.c.task == task,
        runs.c.account_id == account_id,
        runs.c.triggered_by == SCHEDULE,
        runs.c.state == RunState.PLANNED,
    )
    why = f"its schedule was paused by {by}: {found.reason}"
    conn.execute(given_up.values(state=RunState.SKIPPED, reason=why, finished_at=func.clock_timestamp()))
    until: Json = None if until_at is None else until_at.isoformat()
    told: dict[str, Json] = {"cycle": task, "reason": found.reason, "until": until}
    audit.note(conn, actor=by, event="schedule.paused", account_id=account_id, detail=told)
    return found


def resume(conn: Connection, task: str, account_ids: Sequence[AccountId], *, by: str) -> int:
    """Let slots be planned again; returns for how many accounts that was held back."""
    held = update(schedule_pauses).where(
        schedule_pauses.c.task == task,
        schedule_pauses.c.account_id.in_(account_ids),
        schedule_pauses.c.ended_at.is_(None),
    )
    ended = held.values(ended_by=by, ended_at=func.clock_timestamp()).returning(schedule_pauses.c.account_id)
    found = sorted(conn.execute(ended).scalars())
    for account_id in found:
        audit.note(conn, actor=by, event="schedule.resumed", account_id=AccountId(account_id), detail={"cycle": task})
    return len(found)


def _pause(row: Row[Any]) -> Pause:
    return Pause(**{name: getattr(row, name) for name in Pause.__dataclass_fields__})
