"""I-2: no approved action vanishes when Redis loses every message, or dies."""

import base64
import json
import math
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import ColumnElement, Engine, and_, func, select

from actions import sweeper
from actions.executor import Executor
from actions.timing import Timing
from domain import catalogue
from domain.actions import TERMINAL, ActionState
from domain.errors import UnknownOutcomeError
from domain.ids import ActionId
from embedded import redis as redis_server
from models.engine import make_engine
from models.tables import actions
from tests.actions.fake_platform import fail, take_effect, take_effect_then_fail
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis.stock import creates, stock
from workers.doorbell import CeleryDoorbell, sender_app

_W_S, _SWEEP_S = 0.8, 0.4
_MOST_SWEEPS = 3
_MOST_RESTING = math.ceil(_W_S / _SWEEP_S) + 1  # sweeps within one quarantine
_DEAF_SWEEPS = 9  # the doorbell rests for 3 s after the broker could not be reached: nobody hears those
_HANG_S = 60.0  # ends an experiment whose workers hang
_TIMING = Timing(
    lease_s=30.0, send_deadline_s=5.0, client_deadline_s=5.0, quarantine_create_s=_W_S, quarantine_update_s=_W_S,
    held_wait_s=0.0, retry_wait_s=0.0,
)  # fmt: skip
# Sweeps, after the flush that follows the first rings. An action needs two sweeps with its quarantine between them:
# less than 4 apart, flushes could take more than the third one.
_FIRST_FLUSH, _FLUSH_EACH = (1, 4), (4, 7)
_WAVE = 20
_WAYS = (take_effect, take_effect_then_fail, fail(UnknownOutcomeError("reset")), take_effect)
_QUEUE = catalogue.actions_queue(catalogue.platform("meta"))


class _Broker:
    """A Redis of our own, to be flushed, killed and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = redis_server.start(folder, durable=False)
        self.url = self._server.url
        self.flushes = 0

    def flush(self) -> None:
        with Redis.from_url(self.url) as client:
            client.flushall()
        self.flushes += 1

    def kill(self) -> None:
        os.kill(self._server.pid, signal.SIGKILL)
        self._server.stop()

    def start(self) -> None:
        self._server = redis_server.start(self._folder, durable=False)

    def stop(self) -> None:
        self._server.stop()


class _Worker(threading.Thread):
    """Takes messages off the queue, busy a while before each look, and does nothing without one."""

    def __init__(self, url: str, executor: Executor, seed: int) -> None:
        super().__init__(daemon=True)
        self._url, self._executor, self._dice = url, executor, random.Random(seed)
        self.ended = threading.Event()
        self.rests = 0  # how often it has found the queue empty, done with everything that it took

    def run(self) -> None:
        client = Redis.from_url(self._url, socket_timeout=1.0, socket_connect_timeout=1.0)
        while not self.ended.wait(self._dice.uniform(0.02, 0.2)):
            try:
                while not self.ended.is_set() and (raw := client.lpop(_QUEUE)) is not None:
                    ((action_id,), *_) = json.loads(base64.b64decode(json.loads(raw)["body"]))
                    self._executor.execute(ActionId(action_id))
                self.rests += 1
            except (RedisError, OSError):
                continue
        client.close()


def _lose(place: Place, trials: int, *, sweeps: bool = True) -> Outcome:
    engine = make_engine(place.database_url(), pool_size=6)
    broker = _Broker(place.folder())
    violations, slowest, most = [], 0.0, 0
    try:
        for number in range(max(1, trials // _WAVE)):
            wave = _wave(engine, broker, place.seed + number, number, kills=number % 4 == 1, sweeps=sweeps)
            violations += wave.violations
            slowest, most = max(slowest, wave.slowest_s), max(most, wave.most_sweeps)
    finally:
        broker.stop()
        engine.dispose()
    figures: dict[str, float | str] = {
        "flushes": broker.flushes, "W s": _W_S, "sweep s": _SWEEP_S, "most sweeps": most,
        "slowest s": round(slowest, 2),
    }  # fmt: skip
    return Outcome(trials=max(1, trials // _WAVE) * _WAVE, violations=tuple(violations), figures=figures)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wave:
    """What became of 20 actions. `most_sweeps` = the sweeps outside its quarantine that an action was open at."""

    violations: tuple[str, ...]
    most_sweeps: int
    slowest_s: float


def _wave(engine: Engine, broker: _Broker, seed: int, number: int, *, kills: bool, sweeps: bool) -> _Wave:
    """Ring for 20 actions once, lose messages at random, sweep as the tower does; name what is still open."""
    stocked = stock(engine, f"act_{number + 1}", creates(_WAVE, f"act_{number + 1}"))
    stocked.stage.platform.writes = [_WAYS[n % len(_WAYS)] for n in range(_WAVE)]
    executor = Executor(
        engine, lambda _: stocked.stage.platform.client, lambda _: stocked.stage.clock, "worker", _TIMING,
        most_at_once=1,
    )  # fmt: skip
    bell = CeleryDoorbell(sender_app(broker.url))
    workers = [_Worker(broker.url, executor, seed + n) for n in range(2)]
    for worker in workers:
        worker.start()
    try:
        for action in stocked.actions:
            bell.ring_action(_QUEUE, action.id, about="first")
        if kills:
            broker.kill()
            time.sleep(0.3)
            broker.start()
        else:
            broker.flush()
        tower = _Tower(engine, broker, bell if sweeps else None, workers, random.Random(seed))
        return tower.sweep_until_done([action.id for action in stocked.actions], _DEAF_SWEEPS if kills else 0)
    finally:
        for worker in workers:
            worker.ended.set()
        for worker in workers:
            worker.join(10)


class _Tower:
    """Sweeps, over a broker that is flushed now and then. Without a bell it does not ring."""

    def __init__(
        self, engine: Engine, broker: _Broker, bell: CeleryDoorbell | None, workers: Sequence[_Worker],
        dice: random.Random,
    ) -> None:  # fmt: skip
        self._engine, self._broker, self._bell, self._workers, self._dice = engine, broker, bell, workers, dice

    def sweep_until_done(self, ids: Sequence[ActionId], deaf_sweeps: int) -> _Wave:
        """Sweep until none of these is open, or one was open at more sweeps than promised; the others are then named.

        A sweep is over when its messages are carried out or lost, however long the machine takes for that.
        `deaf_sweeps` = so many sweeps at most whose rings the broker did not hear are not counted.
        """
        swept, excused = Counter[ActionId](), Counter[ActionId]()
        flush_in = self._dice.randint(*_FIRST_FLUSH)
        while True:
            time.sleep(_SWEEP_S)
            waiting, resting, is_heard = self._sweep(ids)
            swept.update(key for key in resting if excused[key] >= _MOST_RESTING)
            excused.update(resting)
            if is_heard or deaf_sweeps == 0:
                swept.update(waiting)
            else:
                deaf_sweeps -= 1
            flush_in -= 1
            if flush_in == 0:
                self._broker.flush()
                flush_in = self._dice.randint(*_FLUSH_EACH)
            if not self._is_at_rest():
                return self._told(ids, swept, (f"the workers took messages for over {_HANG_S:g} s",))
            left = self._open(ids)
            late = tuple(f"action {key} is {state}" for key, state in left.items() if swept[key] >= _MOST_SWEEPS)
            if late or not left:
                return self._told(ids, swept, late)

    def _sweep(self, ids: Sequence[ActionId]) -> tuple[list[ActionId], list[ActionId], bool]:
        """Ring for what is due; return what is open, what of it is in quarantine, and whether every ring was heard."""
        with self._engine.begin() as conn:
            in_quarantine = and_(actions.c.state == ActionState.UNKNOWN, actions.c.quarantine_until > func.now())
            query = select(actions.c.id, in_quarantine.label("rests")).where(*_among(ids))
            found = conn.execute(query).all()
            rings = sweeper.due(conn, 1000)
        waiting = [ActionId(row.id) for row in found if not row.rests]
        resting = [ActionId(row.id) for row in found if row.rests]
        bell = self._bell
        heard = [bell.ring_action(_QUEUE, ring.action_id, about=ring.about) for ring in rings] if bell else []
        return waiting, resting, all(heard)

    def _is_at_rest(self) -> bool:
        """Wait until every worker has looked anew and found the queue empty: what was rung is carried out, or lost."""
        before = [worker.rests for worker in self._workers]
        until = time.monotonic() + _HANG_S
        while time.monotonic() < until:
            if all(worker.rests > rests + 1 for worker, rests in zip(self._workers, before, strict=True)):
                return True
            time.sleep(0.01)
        return False

    def _open(self, ids: Sequence[ActionId]) -> dict[ActionId, str]:
        with self._engine.begin() as conn:
            rows = conn.execute(select(actions.c.id, actions.c.state).where(*_among(ids))).all()
        return {ActionId(row.id): row.state for row in rows}

    def _told(self, ids: Sequence[ActionId], swept: Counter[ActionId], violations: tuple[str, ...]) -> _Wave:
        took = func.extract("epoch", func.max(actions.c.finished_at - actions.c.created_at))
        with self._engine.begin() as conn:
            slowest = conn.execute(select(took).where(actions.c.id.in_(ids))).scalar_one()
        return _Wave(violations=violations, most_sweeps=max(swept.values(), default=0), slowest_s=float(slowest or 0))


def _among(ids: Sequence[ActionId]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Those of these actions that are open."""
    return actions.c.id.in_(ids), actions.c.state.not_in(TERMINAL)


GUARANTEE = Guarantee(
    id="I-2",
    statement="No approved action vanishes: it is terminal within the quarantine + 3 sweeps of the tower, even if Redis"
    " loses every message or is killed.",
    enforced_at="actions/sweeper.py: due; control_tower/loop.py",
    refuted_by="Waves of 20 actions, half of them without an answer, rung over a real Redis that is flushed again"
    " and again, and in every fourth wave killed and started again; two workers that act on messages alone.",
    short=80,
    full=2000,
    experiment=_lose,
    weaker={"no sweeper: the message is the work": lambda place, _: _lose(place, _WAVE, sweeps=False)},
    judge="the ledger after each sweep, once the workers stand idle; quarantines by Postgres' clock (where Redis was"
    " killed, sweeps in the 3 s that the doorbell rests are not counted)",
)
