"""The twin's memory of what it changed: what guardrails ask of the ledger, and what a judge counts afterwards."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from actions.guardrails.facts import LastChange
from actions.guardrails.verdicts import budget_in, is_up
from domain.actions import ActionKind, ObjectKind, Priority, Proposal
from domain.ids import ActionId

_DAY, _WEEK, _HALF_HOUR = timedelta(days=1), timedelta(days=7), timedelta(minutes=30)
FLAP = timedelta(hours=72)
Object = tuple[ObjectKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change that was made, as it was made."""

    id: ActionId
    at: datetime
    kind: ActionKind
    key: Object
    rule: str
    priority: Priority
    is_up: bool
    before_minor: int | None
    after_minor: int | None
    resets: int
    share_ppm: int  # of a pause: the object's share in the account's spend
    running_minor: int  # the sum of daily budgets that run, with it


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Everything that was done, asked and stopped; ids count up."""

    edits: list[Edit] = field(default_factory=list)
    stopped: Counter[str] = field(default_factory=Counter)  # proposals that a guardrail stopped, by its slug
    trimmed: Counter[str] = field(default_factory=Counter)
    asked: dict[tuple[Object, ActionKind], datetime] = field(default_factory=dict)  # waits for a person
    asked_ppm: dict[Object, tuple[datetime, int]] = field(default_factory=dict)  # pauses that were asked for
    put_to_person: Counter[str] = field(default_factory=Counter)  # asked knowingly, by the guardrail that says so
    recorded: Counter[str] = field(default_factory=Counter)
    wanted: int = 0
    hands_off: dict[str, datetime] = field(default_factory=dict)
    _of: dict[Object, list[Edit]] = field(default_factory=dict)

    def write(
        self, proposal: Proposal, *, at: datetime, target_minor: int | None, resets: int, share_ppm: int,
        running_minor: int,
    ) -> None:  # fmt: skip
        """Note what was done."""
        key = (proposal.object_kind, proposal.object_id)
        before = budget_in(proposal.expected_before)
        up = is_up(proposal.kind, proposal.expected_before, {"daily_budget_minor": target_minor})
        row = Edit(
            id=ActionId(len(self.edits) + 1), at=at, kind=proposal.kind, key=key, rule=proposal.rule,
            priority=proposal.priority, is_up=bool(up), before_minor=before, after_minor=target_minor, resets=resets,
            share_ppm=share_ppm, running_minor=running_minor,
        )  # fmt: skip
        self.edits.append(row)
        self._of.setdefault(key, []).append(row)

    def ask(self, proposal: Proposal, *, at: datetime, share_ppm: int) -> None:
        """Note what waits for a person, once a day for one and the same wish."""
        key = (proposal.object_kind, proposal.object_id)
        asked_at = self.asked.get((key, proposal.kind))
        if asked_at is None or at - asked_at >= _DAY:
            self.asked[key, proposal.kind] = at
        if proposal.kind is ActionKind.PAUSE:
            self.asked_ppm[key] = at, share_ppm

    def last_change(self, key: Object) -> LastChange | None:
        """The last change of an object, of any kind."""
        rows = self._of.get(key)
        if not rows:
            return None
        row = rows[-1]
        return LastChange(action_id=row.id, at=row.at, rule=row.rule, priority=row.priority, is_up=row.is_up)

    def last_budget_change_at(self, key: Object) -> datetime | None:
        """When the object's budget was last changed."""
        rows = (row for row in reversed(self._of.get(key, ())) if row.kind is ActionKind.SET_DAILY_BUDGET)
        return next((row.at for row in rows), None)

    def last_changes(self, since: datetime) -> dict[Object, LastChange]:
        """The last change of each object that was changed after an instant."""
        keys = {row.key for row in _since(self.edits, since)}
        return {key: row for key in keys if (row := self.last_change(key)) is not None}

    def waiting(self, now: datetime) -> frozenset[tuple[ActionKind, ObjectKind, str]]:
        """What a person was asked about within a day and has not answered."""
        return frozenset((kind, *key) for (key, kind), at in self.asked.items() if now - at < _DAY)

    def budgets_changed_at(self) -> dict[str, datetime]:
        """When the budget of each object was last changed."""
        return {row.key[1]: row.at for row in self.edits if row.kind is ActionKind.SET_DAILY_BUDGET}

    def budget_day_ago_minor(self, key: Object, now: datetime) -> int | None:
        """The value before the first change in 24 h."""
        rows = (row for row in self._of.get(key, ()) if row.kind is ActionKind.SET_DAILY_BUDGET)
        return next((row.before_minor for row in rows if now - row.at < _DAY), None)

    def edits_last_hour(self, key: Object, now: datetime) -> int:
        """Budget edits of the object in the hour before."""
        return sum(
            row.kind is ActionKind.SET_DAILY_BUDGET and now - row.at < timedelta(hours=1)
            for row in self._of.get(key, ())
        )

    def in_cycle(self, now: datetime) -> int:
        """Changes of this very half hour."""
        return sum(1 for row in _since(self.edits, now - _HALF_HOUR))

    def pauses(self, now: datetime) -> tuple[int, int]:
        """How many objects were paused in 24 h, or asked to be in this cycle, and their share of the spend, in ppm."""
        done = [row.share_ppm for row in _since(self.edits, now - _DAY) if row.kind is ActionKind.PAUSE]
        asked = [ppm for at, ppm in self.asked_ppm.values() if now - at < _HALF_HOUR]
        return len(done) + len(asked), sum(done) + sum(asked)

    def resets(self, now: datetime) -> int:
        """Ad sets that were put back into learning in 7 days."""
        return sum(row.resets for row in _since(self.edits, now - _WEEK))

    def flaps(self) -> int:
        """Changes that turn round our own former change of the same object within 72 h."""
        return sum(
            later.is_up is not earlier.is_up and later.at - earlier.at < FLAP
            for rows in self._of.values()
            for earlier, later in pairwise(rows)
        )


def _since(rows: list[Edit], start: datetime) -> list[Edit]:
    """The newest rows after an instant; rows are in the order of their instants."""
    found: list[Edit] = []
    for row in reversed(rows):
        if row.at <= start:
            break
        found.append(row)
    return found
