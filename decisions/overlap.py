"""Where two rules of a policy would want different things of one object, each shown on figures that were tried out.

Nothing is claimed that the rules themselves did not decide: a witness is a snapshot of one object, and they ran on it.
Who of the two wins is the arbiter's (`actions/conflicts.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace

from decisions.policy import AccountLimits, ClassicPolicy
from decisions.registry import CLASSIC_RULES
from decisions.witness import Witness, candidates, snapshot_of
from domain.actions import RECORDED_ONLY, ActionKind, ObjectKind, Proposal
from domain.errors import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What a rule wants: such as roas_low, "pause"."""

    rule: str
    effect: str  # "raise", "cut", "pause", "activate", or the kind of what is only recorded

    def __str__(self) -> str:
        return f"{self.rule}: {self.effect}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Both fire on this one object; `proposals` are what the rules decided on it, in the order of their names."""

    kind: ObjectKind
    witness: Witness
    proposals: tuple[Proposal, Proposal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A policy tried out on every corner of its thresholds."""

    overlaps: tuple[Overlap, ...]
    fired: frozenset[Stand]
    among: Mapping[Stand, tuple[tuple[Proposal, ...], ...]]  # what competed wherever it fired, itself included


def stand_of(proposal: Proposal) -> Stand:
    """Say what a proposal wants in a word."""
    effect = str(proposal.kind)
    if proposal.kind is ActionKind.SET_DAILY_BUDGET:
        before, after = proposal.expected_before["daily_budget_minor"], proposal.target["daily_budget_minor"]
        effect = "raise" if isinstance(before, int) and isinstance(after, int) and after > before else "cut"
    return Stand(rule=proposal.rule, effect=effect)


def try_out(policy: ClassicPolicy, limits: AccountLimits, currency: str) -> Tried:
    """Run the policy's rules on every candidate, and find one witness for each two that want different things."""
    witnesses = tuple(candidates(policy, limits))
    by_object = _by_object(_decide(witnesses, policy, limits, currency))
    found: dict[tuple[ObjectKind, Stand, Stand], Overlap] = {}
    among: dict[Stand, list[tuple[Proposal, ...]]] = defaultdict(list)
    for place in sorted(by_object):
        competing = tuple(row for row in by_object[place] if row.kind not in RECORDED_ONLY)
        for row in by_object[place]:
            among[stand_of(row)].append(competing)
        for pair in _pairs(competing):
            key = (pair[0].object_kind, stand_of(pair[0]), stand_of(pair[1]))
            if key not in found and (shown := _shown(witnesses[place], key, policy, limits, currency)):
                found[key] = shown
    return Tried(
        overlaps=tuple(found.values()),
        fired=frozenset(among),
        among={stand: tuple(rows) for stand, rows in among.items()},
    )


def without(policy: ClassicPolicy, field: str) -> ClassicPolicy | None:
    """The policy with one field as by default; None where it is so already, or would not be valid."""
    default = getattr(type(policy)(), field)
    if getattr(policy, field) == default:
        return None
    try:
        return replace(policy, **{field: default})
    except BadInputError:
        return None


def field_names(policy: ClassicPolicy) -> tuple[str, ...]:
    """The thresholds of a policy."""
    return tuple(row.name for row in fields(policy))


def _decide(
    witnesses: tuple[Witness, ...], policy: ClassicPolicy, limits: AccountLimits, currency: str
) -> list[Proposal]:
    snapshot = snapshot_of(witnesses, policy, currency)
    return [proposal for rule in CLASSIC_RULES for proposal in rule(snapshot, policy, limits)]


def _by_object(proposals: Iterable[Proposal]) -> dict[int, list[Proposal]]:
    """By the place of the candidate; arms that only keep an ad company are left out."""
    found: dict[int, list[Proposal]] = defaultdict(list)
    for proposal in proposals:
        if str(proposal.object_id).isdigit():
            found[int(proposal.object_id)].append(proposal)
    return found


def _pairs(rows: tuple[Proposal, ...]) -> Iterable[tuple[Proposal, Proposal]]:
    ordered = sorted(rows, key=lambda row: (row.rule, row.kind))
    for nth, one in enumerate(ordered):
        for other in ordered[nth + 1 :]:
            if one.rule != other.rule and (one.kind, dict(one.target)) != (other.kind, dict(other.target)):
                yield one, other


def _shown(
    witness: Witness,
    key: tuple[ObjectKind, Stand, Stand],
    policy: ClassicPolicy,
    limits: AccountLimits,
    currency: str,
) -> Overlap | None:
    """The overlap on an account of this one object, if the rules decide the same there."""
    alone = _by_object(_decide((witness,), policy, limits, currency)).get(0, [])
    for pair in _pairs(tuple(alone)):
        if (pair[0].object_kind, stand_of(pair[0]), stand_of(pair[1])) == key:
            return Overlap(kind=key[0], witness=witness, proposals=pair)
    return None
