"""A stepped simulation: plan what is due, ring, wait until nothing due is open, advance to the next slot, and again.

The tasks are Celery's own on real workers, the platform is spoken to over HTTP; only time is moved by hand. All state
is the sandbox's journal and Postgres, so that it may end anywhere and go on later.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from control_tower.planner import Planner
from domain import catalogue
from domain.actions import ActionState
from domain.catalogue import Rhythm
from domain.errors import NotReadyError
from domain.slots import next_slot
from models import accounts, ledger_counts, ledger_reads, policies, run_history, stepping
from models.accounts import Account
from workers import addresses, sandbox_admin
from workers.machine import Stepped
from workers.planner import planner_of
from workers.schedule import wanted_rhythms
from workers.simulation_folder import Plan, SimulationFolder
from workers.simulation_notes import Notes
from workers.simulation_waits import Patience, end_unanswered, require_timely

SETTLE_TIMEOUT_S = 300.0  # for everything due at one slot
_POLL_S = 0.01  # asking more often takes from the workers what it gains
_DAY = timedelta(days=1)
_RING_LIMIT = 500
_UNDER_WAY = (ActionState.APPROVED, ActionState.SENT, ActionState.UNKNOWN)  # minutes in life, less than a slot's time


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far it is after a slot. `day` counts from 1; `slots` is how many instants were served in this go."""

    now: datetime
    begin_at: datetime
    end_at: datetime
    day: int
    slots: int
    is_day_over: bool
    seconds: float  # real ones, for the day so far


@dataclass(slots=True, kw_only=True)
class Simulation:
    """Drives one machine through the days of a plan."""

    machine: Stepped
    folder: SimulationFolder
    plan: Plan
    on_slot: Callable[[Progress], None] = lambda _progress: None
    settle_timeout_s: float = SETTLE_TIMEOUT_S
    _spent: dict[str, float] = field(default_factory=dict)
    _slots: int = 0

    def run(self) -> None:
        """Go on from wherever the clock stands until the plan's end, the end's own slot included.

        Raises:
            NotReadyError: what is due does not end, or the sandbox does not answer; the message says what is open.
            BadInputError: the sandbox's faults are too late for a simulation.
            StopRequested: Ctrl-C; the same call on the same folder goes on.
        """
        house = self.machine.house
        rhythms = wanted_rhythms(house.settings)
        planner, notes = planner_of(house), Notes(self.folder)
        admin_url = addresses.sandbox_admin_url(house.settings)
        require_timely(sandbox_admin.faults(admin_url))
        with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            people = self._people(conn)
            self._ring_open(conn)
            now = sandbox_admin.read_clock(admin_url)[0]
            try:
                while True:
                    upcoming, is_end = min(_next_slots(people, rhythms, now)), now >= self.plan.end_at
                    is_new = self._serve(conn, planner, now, upcoming)
                    self._slots += is_new
                    if is_new:  # a simulation that had ended before writes nothing down again
                        with self._timed("noting"):
                            notes.take(conn, people, now, self.machine.supervisor)
                    if is_end:
                        self._tell(now, now)
                        return
                    following = min(self.plan.end_at, upcoming)
                    with self._timed("advancing"):
                        sandbox_admin.advance(admin_url, to=following)
                        stepping.let_pass(conn, following - now)
                    self._tell(now, following)
                    now = following
            finally:
                self._note_pace(now)

    def _people(self, conn: Connection) -> tuple[Account, ...]:
        """Let every account rest that is not in the plan, give the others the policy, and return these.

        Raises:
            NotReadyError: the sandbox shows none of the plan's accounts.
        """
        found = []
        for account in accounts.listing(conn):
            is_meant = str(account.platform_account_id).removeprefix("act_") in self.plan.account_ids
            if account.is_paused is is_meant:
                accounts.change(conn, account.id, is_paused=not is_meant)
            if is_meant:
                if self.plan.policy and policies.current(conn, account.id) is None:
                    policies.save(conn, account.id, self.plan.policy, {}, "stakazo simulate")
                found.append(accounts.get(conn, account.id))
        if not found:
            raise NotReadyError(f"the sandbox shows none of the accounts {', '.join(self.plan.account_ids)}")
        return tuple(found)

    def _ring_open(self, conn: Connection) -> None:
        """Ring for what an earlier go left open; the tower would, but only in its own time."""
        bell = self.machine.house.doorbell
        for run in run_history.open_runs(conn):
            bell.ring_run(run.task, run.id, about=f"slot {run.slot_at:%Y-%m-%d %H:%M}Z, gone on with")
        for due in ledger_reads.due(conn, _RING_LIMIT):
            queue = catalogue.actions_queue(catalogue.platform(due.platform))
            bell.ring_action(queue, due.action.id, about="gone on with")

    def _serve(self, conn: Connection, planner: Planner, now: datetime, upcoming: datetime) -> bool:
        """Plan what is due now and wait until it is over; say whether there was anything."""
        house = self.machine.house
        end_unanswered(house, conn, now)
        admin_url = addresses.sandbox_admin_url(house.settings)
        with self._timed("planning"):
            planned = planner.plan()
        if planned.unreachable:
            raise NotReadyError(f"the clock of {', '.join(planned.unreachable)} cannot be read at {now.isoformat()}")
        is_open = run_history.count_open(conn) > 0
        patience = Patience(
            doorbell=house.doorbell,
            conn=conn,
            advance=lambda to: sandbox_admin.advance(admin_url, to=to),
            now=now,
            until=upcoming,
        )
        with self._timed("waiting for runs"):
            self._wait(lambda: run_history.count_open(conn) == 0, patience)
        with self._timed("waiting for actions"):
            self._wait(lambda: not ledger_counts.count_in(conn, _UNDER_WAY), patience)
        return is_open or bool(planned.runs)

    def _wait(self, is_over: Callable[[], bool], patience: Patience) -> None:
        def look() -> bool:
            if is_over():
                return True
            patience.pass_by()
            return False

        if not self.machine.supervisor.wait(look, timeout_s=self.settle_timeout_s, poll_s=_POLL_S):
            raise NotReadyError(
                f"what was due at {patience.now.isoformat()} did not end in {self.settle_timeout_s:.0f} s:"
                f" {_open_words(patience.conn)};"
                f" see the logs in {addresses.folders(self.machine.house.settings).logs}, then type the same again"
            )

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun_s = time.monotonic()
        try:
            yield
        finally:
            self._spent[what] = self._spent.get(what, 0.0) + time.monotonic() - begun_s

    def _day_of(self, now: datetime) -> int:
        """Return the number of the day, from 1; the very end belongs to the last."""
        last = max(1, -((self.plan.begin_at - self.plan.end_at) // _DAY))
        return min(max(0, (now - self.plan.begin_at) // _DAY) + 1, last)

    def _tell(self, now: datetime, following: datetime) -> None:
        day = self._day_of(now)
        is_over = self._day_of(following) > day or now >= self.plan.end_at
        progress = Progress(
            now=following,
            begin_at=self.plan.begin_at,
            end_at=self.plan.end_at,
            day=day,
            slots=self._slots,
            is_day_over=is_over,
            seconds=sum(self._spent.values()),
        )
        if self._slots:
            self.on_slot(progress)
        if is_over:
            self._note_pace(now)

    def _note_pace(self, now: datetime) -> None:
        """Write down what the day took so far; a day of several goes has several such notes, to be summed."""
        if self._slots:
            seconds = {name: round(value, 4) for name, value in self._spent.items()}
            self.folder.note("pace", day=self._day_of(now), slots=self._slots, seconds=seconds)
        self._spent.clear()
        self._slots = 0


def _next_slots(people: tuple[Account, ...], rhythms: tuple[Rhythm, ...], now: datetime) -> tuple[datetime, ...]:
    pairs = {
        (rhythm.cycle, account.zone)
        for account in people
        for rhythm in rhythms
        if rhythm.pair.platform.slug == account.platform
    }
    return tuple(next_slot(cycle, zone, now) for cycle, zone in pairs)


def _open_words(conn: Connection) -> str:
    runs = [f"run {run.id} of {run.task} {run.state} {run.reason}".strip() for run in run_history.open_runs(conn)]
    counts = ledger_counts.by_state(conn)
    waiting = [f"{counts[state]} actions {state}" for state in _UNDER_WAY if state in counts]
    return "; ".join([*runs[:5], *waiting]) or "nothing any more"
