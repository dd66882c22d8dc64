"""The store of sealed secrets: bytes that only `workers/vault.py` can open. Functions never commit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from models.tables import secrets

ALL: Final = "all"  # every account of the platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a secret is for. It is sealed into the box: moved to another place, the box does not open."""

    platform: str
    name: str
    account: str = ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A sealed secret, and which key opens it."""

    key_id: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What may be shown of a secret."""

    place: Place
    key_id: str
    set_by: str
    set_at: datetime
    sealed_at: datetime


def put(conn: Connection, place: Place, box: Box, *, set_by: str) -> None:
    """Keep a secret in place of what was there."""
    own = {"platform": place.platform, "account": place.account, "name": place.name}
    values = {
        "key_id": box.key_id,
        "box": box.content,
        "set_by": set_by,
        "set_at": func.clock_timestamp(),
        "sealed_at": func.clock_timestamp(),
    }
    row = insert(secrets).values(**own, **values)
    conn.execute(row.on_conflict_do_update(index_elements=list(own), set_=values))


def changed_at(conn: Connection) -> datetime | None:
    """When somebody last set one; None = none is kept."""
    at: datetime | None = conn.execute(select(func.max(secrets.c.set_at))).scalar_one()
    return at


def find(conn: Connection, place: Place) -> Box | None:
    """Read a secret's box."""
    row = conn.execute(select(secrets.c.key_id, secrets.c.box).where(*_is(place))).first()
    return None if row is None else Box(key_id=row.key_id, content=bytes(row.box))


def remove(conn: Connection, place: Place) -> bool:
    """Forget a secret; says whether it was there."""
    return conn.execute(delete(secrets).where(*_is(place))).rowcount == 1


def listing(conn: Connection) -> tuple[Listed, ...]:
    """Read what may be shown of all secrets."""
    query = select(secrets).order_by(secrets.c.platform, secrets.c.account, secrets.c.name)
    return tuple(
        Listed(place=_place(row), key_id=row.key_id, set_by=row.set_by, set_at=row.set_at, sealed_at=row.sealed_at)
        for row in conn.execute(query)
    )


def reseal(conn: Connection, seal: Callable[[Place, Box], Box]) -> int:
    """Seal every secret anew in this transaction; readers see the old boxes until it commits. Returns how many."""
    rows = conn.execute(select(secrets).with_for_update()).all()
    for row in rows:
        box = seal(_place(row), Box(key_id=row.key_id, content=bytes(row.box)))
        values = {"key_id": box.key_id, "box": box.content, "sealed_at": func.clock_timestamp()}
        conn.execute(update(secrets).where(*_is(_place(row))).values(values))
    return len(rows)


def _is(place: Place) -> tuple[Any, ...]:
    return (
        secrets.c.platform == place.platform,
        secrets.c.account == place.account,
        secrets.c.name == place.name,
    )


def _place(row: Row[Any]) -> Place:
    return Place(platform=row.platform, account=row.account, name=row.name)
