"""Tests of ads against each other: what was declared, what is known so far, and every look."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from decisions.experiment_state import Claim, Metric
from domain.evidence import TestState
from models.tables.columns import Instant, id_column, metadata, one_of

experiments = Table(
    "experiments",
    metadata,
    id_column(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("ad_set_id", Text, nullable=False),
    Column("arms", ARRAY(Text), nullable=False),  # ad ids, sorted: rows of the state's arrays
    Column("metric", Text, nullable=False),
    Column("claim", Text, nullable=False),
    Column("alpha", Double, nullable=False),
    Column("loss", Double, nullable=False),
    Column("equal_within", Double, nullable=False),
    Column("max_days", Integer, nullable=False),
    Column("planned_events", Double, nullable=False),
    Column("ends_on_pick", Boolean, nullable=False),
    Column("is_implicit", Boolean, nullable=False),  # declared by the cycle, for a label on the platform
    Column("declared_by", Text, nullable=False),
    Column("started_at", Instant, nullable=False),  # platform's clock, as all instants here
    Column("ended_at", Instant),
    Column("looked_at", Instant),
    Column("first_day", Date, nullable=False),  # of the account's zone
    Column("folded_day", Date, nullable=False),  # the last hour that is in the running state
    Column("folded_hour", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("keep", ARRAY(Text), nullable=False),
    Column("lost", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("words", Text, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("known", JSONB),  # the running state; NULL before the first look
    one_of("metric", Metric),
    one_of("claim", Claim),
    one_of("state", TestState),
)
Index(
    "uq_experiments_running",
    experiments.c.account_id,
    experiments.c.ad_set_id,
    unique=True,
    postgresql_where=text("state = 'running'"),
)
Index("ix_experiments_account_id_ad_set_id", experiments.c.account_id, experiments.c.ad_set_id)

experiment_looks = Table(
    "experiment_looks",
    metadata,
    Column("experiment_id", BigInteger, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    Column("looked_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("events", Double, nullable=False),
    Column("log_e", Double, nullable=False),  # of the leader against its hardest rival
    Column("lead", Double, nullable=False),
    Column("low", Double),
    Column("high", Double),
    Column("p_best", Double, nullable=False),
    PrimaryKeyConstraint("experiment_id", "looked_at"),
    one_of("state", TestState),
)
