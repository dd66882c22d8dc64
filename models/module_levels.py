"""The store of levels per module and account; a module without a row goes as far as its account."""

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from domain.actions import Level
from domain.ids import AccountId
from models.tables import module_levels


def of(conn: Connection, account_id: AccountId, module: str | None) -> Level | None:
    """Read the level that a person set for a module on an account, None where nobody did."""
    if module is None:
        return None
    query = select(module_levels.c.level).where(
        module_levels.c.account_id == account_id, module_levels.c.module == module
    )
    found = conn.execute(query).scalar_one_or_none()
    return None if found is None else Level(found)


def listing(conn: Connection, account_id: AccountId) -> dict[str, Level]:
    """Read every level that was set on an account, by module."""
    rows = conn.execute(select(module_levels).where(module_levels.c.account_id == account_id))
    return {row.module: Level(row.level) for row in rows}


def put(conn: Connection, account_id: AccountId, module: str, level: Level | None, *, set_by: str) -> None:
    """Set a module's level, or take it away (None): then the account's holds."""
    if level is None:
        conn.execute(
            delete(module_levels).where(module_levels.c.account_id == account_id, module_levels.c.module == module)
        )
        return
    row = insert(module_levels).values(account_id=account_id, module=module, level=level, set_by=set_by)
    changed = {name: row.excluded[name] for name in ("level", "set_by", "set_at")}
    conn.execute(row.on_conflict_do_update(index_elements=["account_id", "module"], set_=changed))
