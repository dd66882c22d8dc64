"""What cooldowns and limits count in the ledger. Sums only: whether they are too much is said in `actions`.

Instants are the platform's clock. `besides` leaves actions out: those that are being judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, case, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on

from domain.actions import (
    CREATES,
    IN_FLIGHT,
    MAY_HAVE_EFFECT,
    RECORDED_ONLY,
    ActionKind,
    ActionState,
    Json,
    JsonMap,
    ObjectKind,
    Priority,
)
from domain.ids import AccountId, ActionId, RunId
from models.tables import actions, hand_edits

_TAKEN = IN_FLIGHT | {
    ActionState.APPLIED,
    ActionState.OBSERVED,
    ActionState.REFUSED,
    ActionState.NOT_APPLIED,
    ActionState.CONFLICT,
    ActionState.DEAD,
}
_MAY_HAVE_EFFECT = MAY_HAVE_EFFECT | {ActionState.DEAD}  # a dead one counts only if it was sent
_WITHOUT_EFFECT = (ActionState.REFUSED, ActionState.NOT_APPLIED, ActionState.CONFLICT)
_SWITCHES = (ActionKind.ACTIVATE, ActionKind.PAUSE, ActionKind.EMERGENCY_PAUSE)
_LONGEST_WAIT = timedelta(days=2)  # from the decision to the send, approvals included


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetHistory:
    """Changes of one object's daily budget that took effect, or may have."""

    last_at: datetime | None
    edits: int  # in the last hour
    day_ago_minor: int | None = None  # the value before the first of them in 24 h


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an account's modules took up lately; blocked proposals and what is only recorded do not count."""

    in_cycle: int = 0
    paused: int = 0  # objects that rules paused by themselves in 24 h
    paused_ppm: int = 0  # their share of the spend as it was judged
    resets: int = 0  # ad sets put back into learning in 7 days


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAction:
    """The open change of an object. Whoever holds it is about to send it, or already has."""

    id: ActionId
    rule: str
    priority: int
    is_held: bool
    reserved_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingAction:
    """The weightiest change of an object that waits for approval."""

    id: ActionId
    rule: str
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SentChange:
    """The last change of an object that took effect, or may have; `expected_before` tells which way it went."""

    id: ActionId
    kind: ActionKind
    at: datetime
    rule: str
    priority: int
    expected_before: JsonMap
    target: JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What an action was judged on as it was proposed."""

    object_kind: ObjectKind
    object_id: str
    decided_at: datetime
    figures: Mapping[str, Json]


def open_actions(
    conn: Connection, account_id: AccountId, besides: Sequence[ActionId]
) -> dict[tuple[ObjectKind, str], OpenAction]:
    """Find the open action of every object that has one; creates leave their parent free."""
    now = func.clock_timestamp()
    statement = select(
        actions.c.object_kind,
        actions.c.object_id,
        actions.c.id,
        actions.c.rule,
        actions.c.priority,
        case((actions.c.state != ActionState.APPROVED, True), else_=func.coalesce(actions.c.lease_until > now, False)),
        actions.c.cap_reserved_minor,
    ).where(
        actions.c.account_id == account_id,
        actions.c.state.in_(IN_FLIGHT),
        actions.c.kind.not_in(CREATES | {ActionKind.EMERGENCY_PAUSE}),
    )
    return {
        (ObjectKind(row[0]), row[1]): OpenAction(
            id=ActionId(row[2]), rule=row[3], priority=row[4], is_held=row[5], reserved_minor=row[6]
        )
        for row in conn.execute(_leaving_out(statement, besides))
    }


def waiting(
    conn: Connection, account_id: AccountId, besides: Sequence[ActionId]
) -> dict[tuple[ObjectKind, str], WaitingAction]:
    """Find the weightiest change that waits for a person, of every object that has one."""
    statement = (
        select(actions.c.object_kind, actions.c.object_id, actions.c.id, actions.c.rule, actions.c.priority)
        .where(
            actions.c.account_id == account_id,
            actions.c.state == ActionState.AWAITING_APPROVAL,
            actions.c.kind.not_in(CREATES),
        )
        .order_by(actions.c.priority, actions.c.id)
    )
    return {
        (ObjectKind(row[0]), row[1]): WaitingAction(id=ActionId(row[2]), rule=row[3], priority=row[4])
        for row in conn.execute(_leaving_out(statement, besides))
    }


def budget_histories(
    conn: Connection,
    account_id: AccountId,
    object_ids: Sequence[str],
    *,
    hour_since: datetime,
    day_since: datetime,
    besides: Sequence[ActionId] = (),
) -> Mapping[str, BudgetHistory]:
    """When the daily budgets of the objects were last changed by us, how often, and how they stood before."""
    at = actions.c.sent_platform_at
    before = actions.c.expected_before["daily_budget_minor"].astext.cast(BigInteger)
    statement = (
        select(
            actions.c.object_id,
            func.max(at),
            func.count().filter(at > hour_since),
            func.array_agg(aggregate_order_by(before, at, actions.c.id)).filter(at > day_since),
        )
        .where(
            actions.c.account_id == account_id,
            actions.c.object_id == func.any(list(object_ids)),
            actions.c.kind == ActionKind.SET_DAILY_BUDGET,
            actions.c.state.in_(_MAY_HAVE_EFFECT),
            at.is_not(None),
        )
        .group_by(actions.c.object_id)
    )
    return {
        row[0]: BudgetHistory(last_at=row[1], edits=row[2], day_ago_minor=row[3][0] if row[3] else None)
        for row in conn.execute(_leaving_out(statement, besides))
    }


def budgets_changed_at(conn: Connection, account_id: AccountId, since: datetime) -> dict[str, datetime]:
    """When daily budgets of the account's objects were last changed by us, as far as that was after an instant."""
    at = actions.c.sent_platform_at
    statement = (
        select(actions.c.object_id, func.max(at))
        .where(
            actions.c.account_id == account_id,
            actions.c.kind == ActionKind.SET_DAILY_BUDGET,
            actions.c.state.in_(_MAY_HAVE_EFFECT),
            at > since,
        )
        .group_by(actions.c.object_id)
    )
    return {row[0]: row[1] for row in conn.execute(statement)}


def budget_edits_by_hand(
    conn: Connection, account_id: AccountId, object_ids: Sequence[str], since: datetime
) -> Mapping[str, int]:
    """How often people edited the daily budgets of the objects since then, as far as it was found."""
    statement = (
        select(hand_edits.c.object_id, func.count())
        .where(
            hand_edits.c.account_id == account_id,
            hand_edits.c.hands_off_until > since,  # later than the edit: the index serves it
            hand_edits.c.edited_at > since,
            hand_edits.c.object_id == func.any(list(object_ids)),
            hand_edits.c.after.has_key("daily_budget_minor"),
        )
        .group_by(hand_edits.c.object_id)
    )
    return {row[0]: row[1] for row in conn.execute(statement)}


def last_changes(
    conn: Connection, account_id: AccountId, object_ids: Sequence[str] | None, since: datetime,
    besides: Sequence[ActionId],
) -> dict[tuple[ObjectKind, str], SentChange]:  # fmt: skip
    """Find the last change since then that took effect, or may have, of each object; None = of the whole account."""
    at = actions.c.sent_platform_at
    names = ("id", "kind", "rule", "priority", "expected_before", "target")
    statement = (
        select(actions.c.object_kind, actions.c.object_id, at, *(actions.c[name] for name in names))
        .ext(distinct_on(actions.c.object_kind, actions.c.object_id))
        .where(
            actions.c.account_id == account_id,
            actions.c.blocked_by.is_(None),
            actions.c.decided_at > since - _LONGEST_WAIT,
            actions.c.kind.in_((ActionKind.SET_DAILY_BUDGET, *_SWITCHES)),
            actions.c.state.in_(_MAY_HAVE_EFFECT),
            at > since,
        )
        .order_by(actions.c.object_kind, actions.c.object_id, at.desc(), actions.c.id.desc())
    )
    if object_ids is not None:
        statement = statement.where(actions.c.object_id == func.any(list(object_ids)))
    found = {}
    for row in conn.execute(_leaving_out(statement, besides)):
        values = dict(zip(names, row[3:], strict=True))
        values |= {"id": ActionId(values["id"]), "kind": ActionKind(values["kind"])}
        found[ObjectKind(row[0]), row[1]] = SentChange(at=row[2], **values)
    return found


_RECENT = text(
    """
    WITH recent AS (
        SELECT kind, object_kind, object_id, run_id, decided_at, coalesce(sent_platform_at, decided_at) AS at,
               priority = :person AS is_persons, needs_approval, state = ANY(CAST(:failed AS text[])) AS failed,
               coalesce((judged_on ->> 'share_ppm')::bigint, 0) AS ppm,
               coalesce((judged_on ->> 'resets')::bigint, 0) AS resets
        FROM actions
        WHERE account_id = :account AND blocked_by IS NULL AND decided_at > :oldest
          AND state = ANY(CAST(:taken AS text[])) AND kind <> ALL(CAST(:recorded AS text[]))
          AND id <> ALL (CAST(:besides AS bigint[]))
    ), paused AS (
        SELECT max(ppm) AS ppm FROM recent
        WHERE kind = 'pause' AND at > :day_since AND NOT is_persons AND NOT needs_approval AND NOT failed
        GROUP BY object_kind, object_id
    )
    SELECT (SELECT count(*) FROM recent
            WHERE run_id = CAST(:run AS bigint)
               OR (CAST(:run AS bigint) IS NOT NULL AND run_id IS NOT NULL AND NOT is_persons
                   AND kind <> 'emergency_pause' AND decided_at >= :half_from AND decided_at < :half_until)),
           (SELECT count(*) FROM paused), (SELECT coalesce(sum(ppm), 0) FROM paused),
           (SELECT coalesce(sum(resets), 0) FROM recent WHERE at > :week_since AND NOT failed)
    """
)


def taken(
    conn: Connection,
    account_id: AccountId,
    run_id: RunId | None,
    *,
    half_hour: tuple[datetime, datetime],
    day_since: datetime,
    week_since: datetime,
    besides: Sequence[ActionId],
) -> Taken:
    """Count what was taken up: by the run and by all modules in its half hour, in a day, in a week.

    What people do, or approved, is no automation: it fills neither the half hour nor the day's pauses.
    """
    row = conn.execute(
        _RECENT,
        {
            "account": account_id,
            "run": run_id,
            "besides": list(besides),
            "person": int(Priority.PERSON),
            "failed": list(_WITHOUT_EFFECT),
            "taken": sorted(_TAKEN),
            "recorded": sorted(RECORDED_ONLY),
            "oldest": min(week_since, day_since) - _LONGEST_WAIT,
            "half_from": half_hour[0],
            "half_until": half_hour[1],
            "day_since": day_since,
            "week_since": week_since,
        },
    ).one()
    return Taken(in_cycle=int(row[0]), paused=int(row[1]), paused_ppm=int(row[2]), resets=int(row[3]))


def judged_on(conn: Connection, action_ids: Sequence[ActionId]) -> tuple[Judged, ...]:
    """Find what actions were judged on, in their order."""
    statement = (
        select(actions.c.object_kind, actions.c.object_id, actions.c.decided_at, actions.c.judged_on)
        .where(actions.c.id.in_(action_ids))
        .order_by(actions.c.id)
    )
    return tuple(
        Judged(object_kind=ObjectKind(row[0]), object_id=row[1], decided_at=row[2], figures=row[3])
        for row in conn.execute(statement)
    )


def _leaving_out(statement: Select[Any], besides: Sequence[ActionId]) -> Select[Any]:
    return statement.where(actions.c.id.not_in(besides)) if besides else statement
