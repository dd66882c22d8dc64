"""What was wanted of one object in the last cycles, with what judged it: for whoever asks why. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from domain.actions import Action, ObjectKind
from domain.health import RunState
from domain.ids import AccountId, RunId
from models.ledger_rows import ACTION_COLUMNS, to_action
from models.runs import Run, as_run
from models.tables import actions, ad_sets, ads, campaigns, runs

_TABLES = {ObjectKind.CAMPAIGN: campaigns, ObjectKind.AD_SET: ad_sets, ObjectKind.AD: ads}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An object that the mirror holds."""

    kind: ObjectKind
    id: str
    name: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A ledger row with what the guardrails said of it."""

    action: Action
    module: str | None
    blocked_by: str | None  # guardrails in their order, or "arbiter", "fence", "account_paused"
    verdicts: tuple[Mapping[str, Any], ...]


def find_object(conn: Connection, account_id: AccountId, object_id: str) -> Named | None:
    """Find a campaign, ad set or ad by the platform's id of it."""
    for kind, table in _TABLES.items():
        query = select(table.c.name, table.c.status).where(table.c.account_id == account_id, table.c.id == object_id)
        row = conn.execute(query).first()
        if row is not None:
            return Named(kind=kind, id=object_id, name=row.name, status=row.status)
    return None


def runs_of(conn: Connection, account_id: AccountId, tasks: Sequence[str], limit: int) -> tuple[Run, ...]:
    """The newest runs of some cycles on an account, newest slot first; slots that were skipped wanted nothing."""
    query = (
        select(runs)
        .where(runs.c.account_id == account_id, runs.c.task.in_(tasks), runs.c.state != RunState.SKIPPED)
        .order_by(runs.c.slot_at.desc(), runs.c.id.desc())
        .limit(limit)
    )
    return tuple(as_run(row) for row in conn.execute(query))


def runs_that_wanted(
    conn: Connection, account_id: AccountId, object_id: str, tasks: Sequence[str], limit: int
) -> tuple[Run, ...]:
    """The newest runs of some cycles that wanted something of the object, newest slot first."""
    concerns = or_(actions.c.object_id == object_id, actions.c.result_object_id == object_id)
    wanting = select(actions.c.run_id).where(actions.c.account_id == account_id, concerns)
    query = (
        select(runs)
        .where(runs.c.account_id == account_id, runs.c.task.in_(tasks), runs.c.id.in_(wanting))
        .order_by(runs.c.slot_at.desc(), runs.c.id.desc())
        .limit(limit)
    )
    return tuple(as_run(row) for row in conn.execute(query))


def wanted_in(
    conn: Connection, account_id: AccountId, object_id: str, run_ids: Sequence[RunId]
) -> Mapping[RunId, tuple[Wanted, ...]]:
    """What these runs wanted of the object, in the order in which it was recorded."""
    found: dict[RunId, list[Wanted]] = {run_id: [] for run_id in run_ids}
    for row in _rows(conn, account_id, object_id, [actions.c.run_id.in_(run_ids)], limit=None):
        if row.action.run_id is not None:
            found[row.action.run_id].append(row)
    return {run_id: tuple(rows) for run_id, rows in found.items()}


def outside_runs(conn: Connection, account_id: AccountId, object_id: str, limit: int) -> tuple[Wanted, ...]:
    """The newest things that were wanted of the object outside any run: by people, undos and stops; newest first."""
    return tuple(reversed(_rows(conn, account_id, object_id, [actions.c.run_id.is_(None)], limit=limit)))


def of_actions(conn: Connection, account_id: AccountId, object_id: str, ids: Sequence[int]) -> tuple[Wanted, ...]:
    """Those of some actions that concern the object."""
    return tuple(_rows(conn, account_id, object_id, [actions.c.id.in_(ids)], limit=None))


def _rows(
    conn: Connection, account_id: AccountId, object_id: str, where: Sequence[Any], *, limit: int | None
) -> list[Wanted]:
    query = (
        select(*ACTION_COLUMNS, actions.c.module, actions.c.blocked_by, actions.c.verdicts)
        .where(
            actions.c.account_id == account_id,
            or_(actions.c.object_id == object_id, actions.c.result_object_id == object_id),
            *where,
        )
        .order_by(actions.c.id.desc())
        .limit(limit)
    )
    rows = [
        Wanted(
            action=to_action(row),
            module=row["module"],
            blocked_by=row["blocked_by"],
            verdicts=tuple(row["verdicts"]),
        )
        for row in conn.execute(query).mappings()
    ]
    return rows[::-1]
