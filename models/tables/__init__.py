"""Every table, as SQLAlchemy Core, by what it remembers. Import tables from here."""

from models.tables.accounts import accounts, fence
from models.tables.allocations import allocations
from models.tables.anomalies import anomalies, anomaly_hours, anomaly_incidents, anomaly_states
from models.tables.audit import audit, audit_heads
from models.tables.columns import Instant, metadata
from models.tables.creatives import creative_stages, creative_states
from models.tables.experiments import experiment_looks, experiments
from models.tables.findings import findings
from models.tables.hand_edits import hand_edits
from models.tables.house import commands, heartbeats, module_states, policies
from models.tables.insights import insight_increments, insights_daily, insights_hourly
from models.tables.ledger import action_transitions, actions
from models.tables.mirror import ad_sets, ads, campaigns, creatives, marks
from models.tables.orphans import orphans
from models.tables.pacing import account_hours, live_readings, pacing_states
from models.tables.people import approvals, module_levels, principals
from models.tables.promotions import backtests, promotions
from models.tables.quota import breakers, quotas
from models.tables.roas import maturity_curves, roas_estimates, roas_forecasts
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
    "account_hours",
    "accounts",
    "action_transitions",
    "actions",
    "ad_sets",
    "ads",
    "allocations",
    "anomalies",
    "anomaly_hours",
    "anomaly_incidents",
    "anomaly_states",
    "approvals",
    "audit",
    "audit_heads",
    "backtests",
    "breakers",
    "call_counts",
    "campaigns",
    "canaries",
    "commands",
    "control_tower_runs",
    "creative_stages",
    "creative_states",
    "creatives",
    "experiment_looks",
    "experiments",
    "fence",
    "findings",
    "hand_edits",
    "heartbeats",
    "incidents",
    "insight_increments",
    "insights_daily",
    "insights_hourly",
    "live_readings",
    "marks",
    "maturity_curves",
    "metadata",
    "module_levels",
    "module_states",
    "notices",
    "orphans",
    "pacing_states",
    "platform_facts",
    "policies",
    "principals",
    "promotions",
    "quotas",
    "recoveries",
    "recovery_procedures",
    "roas_estimates",
    "roas_forecasts",
    "run_logs",
    "runs",
    "schedule_pauses",
    "secrets",
    "status_spans",
    "stop_items",
    "stops",
    "system_health_logs",
]
