"""Monthly partitions of the insight tables, made when the first row of a month arrives.

The database makes them (`insights_partition`, r0008), so that the application's role needs no right to change tables.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

from sqlalchemy import Connection, Table, text

_MOST_MONTHS: Final = 240  # twenty years: a wider span is a wrong date, not data


def ensure(conn: Connection, table: Table, since: date, until: date) -> tuple[str, ...]:
    """Make the partitions of every month between two days, both included; return the names of those that were new.

    A partition is attached rather than created in place, so that readers of the table are not kept waiting.

    Raises:
        ValueError: the span is backwards or over 240 months.
    """
    wanted = {_name(table, month): month for month in _months(since, until)}
    make = text("SELECT insights_partition(:of_table, :month)")
    return tuple(
        name
        for name in _missing(conn, wanted)
        if conn.execute(make, {"of_table": table.name, "month": wanted[name]}).scalar_one()
    )


def _months(since: date, until: date) -> Iterator[date]:
    span = (until.year - since.year) * 12 + until.month - since.month
    if until < since or span >= _MOST_MONTHS:
        raise ValueError(f"cannot make partitions from {since} to {until}: at most {_MOST_MONTHS} months, forwards")
    first = since.replace(day=1)
    for _ in range(span + 1):
        yield first
        first = date(first.year + first.month // 12, first.month % 12 + 1, 1)


def _name(table: Table, first: date) -> str:
    return f"{table.name}_{first:%Y_%m}"


def _missing(conn: Connection, wanted: dict[str, date]) -> tuple[str, ...]:
    # The table itself and not to_regclass(): that one answers from the session's cache, in which a name once missed
    # stays missing while we wait for the lock.
    query = text(
        "SELECT name FROM unnest(CAST(:names AS text[])) AS name"
        " WHERE NOT EXISTS (SELECT FROM pg_class WHERE relname = name AND pg_table_is_visible(oid))"
    )
    return tuple(sorted(conn.execute(query, {"names": list(wanted)}).scalars()))
