"""Gathers how much the door's limits leave a plan: the figures that the door will judge on, read before."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from actions import leeway
from actions.guardrails import Limits
from actions.guardrails.facts import LastChange
from actions.guardrails.mass_pause import room_left
from actions.guardrails.verdicts import is_up
from actions.waiting import NO_HOLDS
from domain.actions import ObjectKind
from domain.ids import RunId
from domain.leeway import Key, Leeway
from domain.snapshot import Snapshot
from models import anomalies, approvals, budgets, hand_edits, ledger_sums, marks
from models.accounts import Account
from models.marks import Mark

_DAY: Final = timedelta(days=1)
_HALF_HOUR: Final = timedelta(minutes=30)
_NO_RUN: Final = RunId(0)  # so that what all modules took up in this half hour counts, as it will at the door


def gather(conn: Connection, account: Account, snapshot: Snapshot, limits: Limits) -> Leeway:
    """Read it, in a fixed number of statements; the account's own cap only, as far as it has one."""
    now = snapshot.now
    slot = now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % _HALF_HOUR
    taken = ledger_sums.taken(
        conn, account.id, _NO_RUN, half_hour=(slot, slot + _HALF_HOUR), day_since=now - _DAY, week_since=now - _DAY,
        besides=(),
    )  # fmt: skip
    changed = ledger_sums.budgets_changed_at(conn, account.id, now - limits.cooldown_learning)
    standing = marks.standing(conn, account.id)
    hands_off = hand_edits.hands_off(conn, account.id, None, now)
    return Leeway(
        actions=max(0, limits.actions_per_cycle - taken.in_cycle),
        next_cycle_at=slot + _HALF_HOUR,
        stops=room_left(limits, taken.paused, taken.paused_ppm),
        raise_minor=_raise_room(conn, account, limits),
        margin=account.margin,
        incident=anomalies.incident(conn, account.id),
        resting=leeway.resting_until(snapshot, changed, limits),
        turned=leeway.turns(_last_changes(conn, account, now - limits.hysteresis), limits),
        held=leeway.held(
            {key: row.until for key, row in hands_off.items()},
            {
                key: None if row.is_held else row.priority
                for key, row in ledger_sums.open_actions(conn, account.id, ()).items()
            },
        ),
        asked=frozenset((row.kind, row.object_kind, row.object_id) for row in approvals.waiting(conn, account.id)),
        refused=frozenset(approvals.rejected_within(conn, account.id, NO_HOLDS.total_seconds())),
        marked=frozenset((row.object_kind, row.object_id) for row in standing),
        above_marks=frozenset(_above(standing)),
    )


def _above(standing: Sequence[Mark]) -> Iterator[Key]:
    for row in standing:
        if row.ad_set_id is not None:
            yield ObjectKind.AD_SET, row.ad_set_id
        if row.campaign_id is not None:
            yield ObjectKind.CAMPAIGN, row.campaign_id


def _last_changes(conn: Connection, account: Account, since: datetime) -> dict[Key, LastChange]:
    """Which way each change went; one of which that cannot be told binds nothing."""
    return {
        key: LastChange(action_id=row.id, at=row.at, rule=row.rule, priority=row.priority, is_up=up)
        for key, row in ledger_sums.last_changes(conn, account.id, None, since, ()).items()
        if (up := is_up(row.kind, row.expected_before, row.target)) is not None
    }


def cap_minor(account: Account, limits: Limits) -> int | None:
    """Return the cap of the account's daily budgets: its own, or the setting's if that is in its currency."""
    if account.max_total_daily_spend_minor is not None:
        return account.max_total_daily_spend_minor
    cap = limits.account_cap
    return cap.minor if cap is not None and cap.currency == account.currency else None


def _raise_room(conn: Connection, account: Account, limits: Limits) -> int | None:
    cap = cap_minor(account, limits)
    return None if cap is None else cap - budgets.running(conn, account.id).account_minor
