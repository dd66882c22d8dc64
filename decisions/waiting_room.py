"""Fits what a plan wants into what the door's limits leave, most worth first; the rest waits, and says for what. Pure.

Nothing is allowed here: the guardrails judge all of it anew. What weighs as much as a person's word, or more, and what
is only recorded never waits. What no day has room for is put before a person: it goes last, so that it keeps nobody
from going. An urgent pause does not wait for the day's room: a person is asked at once, and what weighs less waits
meanwhile. What a person forbade takes no room from others.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import numpy as np

from domain.actions import RECORDED_ONLY, ActionKind, Json, ObjectKind, Priority, Proposal
from domain.evidence import Finding
from domain.leeway import UNKNOWN, Held, Key, Leeway
from domain.snapshot import AdFrame, AdSetFrame, CampaignFrame, Snapshot

WAITS: Final = "waits"
WAITING: Final = frozenset(
    {"blocked_by", "until", "wish"}
)  # in the evidence of what waits: it is no more, once it goes
ASKS: Final = "asks"  # in the evidence of what only a person can let pass: the guardrail that says so
_DAY: Final = timedelta(days=1)  # over which the door counts pauses
_PPM: Final = 1_000_000.0
_TINY: Final = 1e-9
_Frame: TypeAlias = AdFrame | AdSetFrame | CampaignFrame
_STOPS: Final = "mass_pause"
_LATER: Final = Held(guard=_STOPS, until=None, words="a person is asked in a cycle that pauses nothing else")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What is proposed now, what waits, and what the limits leave after it."""

    proposals: tuple[Proposal, ...]
    waits: tuple[Finding, ...]
    left: Leeway

    @property
    def waiting(self) -> Counter[str]:
        """How many wishes wait, by guardrail."""
        return waiting_by_guard(self.waits)


def waiting_by_guard(waits: Iterable[Finding]) -> Counter[str]:
    """Count what waits by the guardrail that it waits for."""
    return Counter(str(row.evidence["blocked_by"]) for row in waits)


def fit(proposals: Iterable[Proposal], snapshot: Snapshot, leeway: Leeway) -> Fitted:
    """Take up the weightiest first, and of one weight what is expected to gain most; order of the input is nothing."""
    if leeway == UNKNOWN:
        return Fitted(proposals=tuple(proposals), waits=(), left=leeway)
    taker = _Taker(snapshot=snapshot, left=leeway)
    now: list[Proposal] = []
    waits: list[Finding] = []
    asks: list[Proposal] = []
    for proposal in sorted(proposals, key=_order):
        if proposal.kind in RECORDED_ONLY or proposal.priority >= Priority.PERSON:
            now.append(proposal)
        elif (held := taker.forbidden(proposal)) is not None:
            waits.append(_told(proposal, held))
        elif _is_urgent(proposal) and not taker.has_room_to_stop(proposal):
            held = taker.ask_at_once(proposal)
            now += [_asking(proposal)] if held is None else []
            waits += [] if held is None else [_told(proposal, held)]
        elif taker.is_for_a_person(proposal):
            asks.append(proposal)
        elif (held := taker.take(proposal)) is None:
            now.append(proposal)
        else:
            waits.append(_told(proposal, held))
    is_free = not any(row.kind is ActionKind.PAUSE for row in now)  # the door counts what is asked among the pauses
    for proposal in asks:
        held = taker.take(proposal, is_asked=True) if is_free else _LATER
        if held is None:
            now.append(_asking(proposal))
        else:
            waits.append(_told(proposal, held))
    return Fitted(proposals=tuple(now), waits=tuple(waits), left=taker.left)


@dataclass(slots=True, kw_only=True)
class _Taker:
    """Takes wishes up one after the other and counts what that leaves."""

    snapshot: Snapshot
    left: Leeway
    taken: set[Key] = field(default_factory=set)
    spend: float = field(init=False)
    _rows: dict[ObjectKind, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spend = float(self.snapshot.ad_sets.spend_window.sum())

    def is_for_a_person(self, proposal: Proposal) -> bool:
        """Whether it is a pause that no day has room for."""
        stops = self.left.stops
        return proposal.kind is ActionKind.PAUSE and stops is not None and self._share(proposal) > stops.alone + _TINY

    def take(self, proposal: Proposal, *, is_asked: bool = False) -> Held | None:
        """Count it as done, or say what it waits for. What competes for one object is the arbiter's to judge."""
        left, key = self.left, (proposal.object_kind, proposal.object_id)
        held = left.held.get(key)
        if held is not None and held.priority is not None and proposal.priority > held.priority:
            held = None
        found = held or _on_object(proposal, left, self.snapshot.now) or self._on_money(proposal)
        if found is not None and self._is_soon(found):
            self._keep_room(proposal)
        if found is not None or key in self.taken:
            return found
        if proposal.kind is ActionKind.PAUSE and not is_asked and not self.has_room_to_stop(proposal):
            return Held(guard=_STOPS, until=None, words="a day pauses no more than that without a person")
        if left.actions is not None and left.actions < 1:
            return Held(guard="cycle_limit", until=left.next_cycle_at, words="this cycle has all its changes")
        self._count(proposal, key, is_asked=is_asked)
        return None

    def ask_at_once(self, proposal: Proposal) -> Held | None:
        """Count it as asked of a person; lighter pauses have no room in this cycle: else they are asked for too."""
        held = self.take(proposal, is_asked=True)
        stops = self.left.stops
        if held is None and stops is not None:
            self.left = replace(self.left, stops=replace(stops, objects=0))
        return held

    def forbidden(self, proposal: Proposal) -> Held | None:
        """What a person said of it: a mark, a no, or nothing yet where the same pause was put before them."""
        left, covering = self.left, self._covering(proposal)
        if not left.marked.isdisjoint(covering):
            return Held(guard="never_touch", until=None, words="it is marked never to be touched")
        is_switch = proposal.kind in {ActionKind.PAUSE, ActionKind.ACTIVATE}
        if is_switch and (proposal.object_kind, proposal.object_id) in left.above_marks:
            return Held(guard="never_touch", until=None, words="a part of it is marked never to be touched")
        if (proposal.kind, proposal.object_id, proposal.rule) in left.refused:
            return Held(guard="rejected", until=None, words="a person said no to it within a day")
        if proposal.kind is ActionKind.PAUSE and self._is_asked(proposal):
            return Held(guard=_STOPS, until=None, words="a person is asked and has not answered")
        return None

    def _is_asked(self, proposal: Proposal) -> bool:
        return (proposal.kind, proposal.object_kind, proposal.object_id) in self.left.asked

    def _covering(self, proposal: Proposal) -> set[Key]:
        """The object and what it is part of."""
        found: set[Key] = {(proposal.object_kind, proposal.object_id)}
        frame, row = self._row(proposal) if self.left.marked else (None, None)
        ad_set = row if isinstance(frame, AdSetFrame) else None
        if isinstance(frame, AdFrame) and row is not None:
            found.add((ObjectKind.AD_SET, str(frame.ad_set_id[row])))
            ad_set = frame.ad_set_index.item(row)
        if ad_set is not None and ad_set >= 0:
            found.add((ObjectKind.CAMPAIGN, str(self.snapshot.ad_sets.campaign_id[ad_set])))
        return found

    def _on_money(self, proposal: Proposal) -> Held | None:
        added, left = _added(proposal), self.left
        if added <= 0:
            return None
        if left.incident is not None:
            return Held(guard="incident", until=None, words=left.incident)
        if left.margin is not None and self._is_under_break_even(proposal, left.margin):
            return Held(guard="break_even", until=None, words="what it spent in the window has not come in yet")
        if left.raise_minor is not None and added > left.raise_minor:
            return Held(guard="account_cap", until=None, words="the account's cap has no room for it now")
        return None

    def has_room_to_stop(self, proposal: Proposal) -> bool:
        """Whether the day has room for it, if it is a pause."""
        stops = self.left.stops
        return stops is None or (stops.objects >= 1 and self._share(proposal) <= stops.spend_share + _TINY)

    def _is_soon(self, held: Held) -> bool:
        """Whether it ends while what is paused now would still count."""
        return held.until is not None and held.until < self.snapshot.now + _DAY

    def _keep_room(self, proposal: Proposal) -> None:
        """Take a pause's room from the day, also for one that soon may go: what gains less is not to use it up."""
        stops = self.left.stops
        if proposal.kind is ActionKind.PAUSE and stops is not None and self.has_room_to_stop(proposal):
            share = max(0.0, stops.spend_share - self._share(proposal))
            self.left = replace(self.left, stops=replace(stops, objects=stops.objects - 1, spend_share=share))

    def _count(self, proposal: Proposal, key: Key, *, is_asked: bool) -> None:
        if not is_asked:
            self._keep_room(proposal)
        left = self.left
        self.taken.add(key)
        if self._is_asked(proposal):  # the door only counts it again, or puts the newer figure in its place
            return
        self.left = replace(
            left,
            raise_minor=None if left.raise_minor is None else left.raise_minor - max(0, _added(proposal)),
            actions=None if left.actions is None else left.actions - 1,
        )

    def _row(self, proposal: Proposal) -> tuple[_Frame, int | None]:
        kind = proposal.object_kind
        frame = _frame(self.snapshot, kind)
        if kind not in self._rows:
            self._rows[kind] = {key: row for row, key in enumerate(frame.id.tolist())}
        return frame, self._rows[kind].get(proposal.object_id)

    def _share(self, proposal: Proposal) -> float:
        """The object's part in the account's spend of the window, rounded up as the door does."""
        frame, row = self._row(proposal)
        if row is None:
            return 0.0
        total = max(self.spend, 1.0)
        return float(np.ceil(frame.spend_window.item(row) / total * _PPM) / _PPM)

    def _is_under_break_even(self, proposal: Proposal, margin: float) -> bool:
        frame, row = self._row(proposal)
        if row is None:
            return False
        return bool(frame.revenue_window.item(row) * margin < frame.spend_window.item(row))


def after(fitted: Fitted) -> Leeway:
    """Return what is left for whoever plans next at the same instant.

    What was taken up is done before the next plan is judged, so that what weighs more comes too late, too; what is only
    put before a person holds it back for as long as this instant lasts.
    """
    busy: dict[Key, Held] = {
        (row.object_kind, row.object_id): Held(
            guard="one_open_action", until=None, words=f"{row.rule} is changing it now"
        )
        for row in fitted.proposals
        if row.kind not in RECORDED_ONLY
    }
    return replace(fitted.left, held={**fitted.left.held, **busy})


def _is_urgent(proposal: Proposal) -> bool:
    return proposal.kind is ActionKind.PAUSE and proposal.priority >= Priority.NEGATIVE_SPIKE


def _asking(proposal: Proposal) -> Proposal:
    return replace(proposal, evidence={**proposal.evidence, ASKS: _STOPS})


def _order(proposal: Proposal) -> tuple[int, bool, float, str, str, str]:
    gain = proposal.evidence.get("expected_gain_minor")
    worth = float(gain) if isinstance(gain, int | float) else 0.0
    is_pause = proposal.kind is ActionKind.PAUSE
    return (-proposal.priority, not is_pause, -worth, proposal.object_kind, proposal.object_id, proposal.rule)


def _on_object(proposal: Proposal, leeway: Leeway, now: datetime) -> Held | None:
    """What the object's own history says."""
    rests_until = leeway.resting.get(proposal.object_id)
    if proposal.kind is ActionKind.SET_DAILY_BUDGET and rests_until is not None and now < rests_until:
        return Held(guard="cooldown", until=rests_until, words="its budget was changed lately and rests")
    turn = leeway.turned.get((proposal.object_kind, proposal.object_id))
    if turn is None or proposal.priority > turn.priority:
        return None
    if now < turn.window_until:
        return Held(guard="arbiter_window", until=turn.window_until, words="it was changed a moment ago")
    up = _is_up(proposal)
    if up is None or up is turn.is_up or now >= turn.until:
        return None
    return Held(guard="hysteresis", until=turn.until, words=f"it was turned {'up' if turn.is_up else 'down'} lately")


def _is_up(proposal: Proposal) -> bool | None:
    """Which way it goes; None for what may be done whatever went before: a pause."""
    if proposal.kind is ActionKind.ACTIVATE:
        return True
    return None if proposal.kind is not ActionKind.SET_DAILY_BUDGET else _added(proposal) > 0


def _added(proposal: Proposal) -> int:
    """By how much a change of a budget raises it; a switch adds nothing here."""
    before, target = (row.get("daily_budget_minor") for row in (proposal.expected_before, proposal.target))
    return target - before if isinstance(before, int) and isinstance(target, int) else 0


def _frame(snapshot: Snapshot, kind: ObjectKind) -> _Frame:
    if kind is ObjectKind.AD:
        return snapshot.ads
    return snapshot.campaigns if kind is ObjectKind.CAMPAIGN else snapshot.ad_sets


def _told(proposal: Proposal, held: Held) -> Finding:
    evidence: dict[str, Json] = {
        **proposal.evidence,
        "blocked_by": held.guard,
        "until": None if held.until is None else held.until.isoformat(),
        "wish": proposal.reason,
    }
    return Finding(
        object_kind=proposal.object_kind, object_id=proposal.object_id, verdict=WAITS,
        words=f"waits: {held.guard} until {held.when} ({held.words}): {proposal.reason}", evidence=evidence,
    )  # fmt: skip
