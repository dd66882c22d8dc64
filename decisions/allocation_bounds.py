"""Which objects the optimizer may not move now, or one way only, as the door's limits leave it; how that is said."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from decisions.allocation_objects import Bounds, Steered
from decisions.allocation_words import Told
from decisions.budget_changes import frames, kind_of
from domain.actions import Json, Priority
from domain.evidence import Finding
from domain.leeway import Held, Key, Leeway
from domain.snapshot import Snapshot

SOON: Final = timedelta(hours=1)  # a rest that ends by then is no reason to plan nothing: the step waits for it
_NOTHING: Final = Leeway()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What binds one row: both ways where `is_up` is None, else it may not be turned against its last change."""

    held: Held
    is_up: bool | None


def bounds_of(rows: Steered, snapshot: Snapshot, leeway: Leeway) -> dict[int, Bound]:
    """Return what binds which rows."""
    if leeway == _NOTHING:
        return {}
    named = {key for _, key in (*leeway.held, *leeway.turned)} | set(leeway.resting)  # few, whatever the account's size
    found: dict[int, Bound] = {}
    for place, frame in enumerate(frames(snapshot)):
        at = np.flatnonzero(rows.frame == place)
        for n, object_id in zip(at.tolist(), frame.id[rows.row[at]].tolist(), strict=True):
            if object_id in named:
                bound = _bound((kind_of(frame), object_id), leeway, snapshot.now)
                found |= {} if bound is None else {n: bound}
    return found


def _bound(key: Key, leeway: Leeway, now: datetime) -> Bound | None:
    held, rests_until, turn = leeway.held.get(key), leeway.resting.get(key[1]), leeway.turned.get(key)
    if held is not None and (held.priority is None or held.priority >= Priority.ROAS):
        return Bound(held=held, is_up=None)
    if rests_until is not None and rests_until > now + SOON:
        words = "its budget was changed lately and rests"
        return Bound(held=Held(guard="cooldown", until=rests_until, words=words), is_up=None)
    if turn is None or turn.priority < Priority.ROAS or turn.until <= now:
        return None
    words = f"it was turned {'up' if turn.is_up else 'down'} lately"
    return Bound(held=Held(guard="hysteresis", until=turn.until, words=words), is_up=turn.is_up)


def as_arrays(bounds: dict[int, Bound], size: int) -> Bounds:
    """Return which rows may not be cut, and which not be raised."""
    no_cut, no_raise = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    for n, bound in bounds.items():
        no_cut[n], no_raise[n] = bound.is_up is not False, bound.is_up is not True
    return Bounds(no_cut=no_cut, no_raise=no_raise)


def says(told: Told, bounds: dict[int, Bound]) -> Iterator[Finding]:
    """Say of each bound object for what it waits; of one that may move one way, where it would go the other."""
    both = frames(told.snapshot)
    for n, bound in bounds.items():
        stays = told.choice is not None and told.choice.target.item(n) == told.rows.budget.item(n)
        would_turn = (told.marginal.item(n) < told.price) if bound.is_up else (told.marginal.item(n) > told.price)
        if not stays or (bound.is_up is not None and not would_turn):
            continue
        frame, held = both[told.rows.frame.item(n)], bound.held
        evidence: dict[str, Json] = {
            "blocked_by": held.guard,
            "until": None if held.until is None else held.until.isoformat(),
        }
        yield Finding(
            object_kind=kind_of(frame), object_id=str(frame.id[told.rows.row.item(n)]), verdict="hold",
            words=f"hold: waits: {held.guard} until {held.when} ({held.words})", evidence=evidence,
        )  # fmt: skip
