"""Executors stopped (SIGSTOP) at a step until their lease is over, and woken after somebody else has recovered."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from sqlalchemy import Engine, event, func, select, text

from actions import sweeper
from actions.executor import Executor
from actions.timing import Timing
from domain.actions import TERMINAL, Action, ActionState
from models import ledger
from models.engine import make_engine
from models.tables import audit
from tests.actions.fake_platform import FakeClock
from tests.actions.stage import budget, create, pause
from tests.faults.cells import Fate
from tests.faults.guarantee import Place
from tests.faults.nemesis.file_platform import FilePlatform
from tests.faults.nemesis.stock import Stock, approved

TIMING = Timing(
    lease_s=1.2, send_deadline_s=0.5, client_deadline_s=0.5, quarantine_create_s=0.6, quarantine_update_s=0.6,
    held_wait_s=0.05, retry_wait_s=0.05,
)  # fmt: skip
OBJECTS = {
    "11": {"status": "active", "daily_budget_minor": 10_000, "name": "thing"},
    "111": {"status": "active", "name": "thing"},
}
_PROPOSALS = {"budget": budget(), "pause": pause(), "create": create()}
KINDS = tuple(_PROPOSALS)
_ROUNDS = 400
_TRIES = 5
# As in production, where it is the lease's 60 s: what sleeps in a transaction does not hold its locks for ever.
_IDLE = text("SET idle_in_transaction_session_timeout = '1200ms'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nap:
    """Which executor is stopped where; `calls` = how often it passes the step before."""

    step: str
    kind: str
    fate: Fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeper:
    """A nap with its account, its platform and its process."""

    nap: Nap
    stocked: Stock
    platform: FilePlatform
    pid: int

    @property
    def action(self) -> Action:
        return self.stocked.actions[0]


def run(place: Place, naps: Sequence[Nap], *, is_punctual: bool = True) -> tuple[str, ...]:
    """Stop them all, recover, wake them all; return what was written after the waking, and every second effect."""
    database = place.database_url()
    engine = make_engine(database, pool_size=2)
    sleepers: list[Sleeper] = []
    living: set[int] = set()
    try:
        numbers = count(1)
        for nap in naps:
            sleepers.append(_asleep(partial(_lay, engine, database, place, numbers, nap, is_punctual=is_punctual)))
            living.add(sleepers[-1].pid)
        _recover(engine, sleepers)
        before = [_written(engine, sleeper) for sleeper in sleepers]
        for sleeper in sleepers:
            os.kill(sleeper.pid, signal.SIGCONT)
            living.discard(sleeper.pid)
        for sleeper in sleepers:
            os.waitpid(sleeper.pid, 0)
        return tuple(
            told for sleeper, known in zip(sleepers, before, strict=True) for told in _judge(engine, sleeper, known)
        )
    finally:
        for pid in living:
            os.kill(pid, signal.SIGKILL)
        engine.dispose()


def _asleep(lay: Callable[[], Sleeper]) -> Sleeper:
    """Lay one down until it sleeps at its step: on a busy machine its lease or deadline may be over before."""
    for _ in range(_TRIES):
        sleeper = lay()
        _, status = os.waitpid(sleeper.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            return sleeper
    raise RuntimeError(f"{sleeper.nap} came to its step in none of {_TRIES} tries and ended with {status}")


def _lay(
    engine: Engine, database: str, place: Place, numbers: Iterator[int], nap: Nap, *, is_punctual: bool
) -> Sleeper:
    account = f"act_{next(numbers)}"
    stocked = approved(engine, account, _PROPOSALS[nap.kind])
    objects = {key: dict(values) for key, values in OBJECTS.items()}
    fates = () if nap.fate is Fate.APPLIED else (nap.fate,)
    platform = FilePlatform(place.folder() / "log", objects=objects, fates=fates, is_punctual=is_punctual)
    pid = os.fork()
    if pid == 0:
        _sleep_at(nap.step, database, stocked, platform, is_punctual=is_punctual)
    return Sleeper(nap=nap, stocked=stocked, platform=platform, pid=pid)


def _sleep_at(step: str, database: str, stocked: Stock, platform: FilePlatform, *, is_punctual: bool) -> None:
    """Execute once, stopped at the step. Never returns."""

    def checkpoint(passed: str) -> None:
        if passed == step:
            os.kill(os.getpid(), signal.SIGSTOP)

    try:
        engine = make_engine(database, pool_size=1, application_name="sleeper")
        event.listen(engine, "connect", lambda connection, _: _limit(connection))
        clock = time.monotonic if is_punctual else lambda: 0.0  # a weaker one never sees its deadline pass
        executor = Executor(
            engine, lambda _: platform.client, lambda _: FakeClock(), "sleeper", TIMING, checkpoint,
            monotonic_s=clock,
        )  # fmt: skip
        executor.execute(stocked.actions[0].id)
    except BaseException as error:  # noqa: BLE001 - its connection was cut while it slept; what counts is what it wrote
        if os.environ.get("STAKAZO_SHOW_SLEEPERS"):
            sys.stderr.write(f"sleeper at {step}: {type(error).__name__}: {error}\n")
        os._exit(2)
    os._exit(0)


def _limit(connection: object) -> None:
    with connection.cursor() as cursor:  # type: ignore[attr-defined]  # a psycopg connection
        cursor.execute(_IDLE.text)
    connection.commit()  # type: ignore[attr-defined]  # the same


def _recover(engine: Engine, sleepers: Sequence[Sleeper]) -> None:
    by_id = {sleeper.action.id: sleeper for sleeper in sleepers}
    for _ in range(_ROUNDS):
        with engine.begin() as conn:
            due = [ring.action_id for ring in sweeper.due(conn, 1000)]
            states = [found.state for key in by_id if (found := ledger.get(conn, key)) is not None]
        if all(state in TERMINAL for state in states):
            return
        for action_id in by_id.keys() & due:  # who never came to a step is let alone
            client = by_id[action_id].platform.client
            Executor(engine, lambda _, c=client: c, lambda _: FakeClock(), "recovery", TIMING).execute(action_id)
        time.sleep(0.05)


def _written(engine: Engine, sleeper: Sleeper) -> tuple[int, ActionState, int, int]:
    """What there is: requests on the platform, the row, its lines in the audit."""
    with engine.begin() as conn:
        row = ledger.get(conn, sleeper.action.id)
        events = conn.execute(select(func.count()).where(audit.c.action_id == sleeper.action.id)).scalar_one()
    assert row is not None
    return len(sleeper.platform.lines()), row.state, row.epoch, events


def _judge(engine: Engine, sleeper: Sleeper, before: tuple[int, ActionState, int, int]) -> list[str]:
    nap, after = sleeper.nap, _written(engine, sleeper)
    where = f"{nap.kind} stopped at {nap.step}, api {nap.fate}"
    effects = len(sleeper.platform.effects())
    found = []
    if after[0] != before[0]:
        found.append(f"{where}: wrote to the platform after it had been given up ({before[1]})")
    if after[1:] != before[1:]:
        found.append(f"{where}: wrote to the ledger after it had been given up: {before[1:]} became {after[1:]}")
    if effects > 1:
        found.append(f"{where}: {effects} effects")
    if after[1] not in TERMINAL:
        found.append(f"{where}: {after[1]}, not terminal")
    elif (after[1] is ActionState.APPLIED) != (effects == 1):
        found.append(f"{where}: the ledger says {after[1]}, the platform has {effects} effects")
    return found
