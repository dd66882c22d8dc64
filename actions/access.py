"""Who may use the door: entering people, changing their roles and tokens, each with its line in the audit.

Runs in the caller's transaction. The last admin can be neither disabled nor demoted, or nobody could mend anything.
"""

import re
import secrets

from sqlalchemy import Connection

from domain.errors import BadInputError, NotAllowedError
from domain.permissions import Permission, Principal, Role, require
from models import audit, principals
from models.principals import Person

SYSTEM = "os:"  # before the name of an operating system's user; no other name has a colon
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$")
_TOKEN_BYTES = 32
_TOKEN_MARK = "stk_"  # noqa: S105 - not a token: it lets one be recognised where it should not be


def enter(conn: Connection, *, token: str | None, system_user: str) -> Principal:
    """Say who asks: whose token it is, or without one, the operating system's user.

    Into an empty table the system's user enters as admin: on one machine nobody else could have come so far.

    Raises:
        NotAllowedError: nobody of that token or name is entered, or was disabled.
    """
    if token is not None:
        found = principals.by_token(conn, token)
        if found is None:
            raise NotAllowedError(
                "STAKAZO_TOKEN is nobody's token, or was replaced; an admin makes one with `stakazo user token NAME`"
            )
        return _enabled(conn, found)
    return _enabled(conn, _of_system(conn, system_user))


def ask_an_admin(conn: Connection) -> str:
    """Such as "an admin (os:alice, bob)": whom to ask."""
    names = [row.name for row in principals.listing(conn) if row.role is Role.ADMIN and row.disabled_at is None]
    return f"an admin ({', '.join(names[:5])})"


def add(
    conn: Connection, by: Principal, *, name: str, role: Role, is_system_user: bool = False
) -> tuple[Person, str | None]:
    """Enter somebody; return them with their token, which is seen this once only. A system's user has none.

    Raises:
        NotAllowedError: `by` may not manage users.
        BadInputError: the name cannot be used, or is taken.
    """
    require(by, Permission.MANAGE_USERS)
    if not _NAME.match(name):
        raise BadInputError(f'"{name}" is no name; use letters, digits and . _ @ - (at most 63)')
    full = f"{SYSTEM}{name}" if is_system_user else name
    if principals.by_name(conn, full) is not None:
        raise BadInputError(f"{full} is entered already; `stakazo user list` shows them")
    token = None if is_system_user else _new_token()
    token_hash = None if token is None else principals.hash_of(token)
    person = principals.add(conn, name=full, role=role, token_hash=token_hash, created_by=by.name)
    audit.note(conn, actor=by.name, event="user.added", detail={"name": full, "role": role})
    return person, token


def change_role(conn: Connection, by: Principal, name: str, role: Role) -> Person:
    """Give somebody another role; it counts from their next command on.

    Raises:
        NotAllowedError: `by` may not manage users, or it is the last admin.
        BadInputError: nobody has that name.
    """
    require(by, Permission.MANAGE_USERS)
    admins = principals.hold_admins(conn)
    person = _named(conn, name)
    if role is not Role.ADMIN and admins == {person.id}:
        raise _last_admin(person)
    after = principals.set_role(conn, person.id, role)
    audit.note(conn, actor=by.name, event="user.role", detail={"name": name, "before": person.role, "after": role})
    return after


def disable(conn: Connection, by: Principal, name: str) -> Person:
    """Let somebody do nothing from now on; approvals that they gave and nobody has used are void.

    Raises:
        NotAllowedError: `by` may not manage users, or it is the last admin.
        BadInputError: nobody has that name.
    """
    require(by, Permission.MANAGE_USERS)
    admins = principals.hold_admins(conn)
    person = _named(conn, name)
    if person.disabled_at is not None:
        return person
    if admins == {person.id}:
        raise _last_admin(person)
    after = principals.disable(conn, person.id, disabled_by=by.name)
    audit.note(conn, actor=by.name, event="user.disabled", detail={"name": name})
    return after


def enable(conn: Connection, by: Principal, name: str) -> Person:
    """Let somebody who was disabled go on, in the role that they had.

    Raises:
        NotAllowedError: `by` may not manage users.
        BadInputError: nobody has that name.
    """
    require(by, Permission.MANAGE_USERS)
    person = _named(conn, name)
    if person.disabled_at is None:
        return person
    after = principals.enable(conn, person.id)
    audit.note(conn, actor=by.name, event="user.enabled", detail={"name": name, "role": after.role})
    return after


def renew_token(conn: Connection, by: Principal, name: str) -> tuple[Person, str]:
    """Give somebody a new token, seen this once only; the one before is worth nothing from now on.

    Raises:
        NotAllowedError: `by` may not manage users.
        BadInputError: nobody has that name, or it is a system's user, who needs no token.
    """
    require(by, Permission.MANAGE_USERS)
    person = _named(conn, name)
    if name.startswith(SYSTEM):
        raise BadInputError(f"{name} is known by the operating system and has no token; enter a name without --os")
    token = _new_token()
    after = principals.set_token(conn, person.id, principals.hash_of(token))
    audit.note(conn, actor=by.name, event="user.token", detail={"name": name})
    return after, token


def _of_system(conn: Connection, system_user: str) -> Person:
    name = f"{SYSTEM}{system_user}"
    found = principals.by_name(conn, name)
    if found is not None:
        return found
    first = principals.enter_first(conn, name)
    if first is not None:
        audit.note(conn, actor=name, event="user.first_entry", detail={"name": name, "role": first.role})
        return first
    found = principals.by_name(conn, name)  # once more: another command of theirs may have entered them just now
    if found is None:
        raise NotAllowedError(
            f"{name} is not entered and may do nothing; {ask_an_admin(conn)} enters them with"
            f" `stakazo user add {system_user} --os --role viewer`"
        )
    return found


def _named(conn: Connection, name: str) -> Person:
    person = principals.by_name(conn, name)
    if person is None:
        raise BadInputError(f'nobody is called "{name}"; `stakazo user list` shows who is entered')
    return person


def _enabled(conn: Connection, person: Person) -> Principal:
    if person.disabled_at is not None:
        raise NotAllowedError(
            f"{person.name} was disabled by {person.disabled_by} and may do nothing; {ask_an_admin(conn)} lets them go"
            f" on with `stakazo user enable {person.name}`"
        )
    return Principal(id=person.id, name=person.name, role=person.role)


def _last_admin(person: Person) -> NotAllowedError:
    return NotAllowedError(
        f"{person.name} is the last admin: nobody could manage users any more; make somebody else one first"
        " (`stakazo user role NAME admin`)"
    )


def _new_token() -> str:
    return _TOKEN_MARK + secrets.token_urlsafe(_TOKEN_BYTES)
