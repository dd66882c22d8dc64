"""What the ROAS engine learnt of an account: how its purchases mature, posteriors by object, and past forecasts.

Estimates are replaced with every run. Forecasts of a week are kept, at most one a week of each object, for 90 days.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    Double,
    ForeignKey,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from domain.actions import ObjectKind
from models.tables.columns import Instant, metadata, one_of


def _account_id() -> Column[object]:
    return Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False)


maturity_curves = Table(
    "maturity_curves",
    metadata,
    _account_id(),
    Column("share", ARRAY(Double), nullable=False),  # by age in days, from 0
    Column("cohorts", Double, nullable=False),
    Column("learnt_at", Instant, nullable=False),  # platform's clock
    PrimaryKeyConstraint("account_id"),
)
roas_estimates = Table(
    "roas_estimates",
    metadata,
    _account_id(),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("made_at", Instant, nullable=False),  # platform's clock
    Column("spend_minor", Double, nullable=False),  # days weighted by their age, as purchases
    Column("purchases", Double, nullable=False),
    Column("maturity", Double, nullable=False),
    Column("roas_now", Double, nullable=False),
    Column("log_median", Double, nullable=False),
    Column("log_sd", Double, nullable=False),
    Column("order_value_minor", Double, nullable=False),
    Column("ahead_days", SmallInteger, nullable=False),
    Column("ahead_spend_minor", Double, nullable=False),  # 0 = nothing is going to be spent: no forecast
    Column("ahead_roas", Double, nullable=False),
    Column("ahead_roas_low", Double, nullable=False),  # the middle 80 %
    Column("ahead_roas_high", Double, nullable=False),
    PrimaryKeyConstraint("account_id", "object_kind", "object_id"),
    one_of("object_kind", ObjectKind),
)
roas_forecasts = Table(
    "roas_forecasts",
    metadata,
    _account_id(),
    Column("first_day", Date, nullable=False),  # the account's zone; the first of the days that it is about
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("days", SmallInteger, nullable=False),
    Column("spend_minor", Double, nullable=False),
    Column("roas", Double, nullable=False),
    Column("roas_low", Double, nullable=False),  # the middle 80 %
    Column("roas_high", Double, nullable=False),
    PrimaryKeyConstraint("account_id", "first_day", "object_kind", "object_id"),
    one_of("object_kind", ObjectKind),
)
