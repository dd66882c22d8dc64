"""I-4: what nobody knows is shown as unknown, and is not sent again while it is."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, select

from actions.executor import Executor
from actions.timing import Timing
from domain.actions import TERMINAL, ActionState
from domain.errors import RefusedError, UnknownOutcomeError
from domain.ports import Client, PlatformWriter
from models import ledger
from models.engine import make_engine
from models.tables import actions
from tests.actions.fake_platform import FakeClock
from tests.actions.stage import budget, create, pause
from tests.faults.cells import Fate
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis.file_platform import FilePlatform
from tests.faults.nemesis.sleepers import OBJECTS
from tests.faults.nemesis.stock import Stock, approved
from tests.faults.variants import RetryUntilSuccess

_W_S = 1.2
_TIMING = Timing(
    lease_s=30.0, send_deadline_s=5.0, client_deadline_s=5.0, quarantine_create_s=_W_S, quarantine_update_s=_W_S,
    held_wait_s=0.0, retry_wait_s=0.0,
)  # fmt: skip
_FATES = (Fate.LOST, Fate.ANSWER_LOST, Fate.LATE, Fate.ERROR_5XX, Fate.HTML_502)
_PROPOSALS = (budget(), pause(), create())
_ROUNDS = 100
_BATCH = 15  # share a quarantine
Weaken = Callable[[PlatformWriter], PlatformWriter]


@dataclass
class _TakenForFailure:
    """A writer for which no answer is a no."""

    inner: PlatformWriter

    def write(self, *arguments, **more):
        try:
            return self.inner.write(*arguments, **more)
        except UnknownOutcomeError as error:
            raise RefusedError(str(error), code=1) from error

    def write_many(self, *arguments, **more):
        return self.inner.write_many(*arguments, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    stocked: Stock
    platform: FilePlatform
    fate: Fate


def _doubt(place: Place, trials: int, weaken: Weaken = lambda inner: inner) -> Outcome:
    engine = make_engine(place.database_url(), pool_size=2)
    violations: list[str] = []
    try:
        for begin in range(0, trials, _BATCH):
            doubts = [_begin(engine, place, number) for number in range(begin, min(trials, begin + _BATCH))]
            violations += _watch(engine, place, doubts, weaken)
    finally:
        engine.dispose()
    return Outcome(trials=trials, violations=tuple(violations), figures={"W in s": _W_S})


def _begin(engine: Engine, place: Place, number: int) -> _Doubt:
    fate = _FATES[number % len(_FATES)]
    stocked = approved(engine, f"act_{number + 1}", _PROPOSALS[number % len(_PROPOSALS)])
    objects = {key: dict(values) for key, values in OBJECTS.items()}
    return _Doubt(stocked=stocked, platform=FilePlatform(place.folder() / "log", objects, (fate,)), fate=fate)


def _watch(engine: Engine, place: Place, doubts: list[_Doubt], weaken: Weaken) -> list[str]:
    """Send each once; until its quarantine ends, deliver it again and look at it, in random order."""
    dice = random.Random(place.seed)
    found: list[str] = []
    for doubt in doubts:
        _execute(engine, doubt, weaken)
    until = {id(doubt): doubt.platform.lines()[0].left_at + _W_S for doubt in doubts}
    while waiting := [doubt for doubt in doubts if time.monotonic() < until[id(doubt)] - 0.05]:
        doubt = dice.choice(waiting)
        _execute(engine, doubt, weaken)
        states, asked_at = _shown(engine, doubt), time.monotonic()
        if asked_at < until[id(doubt)] and states != {ActionState.UNKNOWN}:
            found.append(f"{doubt.fate}: shown as {sorted(states)} before the quarantine was over")
        if len(doubt.platform.lines()) > 1:
            found.append(f"{doubt.fate}: sent {len(doubt.platform.lines())} times before the quarantine was over")
    return list(dict.fromkeys([*found, *(told for doubt in doubts if (told := _end(engine, doubt, weaken)))]))


def _end(engine: Engine, doubt: _Doubt, weaken: Weaken) -> str | None:
    """Let the quarantine end; say what is not as the platform shows it."""
    for _ in range(_ROUNDS):
        _execute(engine, doubt, weaken)
        if (states := _shown(engine, doubt)) <= TERMINAL:
            break
        time.sleep(0.05)
    effects = len(doubt.platform.effects())
    if len(states) == 1 and states <= TERMINAL and (ActionState.APPLIED in states) == (effects == 1):
        return None
    return f"{doubt.fate}: {sorted(states)} after the quarantine, {effects} effects"


def _execute(engine: Engine, doubt: _Doubt, weaken: Weaken) -> None:
    client = Client(reader=doubt.platform.client.reader, writer=weaken(doubt.platform.client.writer))
    Executor(engine, lambda _: client, lambda _: FakeClock(), "x", _TIMING).execute(doubt.stocked.actions[0].id)


def _shown(engine: Engine, doubt: _Doubt) -> set[ActionState]:
    """What each way of looking says: the row, the listing, its history."""
    wanted = doubt.stocked.actions[0].id
    with engine.begin() as conn:
        listed = [row.state for row in ledger.listing(conn, limit=1000) if row.id == wanted]
        raw = conn.execute(select(actions.c.state).where(actions.c.id == wanted)).scalar_one()
        return {ActionState(raw), *listed, ledger.events(conn, wanted)[-1].after}


GUARANTEE = Guarantee(
    id="I-4",
    statement="An outcome that nobody knows is shown as unknown, never as success or failure, and the action is not"
    " sent again; when the quarantine is over it becomes what the platform shows.",
    enforced_at="actions/send.py: send; models/ledger_moves.py",
    refuted_by="Five ways in which an answer is lost x 3 kinds of action; until the quarantine ends the action is"
    " delivered again and again and looked at in the row, the listing and its history.",
    short=30,
    full=1000,
    experiment=_doubt,
    weaker={
        "retry until success": lambda place, trials: _doubt(place, min(trials, 10), RetryUntilSuccess),
        "no answer taken for a no": lambda place, trials: _doubt(place, min(trials, 10), _TakenForFailure),
    },
    judge="the log of a platform in a file",
)
