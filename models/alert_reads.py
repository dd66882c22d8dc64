"""What alerts ask Postgres beyond what health has read: small, indexed reads, one statement each. Postgres' clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, text

from domain.ids import AccountId, ActionId, RunId, StopId


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRun:
    """The newest of a cycle and account that failed lately."""

    run_id: RunId
    task: str
    account_id: AccountId
    account: str
    error: str
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetChange:
    """A daily budget that an action changed on a live account."""

    action_id: ActionId
    account: str
    currency: str
    object_name: str
    object_id: str
    before_minor: int
    after_minor: int
    proposed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls to a platform in the last one to two hours, and how many of them failed."""

    calls: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknowns:
    """Writes of an account whose outcome nobody knows."""

    account_id: AccountId
    account: str
    lately: int  # sent in the last 10 min
    overdue: int  # older than two quarantines
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Changes of an account that wait for a person."""

    account_id: AccountId
    account: str
    count: int
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An open stop with writes that may still land."""

    stop_id: StopId
    count: int
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HourSpend:
    """What an account spent in one hour of one day of its own zone, as far as it has arrived."""

    day: date
    hour: int
    spend_minor: int


_FAILED: Final = text(
    """
    SELECT DISTINCT ON (r.task, r.account_id) r.id AS run_id, r.task, r.account_id, a.name AS account,
           coalesce(r.errors -> 0 ->> 'message', r.reason) AS error, r.finished_at
    FROM runs r JOIN accounts a ON a.id = r.account_id
    WHERE r.task = ANY(:tasks) AND r.state = 'failed' AND r.finished_at > clock_timestamp() - interval '15 minutes'
    ORDER BY r.task, r.account_id, r.finished_at DESC
    """
)
_BUDGETS: Final = text(
    """
    SELECT x.id AS action_id, a.name AS account, a.currency, x.object_name, x.object_id, x.proposed_by,
           CAST(x.expected_before ->> 'daily_budget_minor' AS bigint) AS before_minor,
           CAST(x.target ->> 'daily_budget_minor' AS bigint) AS after_minor
    FROM actions x JOIN accounts a ON a.id = x.account_id
    WHERE x.sent_at > clock_timestamp() - interval '30 minutes' AND x.kind = 'set_daily_budget'
      AND x.state = 'applied' AND a.mode = 'live'
      AND jsonb_typeof(x.expected_before -> 'daily_budget_minor') = 'number'
      AND jsonb_typeof(x.target -> 'daily_budget_minor') = 'number'
    ORDER BY x.id
    """
)
_CALLS: Final = text(
    """
    SELECT platform, sum(calls)::bigint AS calls, sum(errors)::bigint AS errors FROM call_counts
    WHERE hour_at >= date_trunc('hour', clock_timestamp()) - interval '1 hour' GROUP BY platform
    """
)
_UNKNOWN: Final = text(
    """
    SELECT x.account_id, a.name AS account,
           count(*) FILTER (WHERE x.sent_at > clock_timestamp() - interval '10 minutes') AS lately,
           count(*) FILTER (WHERE clock_timestamp() - x.sent_at > 2 * (x.quarantine_until - x.sent_at)) AS overdue,
           coalesce(extract(epoch FROM clock_timestamp() - min(x.sent_at)), 0)::float AS oldest_s
    FROM actions x JOIN accounts a ON a.id = x.account_id
    WHERE x.state IN ('approved', 'sent', 'unknown') AND x.state = 'unknown' GROUP BY x.account_id, a.name
    """
)
_WAITING: Final = text(
    """
    SELECT x.account_id, a.name AS account, count(*) AS count,
           extract(epoch FROM clock_timestamp() - min(x.created_at))::float AS oldest_s
    FROM actions x JOIN accounts a ON a.id = x.account_id
    WHERE x.state = 'awaiting_approval' GROUP BY x.account_id, a.name
    """
)
_DOUBT: Final = text(
    """
    SELECT s.id AS stop_id, count(*) AS count,
           extract(epoch FROM clock_timestamp() - min(x.sent_at))::float AS oldest_s
    FROM stops s CROSS JOIN LATERAL jsonb_array_elements(s.in_doubt) AS listed(entry)
    JOIN actions x ON x.id = CAST(listed.entry ->> 'action' AS bigint)
    WHERE s.opened_at IS NULL AND x.state IN ('sent', 'unknown') GROUP BY s.id
    """
)
_HOURS: Final = text(
    """
    SELECT day, hour, sum(spend_minor)::bigint AS spend_minor FROM insights_hourly
    WHERE account_id = :account AND day BETWEEN :since AND :until AND hour = :hour GROUP BY day, hour
    """
)


def failed_runs(conn: Connection, tasks: tuple[str, ...]) -> tuple[FailedRun, ...]:
    """The newest failure of each cycle and account in the last 15 minutes."""
    return tuple(FailedRun(**row) for row in conn.execute(_FAILED, {"tasks": list(tasks)}).mappings())


def budget_changes(conn: Connection) -> tuple[BudgetChange, ...]:
    """Daily budgets of live accounts that were changed in the last half hour."""
    return tuple(BudgetChange(**row) for row in conn.execute(_BUDGETS).mappings())


def calls(conn: Connection) -> Mapping[str, Calls]:
    """Calls per platform in this hour and the one before."""
    return {row.platform: Calls(calls=row.calls, errors=row.errors) for row in conn.execute(_CALLS)}


def unknowns(conn: Connection) -> tuple[Unknowns, ...]:
    """Accounts that have writes of unknown outcome."""
    return tuple(Unknowns(**row) for row in conn.execute(_UNKNOWN).mappings())


def waiting(conn: Connection) -> tuple[Waiting, ...]:
    """Accounts that have changes waiting for approval."""
    return tuple(Waiting(**row) for row in conn.execute(_WAITING).mappings())


def doubts(conn: Connection) -> tuple[Doubt, ...]:
    """Open stops whose list of writes in doubt is not settled."""
    return tuple(Doubt(**row) for row in conn.execute(_DOUBT).mappings())


def spend_of_hour(
    conn: Connection, account_id: AccountId, since: date, until: date, hour: int
) -> tuple[HourSpend, ...]:
    """What the account spent in this hour of each of these days (its zone); days without delivery are missing."""
    values = {"account": account_id, "since": since, "until": until, "hour": hour}
    return tuple(HourSpend(**row) for row in conn.execute(_HOURS, values).mappings())


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Slots of a cycle and account that were written down as unserved."""

    task: str
    account_id: AccountId
    slots: int
    first_at: datetime  # platform's clock


_SKIPPED: Final = text(
    "SELECT task, account_id, count(*) AS slots, min(slot_at) AS first_at FROM runs"
    " WHERE state = 'skipped' AND reason = :reason AND created_at > :since GROUP BY task, account_id ORDER BY 1, 2"
)


def skipped_since(conn: Connection, since: datetime, reason: str) -> tuple[Skipped, ...]:
    """Read slots that were written down as unserved, for this reason, after `since`. Asked once after a silence."""
    rows = conn.execute(_SKIPPED, {"since": since, "reason": reason}).mappings()
    return tuple(Skipped(**row) for row in rows)
