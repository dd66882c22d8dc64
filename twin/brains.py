"""Policies as the twin asks them: what has a rhythm, looks at readings and wants changes. The table of them."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Protocol, TypeAlias

from decisions.policy import AccountLimits, ClassicPolicy
from decisions.registry import decide
from domain.actions import Proposal
from domain.errors import BadInputError
from twin.door import Caps
from twin.ledger import Ledger
from twin.readings import Readings

HALF_HOUR = timedelta(minutes=30)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
Runs: TypeAlias = tuple[tuple[Proposal, ...], ...]
"""What each of production's runs would put before the door, in their order; the arbiter sees one run at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What an advertiser has set, the same for every policy that is compared."""

    wishes: AccountLimits
    caps: Caps


class Brain(Protocol):
    """A policy at work on one account; it may remember what it likes."""

    every: timedelta
    incident: str | None  # in words, while it holds automation
    ledger: Ledger | None  # of what was done, for those who care
    waited: Counter[str]  # what it wanted and kept back since a guardrail would stop it, every time, by its slug

    def want(self, readings: Readings) -> Runs:
        """Say what should be changed now."""


@dataclass(slots=True, kw_only=True)
class Hold:
    """Leaves everything as it stands."""

    every: timedelta = DAY
    incident: str | None = None
    ledger: Ledger | None = None
    waited: Counter[str] = field(default_factory=Counter)

    def want(self, readings: Readings) -> Runs:  # noqa: ARG002 - one signature for all policies
        """Nothing."""
        return ()


@dataclass(slots=True, kw_only=True)
class Classic:
    """The decision table of the requirements. Asked every hour: an action waits at most half an hour longer."""

    setting: Setting
    every: timedelta = HOUR
    incident: str | None = None
    ledger: Ledger | None = None
    waited: Counter[str] = field(default_factory=Counter)
    policy: ClassicPolicy = field(default_factory=ClassicPolicy)

    def want(self, readings: Readings) -> Runs:
        """Ask all classic rules."""
        policy = self.policy
        snapshot = readings.snapshot(window_days=policy.window_days, spike_hours=policy.spike_hours)
        return (decide(snapshot, policy, self.setting.wishes, HALF_HOUR).proposals,)


def _matured(setting: Setting) -> Brain:
    from twin.matured import Matured  # late: it leans on every estimator, which the others need not

    return Matured(setting=setting)


def _oracle(setting: Setting) -> Brain:
    from twin.oracle import Oracle  # late: it reads this file's values

    return Oracle(setting=setting)


BRAINS: Mapping[str, Callable[[Setting], Brain]] = MappingProxyType(
    {"hold": lambda _: Hold(), "classic": lambda setting: Classic(setting=setting), "matured": _matured,
     "oracle": _oracle}
)  # fmt: skip


def brain(name: str, setting: Setting) -> Brain:
    """Wake a policy up.

    Raises:
        BadInputError: there is none of that name.
    """
    if name not in BRAINS:
        raise BadInputError(f'no policy "{name}" in the twin; there are {", ".join(BRAINS)}')
    return BRAINS[name](setting)
