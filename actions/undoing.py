"""Plans an undo on fresh readings of the platform, and applies the plan as proposals through the door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from actions import door, undo
from actions.door import Proposed
from actions.guardrails import Limits
from actions.quota import READS_AT_ONCE
from actions.undo import Fate, Object, Step
from domain import catalogue
from domain.actions import Action, JsonMap, ObjectKind
from domain.ports import PlatformReader
from models import budgets, effects
from models.accounts import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlan:
    """What would be taken back, as of a fresh reading.

    `spent_minor` is what the objects spent since the day of the first of these changes: that stays spent.
    """

    account: Account
    steps: tuple[Step, ...]
    spent_minor: int

    @property
    def restorable(self) -> tuple[Step, ...]:
        """Steps that applying would take."""
        return tuple(step for step in self.steps if step.fate is Fate.RESTORE)


def make_plan(conn: Connection, account: Account, reader: PlatformReader, chosen: Sequence[Action]) -> UndoPlan:
    """Plan to take back these actions; the platform is read, nothing is written.

    Raises:
        PlatformError: the platform cannot be read; nothing is known then.
    """
    objects = undo.objects_of(chosen)
    later = effects.on_objects(conn, account.id, objects, after=min(row.id for row in chosen)) if chosen else ()
    steps = undo.plan(
        chosen,
        later,
        _present(reader, account, objects),
        learning_step=catalogue.platform(account.platform).learning_reset_step,
    )
    return UndoPlan(account=account, steps=steps, spent_minor=_spent(conn, account, chosen, objects))


def apply(conn: Connection, plan: UndoPlan, *, reason: str, actor: str, now: datetime, limits: Limits) -> Proposed:
    """Propose what can be restored; the door judges, and the executor reads each object again before it writes."""
    return door.propose(
        conn,
        account=plan.account,
        run_id=None,
        now=now,
        proposals=undo.proposals(plan.steps, reason=reason),
        actor=actor,
        limits=limits,
    )


def _present(reader: PlatformReader, account: Account, objects: Sequence[Object]) -> Mapping[Object, JsonMap]:
    found: dict[Object, JsonMap] = {}
    for kind in ObjectKind:
        ids = [object_id for of_kind, object_id in objects if of_kind is kind]
        for start in range(0, len(ids), READS_AT_ONCE):
            states = reader.states(account.platform_account_id, kind, ids[start : start + READS_AT_ONCE])
            found |= {(kind, object_id): dict(state.values) for object_id, state in states.items()}
    return found


def _spent(conn: Connection, account: Account, chosen: Sequence[Action], objects: Sequence[Object]) -> int:
    sent = [action.decided_at for action in chosen]
    if not sent:
        return 0
    since = min(sent).astimezone(ZoneInfo(account.zone)).date()
    steered = [thing for thing in objects if thing[0] is not ObjectKind.CREATIVE]
    return sum(budgets.spend_of(conn, account.id, steered, since).values())
