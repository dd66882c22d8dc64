"""The store of principals: people and machines by name, with a role, known by a token's hash or as a system's user.

A token itself is never kept. What a role may do is said in `domain/permissions.py`, who may change one in `actions`.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, update

from domain.ids import PrincipalId
from domain.permissions import Principal, Role
from models.tables import Instant, principals

__all__ = ["Person", "Principal"]

_ENTRY_LOCK = 7_103  # of the first entry: two at once would both see an empty table


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A principal with everything about it but its token."""

    id: PrincipalId
    name: str
    role: Role
    has_token: bool
    created_by: str
    created_at: datetime
    disabled_by: str | None
    disabled_at: datetime | None


def hash_of(token: str) -> str:
    """The only form in which a token is kept; 256 random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def by_token(conn: Connection, token: str) -> Person | None:
    """Find whose token this is, disabled ones too."""
    return _one(conn, principals.c.token_hash == hash_of(token))


def by_name(conn: Connection, name: str) -> Person | None:
    """Find a principal by name, disabled ones too."""
    return _one(conn, principals.c.name == name)


def standing(conn: Connection, principal_id: PrincipalId) -> Principal | None:
    """The principal as it is now, held so until the transaction ends; None if it is disabled or was never there."""
    row = conn.execute(
        select(principals.c.id, principals.c.name, principals.c.role)
        .where(principals.c.id == principal_id, principals.c.disabled_at.is_(None))
        .with_for_update(read=True)
    ).first()
    return None if row is None else Principal(id=PrincipalId(row.id), name=row.name, role=Role(row.role))


def enter_first(conn: Connection, name: str) -> Person | None:
    """Enter the very first principal, an admin known as the system's user; None if anybody is entered already."""
    conn.execute(select(func.pg_advisory_xact_lock(_ENTRY_LOCK)))
    if conn.execute(select(principals.c.id).limit(1)).first() is not None:
        return None
    return add(conn, name=name, role=Role.ADMIN, token_hash=None, created_by=name)


def listing(conn: Connection) -> tuple[Person, ...]:
    """Everybody, by name, disabled ones last."""
    order = (principals.c.disabled_at.is_not(None), principals.c.name)
    return tuple(_person(row) for row in conn.execute(select(principals).order_by(*order)).mappings())


def add(conn: Connection, *, name: str, role: Role, token_hash: str | None, created_by: str) -> Person:
    """Enter somebody. The caller has seen to it that the name is free."""
    row = insert(principals).values(name=name, role=role, token_hash=token_hash, created_by=created_by)
    return _person(conn.execute(row.returning(*principals.c)).mappings().one())


def hold_admins(conn: Connection) -> frozenset[PrincipalId]:
    """The enabled admins, held as they are until the transaction ends: of two who remove each other one waits."""
    rows = conn.execute(
        select(principals.c.id)
        .where(principals.c.role == Role.ADMIN, principals.c.disabled_at.is_(None))
        .order_by(principals.c.id)
        .with_for_update()
    )
    return frozenset(PrincipalId(row.id) for row in rows)


def set_role(conn: Connection, principal_id: PrincipalId, role: Role) -> Person:
    """Change a role; counts from the commit on."""
    return _change(conn, principal_id, role=role)


def set_token(conn: Connection, principal_id: PrincipalId, token_hash: str) -> Person:
    """Change the token; the one before is worth nothing from the commit on."""
    return _change(conn, principal_id, token_hash=token_hash)


def disable(conn: Connection, principal_id: PrincipalId, *, disabled_by: str) -> Person:
    """Let somebody do nothing any more; the name stays taken, since the records speak of it."""
    return _change(conn, principal_id, disabled_by=disabled_by, disabled_at=func.clock_timestamp(type_=Instant))


def enable(conn: Connection, principal_id: PrincipalId) -> Person:
    """Let somebody who was disabled go on."""
    return _change(conn, principal_id, disabled_by=None, disabled_at=None)


def _change(conn: Connection, principal_id: PrincipalId, **values: object) -> Person:
    row = update(principals).where(principals.c.id == principal_id).values(**values).returning(*principals.c)
    return _person(conn.execute(row).mappings().one())


def _one(conn: Connection, which: ColumnElement[bool]) -> Person | None:
    row = conn.execute(select(principals).where(which)).mappings().first()
    return None if row is None else _person(row)


def _person(row: RowMapping) -> Person:
    return Person(
        id=PrincipalId(row["id"]),
        name=row["name"],
        role=Role(row["role"]),
        has_token=row["token_hash"] is not None,
        created_by=row["created_by"],
        created_at=row["created_at"],
        disabled_by=row["disabled_by"],
        disabled_at=row["disabled_at"],
    )
