"""A real worker of two processes that has messages in flight while something befalls Redis; what came of it.

Nobody helps: the process must go on by itself, and runs whose messages were lost are rung for again as the tower does.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import gethostname

from sqlalchemy import Connection, Engine, select, text

from domain import catalogue
from domain.actions import Level, Mode
from domain.ids import PlatformAccountId, RunId
from domain.modules import Lane
from domain.objects import AccountInfo
from models import accounts, fence, run_rings, runs
from models.accounts import Account
from models.engine import make_engine
from models.tables import runs as rows
from tests.faults.guarantee import Place
from tests.faults.nemesis.outage_app import PROBE
from tests.faults.nemesis.pool import Pool
from tests.faults.nemesis.redis_faults import FAULTS, HALF_OPEN, RARER, Broker
from workers.doorbell import CeleryDoorbell, sender_app
from workers.switchboard import CelerySwitchboard

WITHIN_S = 60.0
IN_FLIGHT = (1, 3, 12)
QUEUES = catalogue.queues(Lane.CYCLES)
_TASK = "meta.full_cycle"
_WORKER = f"{Lane.CYCLES}@{gethostname()}"
_SLOT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
_LOOK_S, _ROUND_S = 0.05, 0.25
_SOONER = text(
    "UPDATE runs SET ring_at = clock_timestamp() WHERE finished_at IS NULL AND state = 'planned'"
    " AND ring_at < clock_timestamp() + make_interval(secs => :left_s)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of one fault. Seconds count from its end; None = not within the time."""

    fault: str
    in_flight: int
    consumes_s: float | None  # a new run of every queue of the lane has ended
    obeys_s: float | None  # the worker answers commands, and consumes all its queues
    ended_s: float | None  # all that was in flight has ended
    died: bool
    repeated: int  # runs whose body was not entered exactly once

    @property
    def violations(self) -> tuple[str, ...]:
        """In words; empty = survived."""
        told = f"Redis {self.fault} with {self.in_flight} in flight"
        if self.died:
            return (f"{told}: the worker died",)
        late = {"not consumed again": self.consumes_s, "no command obeyed": self.obeys_s, "not all ended": self.ended_s}
        found = [f"{told}: {what} within {WITHIN_S:.0f} s" for what, seconds in late.items() if seconds is None]
        found += [f"{told}: {self.repeated} bodies not entered once"] if self.repeated else []
        return tuple(found)


@dataclass(slots=True, kw_only=True)
class Stage:
    """A database, a Redis, a bell, and workers as they are needed; a dead one is followed by another."""

    engine: Engine
    broker: Broker
    folder: Path
    dice: random.Random
    variant: str
    ring_again_s: float
    accounts: list[Account]
    probe: Account
    bell: CeleryDoorbell
    switchboard: CelerySwitchboard
    pools: dict[bool, Pool] = field(default_factory=dict)
    slot: int = 0

    def try_one(self, fault: str, in_flight: int) -> Trial:
        """Let the fault befall a busy worker."""
        pool = self._pool(by_proxy=fault == HALF_OPEN)
        busy = [self._plan(_TASK, account) for account in self.accounts[:in_flight]]
        self._until_entered(busy)
        time.sleep(self.dice.uniform(0.0, 0.3))
        {**FAULTS, **RARER}[fault](self.broker, self.dice)
        began_s = time.monotonic()
        probes = [self._plan(queue, self.probe) for queue in QUEUES]
        with ThreadPoolExecutor(1) as asking:
            obeying = asking.submit(self._until_obeying, pool, began_s)
            consumes_s, ended_s = self._until_ended((probes, busy), pool, began_s)
            obeys_s = obeying.result()
        if died := not pool.is_alive():
            self.close_pools()
        entries = self._entries()
        return Trial(
            fault=fault, in_flight=in_flight, consumes_s=consumes_s, obeys_s=obeys_s, ended_s=ended_s, died=died,
            repeated=sum(entries[run] != 1 for run in (*busy, *probes)),
        )  # fmt: skip

    def close_pools(self) -> None:
        """End the workers; the next trial begins with a new one."""
        for pool in self.pools.values():
            pool.stop()
        self.pools.clear()

    def _pool(self, *, by_proxy: bool) -> Pool:
        if by_proxy not in self.pools:
            self.close_pools()  # one at a time: two would share the queues
            self.pools[by_proxy] = self._start(self.broker.url_by_proxy if by_proxy else self.broker.url)
        return self.pools[by_proxy]

    def _start(self, broker_url: str) -> Pool:
        env = {
            "DATABASE_URL": self.engine.url.render_as_string(hide_password=False), "REDIS_URL": broker_url,
            "STAKAZO_HOME": str(self.folder), "OUTAGE_TRACE": str(self._trace), "OUTAGE_VARIANT": self.variant,
        }  # fmt: skip
        (self.folder / "outage_app.log").unlink(missing_ok=True)
        pool = Pool("outage_app", self.folder, env, processes=2)
        pool.until_ready()
        return pool

    @property
    def _trace(self) -> Path:
        return self.folder / "trace"

    def _plan(self, task: str, account: Account) -> RunId:
        self.slot += 1
        at = _SLOT + timedelta(minutes=30 * self.slot)
        with self.engine.begin() as conn:
            planned = runs.plan(
                conn, task=task, account_id=account.id, mode=account.mode, level=account.level, slot_at=at, now_at=at
            )
        assert planned is not None
        self.bell.ring_run(task, planned, about=account.name)
        return planned

    def _ring(self) -> None:
        """Ring as the tower does, for what nobody has taken for `ring_again_s`."""
        with self.engine.begin() as conn:
            conn.execute(_SOONER, {"left_s": runs.RING_AGAIN_S - self.ring_again_s})
            due = run_rings.take_due(conn, QUEUES, 100)
        for run in due:
            self.bell.ring_run(run.task, run.id, about=run.about)

    def _until_entered(self, wanted: list[RunId]) -> None:
        until_s = time.monotonic() + WITHIN_S
        while not self._entries() & Counter(wanted):
            if time.monotonic() > until_s:
                raise RuntimeError("no run begins, though nothing has happened yet")
            time.sleep(_LOOK_S)

    def _until_ended(self, wanted: Sequence[list[RunId]], pool: Pool, began_s: float) -> list[float | None]:
        """Return for each list when all of it had ended, ringing meanwhile."""
        took: list[float | None] = [None for _ in wanted]
        rung_s = 0.0
        while pool.is_alive() and None in took and (now_s := time.monotonic()) < began_s + WITHIN_S:
            if now_s > rung_s + _ROUND_S:
                self._ring()
                rung_s = now_s
            left = self._unfinished()
            for index, mine in enumerate(wanted):
                if took[index] is None and not left & set(mine):
                    took[index] = now_s - began_s
            time.sleep(_LOOK_S)
        return took

    def _unfinished(self) -> set[RunId]:
        with self.engine.begin() as conn:
            return set(conn.execute(select(rows.c.id).where(rows.c.finished_at.is_(None))).scalars())

    def _until_obeying(self, pool: Pool, began_s: float) -> float | None:
        while pool.is_alive() and time.monotonic() < began_s + WITHIN_S:
            if self.switchboard.consuming([_WORKER]).get(_WORKER, frozenset()) >= set(QUEUES):
                return time.monotonic() - began_s
            time.sleep(_LOOK_S)
        return None

    def _entries(self) -> Counter[RunId]:
        return Counter(RunId(int(line)) for line in self._trace.read_text().splitlines())


@contextmanager
def stage(place: Place, *, variant: str = "", ring_again_s: float = 1.0) -> Iterator[Stage]:
    """Set everything up but the worker; all of it is gone afterwards."""
    engine, folder = make_engine(place.database_url(), pool_size=4), place.folder()
    broker = Broker(folder / "redis")
    app = sender_app(broker.url)
    switchboard = CelerySwitchboard(app)
    (folder / "trace").touch()
    try:
        with engine.begin() as conn:
            fence.open_(conn, None)
            people = [_account(conn, f"shop {number}", f"act_{number}") for number in range(max(IN_FLIGHT))]
            probe = _account(conn, PROBE, "act_probe")
        held = Stage(
            engine=engine, broker=broker, folder=folder, dice=random.Random(place.seed), variant=variant,
            ring_again_s=ring_again_s, accounts=people, probe=probe, bell=CeleryDoorbell(app), switchboard=switchboard,
        )  # fmt: skip
        try:
            yield held
        finally:
            held.close_pools()
    finally:
        switchboard.close()
        app.close()
        broker.close()
        engine.dispose()


def _account(conn: Connection, name: str, number: str) -> Account:
    info = AccountInfo(
        id=PlatformAccountId(number), name=name, currency="USD", zone="UTC", is_active=True, status_text="active",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
    return accounts.get(conn, account_id)
