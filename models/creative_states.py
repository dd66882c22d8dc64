"""The store of what is known of ads' life-cycles after a day: arrays of some ads in a document with a version.

Functions never commit. Chances are kept in half precision, figures in single: under a kilobyte an ad.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from decisions.life_memory import ARRAYS, Memory
from domain.ids import AccountId
from estimators import decay_filter
from estimators.decay_filter import State
from models.tables import creative_states

VERSION: Final = 2  # of the arrays: one that is not read lets all days be followed anew
_ADS_FIRST: Final = 1  # the version before: ads came first in these arrays, which are last since
_READ: Final = frozenset({_ADS_FIRST, VERSION})
_TURNED: Final = frozenset({"base", "belief", "last"})
_OF_STATE: Final = (
    "group", "first_clicks", "first_seen", "first_days", "base", "belief", "evidence", "noise", "last", "shocks",
)  # fmt: skip
_WHOLE: Final = ("evidence", "noise", "shocks")  # sums over many days, of few groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is on record of an account, by part of its ads."""

    parts: tuple[int, ...]
    upto: date  # the last day taken
    ratio: float
    certainty: float


def standing(conn: Connection, account_id: AccountId) -> Standing | None:
    """Return what is on record; None where nothing is, or its parts are of another version or of several days."""
    table = creative_states
    query = select(table.c.part, table.c.version, table.c.upto, table.c.ratio, table.c.certainty).where(
        table.c.account_id == account_id
    )
    rows = conn.execute(query.order_by(table.c.part)).all()
    if not rows or len({row[2:] for row in rows}) > 1 or any(row.version not in _READ for row in rows):
        return None
    return Standing(
        parts=tuple(row.part for row in rows), upto=rows[0].upto, ratio=rows[0].ratio, certainty=rows[0].certainty
    )


def take(conn: Connection, account_id: AccountId, part: int) -> Memory:
    """Return what is known of a part that `standing` told of."""
    table = creative_states
    query = select(table.c.version, table.c.upto, table.c.ratio, table.c.certainty, table.c.body).where(
        table.c.account_id == account_id, table.c.part == part
    )
    version, upto, ratio, certainty, body = conn.execute(query).one()
    turned = _TURNED if version == _ADS_FIRST else frozenset()
    with np.load(io.BytesIO(body), allow_pickle=False) as found:
        return Memory(
            ad_id=found["ad_id"].astype(object), upto=upto.toordinal(), certainty=certainty,
            state=_state(found, "state", ratio, turned), pools=_state(found, "pools", ratio, turned),
            **{name: _widened(found[name]) for name in ARRAYS},
        )  # fmt: skip


def keep(conn: Connection, account_id: AccountId, part: int, memory: Memory) -> None:
    """Write down what is known of a part, in the place of what was."""
    row = insert(creative_states)
    names = ("version", "upto", "ratio", "certainty", "body")
    written = row.on_conflict_do_update(
        index_elements=["account_id", "part"], set_={name: row.excluded[name] for name in names}
    )
    values = {
        "account_id": account_id, "part": part, "version": VERSION, "upto": date.fromordinal(memory.upto),
        "ratio": memory.limit, "certainty": memory.certainty, "body": _packed(memory),
    }  # fmt: skip
    conn.execute(written.values(values))


def forget_from(conn: Connection, account_id: AccountId, part: int) -> None:
    """Delete the parts from this number on."""
    table = creative_states
    conn.execute(delete(table).where(table.c.account_id == account_id, table.c.part >= part))


def _packed(memory: Memory) -> bytes:
    """The arrays as numpy's own document, which holds no code; half precision does not compress."""
    arrays: dict[str, NDArray[Any]] = {"ad_id": memory.ad_id.astype(str)}
    arrays |= {name: _narrowed(getattr(memory, name)) for name in ARRAYS}
    for part, state in (("state", memory.state), ("pools", memory.pools)):
        for name in _OF_STATE:
            values = getattr(state, name)
            if name == "belief":
                arrays[f"{part}.{name}"] = values.astype(np.float16)
            else:
                arrays[f"{part}.{name}"] = values if name in _WHOLE else _narrowed(values)
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]  # its stub takes a flag of that type by name, too
    return out.getvalue()


def _state(found: Mapping[str, NDArray[Any]], part: str, ratio: float, turned: frozenset[str]) -> State:
    state = decay_filter.begin(np.zeros(0, np.int64), ratio)
    for name in _OF_STATE:
        values = found[f"{part}.{name}"]
        values = np.ascontiguousarray(np.moveaxis(values, 0, -1)) if name in turned else values
        setattr(state, name, values.astype(np.float32) if name == "belief" else _widened(values))
    total = state.belief.sum((1, 2), keepdims=True)
    np.divide(state.belief, total, out=state.belief, where=total > 0)
    return state


def _narrowed(values: NDArray[Any]) -> NDArray[Any]:
    narrow = {"f": np.float32, "i": np.int32}.get(values.dtype.kind)
    return values if narrow is None else values.astype(narrow)


def _widened(values: NDArray[Any]) -> NDArray[Any]:
    wide = {"f": np.float64, "i": np.int64}.get(values.dtype.kind)
    return values if wide is None else values.astype(wide)
