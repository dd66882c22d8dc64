"""What there is to tell: every rule over one look at the house. Pure: facts in, findings out, nothing is remembered.

A rule that cannot see answers None: then nothing of its kind is found, and nothing of its kind is over either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from control_tower.alerts_of_business import Business, business_rules
from control_tower.alerts_of_health import health_rules
from control_tower.alerts_of_machinery import machinery_rules
from control_tower.health import Checked
from domain.alerts import Finding

PATIENT: Final[Mapping[str, float]] = {  # seconds that it must hold before people hear of it: it may pass by itself
    "modules_degraded": 60.0,
    "modules_offline": 30.0,
    "system_critical": 30.0,
    "high_error_rate": 30.0,
    "cycle_missing": 60.0,
    "slot_missed": 60.0,
    "api_errors": 30.0,
    "beat_dead": 30.0,
    "worker_dead": 15.0,
    "worker_stuck": 15.0,
    "broker_unhealthy": 10.0,
    "database_unhealthy": 30.0,
    "unknown_piling": 15.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look came to. `judged` are the kinds of states that could be seen: of these, what is missing is over."""

    findings: tuple[Finding, ...]
    judged: frozenset[str]


def findings(checked: Checked, business: Business) -> Found:
    """Apply every rule."""
    answers: dict[str, tuple[Finding, ...] | None] = {
        **{kind: rule(checked) for kind, rule in health_rules().items()},
        **{kind: rule(checked.evidence) for kind, rule in machinery_rules().items()},
        **{kind: rule(business) for kind, rule in business_rules().items()},
    }
    return Found(
        findings=tuple(found for answer in answers.values() for found in answer or ()),
        judged=frozenset(kind for kind, answer in answers.items() if answer is not None),
    )
