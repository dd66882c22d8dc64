"""A whole machine in a test: `stakazo up` as a real subprocess on a folder of its own, driven as a person drives it.

Nothing of ours is replaced. What a test wants of it goes through the command line, the sandbox's admin address, signals
and the tables.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
import requests
from sqlalchemy import Engine, func, select, update

from domain.actions import IN_FLIGHT
from domain.health import OPEN_RUN_STATES
from domain.objects import Status
from embedded.runtime import Runtime, read_runtime
from models import accounts
from models.engine import make_engine
from models.tables import actions, runs
from workers import addresses, oracle, overview, planner, sandbox_admin
from workers.bootstrap import House
from workers.settings import Settings, read_settings
from workers.tower import upkeep_of

RUNNING = "Running; Ctrl-C stops everything in order."
CYCLE = "meta.full_cycle"
_COMMAND = (sys.executable, "-m", "cli.main")
_LIMIT_S = 150.0
_POLL_S = 0.1
_OUTSIDE = ("DATABASE_URL", "REDIS_URL", "STAKAZO_HOME", "META_API_MODE", "COLUMNS")
_Found = TypeVar("_Found")


def environment(home: Path, **variables: str) -> dict[str, str]:
    """The environment of every command on this data folder; nothing of the tester's own servers."""
    kept = {name: value for name, value in os.environ.items() if name not in _OUTSIDE}
    return {**kept, "STAKAZO_HOME": str(home), **variables}


def stakazo(home: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Type a command and wait for its end."""
    return subprocess.run(
        [*_COMMAND, *words],
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )


def wait_until(look: Callable[[], _Found], what: str | Callable[[], str], limit_s: float = _LIMIT_S) -> _Found:
    """Look again and again until something true is found; `what` may be asked for only once that has failed."""
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        if found := look():
            return found
        time.sleep(_POLL_S)
    raise AssertionError(f"not within {limit_s:.0f} s: {what() if callable(what) else what}")


class Machine:
    """One `stakazo up` on one data folder; it may be started again after it ended."""

    def __init__(self, home: Path, **variables: str) -> None:
        self.home = home
        self.variables = variables
        self.process: subprocess.Popen[bytes] | None = None
        self._terminal = home.with_name(f"{home.name}.terminal")

    # -- its life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Type `stakazo up` and wait until the first cycle is printed."""
        self._terminal.write_bytes(b"")
        with self._terminal.open("ab") as terminal:
            self.process = subprocess.Popen(
                [*_COMMAND, "up"],
                env=environment(self.home, **self.variables),
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
            )
        process = self.process
        wait_until(lambda: RUNNING in self.said or process.poll() is not None, lambda: f"the first cycle:\n{self.said}")
        assert process.poll() is None, self.said

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(_LIMIT_S)

    def kill_supervisor(self) -> None:
        """Pull the plug of `stakazo up` alone."""
        self.process.kill()
        self.process.wait(_LIMIT_S)

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if "engine" in self.__dict__:
            self.engine.dispose()
        if self.process is None:
            return
        family = self.family()
        if self.process.poll() is None:
            self.interrupt()
        for process in family:
            if is_alive(process):
                process.kill()

    def family(self) -> list[psutil.Process]:
        """Every process that `up` started, and those that they started."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    # -- what it says -----------------------------------------------------------------------------------------

    @property
    def said(self) -> str:
        """Everything that it has printed since its last start."""
        return self._terminal.read_text(errors="replace")

    @property
    def runtime(self) -> Runtime:
        found = read_runtime(self.home)
        assert found is not None
        return found

    def pid(self, child: str) -> int:
        """The pid of a living child."""
        record = wait_until(lambda: self._living(child), lambda: f"{child} lives:\n{self.said}")
        return record.mark.pid

    def port(self, child: str) -> int:
        return self.runtime.child(child).port

    def kill(self, child: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a child a signal that it does not survive; return the pid that it had, once another took its place."""
        pid = self.pid(child)
        os.kill(pid, number)
        wait_until(lambda: self._reborn(child, pid), lambda: f"{child} restarted:\n{self.said}")
        return pid

    # -- what a person does -----------------------------------------------------------------------------------

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        return stakazo(self.home, *words, **self.variables)

    def ask(self, *words: str) -> Any:
        """Type a command with --json that must succeed; return its document."""
        done = self.type(*words, "--json")
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def status(self) -> Any:
        """What `stakazo status --json` says, well or not."""
        return json.loads(self.type("status", "--json").stdout)

    def look(self) -> overview.Overview:
        """Look as `stakazo status` does, in this process: for waiting without a command a look."""
        with House.open(self.settings, name="stakazo-journey") as house:
            return overview.look(house)

    def advance(self, *, days: float = 0.0, hours: float = 0.0) -> datetime:
        """Let platform time go by, so that figures are stale, cooldowns over and new slots due."""
        return sandbox_admin.advance(self.admin_url, seconds=timedelta(days=days, hours=hours).total_seconds())

    def ask_for_cycle(self) -> int:
        """Ask for a full cycle without waiting for it; return its run's id.

        In this process: a command may take longer to start than a call is held.
        """
        with House.open(self.settings, name="stakazo-journey") as house:
            with house.engine.connect() as conn:
                (account,) = accounts.listing(conn)
            return planner.ask(house, CYCLE, account, asked_by="journey")

    def cycle(self) -> Any:
        """Run a full cycle; return its document once it and its actions have ended."""
        return self.ask("cycle", "run", "--timeout", "120")

    # -- the sandbox ------------------------------------------------------------------------------------------

    @property
    def admin_url(self) -> str:
        return addresses.sandbox_admin_url(self.settings)

    def platform_now(self) -> datetime:
        return sandbox_admin.read_clock(self.admin_url)[0]

    @contextmanager
    def slow(self, seconds: float, **match: str) -> Iterator[Callable[[], None]]:
        """Hold the next matching call; yields what waits until one is held, so that a kill is in the middle of it."""
        fault = {"do": "slow", "seconds": seconds, "times": 1, "match": match}
        sandbox_admin.set_faults(self.admin_url, [fault])

        def wait() -> None:
            wait_until(lambda: sandbox_admin.faults(self.admin_url)[0].get("fired"), f"a call like {match} is held")

        yield wait
        sandbox_admin.set_faults(self.admin_url, [])

    def edit(self, object_id: str, **changes: object) -> None:
        """Change an object as a person in the platform's own window would."""
        response = requests.post(
            f"{self.admin_url}/human_edit", json={"object_id": object_id, "changes": changes}, timeout=30
        )
        assert response.ok, response.text

    def running_campaigns(self) -> frozenset[str]:
        """Campaigns that are switched on, as the platform says."""
        with House.open(self.settings, name="stakazo-journey") as house, house.engine.connect() as conn:
            pages = [
                page
                for account in accounts.listing(conn)
                for page in house.client_of(account).reader.campaigns(account.platform_account_id)
            ]
        return frozenset(row.id for page in pages for row in page if row.status is Status.ACTIVE)

    def effects(self) -> list[Mapping[str, Any]]:
        """The sandbox's own log of everything that changed in it."""
        return requests.get(f"{self.admin_url}/oracle", timeout=30).json()["lines"]

    def comparison(self) -> oracle.Comparison:
        """The ledger against the sandbox's own log."""
        return oracle.compare(self.engine, self.admin_url)

    # -- the tables -------------------------------------------------------------------------------------------

    @cached_property
    def settings(self) -> Settings:
        with pytest.MonkeyPatch.context() as patch:
            for name in _OUTSIDE:
                patch.delenv(name, raising=False)
            for name, value in {"STAKAZO_HOME": str(self.home), **self.variables}.items():
                patch.setenv(name, value)
            return read_settings()

    @cached_property
    def engine(self) -> Engine:
        return make_engine(addresses.database_url(self.settings), application_name="stakazo-journey")

    def run(self, run_id: int) -> Any:
        """The row of a run."""
        with self.engine.connect() as conn:
            return conn.execute(select(runs).where(runs.c.id == run_id)).one()

    def ended(self, run_id: int, limit_s: float = _LIMIT_S) -> Any:
        """The row of a run, once it is open no more."""

        def look() -> Any:
            row = self.run(run_id)
            return None if row.state in OPEN_RUN_STATES else row

        return wait_until(look, lambda: f"run {run_id} ends: {self.run(run_id)}", limit_s)

    def open_rows(self) -> tuple[Sequence[Any], Sequence[Any]]:
        """Runs and actions that are not over."""
        with self.engine.connect() as conn:
            open_runs = conn.execute(select(runs).where(runs.c.state.in_(OPEN_RUN_STATES))).all()
            open_actions = conn.execute(select(actions).where(actions.c.state.in_(IN_FLIGHT))).all()
        return open_runs, open_actions

    def let_pass(self, seconds: float, *, ring: bool = True) -> None:
        """Let so much of Postgres' time go by for what is open: leases, quarantines, ring times.

        The rows are moved into the past instead of waiting: for rows whose holder is dead or cut off. `ring` then does
        at once the tower's round that its own process does within 30 s.
        """
        span = timedelta(seconds=seconds)
        with self.engine.begin() as conn:
            for table, states, instants in (
                (runs, OPEN_RUN_STATES, ("lease_until", "ring_at")),
                (actions, IN_FLIGHT, ("lease_until", "next_at", "send_deadline_at", "quarantine_until")),
            ):
                moved = {name: table.c[name] - span for name in instants}
                conn.execute(update(table).where(table.c.state.in_(states)).values(moved))
        if ring:
            with House.open(self.settings, name="stakazo-journey") as house:
                upkeep_of(house).ring_due()

    def plan(self) -> None:
        """Plan what is due at once, as the tower's own process does within 30 s."""
        with House.open(self.settings, name="stakazo-journey") as house:
            upkeep_of(house).plan_missed()

    def count(self, table: Any) -> int:
        with self.engine.connect() as conn:
            return conn.execute(select(func.count()).select_from(table)).scalar_one()

    # -- its parts --------------------------------------------------------------------------------------------

    def _living(self, child: str) -> Any:
        record = self.runtime.child(child)
        return record if record is not None and record.alive else None

    def _reborn(self, child: str, pid: int) -> bool:
        record = self._living(child)
        return record is not None and record.mark.pid != pid and record.ready


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs; a zombie that nobody reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def machine(home: Path, **variables: str) -> Iterator[Machine]:
    """A machine that runs, and is gone afterwards."""
    made = Machine(home, **variables)
    try:
        made.start()
        yield made
    finally:
        made.end()
