"""What every command opens: the house on the environment's settings, and transactions whose failures read as words."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Final

import typer
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError

from actions import access
from domain.errors import BadInputError, NotReadyError
from domain.permissions import Principal
from models import accounts
from models.accounts import Account
from workers.bootstrap import House
from workers.settings import read_settings

AccountChoice = Annotated[
    str | None,
    typer.Option(
        "--account",
        "-a",
        metavar="ID",
        help="Our id of an account, or the platform's (act_...); may be left out where there is one only.",
    ),
]
AccountFilter = Annotated[
    str | None,
    typer.Option(
        "--account", "-a", metavar="ID", help="Our id of an account, or the platform's (act_...); left out: all."
    ),
]
_acting: ContextVar[str | None] = ContextVar("acting", default=None)
_UNDEFINED: Final = frozenset({"42P01", "42703", "3F000"})  # table, column, schema: migrations are missing


@contextmanager
def opened(name: str = "stakazo-cli") -> Iterator[House]:
    """Open the house on the environment.

    Raises:
        SettingsError: the environment has problems; all are listed.
    """
    with House.open(name=name) as house:
        yield house


@contextmanager
def transaction(house: House) -> Iterator[Connection]:
    """Open a transaction on Postgres.

    Raises:
        NotReadyError: Postgres does not answer, or has not the tables that this version knows.
    """
    with reading(), house.engine.begin() as conn:
        yield conn


@contextmanager
def reading() -> Iterator[None]:
    """Put the failures of Postgres in words, where a room below opens the transaction.

    Raises:
        NotReadyError: Postgres does not answer, or has not the tables that this version knows.
        BadInputError: a value that was typed is too large for its column.
    """
    try:
        yield
    except DataError as error:
        raise BadInputError(f"that cannot be kept: {_first_line(error)}") from None
    except DBAPIError as error:
        words = _in_words(error)
        if words is None:
            raise
        raise NotReadyError(words) from None


def choose_account(conn: Connection, text: str | None) -> Account:
    """Find the account that a person named by our id or the platform's; without a name, the only one.

    Raises:
        BadInputError: there is none of that id, or several to choose from; the message lists them.
        NotReadyError: no account is open.
    """
    people = accounts.listing(conn)
    if not people:
        raise NotReadyError("no account is open; `stakazo up` opens those of the sandbox")
    found = people if text is None else tuple(row for row in people if _is_named(row, text))
    if len(found) == 1:
        return found[0]
    choices = "\n".join(f"  {row.id}  {row.platform_account_id}  {row.mode}  {row.name}" for row in found or people)
    if not found:
        raise BadInputError(f'no account "{text}"; there are:\n{choices}')
    raise BadInputError(f"several accounts fit; name one with --account:\n{choices}")


def chosen_or_all(conn: Connection, text: str | None) -> Account | None:
    """Find the account that a person named, None where they named none: then all are meant."""
    return None if text is None else choose_account(conn, text)


def principal(conn: Connection) -> Principal:
    """Who types, as they are entered now: STAKAZO_TOKEN in the environment says so, else the operating system.

    Raises:
        NotAllowedError: nobody knows them, or they were disabled.
    """
    token = read_settings().common.stakazo_token
    found = access.enter(conn, token=None if token is None else token.get_secret_value(), system_user=system_user())
    _acting.set(found.name)
    return found


def actor() -> str:
    """Who types, for the records: the principal's name, once the gate has let them through."""
    return _acting.get() or f"{access.SYSTEM}{system_user()}"


def forget_actor() -> None:
    """A command begins, and nobody has said yet who types."""
    _acting.set(None)


def system_user() -> str:
    """The user that this process runs as; the environment, which anybody may set, is not asked."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        return f"uid-{os.getuid()}"


def _is_named(account: Account, text: str) -> bool:
    wanted = text.strip()
    return wanted in {str(account.id), account.platform_account_id, f"act_{account.platform_account_id}"} or (
        f"act_{wanted}" == account.platform_account_id
    )


def _in_words(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    if state in _UNDEFINED:
        return (
            "the database lacks tables of this version; `stakazo up` migrates it, `stakazo doctor` says how far it is"
        )
    is_away = error.connection_invalidated or state is None or str(state).startswith(("08", "57P", "28", "3D"))
    if not is_away:
        return None
    return f"Postgres cannot be used ({_first_line(error)}); start it with `stakazo up`, or correct DATABASE_URL"


def _first_line(error: DBAPIError) -> str:
    return (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0]
