"""The store of what modules last said of objects; `why` and reports read it. `domain/evidence.py` has the words."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

import psycopg
from sqlalchemy import Connection, delete, select

from domain.actions import ObjectKind
from domain.clock import require_aware
from domain.errors import InvariantError
from domain.evidence import Finding
from domain.ids import AccountId
from models.cleaning import clean_json, clean_text
from models.tables import findings

_COPY: Final = (
    "COPY findings (account_id, module, object_kind, object_id, verdict, words, evidence, found_at) FROM STDIN"
)


class Told(NamedTuple):
    """A finding on record: which module said it, and when (platform's clock)."""

    module: str
    found_at: datetime
    finding: Finding


def replace(conn: Connection, account_id: AccountId, module: str, found_at: datetime, rows: Iterable[Finding]) -> int:
    """Put these in the place of all that the module said of the account before; return how many there are."""
    require_aware("found_at", found_at)
    driver = conn.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise InvariantError("loading needs a psycopg connection; engines come from models.engine.make_engine")
    conn.execute(delete(findings).where(findings.c.account_id == account_id, findings.c.module == module))
    written = 0
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            evidence = json.dumps(clean_json(dict(row.evidence)), allow_nan=False)
            copy.write_row(
                (account_id, module, row.object_kind.value, row.object_id, row.verdict, clean_text(row.words), evidence,
                 found_at)
            )  # fmt: skip
            written += 1
    return written


def of_object(conn: Connection, account_id: AccountId, object_id: str) -> tuple[Told, ...]:
    """Read what every module last said of an object, by module."""
    query = (
        select(findings)
        .where(findings.c.account_id == account_id, findings.c.object_id == object_id)
        .order_by(findings.c.module)
    )
    return tuple(_told(row) for row in conn.execute(query).mappings())


def of_module(conn: Connection, account_id: AccountId, module: str, limit: int) -> tuple[Told, ...]:
    """Read what a module last said, by object."""
    query = (
        select(findings)
        .where(findings.c.account_id == account_id, findings.c.module == module)
        .order_by(findings.c.object_kind, findings.c.object_id)
        .limit(limit)
    )
    return tuple(_told(row) for row in conn.execute(query).mappings())


def _told(row: object) -> Told:
    values = dict(row)  # type: ignore[call-overload]
    finding = Finding(
        object_kind=ObjectKind(values["object_kind"]), object_id=values["object_id"], verdict=values["verdict"],
        words=values["words"], evidence=values["evidence"],
    )  # fmt: skip
    return Told(module=values["module"], found_at=values["found_at"], finding=finding)
