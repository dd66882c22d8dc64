"""Words for alerts: how bad, what about. The table of kinds is the only list; REQUIREMENTS §2 and §4 set severities."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from domain.errors import BadInputError


class Severity(IntEnum):
    """How soon a person should know, in rising order."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """Such as "warning"."""
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> "Severity":
        """Read a word.

        Raises:
            BadInputError: there is no such severity.
        """
        found = cls.__members__.get(text.strip().upper())
        if found is None:
            raise BadInputError(f'no severity "{text}"; there are {", ".join(row.word for row in cls)}')
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertKind:
    """One kind of alert. `holds` = it describes a state and resolves by itself once that is over; else an event."""

    slug: str
    title: str
    severity: Severity
    advice: str
    holds: bool = True


def _kind(slug: str, severity: Severity, title: str, advice: str, *, holds: bool = True) -> AlertKind:
    return AlertKind(slug=slug, title=title, severity=severity, advice=advice, holds=holds)


_I, _W, _C = Severity.INFO, Severity.WARNING, Severity.CRITICAL

ALERT_KINDS: Final[tuple[AlertKind, ...]] = (
    _kind("modules_degraded", _W, "Modules are degraded", "see `stakazo health`"),
    _kind("modules_offline", _C, "Modules are offline", "see `stakazo health`"),
    _kind("high_error_rate", _W, "A module fails often", "see `stakazo cycle history`"),
    _kind("system_critical", _C, "SYSTEM CRITICAL", "see `stakazo health`"),
    _kind("emergency_stop", _C, "EMERGENCY STOP ACTIVE", "`stakazo resume --plan` shows the way back"),
    _kind("cycle_failed", _W, "A cycle failed", "`stakazo cycle log` shows why", holds=False),
    _kind("cycle_slow", _W, "A cycle takes over 10 minutes", "see `stakazo status`"),
    _kind("cycle_missing", _C, "No full cycle in an hour", "see `stakazo schedules`"),
    _kind("slot_missed", _W, "A slot was missed", "see `stakazo schedules`"),
    _kind("api_errors", _W, "Over 10 % of the platform's answers are errors", "see `stakazo quota show`"),
    _kind("large_budget_change", _I, "A budget was changed by over 1,000", "`stakazo why OBJECT`", holds=False),
    _kind("spend_spike", _C, "Spend runs far above its usual hour", "`stakazo emergency-stop --reason ...` stops it"),
    _kind("incident_mode", _C, "Automation is held by an incident", "`stakazo anomalies list` shows what was seen"),
    _kind("runaway_spend", _C, "Spend runs away or nears a limit", "`stakazo pacing`, then `stakazo approvals list`"),
    _kind("pace_off", _W, "Spend will miss its target", "see `stakazo pacing`"),
    _kind("module_demoted", _W, "A module may do less by itself now", "`stakazo autonomy` says why"),
    _kind("beat_dead", _W, "Beat is silent", "the tower plans meanwhile; see `stakazo status`"),
    _kind("tower_dead", _C, "The tower is silent", "start `stakazo tower`"),
    _kind("worker_dead", _C, "A worker is silent", "see `stakazo status`"),
    _kind("worker_stuck", _C, "A worker does not process its canary", "see `stakazo health`"),
    _kind("broker_unhealthy", _C, "Redis is not as it should be", "see `stakazo doctor`"),
    _kind("database_unhealthy", _C, "Postgres is not as it should be", "see `stakazo doctor`"),
    _kind("token_expires", _W, "A token ends soon", "`stakazo secret set` stores a new one"),
    _kind("token_invalid", _C, "A token is not valid", "`stakazo secret set` stores a new one"),
    _kind("version_ends", _W, "The platform's API version ends soon", "upgrade stakazo"),
    _kind("unknown_piling", _C, "Outcomes of writes are unknown", "see `stakazo actions list`"),
    _kind("in_doubt_after_stop", _C, "Writes may land after a stop", "see `stakazo fence status`"),
    _kind("audit_broken", _C, "The audit's chain is broken", "`stakazo audit verify`"),
    _kind("recovery_failed", _C, "Recovery did not cure it", "see `stakazo recovery list`"),
    _kind("duty_failed", _W, "A duty of the tower fails", "see the tower's log, `stakazo status`"),
    _kind("approvals_wait", _I, "Changes wait for a person", "see `stakazo approvals list`"),
    _kind("channel_dead", _C, "An alert channel does not work", "`stakazo alerts test`"),
    _kind("test", _I, "Test alert", "nothing to do", holds=False),
)
_BY_SLUG: Final[Mapping[str, AlertKind]] = MappingProxyType({row.slug: row for row in ALERT_KINDS})


def kind(slug: str) -> AlertKind:
    """Find a kind by slug.

    Raises:
        BadInputError: there is none of that name.
    """
    if slug not in _BY_SLUG:
        raise BadInputError(f'no kind of alert "{slug}"; there are {", ".join(_BY_SLUG)}')
    return _BY_SLUG[slug]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to tell: an incident of this kind about `scope` ("" = the whole house) is under way, or happened.

    `scope` names one thing: a pair, an account, a worker, a run. `severity` None = that of the kind.
    """

    kind: str
    scope: str
    text: str
    detail: Mapping[str, object]
    severity: Severity | None = None


def about(slug: str, scope: str, text: str, severity: Severity | None = None, **detail: object) -> Finding:
    """Make a finding, its detail by name."""
    return Finding(kind=slug, scope=scope, text=text, detail=detail, severity=severity)
