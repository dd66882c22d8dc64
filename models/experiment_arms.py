"""Reads which ads could be the arms of a test: where they stand and whether they run."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from domain.ids import AccountId
from domain.objects import Status
from models.tables import ads


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """An ad that was named for a test."""

    id: str
    name: str
    ad_set_id: str
    status: Status


def named(conn: Connection, account_id: AccountId, ad_ids: Sequence[str]) -> tuple[Arm, ...]:
    """Return those of these ads that the mirror knows, ordered by id."""
    return _read(conn, account_id, ads.c.id == func.any(list(ad_ids)))


def active_of(conn: Connection, account_id: AccountId, ad_set_id: str) -> tuple[Arm, ...]:
    """Return the active ads of an ad set, ordered by id."""
    return _read(conn, account_id, ads.c.ad_set_id == ad_set_id, ads.c.status == Status.ACTIVE)


def _read(conn: Connection, account_id: AccountId, *where: object) -> tuple[Arm, ...]:
    columns = (ads.c.id, ads.c.name, ads.c.ad_set_id, ads.c.status)
    query = select(*columns).where(ads.c.account_id == account_id, *where).order_by(ads.c.id)  # type: ignore[arg-type] # clauses
    return tuple(
        Arm(id=row.id, name=row.name, ad_set_id=row.ad_set_id, status=Status(row.status)) for row in conn.execute(query)
    )
