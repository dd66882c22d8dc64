"""I-2: no approved action vanishes when Redis loses every message, or dies."""

import base64
import json
import os
import random
import signal
import threading
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, func, select

from actions import sweeper
from actions.executor import Executor
from actions.timing import Timing
from domain import catalogue
from domain.actions import TERMINAL
from domain.errors import UnknownOutcomeError
from domain.ids import ActionId
from embedded import redis as redis_server
from models.engine import make_engine
from models.tables import actions
from tests.actions.fake_platform import fail, take_effect, take_effect_then_fail
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis.stock import Stock, creates, stock
from workers.doorbell import CeleryDoorbell, sender_app

_W_S, _SWEEP_S = 0.8, 0.4
_GRANTED_S = 2.5  # for carrying a wave out on a busy machine
_DEAF_S = 3.0  # the doorbell rests for so long after the broker could not be reached
_TIMING = Timing(
    lease_s=30.0, send_deadline_s=5.0, client_deadline_s=5.0, quarantine_create_s=_W_S, quarantine_update_s=_W_S,
    held_wait_s=0.0, retry_wait_s=0.0,
)  # fmt: skip
_FLUSH_EACH_S = (1.6, 3.0)  # after the one that follows the first rings
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

    def run(self) -> None:
        client = Redis.from_url(self._url, socket_timeout=1.0, socket_connect_timeout=1.0)
        while not self.ended.wait(self._dice.uniform(0.02, 0.2)):
            try:
                while not self.ended.is_set() and (raw := client.lpop(_QUEUE)) is not None:
                    ((action_id,), *_) = json.loads(base64.b64decode(json.loads(raw)["body"]))
                    self._executor.execute(ActionId(action_id))
            except (RedisError, OSError):
                continue
        client.close()


def _lose(place: Place, trials: int, *, sweeps: bool = True) -> Outcome:
    engine = make_engine(place.database_url(), pool_size=6)
    broker = _Broker(place.folder())
    violations, slowest = [], 0.0
    try:
        for number in range(max(1, trials // _WAVE)):
            late, longest_s = _wave(engine, broker, place.seed + number, number, kills=number % 4 == 1, sweeps=sweeps)
            violations += late
            slowest = max(slowest, longest_s)
    finally:
        broker.stop()
        engine.dispose()
    figures: dict[str, float | str] = {
        "flushes": broker.flushes, "W s": _W_S, "sweep s": _SWEEP_S, "slowest s": round(slowest, 2),
    }  # fmt: skip
    return Outcome(trials=max(1, trials // _WAVE) * _WAVE, violations=tuple(violations), figures=figures)


def _wave(
    engine: Engine, broker: _Broker, seed: int, number: int, *, kills: bool, sweeps: bool
) -> tuple[list[str], float]:
    """Ring for 20 actions once, lose messages at random, sweep as the tower does; name what is late or open."""
    dice = random.Random(seed)
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
    most_s = _W_S + 3 * _SWEEP_S + _GRANTED_S
    try:
        for action in stocked.actions:
            bell.ring_action(_QUEUE, action.id, about="first")
        if kills:
            broker.kill()
            time.sleep(0.3)
            broker.start()
            most_s += 0.3 + _DEAF_S
        else:
            broker.flush()
        _sweep(engine, broker, bell, stocked, dice, until=time.monotonic() + most_s + 1.0, sweeps=sweeps)
    finally:
        for worker in workers:
            worker.ended.set()
        for worker in workers:
            worker.join(10)
    return _late(engine, stocked, most_s)


def _sweep(
    engine: Engine, broker: _Broker, bell: CeleryDoorbell, stocked: Stock, dice: random.Random, *,
    until: float, sweeps: bool,
) -> None:  # fmt: skip
    flush_at = time.monotonic() + dice.uniform(*_FLUSH_EACH_S)
    while time.monotonic() < until:
        time.sleep(_SWEEP_S)
        if sweeps:
            with engine.begin() as conn:
                rings = sweeper.due(conn, 1000)
            for ring in rings:
                bell.ring_action(_QUEUE, ring.action_id, about=ring.about)
        if time.monotonic() >= flush_at:
            broker.flush()
            flush_at = time.monotonic() + dice.uniform(*_FLUSH_EACH_S)
        with engine.begin() as conn:
            wanted = [action.id for action in stocked.actions]
            query = select(func.count()).where(actions.c.id.in_(wanted), actions.c.state.not_in(TERMINAL))
            if not conn.execute(query).scalar_one():
                return


def _late(engine: Engine, stocked: Stock, most_s: float) -> tuple[list[str], float]:
    ids = [action.id for action in stocked.actions]
    took = func.extract("epoch", actions.c.finished_at - actions.c.created_at)
    with engine.begin() as conn:
        rows = conn.execute(select(actions.c.id, actions.c.state, took).where(actions.c.id.in_(ids))).all()
    late = [
        f"action {row[0]} is {row[1]}" if row[2] is None else f"action {row[0]} took {row[2]:.1f} s"
        for row in rows
        if row[2] is None or row[2] > most_s
    ]
    return late, max((float(row[2]) for row in rows if row[2] is not None), default=0.0)


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
    judge="Postgres' clock (2.5 s are granted for carrying a wave out, 3.3 s more where Redis was killed)",
)
