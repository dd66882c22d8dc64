"""Who takes which actions: one that is due, along with others that can go out in the same call.

Leases are counted on Postgres' clock. A row that somebody else holds is passed over, never waited for.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text, tuple_

from domain.actions import CREATES, IN_FLIGHT, RECORDED_ONLY, Action, ActionKind, ActionState
from domain.ids import ActionId
from models import audit
from models.ledger_rows import ACTION_COLUMNS, to_action
from models.tables import actions

# What may share a call: updates; a create must be read back alone. Emergency pauses go with those of their stop only.
SHARED = frozenset(ActionKind) - CREATES - RECORDED_ONLY


def _quoted(words: Collection[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an action stands, whether it could be claimed now, and what its account's calls are counted against.

    `has_quota` False = nobody counts them; `score_limit` None = the platform has not told the tier yet.
    """

    state: ActionState
    is_due: bool
    has_quota: bool
    score_limit: float | None


_DUE = (
    f"state IN ({_quoted(IN_FLIGHT)}) AND next_at <= statement_timestamp()"
    " AND (lease_until IS NULL OR lease_until <= statement_timestamp())"
)
_SHARED = f"state = 'approved' AND kind IN ({_quoted(SHARED)}) AND crash_count = 0"
_CLAIM = text(
    f"""
    WITH lead AS (
        SELECT id, account_id, object_kind, object_id, run_id, stop_id, priority, ({_SHARED}) AS is_shared
        FROM actions WHERE id = :id AND {_DUE}
        FOR UPDATE SKIP LOCKED
    ), due AS (
        SELECT a.id, a.priority, a.object_kind, a.object_id, a.account_id
        FROM actions a JOIN lead ON lead.is_shared AND a.account_id = lead.account_id
             AND a.object_kind = lead.object_kind AND a.run_id IS NOT DISTINCT FROM lead.run_id
             AND a.stop_id IS NOT DISTINCT FROM lead.stop_id AND a.id <> lead.id
        WHERE :most > 1 AND a.id IN (SELECT id FROM actions b WHERE b.account_id = lead.account_id AND {_SHARED}
                                     AND {_DUE})
    ), placed AS (
        SELECT due.id, due.priority, s.campaign_id,
               row_number() OVER (PARTITION BY s.campaign_id ORDER BY due.priority DESC, due.id) AS place
        FROM due LEFT JOIN ad_sets s
             ON due.object_kind = 'ad_set' AND s.account_id = due.account_id AND s.id = due.object_id
    ), chosen AS (
        SELECT placed.id FROM placed, lead
        WHERE lead.object_kind <> 'ad_set' OR (placed.place = 1 AND placed.campaign_id IS DISTINCT FROM (
            SELECT s.campaign_id FROM ad_sets s WHERE s.account_id = lead.account_id AND s.id = lead.object_id))
        ORDER BY placed.priority DESC, placed.id LIMIT :most - 1
    ), mates AS (
        SELECT id FROM actions WHERE id IN (SELECT id FROM chosen) AND {_SHARED} AND {_DUE}
        FOR UPDATE SKIP LOCKED
    )
    UPDATE actions a
    SET epoch = a.epoch + 1, crash_count = a.crash_count + 1, lease_owner = :owner,
        lease_until = clock_timestamp() + make_interval(secs => :lease_s)
    WHERE a.id IN (SELECT id FROM lead UNION ALL SELECT id FROM mates)
    RETURNING {", ".join(f"a.{column.name}" for column in ACTION_COLUMNS)}
    """  # noqa: S608 - texts of this file only
).columns(*ACTION_COLUMNS)

_LOOK = text(
    f"""
    SELECT state, ({_DUE}), q.account IS NOT NULL, q.score_limit
    FROM actions JOIN accounts c ON c.id = actions.account_id
         LEFT JOIN quotas q ON q.platform = c.platform AND q.mode = c.mode AND q.account = c.platform_account_id
    WHERE actions.id = :id
    """  # noqa: S608 - texts of this file only
)


def claim(conn: Connection, action_id: ActionId, *, owner: str, lease_s: float, most: int = 1) -> tuple[Action, ...]:
    """Take an action that is due and that nobody holds, and up to `most - 1` approved updates that can go with it.

    Those are of the same account, run and kind of object; of the ad sets of a campaign only one, as Meta asks
    (facts/meta_graph_api.md §4). Highest priority first, then the oldest. An action whose executor has died goes
    alone, so that it cannot take others along. Empty if the action is not due, or somebody is faster.

    The crash count grows before the work and is reset by whoever ends it in order.
    """
    asked = {"id": action_id, "owner": owner, "lease_s": lease_s, "most": most}
    claimed = [to_action(row) for row in conn.execute(_CLAIM, asked).mappings()]
    if not claimed:
        return ()
    claimed.sort(key=lambda action: (-action.priority, action.id))
    lines = [
        audit.Line(
            actor=owner,
            event="claimed",
            action_id=action.id,
            before=action.state,
            after=action.state,
            epoch=action.epoch,
        )
        for action in claimed
    ]
    audit.append(conn, claimed[0].account_id, lines)
    return tuple(claimed)


def look(conn: Connection, action_id: ActionId) -> Standing | None:
    """Find where an action stands, without taking anything."""
    row = conn.execute(_LOOK, {"id": action_id}).first()
    if row is None:
        return None
    return Standing(state=ActionState(row[0]), is_due=row[1], has_quota=row[2], score_limit=row[3])


def still_held(conn: Connection, held: Sequence[Action]) -> frozenset[ActionId]:
    """Which of the actions are still as we know them; they stay so until the transaction ends."""
    known = [(action.id, action.epoch, action.state) for action in held]
    statement = (
        select(actions.c.id)
        .where(tuple_(actions.c.id, actions.c.epoch, actions.c.state).in_(known))
        .order_by(actions.c.id)
        .with_for_update()
    )
    return frozenset(ActionId(row[0]) for row in conn.execute(statement))


def waited_s(conn: Connection, held: Sequence[Action]) -> Mapping[ActionId, float]:
    """For how long each could have been sent: since its making, or since what a person did to it later."""
    since = func.greatest(actions.c.created_at, actions.c.requeued_at)  # greatest() passes over NULL
    age_s = func.extract("epoch", func.clock_timestamp() - since)
    statement = select(actions.c.id, age_s).where(actions.c.id == func.any([action.id for action in held]))
    return {ActionId(row[0]): float(row[1]) for row in conn.execute(statement)}


def postpone(conn: Connection, account_id: int, *, wait_s: float) -> None:
    """Let no approved action of the account that nobody holds be claimed before `wait_s` are over.

    Rows in somebody's hands are passed over: who claims one at this instant learns from the platform itself. So are the
    pauses of a stop, to which a reserve of the calls belongs that ordinary changes do not see.
    """
    conn.execute(_POSTPONE, {"account": account_id, "wait_s": wait_s})


_POSTPONE = text(
    """
    UPDATE actions SET next_at = clock_timestamp() + make_interval(secs => :wait_s)
    WHERE id IN (
        SELECT id FROM actions
        WHERE account_id = :account AND state = 'approved' AND lease_until IS NULL AND stop_id IS NULL
          AND next_at < clock_timestamp() + make_interval(secs => :wait_s)
        FOR UPDATE SKIP LOCKED
    )
    """
)
