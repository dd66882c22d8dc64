"""The rule of calls: may this one go out now, and if not, when and why. Pure: values in, a verdict out.

Three things can say no. The platform told us to wait (nobody calls before that instant, an emergency neither: it would
be refused). Too many calls of this kind broke (emergencies pass: a pause is safe to repeat). The account's calls are
used up as far as this class may use them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeAlias

from domain.ports import CallClass, CallKind

# Of what the platform reports as used. The rest above DOOR is kept for the pauses of a stop.
LIMITS: Mapping[CallClass, float] = MappingProxyType(
    {CallClass.COLLECT: 0.60, CallClass.DOOR: 0.80, CallClass.EMERGENCY: 1.00}
)
POINTS: Mapping[CallKind, float] = MappingProxyType(  # facts/meta_graph_api.md §6
    {CallKind.READ: 1.0, CallKind.INSIGHTS: 1.0, CallKind.WRITE: 3.0}
)
READS_AT_ONCE: Final = 10  # objects in one reading for a plan: 50 would be more than the smallest tier ever takes
READ_BACK_POINTS: Final = 1.0  # an ordinary write leaves room to look whether it happened
SMALLEST_SCORE: Final = 60.0  # the tier of limited access, taken where none was told
_HOURLY_POINT: Final = 2.4  # how much more of the business case's hourly count a point may be than of the score
_ROUNDED: Final = 0.01  # the business case is told in whole percent, rounded down
DECAY_S: Final = 300.0  # of the score
HOURLY_DECAY_S: Final = 3600.0  # of the business use cases' hourly counts, insights' among them
RETRY_TENTHS, RETRY_COST, RETRY_GAIN = 200, 10, 1  # a bucket of 20, one a retry, one back for ten successes

LAST_CALLS: Final = 20
_MOST_BROKEN = LAST_CALLS // 2
_MOST_UNKNOWN = 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 30.0, 300.0
_SHORTEST_WAIT_S = 1.0
_IN_FLIGHT_WAIT_S = 5.0  # until calls in flight have reported
PROBE_S: Final = 60.0  # how long a probe may take before another may try

FINE, BROKEN, UNKNOWN = ".", "x", "u"  # how a call ended, a letter each


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Of one kind of calls. `recent` holds a letter per call since it last closed, newest last, at most 20."""

    recent: str = ""
    is_open: bool = False
    probe_at: datetime | None = None  # while open: from then on one read may find out
    openings: int = 0  # in a row


_CLOSED = Breaker()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An account's budget as it stands at `now` (Postgres' clock), the points of the call in question taken already."""

    now: datetime
    account: float | None = None  # shares as reported, 0..1
    business: float | None = None
    insights: float | None = None
    reported_at: datetime | None = None
    score_limit: float | None = None
    taken: float = 0.0  # points of calls in flight, this one included
    regain_at: datetime | None = None
    regain_reason: str = ""
    breakers: Mapping[CallKind, Breaker] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """It may go out; a probe only if nobody else took it meanwhile."""

    is_probe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not now."""

    until: datetime
    why: str


Verdict: TypeAlias = Go | Wait


def judge(standing: Standing, kind: CallKind, call_class: CallClass) -> Verdict:
    """Say whether a call may go out now."""
    if standing.regain_at is not None and standing.now < standing.regain_at:
        return Wait(until=standing.regain_at, why=f"the platform takes no calls ({standing.regain_reason})")
    breaker = standing.breakers.get(kind, _CLOSED)
    if breaker.is_open and call_class is not CallClass.EMERGENCY:
        return _behind_breaker(standing, breaker, kind, call_class)
    return _within_shares(standing, kind, call_class) or Go()


def elsewhere(now: datetime) -> Wait:
    """The verdict where another call took the probe in the same instant."""
    return Wait(until=now + timedelta(seconds=_IN_FLIGHT_WAIT_S), why="another call is finding out how the platform is")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One thing that runs short: what is used now, what calls under way may add, in how long it decays."""

    used: float
    flying: float
    decay_s: float


def shares(standing: Standing, kind: CallKind, more_points: float = 0.0) -> Mapping[str, Share]:
    """What is used now, by name. Reported shares decay evenly."""
    age_s = 0.0 if standing.reported_at is None else (standing.now - standing.reported_at).total_seconds()
    flying = in_flight(standing) + more_points / (standing.score_limit or SMALLEST_SCORE)

    def share(reported: float | None, decay_s: float, weight: float = 1.0, margin: float = 0.0) -> Share:
        used = 0.0 if not reported else _decayed(reported, age_s, decay_s) + margin
        return Share(used=used, flying=flying * weight, decay_s=decay_s)

    known = {
        "account": share(standing.account, DECAY_S),
        "business": share(standing.business, HOURLY_DECAY_S, _HOURLY_POINT, _ROUNDED),
    }
    return known | {"insights": share(standing.insights, HOURLY_DECAY_S)} if kind is CallKind.INSIGHTS else known


def in_flight(standing: Standing) -> float:
    """The share of the account's score that calls under way may take."""
    return standing.taken / (standing.score_limit or SMALLEST_SCORE)


def opens(breaker: Breaker, kind: CallKind) -> bool:
    """Whether what ended lately breaks this kind of calls off: half of the last 20 broken, or 3 unknown writes running.

    From facts/reliability.md §3.7.
    """
    broken = sum(letter != FINE for letter in breaker.recent[-LAST_CALLS:])
    is_blind = kind is CallKind.WRITE and breaker.recent.endswith(UNKNOWN * _MOST_UNKNOWN)
    return broken >= _MOST_BROKEN or is_blind


def pause_s(openings: int) -> float:
    """How long a breaker stays open before a probe, doubling with each opening in a row."""
    return min(_FIRST_PAUSE_S * 2.0 ** min(openings, 10), _LONGEST_PAUSE_S)


def most_writes(score_limit: float | None) -> int:
    """How many writes one batch may hold at most, so that an account at rest can ever take it."""
    room = LIMITS[CallClass.DOOR] * (score_limit or SMALLEST_SCORE) / _HOURLY_POINT - READ_BACK_POINTS
    return max(1, int(room / POINTS[CallKind.WRITE]))


def _behind_breaker(standing: Standing, breaker: Breaker, kind: CallKind, call_class: CallClass) -> Verdict:
    """While a breaker is open one read finds out whether the platform works again; a write never does."""
    why = f"too many {kind} calls broke lately"
    if breaker.probe_at is not None and standing.now < breaker.probe_at:
        return Wait(until=breaker.probe_at, why=why)
    if kind is CallKind.WRITE:
        until = standing.now + timedelta(seconds=_IN_FLIGHT_WAIT_S)
        return Wait(until=until, why=f"{why}; a read must succeed first")
    return _within_shares(standing, kind, call_class) or Go(is_probe=True)


def _within_shares(standing: Standing, kind: CallKind, call_class: CallClass) -> Wait | None:
    limit = LIMITS[call_class]
    room_for = READ_BACK_POINTS if kind is CallKind.WRITE and call_class is not CallClass.EMERGENCY else 0.0
    waits = [
        Wait(until=standing.now + timedelta(seconds=_wait_s(share, limit)),
             why=f"{share.used + share.flying:.0%} of the {name}'s calls are used, "
                 f"{call_class} calls may use {limit:.0%}")
        for name, share in shares(standing, kind, room_for).items()
        if share.used + share.flying > limit
    ]  # fmt: skip
    return max(waits, key=lambda wait: wait.until, default=None)


def _wait_s(share: Share, limit: float) -> float:
    """Seconds until an evenly decaying share has come down to the room; only an estimate, the gate asks again then."""
    room = limit - share.flying
    if room <= 0 or share.used <= room:
        return _IN_FLIGHT_WAIT_S
    return max(_SHORTEST_WAIT_S, share.decay_s * (share.used - room) / share.used)


def _decayed(share: float, age_s: float, decay_s: float) -> float:
    return share * max(0.0, 1.0 - max(0.0, age_s) / decay_s)
