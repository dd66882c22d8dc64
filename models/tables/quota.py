"""What is left of an account's calls, and which kinds of them are broken off for now."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Float, Integer, PrimaryKeyConstraint, Table, Text
from sqlalchemy import text as sql

from domain.ports import CallKind
from models.tables.columns import Instant, metadata, one_of

# Accounts go by the platform's id: the gate stands at the client, which knows no other. "" = the token's own business.
_KEY = ("platform", "mode", "account")

quotas = Table(
    "quotas",
    metadata,
    Column("platform", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("account_share", Float),  # 0..1, as last reported; NULL = not yet
    Column("business_share", Float),
    Column("insights_share", Float),
    Column("reported_at", Instant),
    Column("score_limit", Float),
    Column("taken", Float, nullable=False, server_default=sql("0")),  # points of calls in flight, begun in the epoch
    Column("taken_before", Float, nullable=False, server_default=sql("0")),  # and in the one before it
    Column("taken_epoch", BigInteger, nullable=False, server_default=sql("0")),
    Column("regain_at", Instant),
    Column("regain_reason", Text, nullable=False, server_default=sql("''")),
    Column("retry_tenths", Integer, nullable=False, server_default=sql("200")),
    Column("calls", BigInteger, nullable=False, server_default=sql("0")),
    Column("kept_back", BigInteger, nullable=False, server_default=sql("0")),
    PrimaryKeyConstraint(*_KEY),
    CheckConstraint("retry_tenths BETWEEN 0 AND 200", name="retry_tenths"),
)

breakers = Table(
    "breakers",
    metadata,
    Column("platform", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("recent", Text, nullable=False, server_default=sql("''")),  # a letter per call, newest last
    Column("is_open", Boolean, nullable=False, server_default=sql("false")),
    Column("probe_at", Instant),  # from then on one read may find out
    Column("openings", Integer, nullable=False, server_default=sql("0")),  # in a row
    PrimaryKeyConstraint(*_KEY, "kind"),
    one_of("kind", CallKind),
)
