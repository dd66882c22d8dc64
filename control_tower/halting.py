"""Makes workers stand still for a stop of all: tells them side by side, ends by force who does not answer, says who.

Level-triggered: may be done again at any time. What must not begin is kept from it by the desired state in Postgres
anyway; this is about what runs already, and about saying so truly.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import structlog
from sqlalchemy import Engine

from control_tower.desired import lane_of
from domain import catalogue
from domain.actions import Json
from domain.broker_ports import Halted, Switchboard
from domain.ids import StopId
from domain.modules import Lane
from domain.ports import Processes, ProcessState
from models import heartbeats, run_stops, stops
from models.heartbeats import ProcessKind

ANSWER_S = 1.0
FRESH_S = 30.0  # three of a worker's signs of life: who gave none for longer is dead, or silent already
CYCLES = tuple(rhythm.name for rhythm in catalogue.RHYTHMS)  # their tasks are ended by force; executors drain
QUEUES = tuple(name for lane in catalogue.lanes() if lane is not Lane.CONTROL for name in catalogue.queues(lane))

log = structlog.get_logger(__name__)


class Fate(StrEnum):
    """What became of a worker."""

    HALTED = "halted"
    ENDED = "ended by force"
    GONE = "not there any more"
    SILENT = "does not answer"  # and cannot be ended from here


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker, and what became of it; `terminated` are its runs that were ended with that."""

    name: str
    fate: Fate
    terminated: tuple[int, ...] = ()
    advice: str = ""

    def told(self) -> dict[str, Json]:
        """The worker as the stop's row keeps it."""
        return {"worker": self.name, "fate": self.fate, "terminated": list(self.terminated), "advice": self.advice}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of telling all: who stands still, who did not answer, how many messages were dropped (None = away)."""

    workers: tuple[Worker, ...]
    silent: tuple[str, ...]
    purged: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Where the workers are, how they are reached, and for how long an answer is waited for."""

    engine: Engine
    switchboard: Switchboard
    processes: Processes
    answer_s: float = ANSWER_S


def tell(floor: Floor) -> Told:
    """Tell every worker that we know to consume nothing and to end its cycles; drop what waits."""
    fresh, stale, busy = _known(floor)
    gone = tuple(worker for worker in stale if worker not in busy and not _lives(floor.processes, worker))
    asked = tuple(sorted((fresh | stale | busy) - set(gone)))
    answers = floor.switchboard.halt(asked, terminate=CYCLES, timeout_s=floor.answer_s) if asked else _ask_all(floor)
    purged = floor.switchboard.purge(QUEUES)
    stands = [name for name, answer in answers.items() if not answer.consuming & set(QUEUES)]
    halted = tuple(Worker(name=name, fate=Fate.HALTED) for name in stands)
    return Told(
        workers=(*halted, *(Worker(name=name, fate=Fate.GONE) for name in gone)),
        silent=tuple(name for name in asked if name not in stands),
        purged=purged,
    )


def end(floor: Floor, silent: Iterable[str]) -> tuple[Worker, ...]:
    """End these workers through the supervisor of this machine; name those that it does not have."""
    return tuple(_end(floor.processes, name) for name in silent)


def close_runs(floor: Floor, stop_id: StopId, workers: Collection[Worker]) -> tuple[Worker, ...]:
    """Write down that the runs of workers that stand still have ended, and which those were.

    A stop that somebody has ended meanwhile ends none: what runs by then was begun after it.
    """
    still = [worker.name for worker in workers if worker.fate is not Fate.SILENT]
    with floor.engine.begin() as conn:
        if stops.get(conn, stop_id, hold=True).opened_at is not None:
            return tuple(workers)
        ended = run_stops.end_of(conn, still, reason=f"ended by stop {stop_id}")
    if ended:
        log.info("runs ended", stop=stop_id, runs=[run.id for run in ended])
    return tuple(
        replace(worker, terminated=tuple(sorted(run.id for run in ended if run.worker == worker.name)))
        for worker in workers
    )


def is_executor(worker: str) -> bool:
    """Whether a worker's name says that it carries actions out: what it sends is waited for, not cut off."""
    return lane_of(worker) is Lane.ACTIONS


def is_ours(worker: str) -> bool:
    """Whether a stop halts the worker: those of the control lane watch on, strangers are left alone."""
    return lane_of(worker) not in {None, Lane.CONTROL}


def rows(workers: Sequence[Worker]) -> list[dict[str, Json]]:
    """Workers as the stop's row keeps them."""
    return [worker.told() for worker in workers]


def _known(floor: Floor) -> tuple[set[str], set[str], set[str]]:
    """Workers with fresh signs of life, with old ones only, and those that hold a run."""
    with floor.engine.begin() as conn:
        signs = heartbeats.listing(conn, ProcessKind.WORKER)
        at_work = run_stops.at_work(conn)
    age_s = {sign.process: sign.age_s for sign in signs if is_ours(sign.process)}
    fresh = {name for name, age in age_s.items() if age <= FRESH_S}
    return fresh, age_s.keys() - fresh, {run.worker for run in at_work if is_ours(run.worker)}


def _ask_all(floor: Floor) -> Mapping[str, Halted]:
    """Nobody ever gave a sign of life: whoever answers the broadcast is told."""
    found = sorted(filter(is_ours, floor.switchboard.consuming()))
    return floor.switchboard.halt(found, terminate=CYCLES, timeout_s=floor.answer_s) if found else {}


def _lives(processes: Processes, worker: str) -> bool:
    name = processes.name_of_worker(worker)
    return name is not None and processes.state(name) is ProcessState.ALIVE


def _end(processes: Processes, worker: str) -> Worker:
    name = processes.name_of_worker(worker)
    if name is not None and processes.end(name, hard=True):
        log.warning("worker ended by force", worker=worker)
        return Worker(name=worker, fate=Fate.ENDED)
    if name is not None and processes.state(name) is ProcessState.DEAD:
        return Worker(name=worker, fate=Fate.GONE)
    host = worker.partition("@")[2] or "its machine"
    advice = (
        f"it is no process that can be ended from here: on {host}, end the worker {worker} (kill -9, or its service)"
    )
    return Worker(name=worker, fate=Fate.SILENT, advice=advice)
