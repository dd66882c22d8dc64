"""The arbiter: one change per object per window; who wins, and why the others do not. Pure: no ledger, no clock.

Here the proposals of one cycle meet. Over cycles and modules the guardrails `arbiter_window`, `hysteresis`, `cooldown`
and `one_open_action` stand guard, and `precedence.py` lets a weightier change overtake one that was not sent yet.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

from domain.actions import CREATES, PROTECTIVE, RECORDED_ONLY, Proposal


class Loser(NamedTuple):
    """A proposal that gives way, with the reason in words; it is recorded, not sent."""

    proposal: Proposal
    reason: str


class Arbitration(NamedTuple):
    """Winners by falling priority (the order in which they are judged and sent), and losers."""

    winners: tuple[Proposal, ...]
    losers: tuple[Loser, ...]


_Key = tuple[str, ...]
_Rank = tuple[int, bool, str, str]


def arbitrate(proposals: Iterable[Proposal]) -> Arbitration:
    """Choose one proposal per object: higher priority, then the protective kind, then rule, kind and target.

    An ad set and its ad are different objects, and so are two creates that differ under one parent. What is only
    recorded does not compete. The order of the input never matters.
    """
    best: dict[_Key, Proposal] = {}
    beaten: list[tuple[_Key, Proposal]] = []
    recorded: list[Proposal] = []
    for proposal in proposals:
        if proposal.kind in RECORDED_ONLY:
            recorded.append(proposal)
            continue
        key = _object(proposal)
        held = best.get(key)
        if held is None:
            best[key] = proposal
        elif _goes_before(proposal, held):
            beaten.append((key, held))
            best[key] = proposal
        else:
            beaten.append((key, proposal))
    winners = [*best.values(), *recorded]
    losers = [Loser(proposal, _why(proposal, best[key])) for key, proposal in beaten]
    return Arbitration(tuple(sorted(winners, key=_order)), tuple(sorted(losers, key=_loser_order)))


def _object(proposal: Proposal) -> _Key:
    if proposal.kind in CREATES:  # the id is the parent's, which a create does not change
        return (proposal.kind, proposal.object_id, _canonical(proposal))
    return (proposal.object_kind, proposal.object_id)


def _rank(proposal: Proposal) -> _Rank:
    """Smaller goes before."""
    return (-proposal.priority, proposal.kind not in PROTECTIVE, proposal.rule, proposal.kind)


def _goes_before(one: Proposal, other: Proposal) -> bool:
    """Whether `one` wins; targets are compared only where nothing else tells the two apart."""
    rank, held = _rank(one), _rank(other)
    return rank < held if rank != held else _canonical(one) < _canonical(other)


def _order(proposal: Proposal) -> tuple[str | int | bool, ...]:
    """Total: on one object only creates and what is recorded can be alike in everything but the target."""
    alike = _canonical(proposal) if proposal.kind in CREATES or proposal.kind in RECORDED_ONLY else ""
    return (-proposal.priority, proposal.object_kind, proposal.object_id, *_rank(proposal), alike)


def _loser_order(loser: Loser) -> tuple[str | int | bool, ...]:
    return (*_order(loser.proposal), _canonical(loser.proposal))


def _canonical(proposal: Proposal) -> str:
    parts = [dict(proposal.target), dict(proposal.expected_before), proposal.reason]
    return json.dumps(parts, sort_keys=True)


def _why(loser: Proposal, winner: Proposal) -> str:
    what = f"{winner.rule} ({winner.kind.replace('_', ' ')})"
    if winner.priority > loser.priority:
        return (
            f"{loser.rule} gives way to {what} on the same {loser.object_kind.replace('_', ' ')}:"
            f" {_said(winner)} goes before {_said(loser)}"
        )
    if winner.kind in PROTECTIVE and loser.kind not in PROTECTIVE:
        return f"{loser.rule} gives way to {what} of the same priority, since that protects"
    return f"{loser.rule} gives way to {what} of the same priority: one change per object and cycle"


def _said(proposal: Proposal) -> str:
    return proposal.priority.name.lower().replace("_", " ")
