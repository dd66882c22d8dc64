"""Puts together what the pure halves of real time judge: the account's standing, and what carries its budgets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection

from decisions import incident_mode
from decisions.pacing import Standing
from decisions.protection import Carriers, History, Limit, Seen, silent_suspects
from decisions.wording import amounts
from domain.actions import ObjectKind
from domain.live import HourGrid, LiveSnapshot, ObjectTotal
from domain.objects import ObjectState
from domain.snapshot import Floats
from estimators.day_pace import OVERSPEND, DayProfile, elapsed_share, profile_of
from models import anomalies, live
from models.accounts import Account
from models.live import Carrier
from models.pacing import PacingState
from tasks.live_reading import HISTORY_DAYS, day_of
from workers.settings import Settings

EARLIER: Final = timedelta(minutes=25)  # speed is measured over at least that
_KNOWN_FROM: Final = timedelta(minutes=20)  # after midnight: budgets noted by then are those of the day's beginning
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Everything that is judged at one reading, and what of it the next one must know."""

    standing: Standing
    profile: DayProfile
    seen: Seen
    history: Mapping[str, History]
    account_history: History
    day_targets: Mapping[str, int]
    top_budgets: Mapping[str, int]
    budgets_since: datetime


def load(
    conn: Connection, account: Account, snapshot: LiveSnapshot, state: PacingState | None, settings: Settings
) -> Loaded:
    """Read what belongs to a reading that is kept already."""
    day = snapshot.day
    grid = live.hours(conn, account.id, day - HISTORY_DAYS * _DAY, day)
    profile, total = profile_of(grid, today=day), live.daily_budgets(conn, account.id)
    ids = [str(object_id) for frame in snapshot.frames.values() for object_id in frame.object_id]
    found = live.carriers(conn, account.id, ids)
    is_same_day = state is not None and day_of(account, state.made_at) == day
    tops = dict(state.top_budgets) if state is not None and is_same_day else {}
    tops |= {row.object_id: max(row.daily_budget_minor, tops.get(row.object_id, 0)) for row in found}
    since = state.budgets_since if state is not None and is_same_day else snapshot.read_at
    seen = _seen(conn, account, snapshot, grid, profile, carriers=found, tops=tops, budgets_since=since)
    targets = _targets(state, day)
    targets[str(day)] = max(total, targets.get(str(day), 0))  # what was cut at noon could be spent until then
    standing = Standing(
        day=day,
        zone=account.zone,
        as_of=snapshot.as_of,
        grid=grid,
        daily_budgets_minor=total,
        day_targets={date.fromisoformat(on): minor for on, minor in targets.items() if on != str(day)},
        month_budget_minor=account.month_budget_minor,
    )
    return Loaded(
        standing=standing,
        profile=profile,
        seen=replace(
            seen,
            limits=(*limits_of_account(account, grid, day, settings), *_incident(conn, account, profile, snapshot)),
        ),
        history={
            row: History(clicks=clicks, purchases=purchases)
            for row, (clicks, purchases) in live.weeks_of(conn, account.id, silent_suspects(seen), day).items()
        },
        account_history=History(clicks=_sum(grid.clicks[-8:-1]), purchases=_sum(grid.purchases[-8:-1])),
        day_targets=targets,
        top_budgets=tops,
        budgets_since=since,
    )


def confirmed(seen: Seen, states: Mapping[str, ObjectState]) -> Seen:
    """Keep only what the platform has just shown as active, with the budget that it has now."""
    rows = seen.carriers
    kept = [n for n, row in enumerate(rows.object_id) if str(row) in states and _is_active(states[str(row)])]
    budgets = [_budget(states[str(rows.object_id[n])], int(rows.budget_minor[n])) for n in kept]
    now = np.array(budgets, np.int64)
    carriers = Carriers(
        kind=[rows.kind[n] for n in kept],
        budget_minor=now,
        top_budget_minor=np.maximum(now, rows.top_budget_minor[kept]) if kept else now,
        **{
            name: getattr(rows, name)[kept]
            for name in ("object_id", "name", "spent_minor", "earlier_minor", "clicks", "purchases")
        },
    )
    return replace(seen, carriers=carriers)


def limits_of_account(account: Account, grid: HourGrid, day: date, settings: Settings) -> tuple[Limit, ...]:
    """Return the account's hard limits with what is spent of them: its worst day, its month."""
    cap = settings.max_total_daily_spend
    own = account.max_total_daily_spend_minor or (cap.minor if cap.currency == account.currency else None)
    worst = account.max_worst_day_minor or (None if own is None else round(OVERSPEND * own))
    found = []
    if worst is not None:
        words = "what the account may cost on its worst day"
        found.append(Limit(name="day", limit_minor=worst, spent_minor=_sum(grid.spend_minor[-1:]), words=words))
    if account.month_budget_minor is not None:
        month = _sum(grid.spend_minor[-day.day :])
        found.append(
            Limit(name="month", limit_minor=account.month_budget_minor, spent_minor=month, words="the month's budget")
        )
    return tuple(found)


def rate_of(grid: HourGrid, account: Account, snapshot: LiveSnapshot) -> float:
    """Return the account's spend per hour, over the last hour or two that figures have arrived of."""
    zone, last = ZoneInfo(account.zone), snapshot.as_of - _HOUR
    hour = last.astimezone(zone).hour if day_of(account, last) == snapshot.day else 0
    begin = datetime.combine(snapshot.day, time(hour), tzinfo=zone).astimezone(UTC)
    hours = (snapshot.as_of - begin) / _HOUR
    return float(grid.spend_minor[-1, hour:].sum()) / max(hours, 0.25)


def _seen(
    conn: Connection,
    account: Account,
    snapshot: LiveSnapshot,
    grid: HourGrid,
    profile: DayProfile,
    *,
    carriers: Sequence[Carrier],
    tops: Mapping[str, int],
    budgets_since: datetime,
) -> Seen:
    day = snapshot.day
    earlier = live.latest(conn, account.id, as_of=snapshot.as_of - EARLIER)
    earlier = earlier if earlier is not None and earlier.day == day else None
    begin = datetime.combine(day, time(), tzinfo=ZoneInfo(account.zone)).astimezone(UTC)

    def share(as_of: datetime) -> float:
        return elapsed_share(profile, zone=account.zone, day=day, as_of=as_of)

    return Seen(
        now=snapshot.read_at,
        as_of=snapshot.as_of,
        elapsed=share(snapshot.as_of),
        earlier_as_of=None if earlier is None else earlier.as_of,
        earlier_elapsed=0.0 if earlier is None else share(earlier.as_of),
        knows_budgets_of_day=budgets_since <= begin + _KNOWN_FROM,
        minimum_budget_minor=account.minimum_daily_budget_minor,
        rate_minor=rate_of(grid, account, snapshot),
        limits=(),
        carriers=_carriers(carriers, snapshot, earlier, tops),
        account_clicks=_sum(grid.clicks[-1:]),
        account_purchases=_sum(grid.purchases[-1:]),
        amount=amounts(account.currency),
    )


def _carriers(
    found: Sequence[Carrier], snapshot: LiveSnapshot, earlier: LiveSnapshot | None, tops: Mapping[str, int]
) -> Carriers:
    now, before = _by_id(snapshot), {} if earlier is None else _by_id(earlier)
    rows = [row for row in found if (row.kind, row.object_id) in now]
    totals = [now[row.kind, row.object_id] for row in rows]
    missing = {kind: 0 if earlier is not None and _is_whole(earlier, kind) else -1 for kind in ObjectKind}
    spent_before = [
        before[row.kind, row.object_id].spend_minor if (row.kind, row.object_id) in before else missing[row.kind]
        for row in rows
    ]
    return Carriers(
        kind=[row.kind for row in rows],
        object_id=np.array([row.object_id for row in rows], np.object_),
        name=np.array([row.name for row in rows], np.object_),
        budget_minor=np.array([row.daily_budget_minor for row in rows], np.int64),
        top_budget_minor=np.array([tops.get(row.object_id, row.daily_budget_minor) for row in rows], np.int64),
        spent_minor=np.array([row.spend_minor for row in totals], np.int64),
        earlier_minor=np.array(spent_before, np.int64),
        clicks=np.array([row.clicks for row in totals], np.int64),
        purchases=np.array([row.purchases for row in totals], np.int64),
    )


def _by_id(snapshot: LiveSnapshot) -> dict[tuple[ObjectKind, str], ObjectTotal]:
    return {(kind, row.object_id): row for kind, frame in snapshot.frames.items() for row in live.rows_of(frame)}


def _is_whole(snapshot: LiveSnapshot, kind: ObjectKind) -> bool:
    return kind in snapshot.frames and snapshot.frames[kind].is_whole


def _incident(conn: Connection, account: Account, profile: DayProfile, snapshot: LiveSnapshot) -> tuple[Limit, ...]:
    """While an incident lasts the account may spend no more than so much in an hour.

    The cap is that of the last hour seen; where a later one usually costs more, as in the morning, that counts.
    """
    found = anomalies.incident_of(conn, account.id)
    if found is None:
        return ()
    shares = [
        elapsed_share(profile, zone=account.zone, day=snapshot.day, as_of=at)
        for at in (snapshot.as_of - _HOUR, snapshot.as_of)
    ]
    usual = profile.day_minor * (shares[1] - shares[0])
    cap = max(found.velocity_cap_minor, round(incident_mode.VELOCITY * usual))
    words = f"what an hour may cost while this lasts: {found.words}"
    return (Limit(name="incident", limit_minor=cap, spent_minor=0, words=words),)


def _targets(state: PacingState | None, day: date) -> dict[str, int]:
    """What budgets summed to on the days before, as far back as a week looks."""
    oldest = str(day - 8 * _DAY)
    return {} if state is None else {on: minor for on, minor in state.day_targets.items() if on >= oldest}


def _is_active(state: ObjectState) -> bool:
    return state.values.get("status") == "active"


def _budget(state: ObjectState, otherwise: int) -> int:
    told = state.values.get("daily_budget_minor")
    return told if isinstance(told, int) else otherwise


def _sum(values: Floats) -> int:
    return round(float(values.sum()))
