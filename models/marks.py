"""The store of "never touch" marks: who put one on which object, when and why; a lifted one stays in the history.

What a mark covers is not said here but in `actions/guardrails/never_touch.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, insert, select, update

from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.ids import AccountId
from models import audit
from models.cleaning import clean_text
from models.tables import ad_sets, ads, campaigns, marks

_TABLES = {ObjectKind.CAMPAIGN: campaigns, ObjectKind.AD_SET: ad_sets, ObjectKind.AD: ads}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A standing mark. `ad_set_id` and `campaign_id` are what the object is part of, as far as the mirror knows."""

    object_kind: ObjectKind
    object_id: str
    ad_set_id: str | None
    campaign_id: str | None
    reason: str
    set_by: str
    set_at: datetime


def standing(conn: Connection, account_id: AccountId) -> tuple[Mark, ...]:
    """Read every mark of the account that was not lifted, oldest first; they are few."""
    ad_set_id = case((marks.c.object_kind == ObjectKind.AD, ads.c.ad_set_id))
    campaign_id = func.coalesce(
        case((marks.c.object_kind == ObjectKind.AD, ads.c.campaign_id)),
        case((marks.c.object_kind == ObjectKind.AD_SET, ad_sets.c.campaign_id)),
    )
    query = (
        select(marks, ad_set_id.label("ad_set_id"), campaign_id.label("campaign_id"))
        .outerjoin(ads, and_(ads.c.account_id == account_id, ads.c.id == marks.c.object_id))
        .outerjoin(ad_sets, and_(ad_sets.c.account_id == account_id, ad_sets.c.id == marks.c.object_id))
        .where(marks.c.account_id == account_id, marks.c.lifted_at.is_(None))
        .order_by(marks.c.id)
    )
    return tuple(_mark(row) for row in conn.execute(query))


def put(conn: Connection, account_id: AccountId, kind: ObjectKind, object_id: str, *, reason: str, set_by: str) -> bool:
    """Mark an object; one that is marked keeps its mark. Says whether it is new.

    Raises:
        BadInputError: the mirror holds no such object.
    """
    _require_known(conn, account_id, kind, object_id)
    if _find(conn, account_id, kind, object_id):
        return False
    row = {"reason": clean_text(reason), "set_by": clean_text(set_by)}
    conn.execute(insert(marks).values(account_id=account_id, object_kind=kind, object_id=object_id, **row))
    told = {"object_kind": kind, "object_id": object_id, "reason": reason}
    audit.note(conn, actor=set_by, event="mark.put", account_id=account_id, detail=told)
    return True


def lift(conn: Connection, account_id: AccountId, kind: ObjectKind, object_id: str, *, lifted_by: str) -> bool:
    """Take the mark off an object; says whether there was one."""
    change = (
        update(marks)
        .where(
            marks.c.account_id == account_id,
            marks.c.object_kind == kind,
            marks.c.object_id == object_id,
            marks.c.lifted_at.is_(None),
        )
        .values(lifted_by=clean_text(lifted_by), lifted_at=func.clock_timestamp())
    )
    was_marked = conn.execute(change).rowcount == 1
    if was_marked:
        told = {"object_kind": kind, "object_id": object_id}
        audit.note(conn, actor=lifted_by, event="mark.lifted", account_id=account_id, detail=told)
    return was_marked


def _find(conn: Connection, account_id: AccountId, kind: ObjectKind, object_id: str) -> bool:
    return any((row.object_kind, row.object_id) == (kind, object_id) for row in standing(conn, account_id))


def _require_known(conn: Connection, account_id: AccountId, kind: ObjectKind, object_id: str) -> None:
    table = _TABLES.get(kind)
    if table is None:
        raise BadInputError(f"a {kind} cannot be marked; campaigns, ad sets and ads can")
    known = select(table.c.id).where(table.c.account_id == account_id, table.c.id == object_id)
    if conn.execute(known).first() is None:
        words = kind.replace("_", " ")
        raise BadInputError(
            f"no {words} {object_id} in account {account_id}; see `stakazo {kind.replace('_', '')} list`"
        )


def _mark(row: Row[Any]) -> Mark:
    return Mark(
        object_kind=ObjectKind(row.object_kind),
        object_id=row.object_id,
        ad_set_id=row.ad_set_id,
        campaign_id=row.campaign_id,
        reason=row.reason,
        set_by=row.set_by,
        set_at=row.set_at,
    )
