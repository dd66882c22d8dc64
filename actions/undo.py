"""What taking back some of our changes would do: a plan, from values. What somebody else set since is left alone.

Three values decide a step: ours before, ours after, theirs now. Applying it is proposing anew, through the same door.
"""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from actions.request import CREATED_KINDS
from domain.actions import (
    CREATES,
    IN_FLIGHT,
    RECORDED_ONLY,
    Action,
    ActionKind,
    ActionState,
    Json,
    JsonMap,
    ObjectKind,
    Priority,
    Proposal,
)
from domain.ids import ActionId

RULE = "undo"
LIMIT_KEY = "spend_cap_minor"
_RESUMED = "resume"  # the rule of what ends a stop
Object: TypeAlias = tuple[ObjectKind, str]


class Fate(StrEnum):
    """What can be done about a step."""

    RESTORE = "restore"
    ALREADY = "already as before"
    DRIFTED = "drifted"  # somebody else changed it since: theirs stays
    OVERTAKEN = "overtaken"  # a later change of ours stands on it
    CANNOT = "cannot be undone"
    UNKNOWN = "not known"  # an outcome or the present value


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One value of one object. `undoes` are the actions that it takes back, oldest first."""

    object_kind: ObjectKind
    object_id: str
    object_name: str
    key: str  # such as "daily_budget_minor"
    undoes: tuple[ActionId, ...]
    ours_before: Json
    ours_after: Json
    theirs_now: Json
    fate: Fate
    why: str
    resets_learning: bool = False


def objects_of(actions: Sequence[Action]) -> tuple[Object, ...]:
    """The objects whose present values a plan needs; of creates, what they made."""
    return tuple(dict.fromkeys(key for action in actions if (key := _object(action)) is not None))


def plan(
    chosen: Sequence[Action], later: Sequence[Action], present: Mapping[Object, JsonMap], *, learning_step: float
) -> tuple[Step, ...]:
    """Plan to take back `chosen`, given what of ours came `later` on the same objects and how they stand now.

    `present` lacks objects that are gone. A budget that moves by more than `learning_step` (0..1) of its present value
    puts an ad set back into learning, and so does switching it on.
    """
    resumed = {action.undoes for action in chosen if action.state is ActionState.APPLIED}
    steps = [_hopeless(action, why) for action in chosen if (why := _why_hopeless(action, resumed)) is not None]
    hopeless = {action_id for step in steps for action_id in step.undoes}
    by_value: dict[tuple[Object, str], list[Action]] = defaultdict(list)
    for action in chosen:
        if action.id in hopeless:
            continue
        if action.kind in CREATES:
            steps.append(_of_create(action, present))
            continue
        for key in action.target:
            by_value[(action.object_kind, action.object_id), key].append(action)
    for (thing, key), own in by_value.items():
        since = [row for row in later if (row.object_kind, row.object_id) == thing and key in row.target]
        steps.append(_of_value(key, own, since, present.get(thing), learning_step))
    return tuple(steps)


def without_lone_resumes(chosen: Sequence[Action]) -> tuple[Action, ...]:
    """Leave out what only switched on again what a stop had paused, where that pause is not chosen along with it.

    Of a span that begins between the two, undoing the resume alone would pause once more what nobody wanted off.
    """
    known = {action.id for action in chosen}
    return tuple(action for action in chosen if action.rule != _RESUMED or action.undoes in known)


def proposals(steps: Sequence[Step], *, reason: str) -> tuple[Proposal, ...]:
    """Turn what can be restored into a person's proposals, one an object: the door takes one change of each at once.

    Budgets go before switches, so that nothing is switched on with a budget that is to be lowered.
    """
    found: dict[Object, Proposal] = {}
    for step in sorted(steps, key=lambda step: step.key != "daily_budget_minor"):
        thing = (step.object_kind, step.object_id)
        if step.fate is Fate.RESTORE and thing not in found:
            found[thing] = _proposal(step, reason)
    return tuple(found.values())


def _proposal(step: Step, reason: str) -> Proposal:
    if step.key == "daily_budget_minor":
        kind = ActionKind.SET_DAILY_BUDGET
    elif step.key == LIMIT_KEY:
        kind = ActionKind.SET_SPENDING_LIMIT
    else:
        kind = ActionKind.PAUSE if step.ours_before == "paused" else ActionKind.ACTIVATE
    ids = ", ".join(map(str, step.undoes))
    return Proposal(
        kind=kind,
        object_kind=step.object_kind,
        object_id=step.object_id,
        object_name=step.object_name,
        expected_before={step.key: step.theirs_now},
        target={step.key: step.ours_before},
        rule=RULE,
        priority=Priority.PERSON,
        reason=f"takes back action {ids}: {reason}",
        evidence={"undoes": [int(one) for one in step.undoes], "resets_learning": step.resets_learning},
        undoes=step.undoes[-1],
    )


def _object(action: Action) -> Object | None:
    if action.kind not in CREATES:
        return action.object_kind, action.object_id
    return None if action.result_object_id is None else (CREATED_KINDS[action.kind], action.result_object_id)


def _why_hopeless(action: Action, resumed: Container[ActionId | None]) -> str | None:
    if action.state in IN_FLIGHT:
        return f"its outcome is not known yet ({action.state}); wait until it is"
    if action.state is not ActionState.APPLIED:
        return f"it never took effect ({action.state.replace('_', ' ')})"
    if action.kind in RECORDED_ONLY:
        return "it was only recorded; nothing on the platform changed"
    if action.kind is ActionKind.EMERGENCY_PAUSE and action.id not in resumed:  # else both cancel each other out
        return "what an emergency stop paused is resumed as a whole: `stakazo fence open --resume`"
    if action.kind is ActionKind.ARCHIVE:
        return "the platform gives back nothing that was archived"
    return None


def _hopeless(action: Action, why: str) -> Step:
    key = next(iter(action.target), "")
    return Step(
        object_kind=action.object_kind,
        object_id=action.object_id,
        object_name=action.object_name,
        key=key,
        undoes=(action.id,),
        ours_before=action.expected_before.get(key),
        ours_after=action.target.get(key),
        theirs_now=None,
        fate=Fate.UNKNOWN if action.state in IN_FLIGHT else Fate.CANNOT,
        why=why,
    )


def _of_create(action: Action, present: Mapping[Object, JsonMap]) -> Step:
    """What was made stays; where somebody switched it on, it can be switched off."""
    thing = _object(action)
    now = None if thing is None else present.get(thing, {}).get("status")
    kind, object_id = thing or (action.object_kind, action.object_id)
    if now == "active":
        fate, why = Fate.RESTORE, "what was created stays, but is paused again"
    else:
        fate, why = Fate.CANNOT, f"what was created stays; it is {now or 'gone'} and spends nothing"
    return Step(
        object_kind=kind,
        object_id=object_id,
        object_name=str(action.target.get("name", action.object_name)),
        key="status",
        undoes=(action.id,),
        ours_before="paused",
        ours_after="paused",
        theirs_now=now,
        fate=fate,
        why=why,
    )


def _of_value(
    key: str, own: Sequence[Action], since: Sequence[Action], present: JsonMap | None, learning_step: float
) -> Step:
    chain, cut = _unbroken(key, own)
    first, last = chain[0], chain[-1]
    before, after = first.expected_before.get(key), last.target[key]
    now = None if present is None else present.get(key)
    fate, why = _fate(before, after, now, since, last, is_gone=present is None)
    return Step(
        object_kind=last.object_kind,
        object_id=last.object_id,
        object_name=last.object_name,
        key=key,
        undoes=tuple(action.id for action in chain),
        ours_before=before,
        ours_after=after,
        theirs_now=now,
        fate=fate,
        why="; ".join(part for part in (why, cut) if part),
        resets_learning=fate is Fate.RESTORE and _resets(last.object_kind, key, before, now, learning_step),
    )


def _unbroken(key: str, own: Sequence[Action]) -> tuple[list[Action], str]:
    """Return the newest of our changes that follow on each other: what somebody set in between is not ours to undo."""
    chain = [own[-1]]
    for action in reversed(own[:-1]):
        set_by_us, found = action.target.get(key), chain[0].expected_before.get(key)
        if set_by_us != found:
            return chain, f"goes back to {found!r} only, which somebody else set after action {action.id}"
        chain.insert(0, action)
    return chain, ""


def _fate(
    before: Json, after: Json, now: Json, since: Sequence[Action], last: Action, *, is_gone: bool
) -> tuple[Fate, str]:
    newer = next((row for row in since if row.id > last.id), None)
    if is_gone:
        return Fate.CANNOT, "it is gone on the platform"
    if newer is not None:
        return Fate.OVERTAKEN, _overtaken_by(newer, last)
    if before is None:
        return Fate.CANNOT, "what stood before was not recorded"
    return _compare(before, after, now)


def _compare(before: Json, after: Json, now: Json) -> tuple[Fate, str]:
    if now == before:
        return Fate.ALREADY, "it stands as it stood before"
    if now == after:
        return Fate.RESTORE, ""
    return Fate.DRIFTED, "somebody else changed it since, and theirs is never overwritten"


def _overtaken_by(newer: Action, last: Action) -> str:
    if newer.undoes == last.id:
        return f"action {newer.id} has taken it back, or is about to"
    return f"action {newer.id} of ours changed it after that; undo that one first, or the object"


def _resets(kind: ObjectKind, key: str, before: Json, now: Json, learning_step: float) -> bool:
    if kind not in {ObjectKind.AD_SET, ObjectKind.CAMPAIGN}:
        return False
    if key == "status":
        return before == "active"
    if not isinstance(before, int) or not isinstance(now, int) or now <= 0:
        return False
    return abs(before - now) > learning_step * now
