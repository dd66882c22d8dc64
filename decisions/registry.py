"""Which decisions make up a policy, in a table; the only file that knows more than one of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from decisions import (
    ab_winner,
    anomaly_steps,
    fatigue,
    loss_stops,
    roas,
    spikes,
    standing_steps,
    test_outcomes,
    tired_ads,
)
from decisions.evidence_age import young
from decisions.freshness import stale_reason
from decisions.holds import left_alone
from decisions.policy import AccountLimits, ClassicPolicy, MaturedPolicy, Policy
from decisions.waiting_room import Fitted, fit
from domain.actions import Proposal
from domain.errors import InvariantError
from domain.evidence import NO_EVIDENCE, Evidence, Finding
from domain.snapshot import Snapshot

ClassicRule: TypeAlias = Callable[[Snapshot, ClassicPolicy, AccountLimits], tuple[Proposal, ...]]
MaturedRule: TypeAlias = Callable[[Snapshot, MaturedPolicy, AccountLimits, Evidence], tuple[Proposal, ...]]

CLASSIC_RULES: tuple[ClassicRule, ...] = (ab_winner.decide, roas.decide, spikes.decide, fatigue.decide)
MATURED_RULES: tuple[MaturedRule, ...] = (
    test_outcomes.decide,
    tired_ads.decide,
    loss_stops.decide,
    anomaly_steps.decide,
    standing_steps.decide,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a policy wants, or why it declined to decide at all (then there are no proposals).

    `left_alone` counts active ad sets whose budgets are steered by other means than a rule can handle, by reason.
    `set_aside` says which evidence was too old to be acted on. `fitted` has what waits for a guardrail, of a policy
    that plans within what the limits leave.
    """

    proposals: tuple[Proposal, ...]
    declined: str | None
    left_alone: Mapping[str, int] = field(default_factory=dict)
    set_aside: tuple[str, ...] = ()
    fitted: Fitted | None = None

    @property
    def waits(self) -> tuple[Finding, ...]:
        """What is wanted and not proposed yet, with what it waits for."""
        return () if self.fitted is None else self.fitted.waits


def decide(
    snapshot: Snapshot, policy: Policy, limits: AccountLimits, freshness: timedelta, evidence: Evidence = NO_EVIDENCE
) -> Decided:
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
    late_enough, set_aside = young(evidence, snapshot.now)
    found = tuple(_proposals(snapshot, policy, limits, late_enough))
    alone = left_alone(snapshot)
    if isinstance(policy, ClassicPolicy):
        return Decided(proposals=found, declined=None, left_alone=alone, set_aside=set_aside)
    fitted = fit(found, snapshot, evidence.leeway)
    return Decided(
        proposals=fitted.proposals, declined=None, left_alone=alone, set_aside=set_aside, fitted=fitted
    )  # fmt: skip


def _proposals(snapshot: Snapshot, policy: Policy, limits: AccountLimits, evidence: Evidence) -> Iterator[Proposal]:
    if isinstance(policy, ClassicPolicy):
        for classic in CLASSIC_RULES:
            yield from classic(snapshot, policy, limits)
        return
    for matured in MATURED_RULES:
        yield from matured(snapshot, policy, limits, evidence)
