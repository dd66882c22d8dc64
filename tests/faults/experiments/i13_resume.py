"""I-13: resuming switches on exactly what that stop switched off and nobody touched since."""

import random
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

from sqlalchemy import insert, update

from actions import pauses, resume
from actions.guardrails import Limits
from actions.pauses import Pausing
from domain.actions import IN_FLIGHT, ActionKind, ObjectKind, Priority
from domain.errors import RefusedError, UnknownOutcomeError
from domain.ids import StopId
from models import fence, stop_items, stops
from models.engine import make_engine
from models.tables import campaigns
from tests.actions.fake_platform import NOW, fail, take_effect, take_effect_then_fail
from tests.actions.stage import ADMIN, Stage, pause, set_stage
from tests.faults.guarantee import Guarantee, Outcome, Place

_AT_ONCE = 40  # campaigns of one account: each is a trial
_WAYS = (take_effect, take_effect, take_effect, take_effect_then_fail, fail(UnknownOutcomeError("reset")),
         fail(RefusedError("no", code=100)))  # fmt: skip
_MANY = Limits(mass_pause_objects=10_000, mass_pause_spend_share=1.0)
Resume = Callable[[Stage, StopId], None]


def by_plan(stage: Stage, stop_id: StopId) -> None:
    """Ours: plan on fresh readings, apply, carry out."""
    steps = resume.plan(stage.engine, stop_id, lambda _: stage.platform)
    done = resume.apply(stage.engine, stop_id, steps, ADMIN, reason="trial", clock_of=lambda _: stage.clock)
    for one in done.proposed:
        for row in one.actions:
            stage.executor().execute(row.id)


def everything_paused(stage: Stage, stop_id: StopId) -> None:
    """Weaker: whatever is paused is switched on."""
    _switch_on(stage, [key for key, row in stage.platform.objects.items() if row["status"] == "paused"])
    _open(stage, stop_id)


def the_whole_list(stage: Stage, stop_id: StopId) -> None:
    """Weaker: what the stop has on its list, without looking at what became of it."""
    with stage.engine.begin() as conn:
        _switch_on(stage, [row.object_id for row in stop_items.listing(conn, stop_id)])
    _open(stage, stop_id)


def _switch_on(stage: Stage, keys: Iterable[str]) -> None:
    for key in set(keys) & set(stage.platform.objects):
        stage.platform.objects[key]["status"] = "active"


def _open(stage: Stage, stop_id: StopId) -> None:
    with stage.engine.begin() as conn:
        fence.open_(conn, None)
        stops.open_(conn, stop_id, actor="weaker")


def _run(place: Place, trials: int, how: Resume) -> Outcome:
    dice = random.Random(place.seed)
    violations: list[str] = []
    counts = {"resumed": 0, "left": 0}
    for start in range(0, trials, _AT_ONCE):
        engine = make_engine(place.database_url(), pool_size=2)
        try:
            with engine.begin() as conn:
                fence.open_(conn, None)
            stage = set_stage(engine, ad_set_count=1)
            violations += _try(stage, min(_AT_ONCE, trials - start), dice, how, counts)
        finally:
            engine.dispose()
    return Outcome(trials=trials, violations=tuple(violations), figures=counts)


def _try(stage: Stage, count: int, dice: random.Random, how: Resume, counts: dict[str, int]) -> list[str]:
    keys = [str(number) for number in range(2, count + 2)]
    _lay(stage, keys)
    told: dict[str, list[str]] = {key: [] for key in keys}
    wanted_off = {key for key in keys if _before(stage, key, dice, told[key])}
    stop_id = _stop(stage, dice)
    for key in keys:
        _meanwhile(stage, key, dice, told[key])
    _pass_time(stage)
    found = {key: str(stage.platform.objects[key]["status"]) for key in keys}
    kept = wanted_off | _unknown(stage, stop_id)  # what is not known yet is left, as the promise says
    due = {key: "active" if key not in kept and _is_due(stage, key) else found[key] for key in keys}
    how(stage, stop_id)
    counts["resumed"] += sum(found[key] != due[key] for key in keys)
    counts["left"] += sum(found[key] == due[key] for key in keys)
    return [
        f"campaign {key} is {now} instead of {due[key]} after {', '.join(told[key]) or 'the stop alone'}"
        for key in keys
        if (now := stage.platform.objects[key]["status"]) != due[key]
    ]


def _lay(stage: Stage, keys: Iterable[str]) -> None:
    stage.platform.clock = stage.clock
    life = {"effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW, "seen_at": NOW, "objective": "SALES"}
    with stage.engine.begin() as conn:
        for key in keys:
            row = {"account_id": stage.account_id, "id": key, "name": f"campaign {key}", "status": "active"}
            conn.execute(insert(campaigns).values(**row, **life))
            stage.platform.objects[key] = {"status": "active", "name": f"campaign {key}"}


def _before(stage: Stage, key: str, dice: random.Random, told: list[str]) -> bool:
    """What happened to it before the stop; True = a rule of ours wants it off and has not been sent yet."""
    _pass_time(stage)
    what = dice.choice(("nothing", "nothing", "person", "person, known", "on and off", "rule", "rule waits"))
    told.append(f"before: {what}")
    if what.startswith("person"):
        stage.platform.edit_by_hand(key, ObjectKind.CAMPAIGN, status="paused")
    if what == "person, known":  # a reading has shown it since
        with stage.engine.begin() as conn:
            conn.execute(update(campaigns).where(campaigns.c.id == key).values(status="paused"))
    if what == "on and off":
        stage.platform.edit_by_hand(key, ObjectKind.CAMPAIGN, status="paused")
        stage.platform.edit_by_hand(key, ObjectKind.CAMPAIGN, status="active")
    if what.startswith("rule"):
        (action,) = stage.propose(pause(key, ObjectKind.CAMPAIGN, priority=Priority.SAFETY), limits=_MANY).actions
        if what == "rule":
            stage.executor(limits=_MANY).execute(action.id)
    return what == "rule waits"


def _stop(stage: Stage, dice: random.Random) -> StopId:
    _pass_time(stage)
    stop_id = stage.stop(pauses=True)
    stage.platform.writes = [dice.choice(_WAYS) for _ in range(2 * _AT_ONCE)]
    parts = Pausing(engine=stage.engine, executor=stage.executor(), clock_of=lambda _: stage.clock, rest=lambda _: None)
    pauses.pause_all(parts, stop_id, patience_s=120)
    stage.platform.writes = []
    with stage.engine.begin() as conn:
        unsettled = [row.action_id for row in stop_items.listing(conn, stop_id) if row.pause_state in IN_FLIGHT]
    for action_id in unsettled:
        if action_id is not None and dice.random() < 3 / 4:  # the others are unknown still as the fence opens
            stage.settle(action_id)
    _pass_time(stage)
    return stop_id


def _meanwhile(stage: Stage, key: str, dice: random.Random, told: list[str]) -> None:
    what = dice.choice(("nothing", "nothing", "nothing", "off", "on", "on and off", "renamed"))
    told.append(f"meanwhile: {what}")
    statuses = {"off": ("paused",), "on": ("active",), "on and off": ("active", "paused")}
    for status in statuses.get(what, ()):
        stage.platform.edit_by_hand(key, ObjectKind.CAMPAIGN, status=status)
    if what == "renamed":
        stage.platform.edit_by_hand(key, ObjectKind.CAMPAIGN, name=f"renamed {key}")


def _is_due(stage: Stage, key: str) -> bool:
    """By the platform's own history: the last thing that happened to it is that the stop switched it off."""
    lines = [line for line in stage.platform.history if line.object_id == key]
    if not lines or not lines[-1].is_ours or lines[-1].after.get("status") != "paused":
        return False
    requests = [row for row in stage.platform.requests if row.object_id == key]
    return requests[-1].kind is ActionKind.EMERGENCY_PAUSE


def _unknown(stage: Stage, stop_id: StopId) -> set[str]:
    with stage.engine.begin() as conn:
        return {row.object_id for row in stop_items.listing(conn, stop_id) if row.pause_state in IN_FLIGHT}


def _pass_time(stage: Stage) -> None:
    stage.clock.at += timedelta(minutes=1)


GUARANTEE = Guarantee(
    id="I-13",
    statement="Resuming switches on exactly what that stop switched off and nobody touched since: nothing that a person"
    " or a rule had off before, nothing that anybody has changed meanwhile.",
    enforced_at="actions/resume.py: plan; models/stop_items.py: touched_since",
    refuted_by="random histories per campaign: pauses by people and by rules before the stop, known to our mirror or"
    " not; pauses of the stop that work, are refused, lose their answer or their effect; people's edits meanwhile.",
    short=40,
    full=4_000,
    experiment=partial(_run, how=by_plan),
    weaker={
        "everything paused is switched on": lambda place, trials: _run(place, min(trials, 40), everything_paused),
        "the stop's whole list is switched on": lambda place, trials: _run(place, min(trials, 40), the_whole_list),
    },
    judge="the history that the platform in memory keeps of every object",
    not_promised="That everything due is resumed at once: a pause whose outcome is still unknown is left, and the plan"
    " says so; guardrails and levels hold for a resume as for every change.",
)
