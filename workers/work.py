"""What a cycle's body gets: its run, its account, and a way to write that is its own only while the claim holds."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import Connection, Engine

from domain.actions import Json, JsonMap
from domain.catalogue import Rhythm
from domain.clock import PlatformClock
from domain.errors import StakazoError
from domain.ids import ActionId
from domain.ports import Client, Doorbell
from models import accounts, fence, module_states, run_history, runs
from models.accounts import Account
from models.run_history import LogEntry
from models.runs import LEASE_S, Run
from workers.log import redact_text
from workers.settings import Settings

_KEEP_EVERY_S = 10.0

log = structlog.get_logger(__name__)


class Parts(Protocol):
    """What a run needs of the house."""

    settings: Settings

    @property
    def engine(self) -> Engine:
        """Postgres."""
        ...

    @property
    def doorbell(self) -> Doorbell:
        """The bell."""
        ...

    def client_of(self, account: Account) -> Client:
        """The account's platform."""
        ...

    def clock_of(self, account: Account) -> PlatformClock:
        """The platform's clock."""
        ...


class RunStopped(StakazoError):  # noqa: N818 - an outcome: the world said stop between two steps
    """The desired state, a paused account or a closed fence ends the run here."""


class RunRestarted(StakazoError):  # noqa: N818 - an outcome, as above
    """Somebody had the module restarted after this attempt began: it ends here and begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ring:
    queue: str
    action_id: ActionId
    about: str


@dataclass(slots=True, kw_only=True)
class Work:
    """One attempt at a run. Steps look at the desired state, transactions at the claim; rings go out after commits."""

    house: Parts
    rhythm: Rhythm
    run: Run
    account: Account
    owner: str
    stop: str | None = None  # why nothing may go on, as seen when the run was claimed
    stats: dict[str, Json] = field(default_factory=dict)
    errors: list[JsonMap] = field(default_factory=list)
    _kept_at_s: float = field(default_factory=time.monotonic)
    _rings: list[_Ring] = field(default_factory=list)

    @property
    def begun_at(self) -> datetime | None:
        """When this attempt began, by Postgres' clock: its claim was taken for a fixed time."""
        until = self.run.lease_until
        return None if until is None else until - timedelta(seconds=LEASE_S)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Do a named step: looks at the desired state and the claim before it, records it with its duration after.

        Raises:
            RunStopped: the module is stopped, the account paused or its fence closed.
            RunRestarted: the module was restarted since this attempt began.
            LostClaimError: another worker has the run.
        """
        self.look()
        begun_s = time.monotonic()
        with structlog.contextvars.bound_contextvars(step=name):
            yield
        took: JsonMap = {"step": name, "ms": round((time.monotonic() - begun_s) * 1000), "attempt": self.run.attempts}
        with self.house.engine.begin() as conn:
            runs.note_step(conn, self.run.id, self.owner, took)

    def look(self) -> None:
        """See whether the run may go on.

        Raises:
            RunStopped: the module is stopped, the account paused or its fence closed.
            RunRestarted: the module was restarted since this attempt began.
            LostClaimError: another worker has the run.
        """
        with self.transaction() as conn:
            why = why_stop(conn, self.rhythm, self.account)
            restarted_at = module_states.restarted_at(conn, self.rhythm.pair.slug)
        if why is not None:
            raise RunStopped(why)
        if restarted_at is not None and self.begun_at is not None and restarted_at > self.begun_at:
            pair = self.rhythm.pair.slug
            raise RunRestarted(f"module {pair} was restarted at {restarted_at:%H:%M:%S}Z, after this attempt began")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Write while the run is ours: the claim is extended, and its row held, in the same transaction.

        Raises:
            LostClaimError: another worker has the run; nothing is written.
        """
        with self.house.engine.begin() as conn:
            runs.extend(conn, self.run.id, self.owner, LEASE_S)
            yield conn
        self._kept_at_s = time.monotonic()
        self._ring_all()

    @contextmanager
    def load(self) -> Iterator[Connection]:
        """Write a lot, slowly: the claim is checked at the end, so that `keep` can extend it meanwhile.

        Raises:
            LostClaimError: another worker has the run; nothing is written.
        """
        with self.house.engine.begin() as conn:
            yield conn
            runs.extend(conn, self.run.id, self.owner, LEASE_S)
        self._kept_at_s = time.monotonic()

    def keep(self) -> None:
        """Extend the claim if that was a while ago; to be called between pages of a long step.

        Raises:
            LostClaimError: another worker has the run.
        """
        if time.monotonic() - self._kept_at_s < _KEEP_EVERY_S:
            return
        with self.house.engine.begin() as conn:
            runs.extend(conn, self.run.id, self.owner, LEASE_S)
        self._kept_at_s = time.monotonic()

    def ring_action_after(self, queue: str, action_id: ActionId, about: str) -> None:
        """Ring for an action once the transaction around this call is committed."""
        self._rings.append(_Ring(queue=queue, action_id=action_id, about=about))

    def note_error(self, step: str, error: Exception) -> None:
        """Remember an error that does not end the run; it ends as partial."""
        message = redact_text(str(error))
        self.errors.append({"step": step, "error": type(error).__name__, "message": message})
        log.warning("error in run", step=step, error=type(error).__name__, message=message)

    def write_logs(self, entries: Sequence[LogEntry]) -> None:
        """Write log rows of the run."""
        with self.transaction() as conn:
            self.log_in(conn, entries)

    def log_in(self, conn: Connection, entries: Iterable[LogEntry]) -> None:
        """Write log rows of the run in a transaction that is open."""
        run_history.write_logs(conn, self.run.id, entries)

    def reload_account(self) -> Account:
        """Read the account again, after a step has changed it."""
        with self.house.engine.begin() as conn:
            self.account = accounts.get(conn, self.account.id)
        return self.account

    def _ring_all(self) -> None:
        rings, self._rings = self._rings, []
        for ring in rings:
            self.house.doorbell.ring_action(ring.queue, ring.action_id, about=ring.about)


def why_stop(conn: Connection, rhythm: Rhythm, account: Account) -> str | None:
    """Return why nothing may go on here, None if it may."""
    gate = fence.state(conn, account.id)
    if gate.closed:  # first: under a stop of all every module reads as stopped
        return f"the fence is closed: {gate.reason}"
    if rhythm.pair.slug in module_states.stopped(conn):
        return f"module {rhythm.pair.slug} is stopped"
    if accounts.get(conn, account.id).is_paused:
        return f"account {account.name} is paused"
    return None
