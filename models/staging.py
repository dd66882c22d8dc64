"""Bulk loading: rows stream by COPY into a temporary table, then one statement brings what differs into the real one.

While rows arrive nothing real is locked, however slow their source; the client holds one page at a time. Rows that
are already as they should be are neither written nor locked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Table

from domain.errors import InvariantError

Cell = str | int | datetime | None
# A COPY counts as one statement for as long as its rows keep coming, and paging an account may take many minutes.
_STREAMING_TIMEOUT: Final = "1h"
_WORK_MEMORY: Final = "64MB"  # the merge sorts and hashes a few 10^5 rows; the default would spill them to disk
_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": None} | dict.fromkeys(map(chr, range(0xD800, 0xE000)))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is loaded where: `columns` come in each row, `fixed` are the same for all rows of a load.

    `key` is the table's primary key; `stamp` is the fixed column that is set with a change but is none by itself.
    """

    table: Table
    columns: tuple[str, ...]
    fixed: tuple[str, ...]
    stamp: str

    @property
    def key(self) -> tuple[str, ...]:
        """Columns of the primary key."""
        return tuple(column.name for column in self.table.primary_key)

    @property
    def compared(self) -> tuple[str, ...]:
        """Columns whose difference makes a row a changed one."""
        return tuple(name for name in self.columns if name not in self.key)

    @property
    def stage(self) -> str:
        """The temporary table's name."""
        return f"stage_{self.table.name}"


def open_stage(conn: Connection, load: Load) -> None:
    """Make the temporary table, empty. It ends with the transaction."""
    types = {name: load.table.c[name].type.compile(conn.dialect) for name in load.columns}
    columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
    conn.exec_driver_sql(
        f"SET LOCAL statement_timeout = '{_STREAMING_TIMEOUT}';"
        f"SET LOCAL idle_in_transaction_session_timeout = '{_STREAMING_TIMEOUT}';"
        f"SET LOCAL work_mem = '{_WORK_MEMORY}';"
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {load.stage} ({columns}) ON COMMIT DROP;"
        f"TRUNCATE {load.stage}"
    )


def copy_blocks(conn: Connection, load: Load, blocks: Iterable[str]) -> None:
    """Stream blocks of COPY text into the temporary table."""
    columns = sql.SQL(", ").join(map(sql.Identifier, load.columns))
    driver = conn.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise InvariantError("loading needs a psycopg connection; engines come from models.engine.make_engine")
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(load.stage), columns)
    with driver.cursor() as cursor, cursor.copy(command) as copy:
        for block in blocks:
            copy.write(block)


def merge(conn: Connection, load: Load, values: dict[str, object], *, also: str = "") -> int:
    """Bring what is new or different into the real table; return how many rows that were. Leaves the stage as it is.

    Of rows with the same key the last one staged counts: paging may show an object twice while it moves. `also` is a
    statement to be carried out on the same rows in the same pass: it reads `differing`, which has the staged columns,
    those that are compared once more as `old_...`, and `is_known`, whether there was a row.
    """
    names = (*load.columns, *load.fixed)
    staged_key = [name for name in load.key if name in load.columns]
    fixed_key = [name for name in load.key if name in load.fixed]
    same = [f"old.{name} = stage.{name}" for name in staged_key] + [f"old.{name} = %({name})s" for name in fixed_key]
    changed = f"({_listed('old', load.compared)}) IS DISTINCT FROM ({_listed('stage', load.compared)})"
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in (*load.compared, load.stamp))
    olds = ", ".join(f"old.{name} AS old_{name}" for name in load.compared)
    also_cte = f", also AS ({also}) " if also else ""
    statement = (
        f"WITH stage AS (SELECT DISTINCT ON ({', '.join(staged_key)}) {', '.join(load.columns)} "  # noqa: S608 - ours
        f"FROM {load.stage} ORDER BY {', '.join(staged_key)}, ctid DESC), "
        f"differing AS (SELECT {_listed('stage', load.columns)}, {olds}, old.{staged_key[0]} IS NOT NULL AS is_known "
        f"FROM stage LEFT JOIN {load.table.name} AS old ON {' AND '.join(same)} "
        f"WHERE old.{staged_key[0]} IS NULL OR {changed}) {also_cte}"
        f"INSERT INTO {load.table.name} ({', '.join(names)}) "
        f"SELECT {', '.join(load.columns)}, {', '.join(f'%({name})s' for name in load.fixed)} FROM differing "
        f"ON CONFLICT ({', '.join(load.key)}) DO UPDATE SET {updates}"
    )
    conn.exec_driver_sql(f"ANALYZE {load.stage}")
    return conn.exec_driver_sql(statement, values).rowcount


def clear_stage(conn: Connection, load: Load) -> None:
    """Empty the temporary table for the next part of a long load."""
    conn.exec_driver_sql(f"TRUNCATE {load.stage}")


def copy_text(rows: Sequence[Sequence[Cell | Sequence[str]]]) -> str:
    """Format rows as a block of COPY text; NUL and lone surrogates, which no Postgres text can hold, are left out."""
    columns = [_cells(values) for values in zip(*rows, strict=True)]
    return "".join(["\t".join(cells) + "\n" for cells in zip(*columns, strict=True)])


def _cells(values: Sequence[Cell | Sequence[str]]) -> Sequence[str]:
    """One column; where all its values are alike, one look at the column instead of one at each cell."""
    kinds = set(map(type, values))
    if all(issubclass(kind, str) for kind in kinds):
        joined = "".join(values)  # type: ignore[arg-type]  # they are texts, as just seen
        if joined.isprintable() and "\\" not in joined:  # tabs, line ends, NUL and surrogates are not printable
            return values  # type: ignore[return-value]
    elif kinds == {int}:
        return list(map(str, values))
    elif kinds == {datetime}:
        return list(map(datetime.isoformat, values))  # type: ignore[arg-type]
    elif kinds == {type(None)}:
        return ["\\N"] * len(values)
    elif not any(values) and kinds == {tuple}:
        return ["{}"] * len(values)
    return list(map(_cell, values))


def _cell(value: Cell | Sequence[str]) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value if value.isalnum() else value.translate(_ESCAPES)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    quoted = (item.replace("\\", "\\\\").replace('"', '\\"') for item in value)
    return ("{" + ",".join(f'"{item}"' for item in quoted) + "}").translate(_ESCAPES)


def _listed(alias: str, names: Sequence[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)
