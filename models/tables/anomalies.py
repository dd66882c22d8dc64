"""What is usual in an account, what was not, and incidents. Instants but `noted_at` are on the platform's clock."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from domain.actions import ObjectKind
from domain.evidence import Cause
from models.tables.columns import Instant, id_column, json_column, metadata, now_column, one_of

# The state of `decisions/anomalies.py`, of each kind of object: arrays as one document, in a format with a version.
anomaly_states = Table(
    "anomaly_states",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("upto", Instant, nullable=False),  # start of the last hour seen
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("account_id", "object_kind"),
    one_of("object_kind", ObjectKind),
)
anomalies = Table(
    "anomalies",
    metadata,
    id_column(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("is_up", Boolean, nullable=False),
    Column("cause", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("upto", Instant, nullable=False),  # start of the last hour that told it
    Column("closed_at", Instant),  # NULL = open
    Column("expected", Float(53), nullable=False),
    Column("seen", Float(53), nullable=False),
    Column("q_value", Float(53), nullable=False),
    Column("words", Text, nullable=False),
    json_column("evidence"),
    now_column("noted_at"),
    one_of("object_kind", ObjectKind),
    one_of("cause", Cause),
)
Index(
    "uq_anomalies_open",
    anomalies.c.account_id,
    anomalies.c.object_kind,
    anomalies.c.object_id,
    anomalies.c.metric,
    unique=True,
    postgresql_where=text("closed_at IS NULL"),
)
Index("ix_anomalies_account_id_since", anomalies.c.account_id, anomalies.c.since)
anomaly_incidents = Table(
    "anomaly_incidents",
    metadata,
    id_column(),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("cause", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),  # end of the last hour that showed it
    Column("closed_at", Instant),  # NULL = under way
    Column("quiet", Integer, nullable=False),
    Column("velocity_cap_minor", BigInteger, nullable=False),
    Column("words", Text, nullable=False),
    now_column("noted_at"),
    one_of("cause", Cause),
)
Index(
    "uq_anomaly_incidents_open",
    anomaly_incidents.c.account_id,
    unique=True,
    postgresql_where=text("closed_at IS NULL"),
)
# Each hour of the account beside what was expected before it: the evidence of a refund claim.
anomaly_hours = Table(
    "anomaly_hours",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("spend_minor", BigInteger, nullable=False),
    Column("impressions", BigInteger, nullable=False),
    Column("clicks", BigInteger, nullable=False),
    Column("purchases", BigInteger, nullable=False),
    Column("expected_minor", Float(53), nullable=False),
    Column("low_minor", Float(53), nullable=False),
    Column("high_minor", Float(53), nullable=False),
    Column("usual_cpm_minor", Float(53), nullable=False),
    PrimaryKeyConstraint("account_id", "at"),
)
