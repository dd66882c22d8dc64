"""What people read of the audit: the newest rows, a stream of all, the heads of its chains. Nothing is changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, literal_column, select, text

from domain.ids import AccountId
from models.tables import audit, audit_heads

_PAGE: Final = 1000
# The very text that was hashed after the hash before it (r0008, audit_hash): builtins only, not the stored function,
# so that whoever replaced that one is found out too.
HASHED: Final = (
    "jsonb_build_array(audit.chain, audit.seq, (extract(epoch FROM audit.at) * 1000000)::bigint, audit.actor,"
    " audit.event, audit.action_id, audit.before_state, audit.after_state, audit.epoch, audit.detail)::text"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A row of the audit. `at` is Postgres' clock; chain 0 is the house's, any other an account's."""

    chain: int
    seq: int
    at: datetime
    actor: str
    event: str
    action_id: int | None
    before_state: str | None
    after_state: str | None
    epoch: int | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A row with what its hash was made of: SHA-256 over `prev_hash` and the UTF-8 bytes of `hashed`."""

    told: Told
    hashed: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last row of a chain. Kept elsewhere it is the anchor that no rewriting of the database can move."""

    chain: int
    seq: int
    at: datetime
    hash: str


def listing(
    conn: Connection,
    *,
    chain: int | None = None,
    actor: str | None = None,
    event: str | None = None,
    limit: int = 50,
) -> tuple[Told, ...]:
    """The newest rows first; an event also stands for all that begin with it and a dot ("fence" for "fence.closed")."""
    query = _filtered(select(audit), chain=chain, actor=actor, event=event)
    newest = query.order_by(audit.c.at.desc(), audit.c.chain, audit.c.seq.desc()).limit(limit)
    return tuple(_told(row) for row in conn.execute(newest))


def stream(
    conn: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    account_id: AccountId | None = None,
) -> Iterator[Sealed]:
    """Every row of [since, until), chain by chain in their order; a page at a time, however many there are."""
    query = select(audit, literal_column(HASHED).label("hashed")).order_by(audit.c.chain, audit.c.seq)
    query = _filtered(query, chain=account_id, actor=None, event=None)
    if since is not None:
        query = query.where(audit.c.at >= since)
    if until is not None:
        query = query.where(audit.c.at < until)
    conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # its reader may be slow
    for row in conn.execute(query, execution_options={"stream_results": True, "yield_per": _PAGE}):
        yield Sealed(told=_told(row), hashed=row.hashed, prev_hash=row.prev_hash.hex(), hash=row.hash.hex())


def heads(conn: Connection) -> tuple[Head, ...]:
    """The head of every chain, by chain."""
    rows = conn.execute(select(audit_heads).order_by(audit_heads.c.chain))
    return tuple(Head(chain=row.chain, seq=row.seq, at=row.at, hash=row.hash.hex()) for row in rows)


def _filtered(query: Select[Any], *, chain: int | None, actor: str | None, event: str | None) -> Select[Any]:
    if chain is not None:
        query = query.where(audit.c.chain == chain)
    if actor is not None:
        query = query.where(audit.c.actor == actor)
    if event is not None:
        query = query.where((audit.c.event == event) | audit.c.event.startswith(f"{event}.", autoescape=True))
    return query


def _told(row: Row[Any]) -> Told:
    return Told(**{name: getattr(row, name) for name in Told.__dataclass_fields__})
