"""A house in which all is well, in Postgres and in stand-ins: what tests of health break one thing at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, Table, func, insert, update

from control_tower.gathering import Sources
from control_tower.standins import ObedientSwitchboard, SetClock
from domain import catalogue
from domain.broker_ports import BrokerFacts
from domain.catalogue import RHYTHMS
from domain.ports import ProcessState
from domain.slots import latest_slot
from models import canaries, heartbeats
from models.accounts import Account
from models.heartbeats import ProcessKind
from models.tables import platform_facts, runs

WELL = BrokerFacts(
    round_trip_ms=0.5, used_memory_bytes=1_000, max_memory_bytes=100_000, policy="noeviction", aof_on=True,
    last_write_ok=True, evicted_keys=0, clients=3, unacked=0,
)  # fmt: skip


@dataclass
class SetProcesses:
    """Processes that are as they were set."""

    states: dict[str, ProcessState] = field(default_factory=dict)
    is_broken: bool = False
    up: dict[str, float] = field(default_factory=dict)

    def state(self, name: str) -> ProcessState:
        if self.is_broken:
            raise OSError("no list of processes")
        return self.states.get(name, ProcessState.ALIVE)

    def up_s(self, name: str) -> float | None:
        if self.is_broken:
            raise OSError("no list of processes")
        return self.up.get(name)

    def name_of_worker(self, worker: str) -> str | None:
        return f"worker-{worker.partition('@')[0]}"

    def end(self, name: str, *, hard: bool) -> bool:
        del hard
        return name in self.states


@dataclass
class HealthyHouse:
    """Its parts; `sources` is what a check is given."""

    engine: Engine
    account: Account
    clock: SetClock
    switchboard: ObedientSwitchboard
    processes: SetProcesses

    @property
    def sources(self) -> Sources:
        return Sources(
            engine=self.engine,
            switchboard=self.switchboard,
            processes=self.processes,
            clock_of=lambda _account: self.clock,
        )


def healthy_house(engine: Engine, account: Account, clock: SetClock) -> HealthyHouse:
    """Fill the database and the stand-ins so that every built module is online."""
    lanes = {lane.value: set(catalogue.queues(lane)) for lane in catalogue.lanes()}
    workers = {f"{lane}@a": queues for lane, queues in lanes.items()}
    with engine.begin() as conn:
        for rhythm in RHYTHMS:
            add_run(conn, account, clock.now(), rhythm.name)
        for worker in workers:
            sign(conn, worker, ProcessKind.WORKER, worker_detail(worker))
            canaries.send(conn, worker)
            canaries.done(conn, worker)
        sign(conn, "tower@a:1", ProcessKind.TOWER, {"leads": True})
        sign(conn, "beat", ProcessKind.BEAT, {})
        conn.execute(
            insert(platform_facts).values(
                platform=account.platform, mode=account.mode, is_token_valid=True, round_trip_ms=20.0, version="v1"
            )
        )
    return HealthyHouse(
        engine=engine,
        account=account,
        clock=clock,
        switchboard=ObedientSwitchboard(workers=workers, facts=WELL),
        processes=SetProcesses(),
    )


def worker_detail(worker: str) -> Mapping[str, object]:
    """What a worker tells of itself."""
    return {
        "child": f"worker-{worker.partition('@')[0]}", "concurrency": 2, "at_work": 0, "rss_mb": 120.0, "cpu_pct": 3.0,
        "db_connections": 2, "version": "0.1.0",
    }  # fmt: skip


def sign(conn, process: str, kind: ProcessKind, detail: Mapping[str, object]) -> None:
    """Give a sign of life."""
    heartbeats.beat(conn, process=process, kind=kind, detail=detail)


def add_run(conn, account: Account, now: datetime, task: str, *, state: str = "succeeded", **values: object) -> None:
    """Write a run of the slot at `now` that ended by itself."""
    rhythm = next(row for row in RHYTHMS if row.name == task)
    row = {
        "task": task, "account_id": account.id, "slot_at": latest_slot(rhythm.cycle, account.zone, now), "now_at": now,
        "mode": account.mode, "level": account.level, "triggered_by": "schedule", "state": state,
        "worker": f"{rhythm.cycle.lane}@a", "duration_ms": 1_500, "started_at": func.clock_timestamp(),
        "finished_at": func.clock_timestamp(),
    }  # fmt: skip
    conn.execute(insert(runs).values({**row, **values}))


def change(house: Sources, table: Table, **values: object) -> None:
    """Set columns of every row of a table."""
    with house.engine.begin() as conn:
        conn.execute(update(table).values(**values))


def ago(seconds: float) -> ColumnElement[datetime]:
    """An instant of Postgres' own clock."""
    return func.clock_timestamp() - timedelta(seconds=seconds)
