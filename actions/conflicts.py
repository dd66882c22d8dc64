"""What a policy's overlaps come to: who wins by the arbiter, and which rules never get their way. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from actions.arbiter import arbitrate
from decisions.overlap import Overlap, Stand, Tried, field_names, stand_of, try_out, without
from decisions.policy import AccountLimits, ClassicPolicy, Policy
from domain.actions import ActionKind, ObjectKind, Proposal

# What the rules of the classic table can want of what carries a budget, and of ads.
STANDS = (
    Stand(rule="roas_high", effect="raise"),
    Stand(rule="roas_low", effect="cut"),
    Stand(rule="roas_low", effect="pause"),
    Stand(rule="spike_positive", effect="raise"),
    Stand(rule="spike_negative", effect="cut"),
    Stand(rule="spike_negative", effect="pause"),
    Stand(rule="ab_winner", effect="pause"),
    Stand(rule="ab_winner", effect="activate"),
    Stand(rule="fatigue", effect="mark_fatigued"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two rules on one object: `figures` on which both fired, who goes first, and the arbiter's reason."""

    kind: ObjectKind
    winner: Stand
    loser: Stand
    wins_with: Proposal
    loses_with: Proposal
    figures: Mapping[str, float]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A rule that never gets its way, and the settings each of which makes it so (none = by the defaults)."""

    stand: Stand
    why: str
    because_of: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check of a policy found."""

    conflicts: tuple[Conflict, ...]
    mute: tuple[Mute, ...]


def check(policy: Policy, limits: AccountLimits, currency: str) -> Checked:
    """Try the policy out; every conflict stands on figures on which both rules really fired.

    Of `matured` there is nothing to try: each of its rules acts on what one evidence module alone says of an object.
    """
    if not isinstance(policy, ClassicPolicy):
        return Checked(conflicts=(), mute=())
    tried = try_out(policy, limits, currency)
    silent = _silent(tried)
    return Checked(
        conflicts=tuple(_conflict(overlap) for overlap in tried.overlaps),
        mute=tuple(
            Mute(stand=stand, why=why, because_of=_because(stand, policy, limits, currency))
            for stand, why in silent.items()
        ),
    )


def _conflict(overlap: Overlap) -> Conflict:
    found = arbitrate(overlap.proposals)
    (winner,), (loser,) = found.winners, found.losers
    return Conflict(
        kind=overlap.kind,
        winner=stand_of(winner),
        loser=stand_of(loser.proposal),
        wins_with=winner,
        loses_with=loser.proposal,
        figures=overlap.witness.figures,
        reason=loser.reason,
    )


def _silent(tried: Tried) -> dict[Stand, str]:
    """Stands that never fired, or only ever lost."""
    found = {stand: "fires on no figures" for stand in STANDS if stand not in tried.fired}
    for stand in STANDS:
        rows = tried.among.get(stand, ())
        if stand in found or not rows or stand.effect == ActionKind.MARK_FATIGUED:
            continue
        if not any(stand in {stand_of(row) for row in arbitrate(competing).winners} for competing in rows):
            found[stand] = "loses on all figures on which it fires"
    return found


def _because(stand: Stand, policy: ClassicPolicy, limits: AccountLimits, currency: str) -> tuple[str, ...]:
    found = []
    for field in field_names(policy):
        other = without(policy, field)
        if other is not None and stand not in _silent(try_out(other, limits, currency)):
            found.append(f"{field}={getattr(policy, field):g}")
    return tuple(found)
