"""Every table, as SQLAlchemy Core. What is remembered, not what it means: no queries, no decisions here.

Instants are `timestamptz`. Columns on the platform's clock say so; every other `_at` is Postgres' clock.
Money is bigint minor units of the account's currency. Enumerations are text with a check, written from `domain`.
"""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.actions import CREATES, IN_FLIGHT, ActionKind, ActionState, Level, Mode, ObjectKind
from domain.health import CommandType, RunState
from domain.objects import Bidding, Learning, Status

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Instant = DateTime(timezone=True)


def _quoted(values: Iterable[StrEnum]) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({_quoted(values)})", name=column)


def _now(name: str) -> Column[object]:
    return Column(name, Instant, nullable=False, server_default=func.clock_timestamp())


def _json(name: str, default: str = "{}") -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=text(f"'{default}'::jsonb"))


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


accounts = Table(
    "accounts",
    metadata,
    _id(),
    Column("platform", Text, nullable=False),
    Column("platform_account_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("page_id", Text),
    Column("pixel_id", Text),
    Column("countries", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("max_daily_budget_per_ad_set_minor", BigInteger),
    Column("max_daily_budget_per_campaign_minor", BigInteger),
    Column("max_total_daily_spend_minor", BigInteger),
    Column("minimum_daily_budget_minor", BigInteger, nullable=False),
    Column("is_paused", Boolean, nullable=False, server_default=text("false")),
    Column("fence_closed", Boolean, nullable=False, server_default=text("false")),
    Column("fence_epoch", Integer, nullable=False, server_default=text("0")),
    Column("fence_reason", Text, nullable=False, server_default=text("''")),
    Column("tree_read_at", Instant),  # platform's clock
    Column("insights_read_at", Instant),  # platform's clock: hours complete at this instant are in
    Column("tree_full_read_at", Instant),  # platform's clock: the last reading of every object, changed or not
    Column("insights_loaded_from", Date),  # first day that was backfilled
    Column("goal_roas", Double),  # of the two goals at most one
    Column("goal_cpa_minor", BigInteger),
    Column("margin", Double),  # share of the revenue that stays: break-even ROAS is 1 / margin
    Column("month_budget_minor", BigInteger),  # calendar month of the account's zone
    _now("opened_at"),
    UniqueConstraint("platform", "platform_account_id", "mode"),
    _one_of("mode", Mode),
    _one_of("level", Level),
    CheckConstraint("goal_roas IS NULL OR goal_cpa_minor IS NULL", name="one_goal"),
    CheckConstraint("goal_roas > 0", name="goal_roas"),
    CheckConstraint("goal_cpa_minor > 0", name="goal_cpa"),
    CheckConstraint("margin > 0 AND margin <= 1", name="margin"),
    CheckConstraint("month_budget_minor > 0", name="month_budget"),
)

fence = Table(
    "fence",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("closed", Boolean, nullable=False, server_default=text("false")),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("reason", Text, nullable=False, server_default=text("''")),
    _now("changed_at"),
    CheckConstraint("id = 1", name="single"),
)


def _mirror(name: str, *columns: Column[object]) -> Table:
    """A table that mirrors objects of the platform; `seen_at` is the platform's instant of the reading."""
    return Table(
        name,
        metadata,
        Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        Column("id", Text, nullable=False),
        Column("name", Text, nullable=False),
        *columns,
        Column("seen_at", Instant, nullable=False),
        PrimaryKeyConstraint("account_id", "id"),
    )


def _life() -> tuple[Column[object], ...]:
    return (
        Column("status", Text, nullable=False),
        Column("effective_status", Text, nullable=False),
        Column("created_at", Instant, nullable=False),  # platform's clock
        Column("updated_at", Instant, nullable=False),  # platform's clock
    )


def _budget() -> tuple[Column[object], ...]:
    return (
        Column("daily_budget_minor", BigInteger),
        Column("lifetime_budget_minor", BigInteger),
        Column("bidding", Text, nullable=False, server_default=text("'automatic'")),
    )


campaigns = _mirror(
    "campaigns",
    *_life(),
    *_budget(),
    Column("objective", Text, nullable=False),
    Column("spend_cap_minor", BigInteger),
)
ad_sets = _mirror(
    "ad_sets",
    *_life(),
    *_budget(),
    Column("campaign_id", Text, nullable=False),
    Column("optimization_goal", Text, nullable=False),
    Column("learning", Text, nullable=False),
    Column("labels", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
)
ads = _mirror(
    "ads",
    *_life(),
    Column("ad_set_id", Text, nullable=False),
    Column("campaign_id", Text, nullable=False),
    Column("creative_id", Text),
    Column("fatigued_at", Instant),  # platform's clock; ours: set by an applied mark_fatigued
)
creatives = _mirror(
    "creatives",
    Column("title", Text),
    Column("body", Text),
    Column("video_id", Text),
    Column("thumbnail_url", Text),
)
for _table in (campaigns, ad_sets, ads):
    _table.append_constraint(_one_of("status", Status))
ad_sets.append_constraint(_one_of("learning", Learning))
for _table in (campaigns, ad_sets):
    _table.append_constraint(_one_of("bidding", Bidding))

marks = Table(
    "marks",
    metadata,
    _id(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    _now("set_at"),
    Column("lifted_by", Text),
    Column("lifted_at", Instant),
    CheckConstraint("object_kind IN ('ad', 'ad_set', 'campaign')", name="object_kind"),
)
Index(
    "uq_marks_standing",
    marks.c.account_id,
    marks.c.object_kind,
    marks.c.object_id,
    unique=True,
    postgresql_where=text("lifted_at IS NULL"),
)


def _insights(name: str, *extra: Column[object], key: tuple[str, ...]) -> Table:
    """A partitioned table of figures; one partition a month, made on demand by `models/partitions.py`."""
    return Table(
        name,
        metadata,
        Column("account_id", BigInteger, nullable=False),
        Column("day", Date, nullable=False),  # the account's zone
        Column("ad_id", Text, nullable=False),
        *extra,
        Column("ad_set_id", Text, nullable=False),
        Column("campaign_id", Text, nullable=False),
        Column("impressions", Integer, nullable=False),
        Column("clicks", Integer, nullable=False),
        Column("spend_minor", BigInteger, nullable=False),
        Column("purchases", Integer, nullable=False),
        Column("revenue_minor", BigInteger, nullable=False),
        Column("read_at", Instant, nullable=False),  # platform's clock
        PrimaryKeyConstraint(*key),
        postgresql_partition_by="RANGE (day)",
    )


insights_daily = _insights("insights_daily", key=("account_id", "day", "ad_id"))
insights_hourly = _insights(
    "insights_hourly",
    Column("hour", SmallInteger, nullable=False),
    key=("account_id", "day", "hour", "ad_id"),  # a few hours of many ads
)

runs = Table(
    "runs",
    metadata,
    _id(),
    Column("task", Text, nullable=False),  # a rhythm's name, such as "meta.full_cycle"
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("slot_at", Instant, nullable=False),  # platform's clock
    Column("now_at", Instant, nullable=False),  # platform's clock, read once by the planner
    Column("mode", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("triggered_by", Text, nullable=False),  # "schedule", or who asked
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),  # why skipped, stopped or failed
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease_owner", Text),
    Column("lease_until", Instant),
    Column("ring_at", Instant, nullable=False, server_default=func.clock_timestamp()),  # ring (again) from then on
    _now("created_at"),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("duration_ms", Integer),
    _json("steps_executed", "[]"),
    _json("errors", "[]"),
    _json("stats_snapshot"),
    UniqueConstraint("task", "account_id", "slot_at"),
    _one_of("state", RunState),
    _one_of("mode", Mode),
    _one_of("level", Level),
)
Index("ix_runs_open", runs.c.ring_at, postgresql_where=text("state IN ('planned', 'running')"))
Index("ix_runs_task_slot", runs.c.task, runs.c.slot_at)

run_logs = Table(
    "run_logs",
    metadata,
    _id(),
    Column("run_id", BigInteger, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("step", Text, nullable=False),
    Column("action", Text, nullable=False),
    _json("input_snapshot"),
    _json("output_snapshot"),
    Column("success", Boolean, nullable=False),
    Column("error_message", Text),
    Column("entity_type", Text),
    Column("entity_id", Text),
    _now("created_at"),
)

actions = Table(
    "actions",
    metadata,
    _id(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("run_id", BigInteger, ForeignKey("runs.id", ondelete="SET NULL")),
    Column("kind", Text, nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("object_name", Text, nullable=False),
    _json("expected_before"),
    _json("target"),
    Column("rule", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False),
    _json("evidence"),
    _json("verdicts", "[]"),
    Column("state", Text, nullable=False),
    Column("state_reason", Text, nullable=False, server_default=text("''")),
    Column("blocked_by", Text),  # the guardrails that stopped it as it was proposed, in their order
    Column("op_token", Text, nullable=False, unique=True),
    Column("cap_reserved_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("lease_owner", Text),
    Column("lease_until", Instant),
    Column("next_at", Instant, nullable=False, server_default=func.clock_timestamp()),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("crash_count", Integer, nullable=False, server_default=text("0")),
    Column("sent_at", Instant),
    Column("sent_platform_at", Instant),  # platform's clock: cooldowns and the hourly edit limit count from it
    Column("send_deadline_at", Instant),
    Column("quarantine_until", Instant),
    Column("result_object_id", Text),
    Column("last_error", JSONB),
    Column("decided_at", Instant, nullable=False),  # platform's clock
    _now("created_at"),
    Column("finished_at", Instant),
    UniqueConstraint("run_id", "kind", "object_id", "rule"),
    _one_of("kind", ActionKind),
    _one_of("object_kind", ObjectKind),
    _one_of("state", ActionState),
    CheckConstraint("cap_reserved_minor >= 0", name="reservation"),
)
# One open change per object, whoever wants it; creates are keyed by their parent and may stand side by side.
Index(
    "uq_actions_open_object",
    actions.c.account_id,
    actions.c.object_kind,
    actions.c.object_id,
    unique=True,
    postgresql_where=text(f"state IN ({_quoted(IN_FLIGHT)}) AND kind NOT IN ({_quoted(CREATES)})"),
)
Index("ix_actions_due", actions.c.next_at, postgresql_where=text(f"state IN ({_quoted(IN_FLIGHT)})"))
Index("ix_actions_object", actions.c.account_id, actions.c.object_id, actions.c.created_at)
Index("ix_actions_run", actions.c.run_id)
Index(
    "ix_actions_blocked",
    actions.c.account_id,
    actions.c.decided_at,
    postgresql_where=text("blocked_by IS NOT NULL"),
)

action_transitions = Table(
    "action_transitions",
    metadata,
    Column("before_state", Text, nullable=False),
    Column("after_state", Text, nullable=False),
    PrimaryKeyConstraint("before_state", "after_state"),
)

action_events = Table(
    "action_events",
    metadata,
    _id(),
    Column("action_id", BigInteger, ForeignKey("actions.id", ondelete="CASCADE"), nullable=False, index=True),
    _now("at"),
    Column("actor", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("before_state", Text),
    Column("after_state", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    _json("detail"),
)

policies = Table(
    "policies",
    metadata,
    _id(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    _json("body"),
    Column("set_by", Text, nullable=False),
    _now("set_at"),
)

module_states = Table(
    "module_states",
    metadata,
    Column("pair", Text, primary_key=True),  # such as "meta.full_cycle"
    Column("desired", Text, nullable=False),  # running | stopped
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("changed_by", Text, nullable=False),
    _now("changed_at"),
    CheckConstraint("desired IN ('running', 'stopped')", name="desired"),
)

commands = Table(
    "commands",
    metadata,
    _id(),
    Column("command_type", Text, nullable=False),
    Column("platform", Text),
    Column("target_modules", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("execute_immediately", Boolean, nullable=False, server_default=text("true")),
    Column("state", Text, nullable=False, server_default=text("'accepted'")),
    _json("actions", "[]"),
    _json("results"),
    _now("created_at"),
    Column("finished_at", Instant),
    _one_of("command_type", CommandType),
    CheckConstraint("state IN ('accepted', 'held', 'running', 'done', 'failed')", name="state"),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("process", Text, primary_key=True),  # such as "tower@host:pid"
    Column("kind", Text, nullable=False),  # tower | worker | beat
    _now("seen_at"),
    _json("detail"),
)
