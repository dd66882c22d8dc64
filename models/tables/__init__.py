"""Every table, as SQLAlchemy Core, by what it remembers. Import tables from here."""

from models.tables.accounts import accounts, fence
from models.tables.audit import audit, audit_heads
from models.tables.columns import Instant, metadata
from models.tables.hand_edits import hand_edits
from models.tables.house import commands, heartbeats, module_states, policies
from models.tables.insights import insights_daily, insights_hourly
from models.tables.ledger import action_transitions, actions
from models.tables.mirror import ad_sets, ads, campaigns, creatives, marks
from models.tables.orphans import orphans
from models.tables.people import approvals, module_levels, principals
from models.tables.quota import breakers, quotas
from models.tables.runs import run_logs, runs
from models.tables.schedules import schedule_pauses
from models.tables.secrets import secrets
from models.tables.stops import stop_items, stops
from models.tables.tower import (
    call_counts,
    canaries,
    control_tower_runs,
    incidents,
    notices,
    platform_facts,
    recoveries,
    recovery_procedures,
    status_spans,
    system_health_logs,
)

__all__ = [
    "Instant",
    "accounts",
    "action_transitions",
    "actions",
    "ad_sets",
    "ads",
    "approvals",
    "audit",
    "audit_heads",
    "breakers",
    "call_counts",
    "campaigns",
    "canaries",
    "commands",
    "control_tower_runs",
    "creatives",
    "fence",
    "hand_edits",
    "heartbeats",
    "incidents",
    "insights_daily",
    "insights_hourly",
    "marks",
    "metadata",
    "module_levels",
    "module_states",
    "notices",
    "orphans",
    "platform_facts",
    "policies",
    "principals",
    "quotas",
    "recoveries",
    "recovery_procedures",
    "run_logs",
    "runs",
    "schedule_pauses",
    "secrets",
    "status_spans",
    "stop_items",
    "stops",
    "system_health_logs",
]
