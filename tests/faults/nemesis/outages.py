"""Postgres fails under busy executors: stopped at once and started again, and connections cut at random instants.

The platform loses answers meanwhile and its lists lag behind. Every account has two creates, and three pauses of a run
that go out as one batch; whose number of effects is compared with the ledger once all has been recovered.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from actions import sweeper
from actions.executor import Executor
from actions.timing import Timing
from domain.actions import TERMINAL, Action, ActionState, Priority
from domain.ids import ActionId
from embedded import postgres
from models import ledger
from models.engine import make_engine
from models.migrate import upgrade
from tests.actions.stage import pause
from tests.faults.cells import Fate
from tests.faults.guarantee import Place
from tests.faults.nemesis.file_platform import FilePlatform
from tests.faults.nemesis.stock import Stock, creates, stock
from tests.faults.variants import weaken_for

TIMING = Timing(
    lease_s=3.0, send_deadline_s=1.5, client_deadline_s=1.0, quarantine_create_s=1.5, quarantine_update_s=1.5,
    held_wait_s=0.1, retry_wait_s=0.1,
)  # fmt: skip
_BATCH = tuple(pause(ad, priority=Priority.PERSON) for ad in ("111", "112", "113"))
EACH = len(_BATCH) + 2  # actions of an account
_LAG_S = 0.7  # by which lists are behind: less than the quarantine, as the platform's trait says
_EXECUTORS = 6
_LATENCY_S = 0.2
_PATIENCE_S = 60.0
_FATES = (Fate.APPLIED, Fate.ANSWER_LOST, Fate.APPLIED, Fate.LATE, Fate.APPLIED, Fate.LOST)
_CUT = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'executor' AND random() < 0.5"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of it."""

    trials: int
    lies: tuple[str, ...]
    cuts: int
    stops: int
    writes: int


@dataclass
class _Server:
    """A Postgres of our own that keeps what it has committed; `stop_at_once` is what a pulled plug is to it."""

    folder: Path
    running: postgres.RunningServer = field(init=False)
    stops: int = 0

    def __post_init__(self) -> None:
        self.running = postgres.start(self.folder)

    def stop_at_once(self) -> None:
        """End it without a word to anybody, and let it recover from its log."""
        port = self.running.port
        os.kill(self.running.pid, signal.SIGQUIT)
        self.running.stop()
        self.running = postgres.start(self.folder)
        if self.running.port != port:
            raise RuntimeError(f"Postgres' port {port} was taken while it was down")
        self.stops += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    """An account with its actions, and the platform that has it."""

    stocked: Stock
    platform: FilePlatform


def run(variant: str, place: Place, accounts: int) -> Found:
    """Let executors work through the accounts while Postgres fails; recover; compare."""
    server = _Server(place.folder() / "pg")
    try:
        upgrade(server.running.url)
        engine = make_engine(server.running.url, pool_size=4)
        worlds = tuple(_world(engine, place.folder() / "oracle", number) for number in range(accounts))
        dice = random.Random(place.seed)
        cuts = 0
        with _busy(variant, server.running.url, worlds) as executors:
            _wait_for_first(worlds)
            for number in range(8):
                time.sleep(dice.uniform(0.05, 0.3))
                if number in {2, 5}:
                    server.stop_at_once()
                else:
                    cuts += _cut(engine)
                if not any(executor.is_alive() for executor in executors):
                    break
        _recover(variant, engine, worlds)
        lies = tuple(told for world in worlds for told in _judge(engine, world))
        writes = sum(len(world.platform.lines()) for world in worlds)
        engine.dispose()
    finally:
        server.running.stop()
    return Found(trials=accounts * EACH, lies=lies, cuts=cuts, stops=server.stops, writes=writes)


def _world(engine: Engine, log: Path, number: int) -> _World:
    account, fate = f"act_{number + 1}", _FATES[number % len(_FATES)]
    held = stock(engine, account, (*_BATCH, *creates(2, account)))
    platform = FilePlatform(
        log,
        objects=held.stage.platform.objects,
        fates=() if fate is Fate.APPLIED else (fate,),
        latency_s=_LATENCY_S,
        lag_s=_LAG_S,
    )
    return _World(stocked=held, platform=platform)


@contextmanager
def _busy(variant: str, url: str, worlds: Sequence[_World]) -> Iterator[Sequence[threading.Thread]]:
    """Executors that outlive what fails, as workers do: an action that failed is rung for again."""
    ended = threading.Event()

    def work(number: int) -> None:
        engine = make_engine(url, pool_size=2, application_name="executor")
        platforms = _platforms(worlds[number::_EXECUTORS])
        left = list(platforms)
        while left and not ended.is_set():
            for action_id in tuple(left):
                with suppress(SQLAlchemyError):
                    executor = weaken_for(
                        variant, engine, platforms[action_id].client, TIMING, owner=f"executor-{number}"
                    )
                    if executor.execute(action_id) in TERMINAL:
                        left.remove(action_id)
            ended.wait(0.05)
        engine.dispose()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(_EXECUTORS)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _platforms(worlds: Sequence[_World]) -> dict[ActionId, FilePlatform]:
    return {row.id: world.platform for world in worlds for row in world.stocked.actions}


def _wait_for_first(worlds: Sequence[_World]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until and not any(world.platform.lines() for world in worlds):
        time.sleep(0.01)


def _cut(engine: Engine) -> int:
    with engine.begin() as conn:
        return len(conn.execute(_CUT).all())


def _recover(variant: str, engine: Engine, worlds: Sequence[_World]) -> None:
    platforms = _platforms(worlds)
    until = time.monotonic() + _PATIENCE_S
    left = set(platforms)
    while left and time.monotonic() < until:
        with engine.begin() as conn:
            due = [ring.action_id for ring in sweeper.due(conn, 1000)]
        for action_id in due:
            executor: Executor = weaken_for(variant, engine, platforms[action_id].client, TIMING, owner="recovery")
            executor.execute(action_id)
        with engine.begin() as conn:
            left = {key for key in left if (found := ledger.get(conn, key)) is not None and found.state not in TERMINAL}
        time.sleep(0.05)


def _judge(engine: Engine, world: _World) -> Iterator[str]:
    held, lines = world.stocked, world.platform.lines()
    with engine.begin() as conn:
        rows: list[Action] = [row for known in held.actions if (row := ledger.get(conn, known.id)) is not None]
    for row in rows:
        sends = [line for line in lines if line.token == row.op_token]
        effects = sum(line.has_effect for line in sends)
        told = f"{row.kind} of account {held.account_id}: {row.state}, {effects} effects, {len(sends)} sends"
        if effects > 1 or len(sends) > 1:
            yield f"sent again: {told}"
        elif row.state not in TERMINAL:
            yield f"not terminal: {told}"
        elif (row.state is ActionState.APPLIED) != (effects == 1):
            yield f"the ledger lies: {told} ({row.state_reason})"
    if len(rows) < len(held.actions):
        yield f"the ledger of account {held.account_id} has lost {len(held.actions) - len(rows)} actions"
