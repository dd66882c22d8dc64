"""I-12: a stop stands through restarts, replays, requeues and new proposals until somebody opens it."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import func, select

from actions import dead, pauses, resume, stop
from actions.pauses import Pausing
from actions.stop import Order
from control_tower.desired import closed_queues
from control_tower.planner import Planner
from control_tower.standins import NotedDoorbell
from domain import catalogue
from domain.actions import ActionState
from domain.errors import BadInputError, UnknownOutcomeError
from models import fence, ledger, module_states, stops
from models.engine import make_engine
from models.module_states import Desired
from models.tables import runs
from tests.actions.fake_platform import fail
from tests.actions.stage import ADMIN, QUICK, Stage, budget, pause, set_stage
from tests.faults.guarantee import Guarantee, Outcome, Place

_AT_ONCE = 20  # ad sets: some wait approved, one is in doubt, the others are proposed for during the stop
_EVENTS = 12
Weakness = Callable[[], object]


def _run(place: Place, trials: int, weakness: Weakness) -> Outcome:
    dice = random.Random(place.seed)
    violations: list[str] = []
    after = 0
    engine = make_engine(place.database_url(), pool_size=3)
    try:
        with engine.begin() as conn:
            fence.open_(conn, None)
        for number in range(trials):
            stage = set_stage(engine, platform_account_id=f"act_{number + 1}", ad_set_count=_AT_ONCE)
            with weakness():
                violations += _try(stage, number, dice)
            after += _open(stage)
    finally:
        engine.dispose()
    figures: dict[str, float | str] = {"events while stopped": trials * _EVENTS, "writes once opened": after}
    return Outcome(trials=trials, violations=tuple(violations), figures=figures)


def _try(stage: Stage, number: int, dice: random.Random) -> list[str]:
    for ad_set in range(1, 5):
        stage.approve(budget(f"1{ad_set}"))
    stage.platform.writes = [fail(UnknownOutcomeError("reset"))]
    stage.executor().execute(stage.approve(pause("115")).id)
    stage.stop(stage.account_id)
    ((held, _),) = stop.order(stage.engine, (None,), Order(reason="drill", actor="os:ann", halts=True))
    sent = len(stage.platform.requests)
    told = [_disturb(stage, dice) for _ in range(_EVENTS)]
    late = len(stage.platform.requests) - sent
    begun = _begun(stage)
    with stage.engine.begin() as conn:
        stops.open_(conn, held, actor="trial")
        fence.open_(conn, None)
    return [f"stop {number}: {late} writes while it stood, after {', '.join(told)}"] * bool(late) + [
        f"stop {number}: {begun} cycles were planned or consumed while it stood, after {', '.join(told)}"
    ] * bool(begun)


def _begun(stage: Stage) -> int:
    """Slots that became runs, and queues that a worker which starts now would consume."""
    with stage.engine.begin() as conn:
        planned = conn.execute(select(func.count()).where(runs.c.account_id == stage.account_id)).scalar_one()
        closed = closed_queues(module_states.stopped(conn))
    return int(planned) + len({rhythm.name for rhythm in catalogue.RHYTHMS} - closed)


def _disturb(stage: Stage, dice: random.Random) -> str:
    """One thing that happens to a stopped house."""
    what = dice.choice(
        ("restart", "replay", "every wait is over", "proposal", "stopped again", "tower", "requeue", "tick", "started")
    )  # fmt: skip
    match what:
        case "tick":  # beat, the tower or a person knocks
            planning = Planner(
                engine=stage.engine, rhythms=catalogue.RHYTHMS, clock_of=lambda _: stage.clock, doorbell=NotedDoorbell()
            )
            planning.plan()
        case "started":  # somebody wants a module running, and does not know of the stop
            slug = dice.choice(catalogue.RHYTHMS).pair.slug
            with stage.engine.begin() as conn:
                module_states.set_desired(conn, [slug], Desired.RUNNING, reason="deploy", changed_by="os:bob")
        case "restart" | "replay":  # a new process finds every row, or an old message comes again and again
            owner = f"executor-{dice.randrange(10**6)}"
            for row in _rows(stage):
                for _ in range(1 if what == "restart" else 3):
                    stage.executor(owner=owner).execute(row)
        case "every wait is over":
            stage.end_waits()
        case "proposal":
            stage.propose(budget(f"1{dice.randrange(5, _AT_ONCE)}"))
        case "stopped again":
            stage.stop(stage.account_id, reason="once more")
        case "tower":
            parts = Pausing(engine=stage.engine, executor=stage.executor(), clock_of=lambda _: stage.clock)
            pauses.finish_open(parts, timing=QUICK, patience_s=1)
        case _:
            _requeue(stage, dice)
    return what


def _rows(stage: Stage) -> list:
    with stage.engine.begin() as conn:
        return [row.id for row in ledger.listing(conn, stage.account_id, limit=100)]


def _requeue(stage: Stage, dice: random.Random) -> None:
    """Somebody requeues a dead letter while everything stands."""
    with stage.engine.begin() as conn:
        approved = ledger.listing(conn, stage.account_id, ActionState.APPROVED)
        if not approved:
            return
        held = dice.choice(approved)
        stage.end_waits()
        claimed = ledger.claim(conn, held.id, owner="gone", lease_s=0.0)
        if claimed is not None:
            ledger.settle(conn, claimed, ActionState.DEAD, actor="gone", reason="its executor died")
        try:
            dead.requeue(conn, ADMIN, held.id, reason="looked at")
        except BadInputError:
            return


def _open(stage: Stage) -> int:
    """Only now do the approved ones go out: the experiment would have seen them."""
    with stage.engine.begin() as conn:
        (held,) = stops.covering(conn, stage.account_id)
    resume.apply(stage.engine, held.id, (), ADMIN, reason="trial", clock_of=lambda _: stage.clock)
    before = len(stage.platform.requests)
    stage.end_waits()
    for row in _rows(stage):
        stage.executor().execute(row)
    return len(stage.platform.requests) - before


@contextmanager
def _remembered_by_a_process() -> Iterator[None]:
    """Weaker: the flag lives in the process that heard of it; the second executor knows nothing."""
    real, heard = fence.barrier, [0]

    def barrier(*arguments):
        heard[0] += 1
        return real(*arguments) if heard[0] < 4 else None

    fence.barrier = barrier
    try:
        yield
    finally:
        fence.barrier = real


@contextmanager
def _told_to_workers_only() -> Iterator[None]:
    """Weaker: the order to stand still is a message; nothing is left of it for who starts later."""
    real = stops.is_halting
    stops.is_halting = lambda _conn: False
    try:
        yield
    finally:
        stops.is_halting = real


GUARANTEE = Guarantee(
    id="I-12",
    statement="A stop stands until somebody opens it: no restart, replayed message, expired wait, new proposal,"
    " requeued dead letter or second stop lets a write through; under a stop of all no tick, no module that somebody"
    " starts and no worker that begins anew lets a cycle run.",
    enforced_at="models/fence.py: barrier, read from Postgres by every claim and every send;"
    " models/module_states.py: stopped, read by planner, tower and workers",
    refuted_by="a dozen random disturbances of a stopped account with approved, unknown and dead actions; then it is"
    " opened, and what waited goes out.",
    short=4,
    full=200,
    experiment=lambda place, trials: _run(place, trials, nullcontext),
    weaker={
        "the flag is kept in the memory of a process": lambda place, trials: _run(
            place, min(trials, 2), _remembered_by_a_process
        ),
        "schedulers are told once, by message": lambda place, trials: _run(
            place, min(trials, 2), _told_to_workers_only
        ),
    },
    judge="the requests that a platform in memory has received",
)
