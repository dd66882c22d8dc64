"""How far accounts and modules may go: levels, caps and policies, changed by whoever may, each with its audit line."""

from sqlalchemy import Connection

from domain.actions import Json, JsonMap, Level
from domain.ids import AccountId
from domain.permissions import Permission, Principal, require
from models import accounts, audit, module_levels, policies
from models.accounts import Account
from models.policies import SetPolicy


def set_level(
    conn: Connection, by: Principal, account_id: AccountId, level: Level | None, *, module: str | None = None
) -> None:
    """Set the level of an account, or of a module on it; None takes a module's own away. Counts at the next send.

    Raises:
        NotAllowedError: `by` may not set limits.
    """
    require(by, Permission.SET_LIMITS)
    if module is not None:
        before = module_levels.of(conn, account_id, module)
        module_levels.put(conn, account_id, module, level, set_by=by.name)
        detail: dict[str, Json] = {"module": module, "before": before, "after": level}
        audit.note(conn, actor=by.name, event="level.set", account_id=account_id, detail=detail)
    elif level is None:
        raise ValueError("an account always has a level")
    else:
        accounts.change(conn, account_id, actor=by.name, level=level)


def change_account(conn: Connection, by: Principal, before: Account, **fields: object) -> Account:
    """Change caps, goals and switches of an account; the store tells the audit.

    Raises:
        NotAllowedError: `by` may not set limits.
    """
    require(by, Permission.SET_LIMITS)
    return accounts.change(conn, before.id, actor=by.name, **fields)


def save_policy(conn: Connection, by: Principal, account_id: AccountId, name: str, body: JsonMap) -> SetPolicy:
    """Set the thresholds of an account's rules; the store tells the audit.

    Raises:
        NotAllowedError: `by` may not set limits.
    """
    require(by, Permission.SET_LIMITS)
    return policies.save(conn, account_id, name, body, by.name)
