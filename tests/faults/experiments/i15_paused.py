"""I-15: what is created is paused until it is known to be the only one; of an action at most one object ever runs."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import insert

from actions import orphans
from domain.actions import ActionKind, ActionState, ObjectKind, Priority
from domain.errors import UnknownOutcomeError
from domain.ports import WriteRequest
from models import fence
from models.engine import make_engine
from models.tables import campaigns
from tests.actions.fake_platform import NOW, create_twice, fail, take_effect, take_effect_then_fail
from tests.actions.stage import Stage, activate, create, set_stage
from tests.faults.guarantee import Guarantee, Outcome, Place

_AT_ONCE = 50
_LOST = fail(UnknownOutcomeError("reset"))
_WAYS = {
    "works": take_effect, "twice": create_twice, "answer lost": take_effect_then_fail,
    "late": _LOST, "late twice": _LOST,
}  # fmt: skip
_MOST_TRIES = 3
Create = Callable[[Stage, str, int], None]


def through_the_door(stage: Stage, way: str, number: int) -> None:
    """Create, read back, activate what is recorded; what was given up lands later, and the next cycle tries anew."""
    for tried in range(_MOST_TRIES):
        stage.platform.writes = [_WAYS[way if tried == 0 else "works"]]
        action = stage.approve(create(target=_target(f"{number}.{tried}")))
        state = stage.executor().execute(action.id)
        if state is ActionState.UNKNOWN:
            state = stage.settle(action)
        if state is ActionState.APPLIED:
            _activate(stage, str(stage.get(action).result_object_id))
            return
        request = stage.platform.requests[-1]
        for _ in range(way.count("twice") + 1):
            take_effect(stage.platform, request)  # beyond W: nobody waits for it any more


def active_and_again(stage: Stage, way: str, number: int) -> None:
    """Weaker: created running, and sent again until somebody says yes."""
    request = WriteRequest(
        kind=ActionKind.CREATE_CAMPAIGN, object_kind=ObjectKind.CAMPAIGN, object_id=None, parent_id=None,
        fields={**_target(str(number)), "status": "active"}, op_token=f"WEAK{number:08d}", request_id="weaker",
    )  # fmt: skip
    stage.platform.writes = [_WAYS[way]]
    for _ in range(_MOST_TRIES):
        try:
            stage.platform.write(stage.account.platform_account_id, request, deadline_s=1.0)
        except UnknownOutcomeError:
            continue
        break
    if way.startswith("late"):
        take_effect(stage.platform, request)


def paused_and_again(stage: Stage, way: str, number: int) -> None:
    """Weaker: created paused, but sent again until somebody says yes, and all of the name switched on."""
    before = set(stage.platform.objects)
    request = WriteRequest(
        kind=ActionKind.CREATE_CAMPAIGN, object_kind=ObjectKind.CAMPAIGN, object_id=None, parent_id=None,
        fields=_target(str(number)), op_token=f"WEAK{number:08d}", request_id="weaker",
    )  # fmt: skip
    stage.platform.writes = [_WAYS[way]]
    for _ in range(_MOST_TRIES):
        try:
            stage.platform.write(stage.account.platform_account_id, request, deadline_s=1.0)
        except UnknownOutcomeError:
            continue
        break
    for key in set(stage.platform.objects) - before:
        stage.platform.objects[key]["status"] = "active"


def _target(name: str) -> dict[str, str]:
    return {"name": f"New {name}", "objective": "OUTCOME_SALES", "status": "paused"}


def _activate(stage: Stage, object_id: str) -> None:
    """The reading brings it in, then somebody publishes it."""
    life = {"effective_status": "PAUSED", "created_at": NOW, "updated_at": NOW, "seen_at": NOW, "objective": "SALES"}
    row = {"account_id": stage.account_id, "id": object_id, "name": "New", "status": "paused"}
    with stage.engine.begin() as conn:
        conn.execute(insert(campaigns).values(**row, **life))
    action = stage.approve(activate(object_id, ObjectKind.CAMPAIGN, priority=Priority.PERSON))
    stage.executor().execute(action.id)


def _run(place: Place, trials: int, how: Create) -> Outcome:
    dice = random.Random(place.seed)
    violations: list[str] = []
    counts: Counter[str] = Counter()
    for start in range(0, trials, _AT_ONCE):
        engine = make_engine(place.database_url(), pool_size=2)
        try:
            with engine.begin() as conn:
                fence.open_(conn, None)
            stage = set_stage(engine, ad_set_count=1)
            for number in range(start, min(start + _AT_ONCE, trials)):
                how(stage, dice.choice(sorted(_WAYS)), number)
            violations += _judge(stage, counts)
            if how is through_the_door:
                violations += _sweep(stage, counts)
        finally:
            engine.dispose()
    return Outcome(trials=trials, violations=tuple(violations), figures=dict(counts))


def _judge(stage: Stage, counts: Counter[str]) -> list[str]:
    """By the platform alone: how each object came into the world, and how many of a token run."""
    made = [(token, fields) for token, fields in stage.platform.oracle if "objective" in fields]
    found = [f"{token} was created {fields['status']}" for token, fields in made if fields["status"] != "paused"]
    running = Counter(
        row["op_token"] for row in stage.platform.objects.values() if row.get("op_token") and row["status"] == "active"
    )
    counts["created"] += len(made)
    counts["duplicates"] += len(made) - len({token for token, _ in made})
    counts["running"] += running.total()
    return found + [f"{count} objects of {token} run" for token, count in running.items() if count > 1]


def _sweep(stage: Stage, counts: Counter[str]) -> list[str]:
    """The hourly sweep leaves nothing but results."""
    seen = orphans.read(stage.platform, stage.account, since=NOW - timedelta(days=7), kinds=[ObjectKind.CAMPAIGN])
    with stage.engine.begin() as conn:
        found = orphans.find(conn, stage.account, seen)
        done = orphans.settle(conn, stage.account, found, run_id=None, now=stage.clock.at, actor="sweep")
    for row in done.actions:
        stage.executor().execute(row.id)
    counts["swept"] += len(found)
    left = [key for key, row in stage.platform.objects.items() if row.get("op_token") and row["status"] == "paused"]
    return [f"orphan {key} was left paused by the sweep" for key in left]


GUARANTEE = Guarantee(
    id="I-15",
    statement="Everything is created paused; an object is switched on only once it is the recorded result of its"
    " action, so that of each action at most one object ever runs. What lands late is found by the sweep and put away.",
    enforced_at="actions/request.py: request_of; actions/readback.py: read_back; actions/orphans.py: find",
    refuted_by="creates that are made twice by the platform, lose their answer, or land once or twice after the"
    " quarantine, each followed by the next cycle's new try and by publishing what is recorded.",
    short=30,
    full=1_500,
    experiment=lambda place, trials: _run(place, trials, through_the_door),
    weaker={
        "created running, sent again": lambda place, trials: _run(place, min(trials, 100), active_and_again),
        "created paused, sent again, all switched on": lambda place, trials: _run(
            place, min(trials, 100), paused_and_again
        ),
    },
    judge="the log and the objects of a platform in memory",
    not_promised="That there are no duplicates at all: the platform knows no idempotency key. They are paused, cost"
    " nothing, and are put away.",
)
