"""The store of what the optimizer changed: expected gain a day, and the realised one once its days have matured.

Realised is measured against what the curve of that day said of the former budget: the days after a change, their
revenue brought to full maturity, less that counterfactual. One row says little, for chance; their sum tells.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from decisions.allocation_record import Planned
from domain.actions import IN_FLIGHT, MAY_HAVE_EFFECT, ActionState, ObjectKind
from domain.clock import require_aware
from domain.ids import AccountId, ActionId
from domain.panel import MaturityCurve
from models.tables import actions, allocations, insights_daily

LOOK_DAYS: Final = 7  # after a change, as long as no newer one took its place
SETTLE_DAYS: Final = 14  # after it: then the last of those days is a week old
_KEEP: Final = timedelta(days=180)
_ROWS: Final = 1_000
_STANDS: Final = IN_FLIGHT | MAY_HAVE_EFFECT | {ActionState.AWAITING_APPROVAL}  # what a later plan does not undo
_SETTLE: Final = text("""
WITH due AS (
    SELECT a.planned_on, a.object_kind, a.object_id, a.budget_minor, a.revenue_minor, a.worth, a.price, a.settled_at,
        c.state, LEAST(a.planned_on + :look_days,
            min(a.planned_on) FILTER (WHERE c.state = 'applied') OVER later) AS until
    FROM allocations a LEFT JOIN actions c ON c.id = a.action_id
    WHERE a.account_id = :account AND a.planned_on >= (
        SELECT min(planned_on) FROM allocations WHERE account_id = :account AND settled_at IS NULL)
    WINDOW later AS (PARTITION BY a.object_kind, a.object_id ORDER BY a.planned_on
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
), open AS (
    SELECT * FROM due WHERE settled_at IS NULL AND planned_on <= :last_due
), came AS (
    SELECT o.planned_on, o.object_kind, o.object_id, count(DISTINCT i.day) AS days, sum(i.spend_minor) AS spent,
        sum(i.revenue_minor / m.share) AS matured
    FROM open o
    JOIN insights_daily i ON i.account_id = :account AND i.day >= o.planned_on AND i.day < o.until
        AND CASE o.object_kind WHEN 'campaign' THEN i.campaign_id ELSE i.ad_set_id END = o.object_id
    JOIN unnest(CAST(:ages AS int[]), CAST(:shares AS float8[])) AS m (age, share)
        ON m.age = LEAST(:until - i.day + 1, :oldest)
    WHERE o.state = 'applied'
    GROUP BY o.planned_on, o.object_kind, o.object_id
)
UPDATE allocations a SET settled_at = :now, days = COALESCE(came.days, 0), spent_minor = COALESCE(came.spent, 0),
    matured_minor = COALESCE(round(came.matured), 0),
    realised_minor = round(
        a.worth * (came.matured / came.days - a.revenue_minor) - a.price * (came.spent / came.days - a.budget_minor)
    )
FROM open o LEFT JOIN came USING (planned_on, object_kind, object_id)
WHERE a.account_id = :account AND (a.planned_on, a.object_kind, a.object_id)
    = (o.planned_on, o.object_kind, o.object_id)
""")


class Kept(NamedTuple):
    """One change on record; the last five are None until it is settled."""

    account_id: AccountId
    planned_on: date
    object_kind: ObjectKind
    object_id: str
    action_id: ActionId | None
    budget_minor: int
    target_minor: int
    gain_minor: int
    noise_minor: int
    settled_at: datetime | None
    days: int | None
    spent_minor: int | None
    matured_minor: int | None
    realised_minor: int | None


class Totals(NamedTuple):
    """Predicted against realised: sums over settled changes that came into force, times the days that they stood."""

    changes: int
    waiting: int  # not settled yet
    predicted_minor: int
    realised_minor: int


def record(
    conn: Connection, account_id: AccountId, *, planned_on: date, planned_at: datetime, planned: Sequence[Planned],
    action_ids: Mapping[tuple[ObjectKind, str], ActionId],
) -> int:  # fmt: skip
    """Keep what a plan expects of its changes; a second plan on a day replaces what of the first came to nothing.

    Returns how many were kept anew.
    """
    require_aware("planned_at", planned_at)
    stands = select(actions.c.id).where(actions.c.account_id == account_id, actions.c.state.in_(_STANDS))
    conn.execute(
        delete(allocations).where(
            allocations.c.account_id == account_id,
            allocations.c.planned_on == planned_on,
            allocations.c.action_id.is_(None) | allocations.c.action_id.not_in(stands),
        )
    )
    rows = [
        {
            "account_id": account_id, "planned_on": planned_on, "object_kind": row.object_kind,
            "object_id": row.object_id, "planned_at": planned_at, "budget_minor": row.budget_minor,
            "action_id": action_ids.get((row.object_kind, row.object_id)),
            "target_minor": row.target_minor, "revenue_minor": round(row.revenue_minor), "worth": row.worth,
            "target_revenue_minor": round(row.target_revenue_minor), "price": row.price,
            "gain_minor": round(row.gain_minor), "noise_minor": round(row.noise_minor),
        }
        for row in planned
    ]  # fmt: skip
    written = insert(allocations).on_conflict_do_nothing().returning(allocations.c.object_id)
    return sum(
        len(conn.execute(written.values(rows[first : first + _ROWS])).all()) for first in range(0, len(rows), _ROWS)
    )


def settle(conn: Connection, account_id: AccountId, *, until: date, now: datetime, curve: MaturityCurve) -> int:
    """Say what came of the changes of two weeks and more before `until`, the last complete day; return how many.

    Only what was applied came into force; the rest is settled with 0 days.
    """
    asked = {
        "account": account_id, "look_days": LOOK_DAYS, "last_due": until - timedelta(days=SETTLE_DAYS - 1),
        "until": until, "now": require_aware("now", now), "ages": list(range(len(curve.share))),
        "shares": [max(float(share), 0.01) for share in curve.share], "oldest": len(curve.share) - 1,
    }  # fmt: skip
    return conn.execute(_SETTLE, asked).rowcount


def listing(conn: Connection, account_id: AccountId | None, limit: int) -> tuple[Kept, ...]:
    """Read the newest changes."""
    columns = [allocations.c[name] for name in Kept._fields]
    query = select(*columns).order_by(
        allocations.c.planned_on.desc(), func.abs(allocations.c.gain_minor).desc(), allocations.c.object_id
    )
    if account_id is not None:
        query = query.where(allocations.c.account_id == account_id)
    return tuple(_kept(row) for row in conn.execute(query.limit(limit)))


def totals(conn: Connection, account_id: AccountId | None) -> Totals:
    """Sum predicted and realised gains of the changes that came into force."""
    table = allocations.c
    in_force = table.days > 0
    query = select(
        func.count().filter(in_force),
        func.count().filter(table.settled_at.is_(None)),
        func.coalesce(func.sum(table.gain_minor * table.days).filter(in_force), 0),
        func.coalesce(func.sum(table.realised_minor * table.days).filter(in_force), 0),
    )
    if account_id is not None:
        query = query.where(table.account_id == account_id)
    changes, waiting, predicted, realised = conn.execute(query).one()
    return Totals(changes=changes, waiting=waiting, predicted_minor=int(predicted), realised_minor=int(realised))


def spent_between(conn: Connection, account_id: AccountId, first: date, last: date) -> int:
    """Return what was spent from one day to another, both included, as far as it is known."""
    query = select(func.coalesce(func.sum(insights_daily.c.spend_minor), 0)).where(
        insights_daily.c.account_id == account_id, insights_daily.c.day.between(first, last)
    )
    return int(conn.execute(query).scalar_one())


def forget_old(conn: Connection) -> int:
    """Drop what was planned over half a year before the account's last plan: each has its platform's clock."""
    last = select(allocations.c.account_id, func.max(allocations.c.planned_at).label("at"))
    newest = last.group_by(allocations.c.account_id).subquery()
    is_old = (allocations.c.account_id == newest.c.account_id) & (allocations.c.planned_at < newest.c.at - _KEEP)
    return conn.execute(delete(allocations).where(is_old)).rowcount


def _kept(row: Iterable[object]) -> Kept:
    values = dict(zip(Kept._fields, row, strict=True))
    return Kept(**values | {"object_kind": ObjectKind(str(values["object_kind"]))})  # type: ignore[arg-type]
