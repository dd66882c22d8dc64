"""The fence under full load, judged by the platform's log of what arrived after a stop was answered.

Senders in processes of their own work through what is due; a stop falls at a random moment.
"""

import math
import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event, Semaphore
from threading import Thread
from typing import Any

from sqlalchemy import Engine, select

from actions import stop, sweeper
from actions.door import propose
from actions.timing import Timing
from benchmarks.door_house import LIMITS, NOW, Platform, executor_of, furnish, open_engine, raise_of, refresh
from domain.actions import IN_FLIGHT
from domain.ids import AccountId
from models import accounts, fence, stops
from models.tables import actions as actions_table
from models.tables import ad_sets

_PROCESSES = 2
_THREADS = 4
_AD_SETS = 150
_ACCOUNTS = 2
_AT_ONCE = 5
_WAIT_MS = (50, 400)  # into the work, at random
_LISTEN_S = 0.05  # for what might still arrive
_TIMING = Timing(held_wait_s=0.05, retry_wait_s=0.05)
_SLOW_S = 12.0


@dataclass
class _Trials:
    """What came of the stops so far; `last` is how many writes the platform had logged before this one."""

    seconds: list[float] = field(default_factory=list)
    late: int = 0
    in_doubt: int = 0
    sent: int = 0
    with_writes: int = 0
    last: int = 0


class _Clock:
    """The platform's clock, set by the process that measures."""

    def __init__(self, at: "Synchronized[float]") -> None:
        self._at = at

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._at.value, NOW.tzinfo)

    def speed(self) -> float:
        return 0.0


def measure_fence(url: str, platform: Platform, trials: int, slow_trials: int) -> dict[str, Any]:
    """Stop `trials` times with a platform that answers at once, and `slow_trials` times with one that does not."""
    engine = open_engine(url, 4)
    opened = [furnish(engine, name=f"9{number}", ad_sets=_AD_SETS) for number in range(_ACCOUNTS)]
    dice = random.Random(7)
    with _senders(url, platform) as clock:
        platform.ask("/delay?seconds=0")
        logged = len(platform.ask("/log"))
        quick = _run(engine, platform, opened, clock, trials, dice, last=logged)
        platform.ask(f"/delay?seconds=0&writes={_SLOW_S}")
        slow = _run(engine, platform, opened, clock, slow_trials, dice, last=quick.last)
    engine.dispose()
    return {
        "trials": trials, "trials_with_writes": quick.with_writes, "senders": _PROCESSES * _THREADS,
        "writes": quick.sent, "late": quick.late,
        "late_95_upper": round(1 - 0.05 ** (1 / trials), 4) if trials else None,
        "in_doubt": quick.in_doubt, **_percentiles("", quick.seconds),
        "slow_trials": slow_trials, "slow_late": slow.late, "slow_in_doubt": slow.in_doubt,
        "slow_max_s": round(max(slow.seconds, default=math.nan), 2),
        "slow_bound_s": _TIMING.send_deadline_s + 1,
    }  # fmt: skip


def _run(  # noqa: PLR0917 - what a trial needs, in the order of its use
    engine: Engine, platform: Platform, opened: list[AccountId], clock: "Synchronized[float]", trials: int,
    dice: random.Random, *, last: int = 0,
) -> _Trials:  # fmt: skip
    told = _Trials(last=last)
    for _ in range(trials):
        with engine.begin() as conn:
            fence.open_(conn, None)
        _supply(engine, opened, clock)
        time.sleep(dice.uniform(*_WAIT_MS) / 1000)
        began = time.monotonic()
        stopped = stop.close(engine, account_id=None, reason="trial", actor="benchmark", timing=_TIMING).stop
        ended = time.monotonic()
        time.sleep(_LISTEN_S)
        arrived = platform.ask(f"/log?after={told.last}")
        told.last += len(arrived)
        told.sent += len(arrived)
        told.with_writes += bool(arrived)
        told.seconds.append(ended - began)
        told.in_doubt += len(stopped.in_doubt)
        listed = {f"action-{row['action']}" for row in stopped.in_doubt}
        told.late += sum(at > ended and name.rpartition("-")[0] not in listed for name, _, at in arrived)
        with engine.begin() as conn:
            stops.open_(conn, stopped.id, actor="benchmark")
    return told


def _supply(engine: Engine, opened: list[AccountId], clock: "Synchronized[float]") -> None:
    """Days later by the platform's clock, every object without an open action gets one; the senders see it at once."""
    now = datetime.fromtimestamp(clock.value, NOW.tzinfo) + timedelta(days=4)
    with engine.begin() as conn:
        for account_id in opened:
            refresh(conn, account_id, now)
    clock.value = now.timestamp()
    for account_id in opened:
        with engine.begin() as conn:
            busy = select(actions_table.c.object_id).where(
                actions_table.c.account_id == account_id, actions_table.c.state.in_(IN_FLIGHT)
            )
            free = select(ad_sets.c.id, ad_sets.c.daily_budget_minor).where(
                ad_sets.c.account_id == account_id, ad_sets.c.id.not_in(busy)
            )
            wanted = [raise_of(account_id, int(row[0]) % 1_000_000, row[1]) for row in conn.execute(free)]
            account = accounts.get(conn, account_id)
            propose(conn, account=account, run_id=None, now=now, proposals=wanted, actor="benchmark", limits=LIMITS)


@contextmanager
def _senders(url: str, platform: Platform) -> Iterator["Synchronized[float]"]:
    context = multiprocessing.get_context("spawn")
    ending = context.Event()
    clock: Synchronized[float] = context.Value("d", NOW.timestamp())
    at_work = context.Semaphore(0)
    arguments = (url, platform.graph, clock, ending, at_work)
    rows = [context.Process(target=_send, args=arguments) for _ in range(_PROCESSES)]
    for row in rows:
        row.start()
    try:
        if not all(at_work.acquire(timeout=60) for _ in rows):
            raise SystemExit("the senders did not come up within 60 s")
        yield clock
    finally:
        ending.set()
        for row in rows:
            row.join(timeout=60)
            if row.is_alive():
                row.kill()


def _send(url: str, graph: str, clock: "Synchronized[float]", ending: Event, at_work: Semaphore) -> None:
    """Work like so many Celery workers whose doorbell never stops ringing."""
    engine = open_engine(url, _THREADS)
    client = Platform(graph=graph).client()
    threads = [Thread(target=_work, args=(engine, client, clock, ending, number)) for number in range(_THREADS)]
    for thread in threads:
        thread.start()
    at_work.release()
    for thread in threads:
        thread.join()
    engine.dispose()


def _work(engine: Engine, client: Any, clock: "Synchronized[float]", ending: Event, number: int) -> None:
    dice = random.Random(number)
    executor = executor_of(engine, client, _Clock(clock), f"sender-{number}", timing=_TIMING, most=_AT_ONCE)
    while not ending.is_set():
        with engine.begin() as conn:
            rings = list(sweeper.due(conn, 40))
        dice.shuffle(rings)
        for ring in rings[:10]:
            executor.execute(ring.action_id)
        if not rings:
            ending.wait(0.005)


def _percentiles(prefix: str, seconds: list[float]) -> dict[str, float]:
    ranked = sorted(seconds) or [math.nan]
    picks = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        f"{prefix}{name}_ms": round(ranked[min(len(ranked) - 1, int(len(ranked) * share))] * 1000, 1)
        for name, share in picks.items()
    }
