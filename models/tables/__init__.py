"""Every table, as SQLAlchemy Core, by what it remembers. Import tables from here."""

from models.tables.accounts import accounts, fence
from models.tables.columns import Instant, metadata
from models.tables.house import commands, heartbeats, module_states, policies
from models.tables.insights import insights_daily, insights_hourly
from models.tables.ledger import action_events, action_transitions, actions
from models.tables.mirror import ad_sets, ads, campaigns, creatives, marks
from models.tables.runs import run_logs, runs

__all__ = [
    "Instant",
    "accounts",
    "action_events",
    "action_transitions",
    "actions",
    "ad_sets",
    "ads",
    "campaigns",
    "commands",
    "creatives",
    "fence",
    "heartbeats",
    "insights_daily",
    "insights_hourly",
    "marks",
    "metadata",
    "module_states",
    "policies",
    "run_logs",
    "runs",
]
