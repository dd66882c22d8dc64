"""Which decisions make up a policy, in a table; the only file that knows more than one of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import TypeAlias

from decisions import ab_winner, fatigue, roas, spikes
from decisions.freshness import stale_reason
from decisions.holds import left_alone
from decisions.policy import AccountLimits, ClassicPolicy
from domain.actions import Proposal
from domain.errors import InvariantError
from domain.snapshot import Snapshot

Rule: TypeAlias = Callable[[Snapshot, ClassicPolicy, AccountLimits], tuple[Proposal, ...]]

RULES: Mapping[type[ClassicPolicy], tuple[Rule, ...]] = MappingProxyType(
    {ClassicPolicy: (ab_winner.decide, roas.decide, spikes.decide, fatigue.decide)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a policy wants, or why it declined to decide at all (then there are no proposals).

    `left_alone` counts active ad sets whose budgets are steered by other means than a rule can handle, by reason.
    """

    proposals: tuple[Proposal, ...]
    declined: str | None
    left_alone: Mapping[str, int] = field(default_factory=dict)


def decide(snapshot: Snapshot, policy: ClassicPolicy, limits: AccountLimits, freshness: timedelta) -> Decided:
    """Ask every decision of the policy. Proposals on one object may compete: that is the arbiter's.

    Raises:
        InvariantError: the snapshot sums other windows than the policy asks for.
    """
    if (snapshot.window_days, snapshot.spike_hours) != (policy.window_days, policy.spike_hours):
        raise InvariantError(
            f"the snapshot sums {snapshot.window_days} days and {snapshot.spike_hours} h,"
            f" but the policy asks for {policy.window_days} days and {policy.spike_hours} h"
        )
    declined = stale_reason(snapshot, freshness)
    if declined is not None:
        return Decided(proposals=(), declined=declined)
    proposals = (proposal for rule in RULES[type(policy)] for proposal in rule(snapshot, policy, limits))
    return Decided(proposals=tuple(proposals), declined=None, left_alone=left_alone(snapshot))
