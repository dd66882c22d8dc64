"""The store of what is usual in an account: the state of each kind of object, as arrays in a document with a version.

Functions never commit. `take` locks an account's states: hours are seen once, in order.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from decisions.anomalies import Watch, begin
from domain.actions import ObjectKind
from domain.ids import AccountId
from estimators.expectation import Expectation
from estimators.level_shifts import Shifts
from estimators.tails import Sums
from models.tables import anomaly_states

VERSION: Final = 1  # of the arrays: another one is not read, and what is usual is learnt anew
_KEY: Final = "hashtextextended('anomalies/' || CAST(:account AS text), 0)"
_LOCK: Final = text(f"SELECT pg_advisory_xact_lock({_KEY})")
_TRY_LOCK: Final = text(f"SELECT pg_try_advisory_xact_lock({_KEY})")
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("object_id", "recent", "open", "calm", "since", "gone", "budget", "week_spent", "idle"),
    "expectation": ("level", "variance", "known", "day", "day_variance", "week", "week_variance", "dispersion"),
    "sums": ("hours", "seen", "mean", "own"),
    "shifts": ("up", "down"),
}


def take(conn: Connection, account_id: AccountId, kinds: Sequence[ObjectKind]) -> dict[ObjectKind, Watch]:
    """Read the states of some kinds and keep others from taking them until the transaction ends."""
    conn.execute(_LOCK, {"account": account_id})
    query = select(anomaly_states.c.object_kind, anomaly_states.c.body).where(
        anomaly_states.c.account_id == account_id, anomaly_states.c.version == VERSION
    )
    found = {ObjectKind(kind): _unpacked(ObjectKind(kind), body) for kind, body in conn.execute(query)}
    if not all(kind in found for kind in kinds):
        return {kind: begin(kind) for kind in kinds}  # hours are seen by all kinds together
    return {kind: found[kind] for kind in kinds}


def is_free(conn: Connection, account_id: AccountId) -> bool:
    """Say whether nobody holds the account's states; if so, they are kept from others until the transaction ends."""
    return bool(conn.execute(_TRY_LOCK, {"account": account_id}).scalar_one())


def upto(conn: Connection, account_id: AccountId) -> datetime | None:
    """Return the start of the last hour seen, None before the first."""
    query = select(func.min(anomaly_states.c.upto)).where(
        anomaly_states.c.account_id == account_id, anomaly_states.c.version == VERSION
    )
    found: datetime | None = conn.execute(query).scalar_one()
    return found


def keep(conn: Connection, account_id: AccountId, watches: Mapping[ObjectKind, Watch], upto: datetime) -> None:
    """Write the states down after the hours up to the one that starts at `upto`."""
    row = insert(anomaly_states)
    replaced = {name: row.excluded[name] for name in ("version", "upto", "body")}
    written = row.on_conflict_do_update(index_elements=["account_id", "object_kind"], set_=replaced)
    values = [
        {"account_id": account_id, "object_kind": kind, "version": VERSION, "upto": upto, "body": _packed(watch)}
        for kind, watch in watches.items()
    ]
    conn.execute(written.values(values))


def _packed(watch: Watch) -> bytes:
    """The arrays as numpy's own compressed document, which holds no code."""
    arrays: dict[str, NDArray[Any]] = {
        f"{part}.{name}": getattr(getattr(watch, part) if part else watch, name)
        for part, names in _PARTS.items()
        for name in names
    }
    at_s = np.nan if watch.at is None else watch.at.timestamp()
    log_share = np.nan if watch.log_share is None else watch.log_share
    arrays[".own"] = np.array([watch.hours, at_s, log_share])
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)  # type: ignore[arg-type]  # its stub takes a flag of that type by name, too
    return out.getvalue()


def _unpacked(kind: ObjectKind, body: bytes) -> Watch:
    with np.load(io.BytesIO(body), allow_pickle=False) as found:
        parts = {part: {name: found[f"{part}.{name}"] for name in names} for part, names in _PARTS.items()}
        hours, at_s, log_share = found[".own"].tolist()
    return Watch(
        kind=kind,
        expectation=Expectation(**parts["expectation"]),
        sums=Sums(**parts["sums"]),
        shifts=Shifts(**parts["shifts"]),
        hours=int(hours),
        at=None if np.isnan(at_s) else datetime.fromtimestamp(at_s, UTC),
        log_share=None if np.isnan(log_share) else log_share,
        **parts[""],
    )
