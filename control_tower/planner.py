"""Turns due slots into run rows, one per account and slot whoever plans, and rings for the new ones. No Celery here.

A tick, the tower and a person may plan at once: the unique slot decides. The platform's clock is read once per account
and its instant travels in the run row.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, Engine

from domain.catalogue import Rhythm
from domain.clock import PlatformClock
from domain.errors import NotReadyError
from domain.ids import RunId
from domain.modules import CatchUp
from domain.ports import Doorbell
from domain.slots import due_slots, latest_slot
from models import accounts, fence, module_states, runs, schedule_pauses
from models.accounts import Account

UNSERVED = "its slot passed unserved: the module was stopped, its schedule or the account paused, or nothing ran"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run that was planned just now. `waits` = a cycle before it at the same slot rings for it when it ends."""

    id: RunId
    task: str
    about: str
    waits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What one look found: new runs, and accounts whose clock could not be read."""

    runs: tuple[NewRun, ...]
    unreachable: tuple[str, ...]


class Planner:
    """Plans what is due. Holds nothing between calls."""

    def __init__(
        self,
        *,
        engine: Engine,
        rhythms: Sequence[Rhythm],
        clock_of: Callable[[Account], PlatformClock],
        doorbell: Doorbell,
    ) -> None:
        self._engine = engine
        self._rhythms = tuple(rhythms)
        self._clock_of = clock_of
        self._doorbell = doorbell

    def plan(self, task: str | None = None) -> Planned:
        """Plan every due slot of a cycle and of those it comes after, or of all; commit, then ring."""
        rhythms = in_order(self._rhythms, task)
        with self._engine.begin() as conn:
            stopped = module_states.stopped(conn)
            people = accounts.listing(conn)
        wanted = [rhythm for rhythm in rhythms if rhythm.pair.slug not in stopped]
        found: list[NewRun] = []
        unreachable: list[str] = []
        for account in people:
            mine = [rhythm for rhythm in wanted if rhythm.pair.platform.slug == account.platform]
            if account.is_paused or not mine:
                continue
            try:
                now = self._clock_of(account).now()
            except NotReadyError as error:
                log.warning("platform clock unreadable", account=account.name, cause=str(error))
                unreachable.append(account.name)
                continue
            found.extend(self._plan_account(account, mine, now))
        for run in found:
            if not run.waits:
                self._doorbell.ring_run(run.task, run.id, about=run.about)
        return Planned(runs=tuple(found), unreachable=tuple(unreachable))

    def _plan_account(self, account: Account, rhythms: Iterable[Rhythm], now: datetime) -> tuple[NewRun, ...]:
        with self._engine.begin() as conn:
            if fence.state(conn, account.id).closed:
                return ()
            held_back = schedule_pauses.paused(conn, account.id, now)
            new: dict[tuple[str, datetime], NewRun] = {}
            for rhythm in rhythms:
                if rhythm.name in held_back:
                    continue
                for slot_at in _claim_slots(conn, account, rhythm, now):
                    run_id = _plan(conn, account, rhythm, slot_at, now)
                    if run_id is None:
                        continue
                    new[rhythm.name, slot_at] = NewRun(
                        id=run_id,
                        task=rhythm.name,
                        about=runs.about(account.name, slot_at),
                        waits=any((name, slot_at) in new for name in predecessors(rhythm)),
                    )
        return tuple(new.values())


def predecessors(rhythm: Rhythm) -> tuple[str, ...]:
    """Return task names of the cycles whose slot of the same instant must have ended first."""
    return tuple(f"{rhythm.pair.platform.slug}.{name}" for name in rhythm.cycle.after)


def dependents(rhythms: Iterable[Rhythm], task: str) -> tuple[str, ...]:
    """Return task names of the cycles that wait for this one."""
    return tuple(rhythm.name for rhythm in rhythms if task in predecessors(rhythm))


def in_order(rhythms: Sequence[Rhythm], task: str | None = None) -> tuple[Rhythm, ...]:
    """Return rhythms with each behind those it comes after; only a named one and what comes before it, if named.

    Predecessors that are not built, or switched off, are left out.
    """
    by_name = {rhythm.name: rhythm for rhythm in rhythms}
    done: dict[str, Rhythm] = {}

    def visit(name: str) -> None:
        rhythm = by_name.get(name)
        if rhythm is None or name in done:
            return
        for earlier in predecessors(rhythm):
            visit(earlier)
        done[name] = rhythm

    for name in by_name if task is None else (task,):
        visit(name)
    return tuple(done.values())


def _claim_slots(conn: Connection, account: Account, rhythm: Rhythm, now: datetime) -> tuple[datetime, ...]:
    """Return the slots to plan, oldest first; writes down those that are not to be caught up."""
    last = runs.last_slot(conn, rhythm.name, account.id)
    if last is None:  # the first time: from the current slot on, no backlog
        return (latest_slot(rhythm.cycle, account.zone, now),)
    due = due_slots(rhythm.cycle, account.zone, last, now)
    if not due or rhythm.cycle.catch_up is CatchUp.ALL:
        return due
    runs.supersede(conn, task=rhythm.name, account_id=account.id, slot_at=due[-1])
    runs.record_skipped(
        conn,
        task=rhythm.name,
        account_id=account.id,
        mode=account.mode,
        level=account.level,
        slots=due[:-1],
        now_at=now,
        reason=UNSERVED,
    )
    return due[-1:]


def _plan(conn: Connection, account: Account, rhythm: Rhythm, slot_at: datetime, now: datetime) -> RunId | None:
    return runs.plan(
        conn,
        task=rhythm.name,
        account_id=account.id,
        mode=account.mode,
        level=account.level,
        slot_at=slot_at,
        now_at=now,
    )
