"""The spending limit of an account, the second lever: what to set it to, a stop's order of it, and the way back.

The platform keeps to it whatever becomes of us. It goes through the door as every change; one that belongs to a stop is
admitted by that stop's closed fence.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from actions import door
from actions.door import Proposed
from actions.guardrails import Limits
from actions.pauses import Pausing
from actions.undo import LIMIT_KEY
from domain import catalogue
from domain.actions import Action, ActionKind, ObjectKind, Priority, Proposal
from domain.calls import calling
from domain.errors import NotReadyError, PlatformError, StakazoError
from domain.ids import ActionId, StopId
from domain.money import Money
from domain.objects import AccountInfo
from domain.platforms import budget_step_minor
from domain.ports import CallClass, PlatformReader
from models import accounts, fence, ledger, stop_limits, stops
from models.accounts import Account

RULE = "emergency_stop"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lever:
    """What became of an account's limit as a stop ordered it; `action` None = there was nothing to set, or no way to.

    `why` says it in words then.
    """

    account: Account
    action: Action | None
    why: str = ""


def at_spent(account: Account, info: AccountInfo, *, margin_minor: int = 0) -> int:
    """What is spent so far and a margin: from there on nothing is delivered. At least one step, since 0 is no limit.

    Raises:
        NotReadyError: the platform does not tell what is spent.
    """
    if info.spent_minor is None:
        raise NotReadyError(f"the platform does not tell what account {account.id} has spent; name an amount")
    step = budget_step_minor(catalogue.platform(account.platform), account.currency)
    return max(step, -(-(info.spent_minor + margin_minor) // step) * step)


def proposal(
    account: Account, before_minor: int, target_minor: int, *, rule: str, reason: str, stop_id: StopId | None = None,
    undoes: ActionId | None = None,
) -> Proposal:  # fmt: skip
    """Ask for a limit of the account's whole life; 0 = none."""
    return Proposal(
        kind=ActionKind.SET_SPENDING_LIMIT,
        object_kind=ObjectKind.ACCOUNT,
        object_id=account.platform_account_id,
        object_name=account.name,
        expected_before={LIMIT_KEY: before_minor},
        target={LIMIT_KEY: target_minor},
        rule=rule,
        priority=Priority.PERSON if stop_id is None else Priority.SAFETY,
        reason=reason,
        stop_id=stop_id,
        undoes=undoes,
    )


def order_of_stop(
    pausing: Pausing, stop_id: StopId, reader_of: Callable[[Account], PlatformReader]
) -> tuple[Lever, ...]:
    """Hold every account of an open stop at what it has spent so far; one that cannot be is told, not raised."""
    with pausing.engine.begin() as conn:
        held = stops.get(conn, stop_id)
        scope = accounts.listing(conn) if held.account_id is None else (accounts.get(conn, held.account_id),)
    with calling(CallClass.EMERGENCY):
        return tuple(_order(pausing, stop_id, account, reader_of) for account in scope)


def _order(
    pausing: Pausing, stop_id: StopId, account: Account, reader_of: Callable[[Account], PlatformReader]
) -> Lever:
    try:
        info, now = reader_of(account).account(account.platform_account_id), pausing.clock_of(account).now()
        target_minor, before_minor = at_spent(account, info), info.spend_cap_minor or 0
    except (NotReadyError, PlatformError) as error:
        return Lever(account=account, action=None, why=f"its spending limit cannot be set: {error}")
    if 0 < before_minor <= target_minor:
        limit = Money(before_minor, account.currency)
        return Lever(account=account, action=None, why=f"its spending limit of {limit} is reached already")
    with pausing.engine.begin() as conn:
        fence.lock_caps(conn, account.id)  # before the stop's row, as everywhere
        held = stops.get(conn, stop_id, hold=True)
        if held.opened_at is not None:
            return Lever(account=account, action=None, why=f"stop {stop_id} was ended meanwhile")
        reason = f"emergency stop {stop_id}: {held.reason}"
        wanted = proposal(account, before_minor, target_minor, rule=RULE, reason=reason, stop_id=stop_id)
        (action,) = door.propose(
            conn, account=account, run_id=None, now=now, proposals=[wanted], actor=held.actor
        ).actions
    pausing.executor.execute(action.id)
    with pausing.engine.begin() as conn:
        return Lever(account=account, action=ledger.get(conn, action.id))


def finish_open(pausing: Pausing) -> int:
    """Go on with limits that stops ordered and whose orderer died or has no outcome yet; how many there were."""
    with pausing.engine.begin() as conn:
        waiting = stop_limits.due(conn)
    with calling(CallClass.EMERGENCY):
        for action_id in waiting:
            try:
                pausing.executor.execute(action_id)
            except StakazoError as error:  # a token that went bad, say: the next round tries again
                log.warning("a stop's spending limit does not go on", action=action_id, cause=str(error))
    return len(waiting)


def give_back(
    conn: Connection, account: Account, set_by_stop: Sequence[Action], *, now: datetime, reason: str, rule: str,
    actor: str, limits: Limits,
) -> Proposed:  # fmt: skip
    """Ask for the limit that stood before a stop's; whoever set another one since keeps theirs: the door's reading
    ahead of the write finds it. Call it once the fence is open.
    """  # noqa: D205 - the sentence needs the room
    wanted = [
        proposal(
            account, _minor(row.target[LIMIT_KEY]), _minor(row.expected_before[LIMIT_KEY]), rule=rule,
            reason=f"gives back the spending limit from before stop {row.stop_id}: {reason}", undoes=row.id,
        )
        for row in set_by_stop
    ]  # fmt: skip
    return door.propose(conn, account=account, run_id=None, now=now, proposals=wanted, actor=actor, limits=limits)


def _minor(value: object) -> int:
    if type(value) is not int:
        raise NotReadyError(f"{value!r} is no amount; set the limit with `stakazo change account`")
    return value
