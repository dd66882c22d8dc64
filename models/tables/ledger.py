"""The ledger: actions and their legal steps. What happened to them is told in the audit."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.actions import CREATES, IN_FLIGHT, ActionKind, ActionState, ObjectKind
from models.tables.columns import Instant, id_column, json_column, metadata, now_column, one_of, quoted

actions = Table(
    "actions",
    metadata,
    id_column(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("run_id", BigInteger, ForeignKey("runs.id", ondelete="SET NULL")),
    Column("kind", Text, nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("object_name", Text, nullable=False),
    json_column("expected_before"),
    json_column("target"),
    Column("rule", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False),
    json_column("evidence"),
    json_column("verdicts", "[]"),
    Column("state", Text, nullable=False),
    Column("state_reason", Text, nullable=False, server_default=text("''")),
    Column("blocked_by", Text),  # the guardrails that stopped it as it was proposed, in their order
    Column("op_token", Text, nullable=False, unique=True),
    Column("proposed_by", Text, nullable=False, server_default=text("''")),
    Column("module", Text),  # the slug of the module that wanted it
    Column("needs_approval", Boolean, nullable=False, server_default=text("false")),
    Column("undoes", BigInteger, ForeignKey("actions.id", ondelete="SET NULL")),
    Column("stop_id", BigInteger, ForeignKey("stops.id", ondelete="CASCADE")),
    Column("read_to_write_ms", Integer),  # from the fresh reading to the send: an edit in between can be overwritten
    Column("discriminator", Text, nullable=False, server_default=text("''")),  # of creates: tells siblings apart
    json_column("judged_on"),  # dear figures as proposed: shares, the month, what was earned; the door judges on them
    Column("cap_reserved_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("lease_owner", Text),
    Column("lease_until", Instant),
    Column("next_at", Instant, nullable=False, server_default=func.clock_timestamp()),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("crash_count", Integer, nullable=False, server_default=text("0")),
    Column("looks", Integer, nullable=False, server_default=text("0")),  # after a quarantine, without seeing its effect
    Column("requeued_at", Instant),  # a person gave it another life
    Column("sent_at", Instant),
    Column("sent_platform_at", Instant),  # platform's clock: cooldowns and the hourly edit limit count from it
    Column("send_deadline_at", Instant),
    Column("quarantine_until", Instant),
    Column("result_object_id", Text),
    Column("last_error", JSONB),
    Column("decided_at", Instant, nullable=False),  # platform's clock
    now_column("created_at"),
    Column("finished_at", Instant),
    UniqueConstraint("run_id", "kind", "object_id", "rule", "discriminator"),
    one_of("kind", ActionKind),
    one_of("object_kind", ObjectKind),
    one_of("state", ActionState),
    CheckConstraint("cap_reserved_minor >= 0", name="reservation"),
    CheckConstraint("(kind = 'emergency_pause') = (stop_id IS NOT NULL) OR kind = 'set_spending_limit'", name="stop"),
)
# One open change per object, whoever wants it; creates are keyed by their parent and may stand side by side, and an
# emergency pause stands beside whatever else is open.
Index(
    "uq_actions_open_object",
    actions.c.account_id,
    actions.c.object_kind,
    actions.c.object_id,
    unique=True,
    postgresql_where=text(
        f"state IN ({quoted(IN_FLIGHT)}) AND kind NOT IN ({quoted(CREATES | {ActionKind.EMERGENCY_PAUSE})})"
    ),
)
Index(
    "uq_actions_open_emergency",
    actions.c.account_id,
    actions.c.object_kind,
    actions.c.object_id,
    unique=True,
    postgresql_where=text(f"state IN ({quoted(IN_FLIGHT)}) AND kind = 'emergency_pause'"),
)
Index("ix_actions_taken", actions.c.account_id, actions.c.decided_at, postgresql_where=text("blocked_by IS NULL"))
Index("ix_actions_waiting", actions.c.account_id, actions.c.id, postgresql_where=text("state = 'awaiting_approval'"))
Index("ix_actions_undoes", actions.c.undoes, postgresql_where=text("undoes IS NOT NULL"))
Index("ix_actions_due", actions.c.next_at, postgresql_where=text(f"state IN ({quoted(IN_FLIGHT)})"))
Index("ix_actions_object", actions.c.account_id, actions.c.object_id, actions.c.created_at)
Index("ix_actions_run", actions.c.run_id)
Index(
    "ix_actions_limit_of_stop",
    actions.c.stop_id,
    postgresql_where=text("kind = 'set_spending_limit' AND stop_id IS NOT NULL"),
)
Index(
    "ix_actions_blocked",
    actions.c.account_id,
    actions.c.decided_at,
    postgresql_where=text("blocked_by IS NOT NULL"),
)
# What is counted again and again for the metrics, without reading the rows.
Index("ix_actions_tally", actions.c.module, actions.c.kind, actions.c.state)
Index("ix_actions_unknown", actions.c.kind, actions.c.state, postgresql_where=text("quarantine_until IS NOT NULL"))
Index("ix_actions_sent", actions.c.sent_at, postgresql_where=text("sent_at IS NOT NULL"))

action_transitions = Table(
    "action_transitions",
    metadata,
    Column("before_state", Text, nullable=False),
    Column("after_state", Text, nullable=False),
    PrimaryKeyConstraint("before_state", "after_state"),
)
