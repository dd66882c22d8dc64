"""What rooms need from each other without importing each other; `workers/bootstrap.py` passes implementations in."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from math import inf
from typing import Protocol

from domain.actions import ActionKind, JsonMap, ObjectKind
from domain.alerts import Severity
from domain.asset_ports import AssetReader, AssetWriters, PlanningReader
from domain.errors import PlatformError
from domain.ids import ActionId, PlatformAccountId, RunId
from domain.live import HourTotal, ObjectTotal
from domain.objects import (
    AccountInfo,
    Activity,
    Ad,
    AdSet,
    Campaign,
    CreatedObject,
    Creative,
    InsightRow,
    ObjectState,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """What the platform says of our token."""

    is_valid: bool
    expires_at: datetime | None  # None = does not expire, or not told
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLife:
    """The version of the platform's API that we speak, and how long it lives as far as the platform has announced."""

    name: str
    ends_on: date | None  # None = not announced
    newest: str  # the newest that we know of
    warning: str = ""  # what the platform's answers say of it, if they say anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The platform's own figures of how much of our quota is used, 0..1; None where it has not said yet."""

    account: float | None
    business: float | None
    insights: float | None
    regain_at_s: float  # seconds until calls are welcome again, 0 if they are
    score_limit: float | None = None  # points that the account may use in one decay, by the app's tier


class PlatformReader(Protocol):
    """Reads of one platform. Everything comes in the house's words; pages are streamed, never gathered.

    Raises (all calls): ThrottledError, TransientError, NeedsPersonError, RefusedError (GoneError).
    """

    def account(self, account: PlatformAccountId) -> AccountInfo: ...
    def accounts(self) -> Sequence[AccountInfo]:
        """Every ad account that the token can see."""
        ...

    def campaigns(self, account: PlatformAccountId) -> Iterator[Sequence[Campaign]]:
        """Pages of all campaigns, archived ones included, deleted ones not. So for the three below."""
        ...

    def ad_sets(self, account: PlatformAccountId) -> Iterator[Sequence[AdSet]]: ...
    def ads(self, account: PlatformAccountId, *, changed_since: datetime | None = None) -> Iterator[Sequence[Ad]]:
        """With `changed_since`, only those made or themselves changed after it; a parent's change is none of the ad."""
        ...

    def creatives(self, account: PlatformAccountId) -> Iterator[Sequence[Creative]]: ...
    def daily_insights(self, account: PlatformAccountId, since: date, until: date) -> Generator[Sequence[InsightRow]]:
        """One row per ad and day with impressions, both days included, by the account's zone.

        Several threads may be at it: who stops early closes it, and then none is left.
        """
        ...

    def hourly_insights(self, account: PlatformAccountId, since: date, until: date) -> Generator[Sequence[InsightRow]]:
        """One row per ad and hour with impressions; to be closed likewise."""
        ...

    def account_hours(self, account: PlatformAccountId, since: date, until: date) -> Sequence[HourTotal]:
        """The account's own sums, one row per hour with impressions, both days included: one call for 20 days."""
        ...

    def top_spenders(
        self, account: PlatformAccountId, kind: ObjectKind, on: date, *, most: int = 500
    ) -> Sequence[ObjectTotal]:
        """Campaigns or ad sets that spent most on a day, the largest first: one call, however many there are.

        Fewer than `most` (at most 500) are all that had impressions.
        """
        ...

    def state(self, account: PlatformAccountId, kind: ObjectKind, object_id: str) -> ObjectState:
        """A fresh reading of one object, past any cache of ours."""
        ...

    def find_by_token(
        self, account: PlatformAccountId, kind: ObjectKind, op_token: str, created_after: datetime
    ) -> Sequence[str]:
        """Ids of objects whose name carries the operation's token, in every status, newest first."""
        ...

    def states(
        self, account: PlatformAccountId, kind: ObjectKind, object_ids: Sequence[str]
    ) -> Mapping[str, ObjectState]:
        """Fresh readings of up to 50 objects in one call; those that are gone are missing from the answer."""
        ...

    def activities(self, account: PlatformAccountId, since: datetime) -> Iterator[Sequence[Activity]]:
        """Pages of what anybody changed since then (platform's clock), newest first."""
        ...

    def created_since(
        self, account: PlatformAccountId, kind: ObjectKind, since: datetime
    ) -> Iterator[Sequence[CreatedObject]]:
        """Pages of objects made since then (platform's clock), in every status that the platform still lists."""
        ...

    def token(self) -> TokenInfo: ...
    def version(self) -> VersionLife:
        """From a calendar of ours: asks nobody."""
        ...

    def usage(self, account: PlatformAccountId | None = None) -> Usage:
        """As the newest answer about the account told it; without one, the newest answer about anything."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """One write, in the house's words. `fields` are absolute: `status`, `daily_budget_minor`, `name`, ...

    Creates carry `parent_id` where the object has one and `op_token`, which the client puts into the name.
    """

    kind: ActionKind
    object_kind: ObjectKind
    object_id: str | None  # None for creates
    parent_id: str | None
    fields: JsonMap
    op_token: str
    request_id: str  # "action-<id>-<epoch>": goes out as a header, so that logs on both sides can be joined


class PlatformWriter(Protocol):
    """Writes of one platform; only `actions` may hold one.

    A call either returns the id of the object written, or raises: RefusedError, NeedsPersonError, ThrottledError
    (nothing happened); NotSentError (no byte left); UnknownOutcomeError (everything else). It never retries.
    """

    def write(
        self, account: PlatformAccountId, request: WriteRequest, *, deadline_s: float, not_after_s: float = inf
    ) -> str:
        """Send, with a hard total deadline in seconds after which the socket is closed.

        No byte leaves once `time.monotonic()` is past `not_after_s`: a process that was stopped sends nothing late.
        """
        ...

    def write_many(
        self,
        account: PlatformAccountId,
        requests: Sequence[WriteRequest],
        *,
        deadline_s: float,
        not_after_s: float = inf,
    ) -> Sequence[str | PlatformError]:
        """Send up to 50 updates (never creates) in one call; each result is an id or its own error, in order."""
        ...


class CallKind(StrEnum):
    """What a call to a platform is for; breakers are kept per account and kind."""

    READ = "read"
    INSIGHTS = "insights"
    WRITE = "write"


class CallClass(StrEnum):
    """Whose calls go first where the platform's quota runs short; in rising order."""

    COLLECT = "collect"  # trees and insights for the next cycle
    DOOR = "door"  # prechecks, writes and read-backs
    EMERGENCY = "emergency"  # the pauses of a stop: they may use what is kept in reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPass:
    """Leave to make one call; to be handed back when it has ended, however it did."""

    account: PlatformAccountId | None  # None = the token's own business, such as its permissions
    kind: CallKind
    points: float
    entered_at: datetime | None = None  # Postgres' clock
    probes: tuple[CallKind, ...] = ()  # kinds that were broken off and of which this call finds out how they are


class CallGate(Protocol):
    """Asked before every single call to a platform and told after it; one budget for all workers."""

    def enter(self, account: PlatformAccountId | None, kind: CallKind, *, calls: int = 1) -> CallPass:
        """Take the points from the account's budget; a batch counts as many calls as it has items.

        Raises:
            ThrottledError: not now; nothing was sent.
        """
        ...

    def leave(self, held: CallPass, usage: Usage | None, error: PlatformError | None) -> None:
        """Tell what this answer's headers said of the quota (None = nothing) and how the call ended; raises nothing."""
        ...

    def may_repeat(self, account: PlatformAccountId | None) -> bool:
        """Take one of the account's retry tokens; False = there is none: fail now, do not repeat."""
        ...


class Doorbell(Protocol):
    """Tells workers that a row waits. Losing a ring costs latency, never work; ringing raises nothing."""

    def ring_run(self, task: str, run_id: RunId, *, about: str) -> bool:
        """`about` is what Flower shows as arguments. False = the broker could not be reached."""
        ...

    def ring_action(self, queue: str, action_id: ActionId, *, about: str) -> bool: ...


class ProcessState(StrEnum):
    """What is known of a process of ours."""

    ALIVE = "alive"
    DEAD = "dead"
    ELSEWHERE = "elsewhere"  # not on this machine, or nobody supervises it here: a person has to look


class Processes(Protocol):
    """This machine's processes, by the supervisor's names ("worker-cycles", "beat"); a stranger is never touched."""

    def state(self, name: str) -> ProcessState: ...
    def up_s(self, name: str) -> float | None:
        """Return for how long it runs, None where it does not, or not here."""
        ...

    def name_of_worker(self, worker: str) -> str | None:
        """Return "worker-cycles" for "cycles@host", None where that worker is no child of this machine's supervisor."""
        ...

    def end(self, name: str, *, hard: bool) -> bool:
        """Ask it to end (SIGTERM), or end it by force (SIGKILL, its children too); its supervisor starts it again.

        False = it is not there to be ended.
        """
        ...


class Messenger(Protocol):
    """The channels on which people are told: e-mail, chat and the like."""

    def channels(self) -> Sequence[str]:
        """Names of those that are set up, fit to be shown: never an address with a password or a token in it."""
        ...

    def send(self, channel: str, *, title: str, body: str, severity: Severity) -> None:
        """Tell it.

        Raises:
            NotReadyError: the channel did not take it; the message says why, without secrets.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An opened platform client: its halves, handed to different rooms; None is what the client has not (yet)."""

    reader: PlatformReader
    writer: PlatformWriter
    assets: AssetReader | None = None
    planning: PlanningReader | None = None
    asset_writers: AssetWriters | None = None  # only `actions` may hold them


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """Plain values with which a client is opened. The token is handed over as a callable so that no repr shows it."""

    base_url: str | None  # None = the platform's own address
    token: Callable[[], str]
    app_secret: Callable[[], str | None]
    read_timeout_s: float = 60.0
    gate: CallGate | None = None  # None = no budget is kept, as for a look at an account that is not open


class OpenClient(Protocol):
    """The signature that a platform row's `client` names."""

    def __call__(self, options: ClientOptions) -> Client: ...
