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
from models.tables.secrets import secrets
from models.tables.stops import stop_items, stops

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
    "campaigns",
    "commands",
    "creatives",
    "fence",
    "hand_edits",
    "heartbeats",
    "insights_daily",
    "insights_hourly",
    "marks",
    "metadata",
    "module_levels",
    "module_states",
    "orphans",
    "policies",
    "principals",
    "quotas",
    "run_logs",
    "runs",
    "secrets",
    "stop_items",
    "stops",
]
