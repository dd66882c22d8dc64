"""Gathers evidence: asks every source, those that wait side by side; one that fails is unknown with the reason.

Nothing is judged and nothing changed here.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from control_tower.evidence import (
    ClientFacts,
    Consumers,
    Evidence,
    Known,
    QueueFacts,
    Reading,
    RunFacts,
    SlotFacts,
    Unknown,
)
from control_tower.shaping import (
    FORGOTTEN_S,
    beat_of,
    client_facts,
    modes_of,
    of_kind,
    sign_of,
    slot_facts,
    worker_facts,
)
from domain import catalogue
from domain.broker_ports import BrokerFacts, Switchboard
from domain.catalogue import RHYTHMS, Rhythm
from domain.clock import PlatformClock
from domain.errors import StakazoError
from domain.ids import AccountId
from domain.ports import Processes, ProcessState
from models import accounts, canaries, health_reads, heartbeats, module_states, quota, schedule_pauses, stops
from models.accounts import Account
from models.canaries import Canary
from models.engine import db_now
from models.health_reads import DatabaseFacts
from models.heartbeats import Heartbeat, ProcessKind

ASKED_WITHIN_S: Final = 60.0  # a worker silent for longer is not asked what it consumes: it is taken for dead
_PATIENCE: Final = text("SET LOCAL statement_timeout = '2s'")
_NOT_ASKED: Final = Unknown("a look does not ask for it; a check does")

log = structlog.get_logger(__name__)
T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where evidence comes from. `rhythms` are the catalogue's with the cadence that the settings give them."""

    engine: Engine
    switchboard: Switchboard
    processes: Processes
    clock_of: Callable[[Account], PlatformClock]
    rhythms: Sequence[Rhythm] = RHYTHMS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remembered:
    """What Postgres told."""

    now: Reading[datetime]
    people: Reading[tuple[Account, ...]]
    is_closed: Reading[bool]
    held_back: Reading[tuple[schedule_pauses.Pause, ...]]
    signs: Reading[tuple[Heartbeat, ...]]
    canaries: Reading[Mapping[str, Canary]]
    desired: Reading[Mapping[str, module_states.ModuleState]]
    stops: Reading[tuple[stops.Stop, ...]]
    runs: Reading[Mapping[tuple[str, AccountId], RunFacts]]
    database: Reading[DatabaseFacts]
    client: Reading[ClientFacts]
    platforms: Reading[tuple[health_reads.PlatformFacts, ...]]
    recoveries: Reading[Mapping[str, health_reads.RecoveryFacts]]
    business: Reading[Mapping[str, health_reads.Business]]


def gather(sources: Sources, *, in_full: bool) -> Evidence:
    """Ask every source; `in_full` also for what is at stake, which reads every active ad set. Raises nothing."""
    with ThreadPoolExecutor(max_workers=3, thread_name_prefix="health") as side:
        broker = side.submit(_asked, lambda: _broker(sources.switchboard))
        queues = side.submit(_asked, lambda: _queues(sources.switchboard))
        signs = _asked(lambda: _signs(sources.engine))
        consumers = side.submit(_asked, lambda: _consumers(sources.switchboard, signs))
        held = _remembered(sources, signs, in_full=in_full)
        clocks = _clocks(sources, held.people)
        workers = _map2(held.signs, held.canaries, worker_facts)
        return Evidence(
            at=held.now.value if isinstance(held.now, Known) else datetime.now(UTC),
            modes=_map(held.people, modes_of),
            desired=held.desired,
            stops=held.stops,
            runs=held.runs,
            slots=_slots(sources, held, clocks),
            workers=workers,
            processes=_asked(lambda: _processes(sources.processes, signs)),
            database=held.database,
            client=held.client,
            platforms=held.platforms,
            beat=_map(held.signs, lambda found: beat_of(found, _up_s(sources.processes, "beat"))),
            tower=_map(held.signs, lambda found: sign_of(found, ProcessKind.TOWER)),
            business=held.business,
            recoveries=held.recoveries,
            queues=queues.result(),
            consumers=consumers.result(),
            broker=broker.result(),
        )


def _asked(ask: Callable[[], T | Unknown]) -> Reading[T]:
    try:
        found = ask()
    except Exception as error:  # noqa: BLE001 - a source that fails in whatever way is unknown, and never healthy
        log.warning("source of health unknown", cause=type(error).__name__)
        return Unknown(_words(error))
    return found if isinstance(found, Unknown) else Known(found)


def _words(error: Exception) -> str:
    if isinstance(error, DBAPIError):
        lines = str(error.orig).strip().splitlines()
        return f"Postgres does not tell ({lines[0] if lines else type(error.orig).__name__})"
    if isinstance(error, StakazoError):
        return str(error)
    return f"it could not be asked ({type(error).__name__})"  # a stranger's message may hold an address with a secret


def _map(reading: Reading[T], change: Callable[[T], S]) -> Reading[S]:
    return reading if isinstance(reading, Unknown) else Known(change(reading.value))


def _map2(one: Reading[T], two: Reading[S], change: Callable[[T, S], R]) -> Reading[R]:
    if isinstance(one, Unknown):
        return one
    return two if isinstance(two, Unknown) else Known(change(one.value, two.value))


def _signs(engine: Engine) -> tuple[Heartbeat, ...]:
    with engine.begin() as conn:
        conn.execute(_PATIENCE)
        return heartbeats.listing(conn)


def _remembered(sources: Sources, signs: Reading[tuple[Heartbeat, ...]], *, in_full: bool) -> _Remembered:
    try:
        with sources.engine.begin() as conn:
            conn.execute(_PATIENCE)
            return _read(conn, sources, signs, in_full=in_full)
    except SQLAlchemyError as error:
        gone = Unknown(_words(error))
    return _Remembered(
        now=gone, people=gone, is_closed=gone, held_back=gone, signs=signs, canaries=gone, desired=gone, stops=gone,
        runs=gone, database=gone, client=gone, platforms=gone, recoveries=gone, business=gone,
    )  # fmt: skip


def _read(conn: Connection, sources: Sources, signs: Reading[tuple[Heartbeat, ...]], *, in_full: bool) -> _Remembered:
    def ask(read: Callable[[Connection], T]) -> Reading[T]:
        def within() -> T:
            with conn.begin_nested():  # a statement that fails does not void the others
                return read(conn)

        return _asked(within)

    tasks = [rhythm.name for rhythm in sources.rhythms]
    return _Remembered(
        now=ask(db_now),
        people=ask(accounts.listing),
        is_closed=ask(health_reads.is_closed_for_all),
        held_back=ask(schedule_pauses.listing),
        signs=signs,
        canaries=ask(canaries.listing),
        desired=ask(module_states.listing),
        stops=ask(lambda held: stops.listing(held, only_open=True)),
        runs=ask(lambda held: health_reads.run_facts(held, tasks)),
        database=ask(_database),
        client=ask(lambda held: client_facts(health_reads.calls(held), quota.listing(held))),
        platforms=ask(health_reads.platform_facts),
        recoveries=ask(health_reads.recoveries),
        business=ask(health_reads.business) if in_full else _NOT_ASKED,
    )


def _database(conn: Connection) -> DatabaseFacts:
    pool_size, active = health_reads.connections(conn)
    began_s = time.perf_counter()
    for query in health_reads.REPRESENTATIVE:
        conn.execute(query).all()
    took_ms = (time.perf_counter() - began_s) * 1000
    return DatabaseFacts(pool_size=pool_size, active=active, query_avg_ms=took_ms / len(health_reads.REPRESENTATIVE))


def _broker(switchboard: Switchboard) -> BrokerFacts | Unknown:
    return switchboard.broker() or Unknown("Redis does not answer")


def _queues(switchboard: Switchboard) -> Mapping[str, QueueFacts] | Unknown:
    names = [name for lane in catalogue.lanes() for name in catalogue.queues(lane)]
    lengths = switchboard.queue_lengths(names)
    if not lengths:
        return Unknown("Redis does not tell what waits")
    ages = switchboard.queue_ages([name for name, length in lengths.items() if length])
    return {name: QueueFacts(length=length, oldest_s=ages.get(name)) for name, length in lengths.items()}


def _consumers(switchboard: Switchboard, signs: Reading[tuple[Heartbeat, ...]]) -> Consumers | Unknown:
    asked = None
    if isinstance(signs, Known):
        asked = [row.process for row in of_kind(signs.value, ProcessKind.WORKER) if row.age_s <= ASKED_WITHIN_S] or None
    found = switchboard.consuming(asked)
    if not found and (asked or switchboard.broker() is None):
        return Unknown("no worker answers what it consumes")
    of_queue: dict[str, set[str]] = {}
    for worker, queues in found.items():
        for queue in queues:
            of_queue.setdefault(queue, set()).add(worker)
    return Consumers(
        of_queue={queue: frozenset(workers) for queue, workers in of_queue.items()},
        silent=frozenset(asked or ()) - found.keys(),
    )


def _processes(processes: Processes, signs: Reading[tuple[Heartbeat, ...]]) -> Mapping[str, ProcessState] | Unknown:
    if isinstance(signs, Unknown):
        return signs
    workers = (row.process for row in of_kind(signs.value, ProcessKind.WORKER) if row.age_s <= FORGOTTEN_S)
    names = {name for worker in workers if (name := processes.name_of_worker(worker)) is not None}
    return {name: processes.state(name) for name in sorted(names | {"beat", "tower"})}


def _up_s(processes: Processes, name: str) -> float | None:
    found = _asked(lambda: processes.up_s(name))
    return found.value if isinstance(found, Known) else None


def _clocks(sources: Sources, people: Reading[tuple[Account, ...]]) -> Mapping[AccountId, Reading[datetime]]:
    if isinstance(people, Unknown):
        return {}
    told: dict[int, Reading[datetime]] = {}  # many accounts share a clock: one that hangs is asked once
    found: dict[AccountId, Reading[datetime]] = {}
    for account in people.value:
        clock = _asked(partial(sources.clock_of, account))
        if isinstance(clock, Unknown):
            found[account.id] = clock
            continue
        if id(clock.value) not in told:
            told[id(clock.value)] = _asked(clock.value.now)
        found[account.id] = told[id(clock.value)]
    return found


def _slots(
    sources: Sources, held: _Remembered, clocks: Mapping[AccountId, Reading[datetime]]
) -> Reading[tuple[SlotFacts, ...]]:
    people, is_closed, seen = held.people, held.is_closed, held.runs
    if isinstance(people, Unknown):
        return people
    if isinstance(is_closed, Unknown):
        return is_closed
    runs = {} if isinstance(seen, Unknown) else seen.value
    pauses = () if isinstance(held.held_back, Unknown) else held.held_back.value
    held_back = {(row.task, row.account_id): row for row in pauses}
    return Known(
        tuple(
            slot_facts(
                rhythm,
                account,
                clocks[account.id],
                runs.get((rhythm.name, account.id)),
                is_closed=is_closed.value,
                pause=held_back.get((rhythm.name, account.id)),
            )
            for account in people.value
            for rhythm in sources.rhythms
            if rhythm.pair.platform.slug == account.platform
        )
    )
