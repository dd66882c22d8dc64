"""What health is judged from: frozen facts, each source known or unknown with the reason. Nothing is judged here.

Instants named `_at` of runs and slots are the platform's clock; ages in seconds are Postgres' clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from control_tower.slots_due import SlotView
from domain.actions import Mode
from domain.broker_ports import BrokerFacts
from domain.ids import AccountId
from domain.ports import ProcessState
from models.health_reads import Business, CallFacts, DatabaseFacts, PlatformFacts, RecoveryFacts, RunFacts
from models.module_states import ModuleState
from models.stops import Stop

__all__ = [
    "Business",
    "CallFacts",
    "ClientFacts",
    "Consumers",
    "DatabaseFacts",
    "Evidence",
    "Known",
    "PlatformFacts",
    "QueueFacts",
    "QuotaFacts",
    "Reading",
    "RecoveryFacts",
    "RunFacts",
    "Sign",
    "SlotFacts",
    "Unknown",
    "WorkerFacts",
]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """A source that answered."""

    value: T


@dataclass(frozen=True, slots=True)
class Unknown:
    """A source that did not: nothing follows from it, least of all that all is well."""

    why: str


Reading = Known[T] | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFacts:
    """One cycle of one account on the platform's clock. `excused` = why no slot is due, "" where slots are due."""

    task: str
    account_id: AccountId
    account: str
    excused: str
    now: Reading[datetime]  # the platform's instant
    view: SlotView | None  # None where the clock, or the run rows, cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """How many messages wait, and how long the oldest does (None = none waits, or it does not tell)."""

    length: int
    oldest_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumers:
    """Who consumes what now. `silent` = workers that gave signs of life lately, were asked and did not answer."""

    of_queue: Mapping[str, frozenset[str]]  # queue → workers
    silent: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A worker by its heartbeat and its canary. None = it has not told."""

    name: str  # "cycles@host"
    age_s: float  # of its heartbeat
    canary_age_s: float | None  # since a process of its pool did the last canary; None = none was sent lately
    rss_mb: float | None
    cpu_pct: float | None
    db_connections: int | None
    at_work: int | None
    concurrency: int | None
    child: str | None  # its supervisor's name for it, "worker-cycles"
    version: str | None

    @property
    def is_busy(self) -> bool:
        """Whether every process of its pool is at work, so that a canary has to wait."""
        return self.at_work is not None and self.concurrency is not None and self.at_work >= self.concurrency > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaFacts:
    """How full the budgets of a platform's calls are at worst, 0..1, and which kinds of calls are broken off."""

    usage: float | None
    breakers: tuple[str, ...]  # "act_1 read"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFacts:
    """The platforms' clients as the gate counts them. A pair, or a platform, without an entry made no call."""

    of_pair: Mapping[str, CallFacts]
    of_platform: Mapping[str, CallFacts]  # all callers together
    quota: Mapping[str, QuotaFacts]  # platform →


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """The last sign of life of beat, or of the tower that leads; None = it has never given one.

    `awaited_s` = for how long it could have given another that somebody would have seen; None = all the time.
    """

    age_s: float | None
    detail: Mapping[str, object]
    awaited_s: float | None = None

    @property
    def silent_s(self) -> float | None:
        """For how long it owes a sign: what was not there to give one, or to see it, is not held against it."""
        return self.age_s if self.age_s is None or self.awaited_s is None else min(self.age_s, self.awaited_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One look at every source. `at` is Postgres' instant, this machine's where Postgres is away."""

    at: datetime
    modes: Reading[Mapping[str, Mode]]  # platform → LIVE if any account of it is; no entry = no account is open
    desired: Reading[Mapping[str, ModuleState]]  # pair → what somebody set
    stops: Reading[tuple[Stop, ...]]  # open ones
    runs: Reading[Mapping[tuple[str, AccountId], RunFacts]]
    slots: Reading[tuple[SlotFacts, ...]]  # every built cycle of every account
    queues: Reading[Mapping[str, QueueFacts]]
    consumers: Reading[Consumers]
    workers: Reading[tuple[WorkerFacts, ...]]  # freshest first
    processes: Reading[Mapping[str, ProcessState]]  # supervisor's names of this machine's workers, beat and tower
    database: Reading[DatabaseFacts]
    broker: Reading[BrokerFacts]
    client: Reading[ClientFacts]
    platforms: Reading[tuple[PlatformFacts, ...]]
    beat: Reading[Sign]
    tower: Reading[Sign]
    business: Reading[Mapping[str, Business]]  # platform →; asked at a check, not at a look
    recoveries: Reading[Mapping[str, RecoveryFacts]]  # pair →
