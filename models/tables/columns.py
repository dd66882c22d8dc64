"""What every table shares: metadata with naming rules, and the columns that recur. No queries, no decisions.

Instants are `timestamptz`. Columns on the platform's clock say so; every other `_at` is Postgres' clock.
Money is bigint minor units of the account's currency. Enumerations are text with a check, written from `domain`.
"""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    MetaData,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

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


def quoted(values: Iterable[StrEnum]) -> str:
    """Write values as SQL text, sorted."""
    return ", ".join(f"'{value}'" for value in sorted(values))


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Check that a column holds one of the words."""
    return CheckConstraint(f"{column} IN ({quoted(values)})", name=column)


def now_column(name: str) -> Column[object]:
    """An instant on Postgres' clock, that of the insert unless told."""
    return Column(name, Instant, nullable=False, server_default=func.clock_timestamp())


def json_column(name: str, default: str = "{}") -> Column[object]:
    """A JSON document, empty unless told."""
    return Column(name, JSONB, nullable=False, server_default=text(f"'{default}'::jsonb"))


def id_column() -> Column[int]:
    """An identity of ours."""
    return Column("id", BigInteger, Identity(always=True), primary_key=True)
