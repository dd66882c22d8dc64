"""People who edit an account by hand: when follows from the scenario and its seed, what they find from the log.

A person's edit is an ordinary effect, at its own instant, whoever reads the clock when. No I/O here: `Platform` and
`LocalMarket` ask for what is due and let it take place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Protocol

import numpy as np

from sandbox.account import Account
from sandbox.market.dice import nth_keys, object_key, poisson, uniforms
from sandbox.nodes import DELIVERING, Kind, Node
from sandbox.scenario_market import HandEditSpec, PersonSpec
from sandbox.world import World

_S_HOW_MANY, _S_WHEN, _S_WHAT, _S_WHICH = 31, 32, 33, 34
_WORKDAYS: Final = 5
_HORIZON_US: Final = 2 * 86_400_000_000
_STREAM: Final = 71  # of object keys: people's


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A person's edit to come; `edit` is scripted, else `what` and `which` (0..1) choose among what is there then."""

    at_us: int
    account: Account
    person: PersonSpec
    edit: HandEditSpec | None = None
    what: float = 0.0
    which: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HandEdit:
    """An effect that a person wants; `change` maps a field to [before, after]."""

    at_us: int
    actor: str
    node: Node
    change: dict[str, list[Any]]


class _Effect(Protocol):
    def __call__(self, edit: HandEdit) -> object:
        """Let the edit take place."""


class People:
    """Everyone in a world who edits by hand."""

    def __init__(self, world: World, *, start_us: int) -> None:
        self._start_us = start_us
        self._someone = [
            (account, number, person)
            for account in world.accounts.values()
            for number, person in enumerate(account.spec.people)
        ]

    def act(self, *, after_us: int, upto_us: int, effect: _Effect) -> int:
        """Let everything due in (after, upto] take place, in order, and return how much was due.

        Each edit sees what the former ones left; one that would change nothing has no effect.
        """
        due = [found for one in self._someone for found in self._appointments(*one, after_us, upto_us)]
        due.sort(key=lambda found: found.at_us)  # stable: then by account and person
        for appointment in due:
            edit = _decide(appointment)
            if edit is not None:
                effect(edit)
        return len(due)

    def next_us(self, after_us: int) -> int:
        """Return an instant up to which nothing is due: that of the next appointment, or two days on."""
        horizon_us = after_us + _HORIZON_US
        soon = (found.at_us for one in self._someone for found in self._appointments(*one, after_us, horizon_us))
        return min(soon, default=horizon_us)

    def _appointments(
        self, account: Account, number: int, person: PersonSpec, after_us: int, upto_us: int
    ) -> Iterator[Appointment]:
        for edit in person.edits:
            at_us = self._start_us + int(edit.hours_after_start * 3_600_000_000)
            if after_us < at_us <= upto_us:
                yield Appointment(at_us=at_us, account=account, person=person, edit=edit)
        if person.edits_per_day > 0:
            first = account.calendar.day_at(max(after_us, self._start_us) / 1e6)
            for day in range(first, account.calendar.day_at(upto_us / 1e6) + 1):
                for found in _of_day(account, number, person, day):
                    if max(after_us, self._start_us) < found.at_us <= upto_us:
                        yield found


def _of_day(account: Account, number: int, person: PersonSpec, day: int) -> Iterator[Appointment]:
    on = date.fromordinal(day)
    if on.weekday() >= _WORKDAYS:
        return
    key = np.array([object_key(account.seed, int(account.id), number, _STREAM)], dtype=np.uint64)
    count = int(poisson(np.array([person.edits_per_day]), key, day, _S_HOW_MANY)[0])
    keys = nth_keys(np.repeat(key, count), np.arange(count))
    begin = datetime(on.year, on.month, on.day, person.from_hour, tzinfo=account.calendar.zone).astimezone(UTC)
    open_s = (person.to_hour - person.from_hour) * 3_600
    rows = zip(*(uniforms(keys, day, stream).tolist() for stream in (_S_WHEN, _S_WHAT, _S_WHICH)), strict=True)
    for when, what, which in sorted(rows):
        at = begin + timedelta(seconds=int(when * open_s))
        yield Appointment(at_us=int(at.timestamp()) * 1_000_000, account=account, person=person, what=what, which=which)


def _decide(due: Appointment) -> HandEdit | None:
    node, values = _scripted(due, due.edit) if due.edit is not None else _at_will(due)
    if node is None or node.effective_status() in ("DELETED", "ARCHIVED"):
        return None
    before = {name: node.extra.get(name) if name == "targeting" else getattr(node, name) for name in values}
    change = {name: [before[name], value] for name, value in values.items() if value != before[name]}
    return HandEdit(at_us=due.at_us, actor=due.person.name, node=node, change=change) if change else None


def _scripted(due: Appointment, edit: HandEditSpec) -> tuple[Node | None, dict[str, Any]]:
    node = named(due.account, edit.object)
    values: dict[str, Any] = {"status": edit.status, "name": edit.name, "targeting": edit.targeting}
    if node is not None and node.daily_budget is not None:
        factor = edit.budget_factor
        values["daily_budget"] = edit.daily_budget_minor or (round(node.daily_budget * factor) if factor else None)
    return node, {name: value for name, value in values.items() if value is not None}


def _at_will(due: Appointment) -> tuple[Node | None, dict[str, Any]]:
    kinds = due.person.kinds
    place = due.what * len(kinds)
    ads, ad_sets = due.account.nodes[Kind.AD], due.account.nodes[Kind.AD_SET]
    match kinds[int(place)]:
        case "budget":
            node = _pick([s for s in ad_sets if s.daily_budget and s.effective_status() == DELIVERING], due.which)
            step = due.person.budget_step if place % 1 < 1 / 2 else -due.person.budget_step
            least = due.account.spec.min_daily_budget_minor
            return node, {"daily_budget": max(least, round((node.daily_budget or 0) * (1 + step)))} if node else {}
        case "pause":
            return _pick([ad for ad in ads if ad.is_live and _has_live_sibling(ad)], due.which), {"status": "PAUSED"}
        case _:
            resting = [
                a for a in ads if a.status == "PAUSED" and a.parent and a.parent.effective_status() == DELIVERING
            ]
            return _pick(resting, due.which), {"status": "ACTIVE"}


def _pick(nodes: list[Node], which: float) -> Node | None:
    return nodes[int(which * len(nodes))] if nodes else None


def _has_live_sibling(ad: Node) -> bool:
    return ad.parent is not None and any(other.is_live and other is not ad for other in ad.parent.children)


def named(account: Account, name: str) -> Node | None:
    """Return the first campaign, ad set or ad of that name or id."""
    for kind in (Kind.CAMPAIGN, Kind.AD_SET, Kind.AD):
        for node in account.nodes[kind]:
            if name in (node.name, node.id):
                return node
    return None
