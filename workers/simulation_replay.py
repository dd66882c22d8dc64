"""Replays the platform's own log of effects: steps, caps and rests of budgets as they really were. Pure; no ledger."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from domain.clock import require_aware
from workers.oracle import action_of

STEP_MAX = 0.20
REST = timedelta(hours=24)
REST_LEARNING = timedelta(hours=72)
_ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A change of a daily budget (minor units) or a switch, as the platform wrote it down. `action` None = not ours."""

    at: datetime
    account_id: str
    object_id: str
    action: int | None
    budget: tuple[int, int] | None = None
    is_on: tuple[bool, bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An object that may carry a daily budget, as it stands at the end. `parent` is the campaign of an ad set."""

    id: str
    name: str
    parent: str | None
    budget: int | None
    is_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Caps in minor units; None = there is none."""

    per_ad_set: int | None
    total: int | None


def effects_of(lines: Iterable[Mapping[str, Any]]) -> tuple[Effect, ...]:
    """Read the effects that move money from the platform's log, oldest first; creates are left out."""
    return tuple(found for line in lines if (found := _effect(line)) is not None)


def wide_steps(effects: Iterable[Effect], believed: Mapping[int, int] = MappingProxyType({})) -> Iterator[str]:
    """Name every budget step of ours that is wider than ±20 %.

    `believed` has the budgets that actions stepped from which, on record, went over an edit made in the last moment.
    """
    for effect in effects:
        if effect.action is None or effect.budget is None:
            continue
        before, after = believed.get(effect.action, effect.budget[0]), effect.budget[1]
        if abs(after - before) > before * STEP_MAX + 1e-6:
            yield (
                f"action {effect.action} moved the daily budget of {effect.object_id} from {before} to {after} minor"
                f" units, {100 * (after / before - 1):+.1f} %, at {effect.at.isoformat()}"
            )


def hasty_changes(
    effects: Iterable[Effect], is_learning: Mapping[str, Sequence[tuple[datetime, bool]]]
) -> Iterator[str]:
    """Name every budget change of ours that followed another of ours too soon: 24 h, 72 h for an object in learning.

    `is_learning` has, per object, from when on it was in learning or not; one without an entry counts as out of it.
    """
    last: dict[str, datetime] = {}
    for effect in effects:
        if effect.action is None or effect.budget is None:
            continue
        before = last.get(effect.object_id)
        last[effect.object_id] = effect.at
        learning = _at(is_learning.get(effect.object_id, ()), effect.at)
        wait = REST_LEARNING if learning else REST
        if before is not None and effect.at - before < wait:
            yield (
                f"action {effect.action} changed the daily budget of {effect.object_id} {effect.at - before} after"
                f" another change; it rests for {wait}{' in learning' if learning else ''}"
            )


def silent_overwrites(
    effects: Iterable[Effect], believed: Mapping[int, Mapping[str, Any]], flagged: Container[int], until: datetime
) -> Iterator[str]:
    """Name every effect of ours that went over values it did not know of, and is not on record as one that did.

    `believed` has what each action took for present. An edit is put on record by the next reading of the platform's
    history: effects from `until` on, the instant of the last one, are left out.
    """
    for effect in effects:
        if effect.action is None or effect.action not in believed or effect.action in flagged or effect.at >= until:
            continue
        held = believed[effect.action]
        budget, status = held.get("daily_budget_minor"), held.get("status")
        if effect.budget is not None and budget is not None and effect.budget[0] != budget:
            yield f"action {effect.action} went over a budget of {effect.budget[0]}, which it took for {budget}"
        if effect.is_on is not None and status is not None and effect.is_on[0] is not (str(status).upper() == _ACTIVE):
            yield f"action {effect.action} went over a switch that it took for {status}"


def broken_caps(effects: Sequence[Effect], standing: Sequence[Standing], caps: Caps) -> Iterator[str]:
    """Name every raise or activation of ours after which a cap was passed; what stood above it before is not ours."""
    tree = _Tree(effects, standing)
    for effect in effects:
        tree.apply(effect)
        if effect.action is None or not _adds(effect):
            continue
        budget = tree.budgets.get(effect.object_id)
        is_ad_set = tree.parents.get(effect.object_id) is not None
        if caps.per_ad_set is not None and is_ad_set and budget is not None and budget > caps.per_ad_set:
            yield f"action {effect.action} left ad set {effect.object_id} at {budget}, above its cap {caps.per_ad_set}"
        total = tree.total()
        if caps.total is not None and total > caps.total:
            yield f"action {effect.action} left the account's daily budgets at {total}, above their cap {caps.total}"


def budgets_over_time(
    effects: Sequence[Effect], standing: Sequence[Standing], begin_at: datetime, end_at: datetime
) -> Mapping[str, tuple[tuple[datetime, int], ...]]:
    """Return each object's daily budgets in minor units as (from when, how much), beginning and end included."""
    points: dict[str, list[tuple[datetime, int]]] = {}
    tree = _Tree(effects, standing)
    for object_id, budget in tree.budgets.items():
        if budget is not None:
            points[object_id] = [(begin_at, budget)]
    for effect in effects:
        if effect.budget is not None and effect.object_id in points:
            points[effect.object_id].append((effect.at, effect.budget[1]))
    return {object_id: (*found, (end_at, found[-1][1])) for object_id, found in points.items()}


class _Tree:
    """Budgets and switches at one moment, wound back to the beginning and played forward effect by effect."""

    def __init__(self, effects: Sequence[Effect], standing: Sequence[Standing]) -> None:
        self.parents = {row.id: row.parent for row in standing}
        self.budgets = {row.id: row.budget for row in standing}
        self._is_on = {row.id: row.is_on for row in standing}
        for effect in reversed(effects):
            if effect.budget is not None and effect.object_id in self.budgets:
                self.budgets[effect.object_id] = effect.budget[0]
            if effect.is_on is not None and effect.object_id in self._is_on:
                self._is_on[effect.object_id] = effect.is_on[0]

    def apply(self, effect: Effect) -> None:
        if effect.budget is not None and effect.object_id in self.budgets:
            self.budgets[effect.object_id] = effect.budget[1]
        if effect.is_on is not None and effect.object_id in self._is_on:
            self._is_on[effect.object_id] = effect.is_on[1]

    def total(self) -> int:
        """Sum what may spend: active campaigns with a budget of their own, else their active ad sets."""
        total = 0
        for object_id, budget in self.budgets.items():
            parent = self.parents[object_id]
            is_on = self._is_on[object_id] and (parent is None or self._is_on.get(parent, True))
            total += budget or 0 if is_on else 0
        return total


def _adds(effect: Effect) -> bool:
    is_raised = effect.budget is not None and effect.budget[1] > effect.budget[0]
    return is_raised or (effect.is_on is not None and effect.is_on[1])


def _at(spans: Sequence[tuple[datetime, bool]], at: datetime) -> bool:
    """Return what held at an instant: the newest entry not after it."""
    return next((value for since, value in reversed(spans) if since <= at), False)


def _effect(line: Mapping[str, Any]) -> Effect | None:
    change = line["change"]
    budget, status = change.get("daily_budget"), change.get("status")
    is_known = (budget is not None and None not in budget) or (status is not None and None not in status)
    if not is_known:
        return None
    return Effect(
        at=require_aware("platform_at", datetime.fromisoformat(str(line["platform_at"]))),
        account_id=str(line["account_id"]),
        object_id=str(line["object_id"]),
        action=action_of(line),
        budget=None if budget is None or None in budget else (int(budget[0]), int(budget[1])),
        is_on=None if status is None or None in status else (status[0] == _ACTIVE, status[1] == _ACTIVE),
    )
