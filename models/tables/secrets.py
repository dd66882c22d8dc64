"""Tokens, sealed. The key that opens them is never in Postgres."""

from sqlalchemy import Column, LargeBinary, PrimaryKeyConstraint, Table, Text

from models.tables.columns import metadata, now_column

secrets = Table(
    "secrets",
    metadata,
    Column("platform", Text, nullable=False),
    Column("account", Text, nullable=False),  # the platform's id, or "all"
    Column("name", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("box", LargeBinary, nullable=False),  # nonce and ciphertext
    Column("set_by", Text, nullable=False),
    now_column("set_at"),
    now_column("sealed_at"),
    PrimaryKeyConstraint("platform", "account", "name"),
)
