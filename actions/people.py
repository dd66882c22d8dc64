"""People beside us: takes in what they edited, whom of them we went over, and what a fresh reading met before a write.

`take_in` is called by the collector, never on the way of a write. Instants are the platform's; it tells whole seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row

from domain.actions import Action, ActionState, Json, JsonMap, ObjectKind
from domain.ids import AccountId, ActionId
from domain.objects import Activity
from models import audit, hand_edits
from models.accounts import Account
from models.hand_edits import FoundBy, HandEdit, Noted, ObjectKey

HANDS_OFF: Final = timedelta(hours=24)
OVERLAP: Final = timedelta(hours=1)  # events may enter the platform's history late
_UNTOLD: Final = timedelta(minutes=2)  # a write is over by then; counts only where the history does not tell of it
_OWN_MEMORY: Final = timedelta(days=7)
PRECHECK_EVENT: Final = "found before a write"
_STEERED: Final = frozenset({ObjectKind.CAMPAIGN, ObjectKind.AD_SET, ObjectKind.AD})
# How events end that steer, and the key of a target that they speak of; None = none that we ever set.
_TOPICS: Final[Mapping[str, str | None]] = {
    "_run_status": "status",
    "_budget": "daily_budget_minor",
    "_name": "name",
    "_targeting": None,
    "_target_spec": None,
    "_bid_strategy": None,
    "_bidding": None,
    "_bid_info": None,
    "_optimization_goal": None,
    "_duration": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What a reading of the history came to; `news` are edits that were not known, or not known as overwritten."""

    seen: int
    by_people: int
    news: tuple[Noted, ...]

    @property
    def overwritten(self) -> tuple[Noted, ...]:
        """The edits that we went over, as far as they are news."""
        return tuple(row for row in self.news if row.edit.found_by is FoundBy.OVERWRITTEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A line of the history with its place: of two in one second the one with the smaller place is the newer."""

    place: int
    activity: Activity

    @property
    def key(self) -> ObjectKey:
        return self.activity.object_kind, self.activity.object_id


def read_from(account: Account, now: datetime) -> datetime:
    """From which instant on the history is to be read: what is older holds no object any more."""
    if account.activities_read_at is None:
        return now - HANDS_OFF
    return max(min(account.activities_read_at, now) - OVERLAP, now - _OWN_MEMORY)


def take_in(conn: Connection, account_id: AccountId, history: Iterable[Activity], *, actor: str) -> TakenIn:
    """Record people's edits among the lines of the history (newest first); ours only tell whom we went over.

    Safe to repeat. An edit that fell between our fresh reading and our write is flagged and goes into the audit once.
    """
    theirs: list[_Told] = []
    ours: dict[ObjectKey, list[_Told]] = {}
    seen = 0
    for place, activity in enumerate(history):
        seen += 1
        if activity.object_kind not in _STEERED or _topic(activity.event) is None:
            continue
        told = _Told(place=place, activity=activity)
        if activity.is_ours:
            ours.setdefault(told.key, []).append(told)
        else:
            theirs.append(told)
    writes = _writes_near(conn, account_id, theirs)
    edits = [_as_edit(told, writes.get(told.key, ()), ours.get(told.key, ())) for told in reversed(theirs)]
    news = hand_edits.record(conn, account_id, edits, rest=HANDS_OFF)
    taken = TakenIn(seen=seen, by_people=len(theirs), news=news)
    for row in taken.overwritten:
        _tell(conn, account_id, row, actor)
    return taken


def note_conflict(conn: Connection, action: Action, present: JsonMap, now: datetime) -> bool:
    """Record what the fresh reading before a write showed instead of what was decided on; False = it is ours.

    A value that one of our own late writes may have left is nobody's edit.
    """
    differing = {
        name: present[name] for name, value in action.expected_before.items() if present.get(name, value) != value
    }
    if not differing:
        return False
    key = (action.object_kind, action.object_id)
    for row in hand_edits.sent_on(conn, action.account_id, [key], now - _OWN_MEMORY):
        if all(row.target.get(name) == value for name, value in differing.items()):
            return False
    edit = HandEdit(
        object_kind=action.object_kind,
        object_id=action.object_id,
        event=PRECHECK_EVENT,
        edited_at=now,
        found_by=FoundBy.PRECHECK,
        before={name: action.expected_before[name] for name in differing},
        after=differing,
        action_id=action.id,
    )
    hand_edits.record(conn, action.account_id, [edit], rest=HANDS_OFF)
    return True


def _topic(event: str) -> str | None:
    if not event.startswith("update_"):
        return None
    return next((ending for ending in _TOPICS if event.endswith(ending)), None)


def _writes_near(
    conn: Connection, account_id: AccountId, theirs: Sequence[_Told]
) -> dict[ObjectKey, list[Row[tuple[Any, ...]]]]:
    if not theirs:
        return {}
    keys = sorted({told.key for told in theirs})
    since = min(told.activity.at for told in theirs) - _UNTOLD
    found: dict[ObjectKey, list[Row[tuple[Any, ...]]]] = {}
    for row in hand_edits.sent_on(conn, account_id, keys, since):
        found.setdefault((ObjectKind(row.object_kind), row.object_id), []).append(row)
    return found


def _as_edit(told: _Told, writes: Sequence[Row[tuple[Any, ...]]], ours: Sequence[_Told]) -> HandEdit:
    activity = told.activity
    over = next((row for row in writes if _went_over(told, row, ours)), None)
    return HandEdit(
        object_kind=activity.object_kind,
        object_id=activity.object_id,
        event=activity.event,
        edited_at=activity.at,
        found_by=FoundBy.ACTIVITIES if over is None else FoundBy.OVERWRITTEN,
        actor_id=activity.actor_id,
        actor_name=activity.actor_name,
        before=dict(activity.before),
        after=dict(activity.after),
        action_id=None if over is None else ActionId(over.id),
    )


def _went_over(told: _Told, write: Row[tuple[Any, ...]], ours: Sequence[_Told]) -> bool:
    """Whether the edit stood when our write, decided without it, went over it.

    The order and the values that the history tells decide; only where it tells nothing of our write does the time.
    """
    edit, name = told.activity, _TOPICS[_topic(told.activity.event) or ""]
    sent_at: datetime = write.sent_platform_at
    if name is None or name not in write.target or edit.at < sent_at.replace(microsecond=0):
        return False
    wanted = write.target[name]
    if edit.after.get(name) == wanted:
        return False  # both wanted the same
    mine = _line_of(ours, name, wanted, sent_at)
    if mine is None:
        is_later = edit.before.get(name) == wanted
        return write.state == ActionState.APPLIED and not is_later and edit.at <= sent_at + _UNTOLD
    if told.place < mine.place:
        return False  # it came after our write, and stands
    return name not in mine.activity.before or mine.activity.before[name] != write.expected_before.get(name)


def _line_of(ours: Sequence[_Told], name: str, wanted: Json, sent_at: datetime) -> _Told | None:
    """The line of our write in the history: the first of ours from the sending on that tells of this value."""
    begin = sent_at.replace(microsecond=0)
    fitting = [told for told in ours if told.activity.at >= begin and told.activity.after.get(name) == wanted]
    return max(fitting, key=lambda told: told.place, default=None)


def _tell(conn: Connection, account_id: AccountId, row: Noted, actor: str) -> None:
    edit = row.edit
    detail: dict[str, Json] = {
        "object": f"{edit.object_kind} {edit.object_id}",
        "by": edit.actor_name,
        "at": edit.edited_at.isoformat(),
        "before": dict(edit.before),
        "theirs": dict(edit.after),
    }
    audit.note(
        conn, actor=actor, event="edit.overwritten", account_id=account_id, action_id=edit.action_id, detail=detail
    )
