"""The store of policies: per account, every version that was ever set; the newest is the one in force."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from domain.actions import Json, JsonMap
from domain.ids import AccountId
from models import audit
from models.cleaning import clean_json, clean_text
from models.tables import policies


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPolicy:
    """A version of an account's policy: who set it, and when (Postgres' clock)."""

    id: int
    name: str
    body: JsonMap
    set_by: str
    set_at: datetime


def current(conn: Connection, account_id: AccountId) -> tuple[str, JsonMap] | None:
    """Read the name and the body in force, or None where none was ever set."""
    newest = history(conn, account_id, 1)
    return (newest[0].name, newest[0].body) if newest else None


def save(conn: Connection, account_id: AccountId, name: str, body: JsonMap, set_by: str) -> SetPolicy:
    """Set a policy; what was in force stays in the history. The same one again writes nothing."""
    newest = history(conn, account_id, 1)
    clean = clean_json(dict(body))
    if newest and (newest[0].name, newest[0].body) == (name, clean):
        return newest[0]
    row = insert(policies).values(account_id=account_id, name=name, body=clean, set_by=clean_text(set_by))
    saved = _version(conn.execute(row.returning(policies)).one())
    before: dict[str, Json] = {"name": newest[0].name, "body": dict(newest[0].body)} if newest else {}
    told: dict[str, Json] = {"before": before, "after": {"name": saved.name, "body": dict(saved.body)}}
    audit.note(conn, actor=saved.set_by, event="policy.set", account_id=account_id, detail=told)
    return saved


def history(conn: Connection, account_id: AccountId, limit: int) -> tuple[SetPolicy, ...]:
    """Read the newest versions, newest first."""
    query = select(policies).where(policies.c.account_id == account_id).order_by(policies.c.id.desc()).limit(limit)
    return tuple(_version(row) for row in conn.execute(query))


def _version(row: Row[Any]) -> SetPolicy:
    return SetPolicy(id=row.id, name=row.name, body=row.body, set_by=row.set_by, set_at=row.set_at)
