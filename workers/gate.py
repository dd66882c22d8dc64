"""The gate before every call to a platform: asks the rule of `actions/quota.py` over the books of `models/quota.py`.

One budget for all processes, since the books are in Postgres; its own small pool, since a send holds the other one.
Each call costs three statements, committed by themselves: one before it, and after it one for the budget and one
that counts it. Without Postgres nothing goes out.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from actions import quota as rule
from domain.actions import Mode
from domain.calls import current_class, current_pair
from domain.errors import (
    NotSentError,
    PlatformError,
    ThrottledError,
    TransientError,
    UnknownOutcomeError,
)
from domain.ids import PlatformAccountId
from domain.ports import CallClass, CallKind, CallPass, Usage
from models import call_counts, quota
from models.engine import make_engine
from models.quota import BreakerRow, Key, Quota, Terms, Told

_T = TypeVar("_T")
_POOLED: Final = 2  # connections: an account's calls share one row, on which more would only wait
_NO_BOOKS_WAIT_S: Final = 5.0
_SHORTEST_WAIT_S: Final = 1.0
_SERVER_ERROR: Final = 500
_READS: Final = frozenset({CallKind.READ, CallKind.INSIGHTS})
_TERMS: Final = Terms(
    decay_s=rule.DECAY_S,
    hourly_decay_s=rule.HOURLY_DECAY_S,
    smallest_score=rule.SMALLEST_SCORE,
    most_tenths=rule.RETRY_TENTHS,
    last_calls=rule.LAST_CALLS,
)

log = structlog.get_logger(__name__)


def gate_engine(url: str, application_name: str) -> Engine:
    """Open the gate's own connections: a statement is a transaction, and none waits for long or for the disk.

    What a crash of Postgres could lose is the last half second of the books, which the next answers report anew. Its
    few connections serve any number of threads.
    """
    session = {"statement_timeout": "5s", "lock_timeout": "2s", "synchronous_commit": "off"}
    name = f"{application_name}-gate"
    engine = make_engine(url, pool_size=_POOLED, application_name=name, session=session, pre_ping=False)
    return engine.execution_options(isolation_level="AUTOCOMMIT")


class QuotaGate:
    """The `CallGate` of one platform in one mode. `engine` is asked for at the first call, so that opening is free."""

    def __init__(self, engine: Callable[[], Engine], platform: str, mode: Mode) -> None:
        self._engine = engine
        self._platform = platform
        self._mode = mode

    def enter(self, account: PlatformAccountId | None, kind: CallKind, *, calls: int = 1) -> CallPass:
        """Take the call's points from the account's budget.

        Raises:
            ThrottledError: not now, or the books cannot be read; nothing was sent.
        """
        call_class = current_class()
        try:
            found, verdict = self._ask(lambda conn: self._take(conn, account, kind, calls, call_class))
        except SQLAlchemyError as error:
            raise _without_books(account, kind, error) from None
        if isinstance(verdict, rule.Wait):
            raise _held_back(account, kind, verdict, found.now)
        probes = [kind] if verdict.is_probe else []
        if kind in _READS and _is_due(found, CallKind.WRITE):
            probes.append(CallKind.WRITE)
        points = rule.POINTS[kind] * calls
        return CallPass(account=account, kind=kind, points=points, entered_at=found.now, probes=tuple(probes))

    def leave(self, held: CallPass, usage: Usage | None, error: PlatformError | None) -> None:
        """Tell how the call ended. Losing this costs a little of the budget for minutes, never an answer."""
        try:
            self._ask(lambda conn: self._note(conn, held, usage, error))
        except SQLAlchemyError as trouble:
            log.warning("quota not noted", account=held.account, kind=held.kind, cause=type(trouble).__name__)

    def may_repeat(self, account: PlatformAccountId | None) -> bool:
        """Take one of the account's retry tokens; without the books there is none."""
        try:
            return self._ask(lambda conn: quota.take_retry(conn, self._key(account), rule.RETRY_COST))
        except SQLAlchemyError:
            return False

    def _ask(self, work: Callable[[Connection], _T]) -> _T:
        """Do it on a connection; again on another where that one had gone away while it lay in the pool."""
        for _ in range(_POOLED):
            try:
                with self._engine().connect() as conn:
                    return work(conn)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
        with self._engine().connect() as conn:
            return work(conn)

    def _take(
        self, conn: Connection, account: PlatformAccountId | None, kind: CallKind, calls: int, call_class: CallClass
    ) -> tuple[Quota, rule.Verdict]:
        key, points = self._key(account), rule.POINTS[kind] * calls
        found = quota.take(conn, key, points)
        verdict = rule.judge(standing(found), kind, call_class)
        if isinstance(verdict, rule.Go) and verdict.is_probe:
            is_ours = quota.take_probe(conn, key, kind, probe_s=rule.PROBE_S)
            verdict = verdict if is_ours else rule.elsewhere(found.now)
        if isinstance(verdict, rule.Wait):
            quota.give_back(conn, key, points, found.now)
        return found, verdict

    def _note(self, conn: Connection, held: CallPass, usage: Usage | None, error: PlatformError | None) -> None:
        if held.entered_at is None:
            return
        key, letter, (regain_s, reason) = self._key(held.account), _letter(error), _regain(usage, error)
        told = Told(
            kind=held.kind,
            points=held.points,
            entered_at=held.entered_at,
            usage=usage,
            letter=letter,
            regain_s=regain_s,
            regain_reason=reason,
            gained_tenths=rule.RETRY_GAIN if error is None else 0,
        )
        breaker = _breaker(quota.tell(conn, key, told, _TERMS))
        _settle_breakers(conn, key, held, breaker, is_fine=letter == rule.FINE)
        call_counts.note(conn, key, current_pair(), entered_at=held.entered_at, failed=error is not None)

    def _key(self, account: PlatformAccountId | None) -> Key:
        return Key(platform=self._platform, mode=self._mode, account=account or "")


def standing(found: Quota) -> rule.Standing:
    """The books in the words of the rule."""
    return rule.Standing(
        now=found.now,
        account=found.account_share,
        business=found.business_share,
        insights=found.insights_share,
        reported_at=found.reported_at,
        score_limit=found.score_limit,
        taken=found.taken,
        regain_at=found.regain_at,
        regain_reason=found.regain_reason,
        breakers={kind: _breaker(row) for kind, row in found.breakers.items()},
    )


def _breaker(row: BreakerRow) -> rule.Breaker:
    return rule.Breaker(recent=row.recent, is_open=row.is_open, probe_at=row.probe_at, openings=row.openings)


def _is_due(found: Quota, kind: CallKind) -> bool:
    row = found.breakers.get(kind)
    return row is not None and row.is_open and (row.probe_at is None or row.probe_at <= found.now)


def _settle_breakers(conn: Connection, key: Key, held: CallPass, breaker: rule.Breaker, *, is_fine: bool) -> None:
    if is_fine:
        for kind in held.probes:
            quota.reset_breaker(conn, key, kind)
        return
    opening = {*held.probes} | ({held.kind} if not breaker.is_open and rule.opens(breaker, held.kind) else set())
    for kind in opening:
        _break_off(conn, key, kind)


def _break_off(conn: Connection, key: Key, kind: CallKind) -> None:
    found = quota.find(conn, key)
    openings = found.breakers[kind].openings if found is not None else 0
    pause_s = rule.pause_s(openings)
    if quota.open_breaker(conn, key, kind, openings=openings, pause_s=pause_s):
        log.warning("calls broken off", account=key.account, kind=kind, pause_s=pause_s)


def _letter(error: PlatformError | None) -> str:
    """How a call ended, for the breaker: a refusal is an answer like any other."""
    match error:
        case UnknownOutcomeError():
            return rule.UNKNOWN
        case TransientError(http_status=status) if status is None or status >= _SERVER_ERROR:
            return rule.BROKEN
        case NotSentError():
            return rule.BROKEN
        case _:
            return rule.FINE


def _regain(usage: Usage | None, error: PlatformError | None) -> tuple[float, str]:
    """For how many seconds the platform takes no call about the account, and its words for it."""
    told_s = 0.0 if usage is None else usage.regain_at_s
    if isinstance(error, ThrottledError) and error.is_of_account:
        code = "no code" if error.code is None else str(error.code)
        return max(told_s, error.retry_after_s), f"it answered {code}" + (f"/{error.subcode}" if error.subcode else "")
    return told_s, "its usage headers say so"


def _without_books(account: PlatformAccountId | None, kind: CallKind, error: SQLAlchemyError) -> ThrottledError:
    text = f"{_named(account, kind)} not made: the budget of calls cannot be read ({type(error).__name__})"
    return ThrottledError(f"{text}; again in {_NO_BOOKS_WAIT_S:.0f} s", retry_after_s=_NO_BOOKS_WAIT_S)


def _held_back(account: PlatformAccountId | None, kind: CallKind, wait: rule.Wait, now: datetime) -> ThrottledError:
    wait_s = max(_SHORTEST_WAIT_S, (wait.until - now).total_seconds())
    text = f"{_named(account, kind)} not made: {wait.why}; again at {wait.until.astimezone(UTC):%H:%M:%S}Z"
    return ThrottledError(text, retry_after_s=wait_s)


def _named(account: PlatformAccountId | None, kind: CallKind) -> str:
    return f"{kind} call of {'the token' if account is None else f'account {account}'}"
