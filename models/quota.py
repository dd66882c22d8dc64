"""The store of accounts' budgets of calls: one short statement before a call, one after it, on Postgres' clock.

Whether a call may go out is not decided here but in `actions/quota.py`; functions never commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from domain.actions import Mode
from domain.ports import CallKind, Usage
from models.driver import driver_sql, run_now

EPOCH_S: Final = 120  # no call lives as long: points of a process that was killed are forgotten after two of these
_NOW = "clock_timestamp()"
_EPOCH = f"floor(extract(epoch FROM {_NOW}) / {EPOCH_S})::bigint"
_WHERE = "platform = :platform AND mode = :mode AND account = :account"
_BREAKERS = (
    "(SELECT coalesce(jsonb_object_agg(b.kind, to_jsonb(b)), '{}') FROM breakers b WHERE b.platform = q.platform"
    " AND b.mode = q.mode AND b.account = q.account) AS breakers"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Whose budget: `account` is the platform's id, "" for the token's own business."""

    platform: str
    mode: Mode
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRow:
    """One kind of an account's calls."""

    recent: str
    is_open: bool
    probe_at: datetime | None
    openings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A row of `quotas` with its breakers, read at `now`."""

    key: Key
    now: datetime
    account_share: float | None
    business_share: float | None
    insights_share: float | None
    reported_at: datetime | None
    score_limit: float | None
    taken: float
    regain_at: datetime | None
    regain_reason: str
    retry_tenths: int
    calls: int
    kept_back: int
    breakers: Mapping[CallKind, BreakerRow]


_TAKE = driver_sql(f"""
WITH q AS (
    INSERT INTO quotas AS q (platform, mode, account, taken, taken_epoch, calls)
    VALUES (:platform, :mode, :account, :points, {_EPOCH}, 1)
    ON CONFLICT (platform, mode, account) DO UPDATE SET
        taken = CASE WHEN q.taken_epoch = {_EPOCH} THEN q.taken ELSE 0 END + :points,
        taken_before = CASE {_EPOCH} - q.taken_epoch WHEN 0 THEN q.taken_before WHEN 1 THEN q.taken ELSE 0 END,
        taken_epoch = {_EPOCH}, calls = q.calls + 1
    RETURNING q.*)
SELECT q.*, {_NOW} AS now, {_BREAKERS} FROM q
""")  # noqa: S608 - constants of this file only

_GIVE_BACK = """
    taken = CASE WHEN taken_epoch = :epoch THEN greatest(0, taken - :points) ELSE taken END,
    taken_before = CASE WHEN taken_epoch = :epoch + 1 THEN greatest(0, taken_before - :points) ELSE taken_before END
"""
_REFUSE = text(f"UPDATE quotas SET {_GIVE_BACK}, calls = calls - 1, kept_back = kept_back + 1 WHERE {_WHERE}")  # noqa: S608


def _share(name: str, decay: str, unreported: str = "0") -> str:
    """Age a share to now, or take the newly reported one.

    An answer to a call that began before we were last told may be older than what we know: then the fuller counts.
    """
    aged = f"{name} * greatest(0, 1 - extract(epoch FROM {_NOW} - reported_at) / :{decay})"
    new = f"CAST(:{name} AS float8)"
    return f"""{name} = CASE
        WHEN {new} IS NULL THEN least(1, coalesce({aged}, 0) + {unreported})
        WHEN reported_at IS NULL OR reported_at <= :entered_at THEN {new}
        ELSE greatest({new}, {aged}) END"""


_REGAIN = f"{_NOW} + CAST(:regain_s AS float8) * interval '1 s'"
_TELL = driver_sql(f"""
WITH told AS (
    UPDATE quotas SET {_GIVE_BACK},
        {_share("account_share", "decay_s", ":unreported / coalesce(score_limit, :smallest_score)")},
        {_share("business_share", "hourly_decay_s")},
        {_share("insights_share", "hourly_decay_s")},
        reported_at = {_NOW},
        score_limit = coalesce(:score_limit, score_limit),
        regain_reason = CASE WHEN :regain_s > 0 AND {_REGAIN} > coalesce(regain_at, '-infinity')
            THEN :regain_reason ELSE regain_reason END,
        regain_at = CASE WHEN :regain_s > 0 THEN greatest(regain_at, {_REGAIN}) ELSE regain_at END,
        retry_tenths = least(:most_tenths, retry_tenths + :gained_tenths)
    WHERE {_WHERE})
INSERT INTO breakers AS b (platform, mode, account, kind, recent)
VALUES (:platform, :mode, :account, :kind, :letter)
ON CONFLICT (platform, mode, account, kind) DO UPDATE SET recent = right(b.recent || :letter, :last_calls)
RETURNING recent, is_open, probe_at, openings
""")  # noqa: S608
_REPEAT = text(f"""
UPDATE quotas SET retry_tenths = retry_tenths - :cost WHERE {_WHERE} AND retry_tenths >= :cost
""")  # noqa: S608
_KIND = f"{_WHERE} AND kind = :kind"
_OPEN = text(f"""
UPDATE breakers SET is_open = true, recent = '', openings = openings + 1,
    probe_at = {_NOW} + CAST(:pause_s AS float8) * interval '1 s'
WHERE {_KIND} AND openings = :openings
""")  # noqa: S608
_CLOSE = text(f"""
UPDATE breakers SET is_open = false, recent = '', openings = 0, probe_at = NULL
WHERE {_KIND} AND is_open AND probe_at <= {_NOW}
""")  # noqa: S608
_PROBE = text(f"""
UPDATE breakers SET probe_at = {_NOW} + CAST(:probe_s AS float8) * interval '1 s'
WHERE {_KIND} AND is_open AND probe_at <= {_NOW}
""")  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a call ended, for the books. `usage` is what its answer said; `letter` how it ended (`actions/quota.py`)."""

    kind: CallKind
    points: float
    entered_at: datetime
    usage: Usage | None
    letter: str
    regain_s: float  # 0 = the platform did not ask to wait
    regain_reason: str
    gained_tenths: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The numbers of the rule that the statements need; `actions/quota.py` has them."""

    decay_s: float
    hourly_decay_s: float
    smallest_score: float
    most_tenths: int
    last_calls: int


def take(conn: Connection, key: Key, points: float) -> Quota:
    """Count a call's points as taken and return how the account stands with them; one statement."""
    return _quota(run_now(conn, _TAKE, {**_params(key), "points": points}))


def give_back(conn: Connection, key: Key, points: float, entered_at: datetime) -> None:
    """Undo `take` for a call that was not made."""
    conn.execute(_REFUSE, {**_params(key), "points": points, "epoch": _epoch(entered_at)})


def tell(conn: Connection, key: Key, told: Told, terms: Terms) -> BreakerRow:
    """Note how a call ended: its points are in the reported shares now, or added where nothing was reported."""
    usage = told.usage
    said = usage is not None and usage.account is not None
    row = run_now(
        conn,
        _TELL,
        {
            **_params(key),
            "kind": told.kind,
            "points": told.points,
            "epoch": _epoch(told.entered_at),
            "entered_at": told.entered_at,
            "account_share": None if usage is None else usage.account,
            "business_share": None if usage is None else usage.business,
            "insights_share": None if usage is None else usage.insights,
            "score_limit": None if usage is None else usage.score_limit,
            "unreported": 0.0 if said else told.points,
            "regain_s": told.regain_s,
            "regain_reason": told.regain_reason,
            "gained_tenths": told.gained_tenths,
            "letter": told.letter,
            "decay_s": terms.decay_s,
            "hourly_decay_s": terms.hourly_decay_s,
            "smallest_score": terms.smallest_score,
            "most_tenths": terms.most_tenths,
            "last_calls": terms.last_calls,
        },
    )
    return BreakerRow(recent=row.recent, is_open=row.is_open, probe_at=row.probe_at, openings=row.openings)


def take_retry(conn: Connection, key: Key, cost_tenths: int) -> bool:
    """Take a retry token; False = there is none. An account that was never called has a full bucket."""
    if conn.execute(_REPEAT, {**_params(key), "cost": cost_tenths}).rowcount == 1:
        return True
    return find(conn, key) is None


def open_breaker(conn: Connection, key: Key, kind: CallKind, *, openings: int, pause_s: float) -> bool:
    """Break a kind of calls off; False = somebody did since it was opened `openings` times in a row."""
    params = {**_params(key), "kind": kind, "openings": openings, "pause_s": pause_s}
    return conn.execute(_OPEN, params).rowcount == 1


def close_breaker(conn: Connection, key: Key, kind: CallKind) -> bool:
    """Let a kind of calls through again, if it is open and its pause over."""
    return conn.execute(_CLOSE, {**_params(key), "kind": kind}).rowcount == 1


def reset_breaker(conn: Connection, key: Key, kind: CallKind) -> bool:
    """Close a breaker at once, as a person may order; False = it was not open."""
    expire = text(f"UPDATE breakers SET probe_at = {_NOW} WHERE {_KIND} AND is_open")  # noqa: S608 - constants
    conn.execute(expire, {**_params(key), "kind": kind})
    return close_breaker(conn, key, kind)


def take_probe(conn: Connection, key: Key, kind: CallKind, *, probe_s: float) -> bool:
    """Be the one that finds out, for `probe_s`; False = somebody else does."""
    return conn.execute(_PROBE, {**_params(key), "kind": kind, "probe_s": probe_s}).rowcount == 1


def find(conn: Connection, key: Key) -> Quota | None:
    """Read one account's budget; None = it was never called."""
    row = conn.execute(text(f"{_READ} WHERE {_WHERE}"), _params(key)).first()
    return None if row is None else _quota(row)


def listing(conn: Connection) -> tuple[Quota, ...]:
    """Read all budgets."""
    return tuple(_quota(row) for row in conn.execute(text(f"{_READ} ORDER BY platform, mode, account")))


_READ = f"SELECT q.*, {_NOW} AS now, {_BREAKERS} FROM quotas q"  # noqa: S608 - constants


def _params(key: Key) -> dict[str, object]:
    return {"platform": key.platform, "mode": key.mode.value, "account": key.account}


def _epoch(instant: datetime) -> int:
    return int(instant.timestamp() // EPOCH_S)


def _quota(row: Any) -> Quota:
    return Quota(
        key=Key(platform=row.platform, mode=Mode(row.mode), account=row.account),
        now=row.now,
        account_share=row.account_share,
        business_share=row.business_share,
        insights_share=row.insights_share,
        reported_at=row.reported_at,
        score_limit=row.score_limit,
        taken=_flying(row),
        regain_at=row.regain_at,
        regain_reason=row.regain_reason,
        retry_tenths=row.retry_tenths,
        calls=row.calls,
        kept_back=row.kept_back,
        breakers={CallKind(kind): _breaker(found) for kind, found in row.breakers.items()},
    )


def _flying(row: Any) -> float:
    """Points of calls under way; those of epochs gone by belong to processes that died."""
    behind = _epoch(row.now) - row.taken_epoch
    return float(row.taken + row.taken_before) if behind <= 0 else float(row.taken) if behind == 1 else 0.0


def _breaker(found: Mapping[str, Any]) -> BreakerRow:
    probe_at = found["probe_at"]
    return BreakerRow(
        recent=found["recent"],
        is_open=found["is_open"],
        probe_at=datetime.fromisoformat(probe_at) if probe_at else None,
        openings=found["openings"],
    )
