"""What health is judged from: frozen facts, each source known or unknown with the reason. Nothing is judged here.

Instants named `_at` of runs and slots are the platform's clock; ages in seconds are Postgres' clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from control_tower.slots_due import SlotView
from domain.actions import Mode
from domain.ids import AccountId, RunId
from domain.ports import BrokerFacts, ProcessState
from models.module_states import ModuleState
from models.stops import Stop

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
class RunFacts:
    """What the run rows of one cycle of one account say; counts and durations are of the last 24 h of Postgres' clock.

    At most the newest 300 runs are looked at: a real day of the fastest cycle.
    """

    task: str  # a rhythm's name, "meta.full_cycle"
    account_id: AccountId
    succeeded: int = 0
    partial: int = 0
    failed: int = 0
    errors: int = 0  # failed runs, and errors listed by partial ones
    total_ms: int = 0  # of the runs that ended by themselves
    last_run_at: datetime | None = None  # `now_at` of the newest run that began
    last_state: str = ""  # of that run
    last_success_at: datetime | None = None  # `now_at` of the newest run that succeeded, or did so in part
    planned_since_at: datetime | None = None  # the first `now_at` that anything was planned at after that success
    last_error: str = ""
    last_error_at: datetime | None = None  # Postgres' clock
    worker: str | None = None  # who took it last, "cycles@host"
    open_run: RunId | None = None  # the oldest that is at work
    open_for_s: float | None = None  # real seconds since that one began


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFacts:
    """One cycle of one account on the platform's clock. `excused` = why no slot is due: "" where slots are due."""

    task: str
    account_id: AccountId
    account: str
    excused: str
    now: Reading[datetime]  # the platform's instant
    view: SlotView | None  # None where the clock cannot be read


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """How Postgres is: `pool_size` is its max_connections, `active` those of this database."""

    pool_size: int
    active: int
    query_avg_ms: float  # of a few representative queries, timed now


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """Calls to a platform over 24 h."""

    calls: int = 0
    errors: int = 0
    total_ms: int = 0


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
class PlatformFacts:
    """What a platform said of our token and its version, as the API client's cycle wrote it down."""

    platform: str
    mode: Mode
    age_s: float
    round_trip_ms: float | None
    is_token_valid: bool | None
    token_left_s: float | None  # None = does not end, or is not told
    scopes: tuple[str, ...]
    version: str | None
    version_ends_on: date | None
    newest_version: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """The last sign of life of beat or the tower; None = it has never given one."""

    age_s: float | None
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryFacts:
    """What recovery did about a pair in 24 h."""

    attempts: int
    last_action: str | None
    was_successful: bool | None  # None = none, or its outcome is still watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """What is at stake on a platform: active campaigns, and daily budgets (minor units) per currency."""

    active_campaigns: int
    daily_budget_minor: Mapping[str, int]


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
    workers: Reading[tuple[WorkerFacts, ...]]
    processes: Reading[Mapping[str, ProcessState]]  # supervisor's names of this machine's workers, beat and tower
    database: Reading[DatabaseFacts]
    broker: Reading[BrokerFacts]
    client: Reading[ClientFacts]
    platforms: Reading[tuple[PlatformFacts, ...]]
    beat: Reading[Sign]
    tower: Reading[Sign]
    business: Reading[Mapping[str, Business]]  # platform →
    recoveries: Reading[Mapping[str, RecoveryFacts]]  # pair →
