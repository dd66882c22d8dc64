"""`stakazo secret`: tokens that lie sealed in Postgres; typed or piped in, never an argument, never shown."""

import sys
from typing import Annotated

import typer
from sqlalchemy import Connection

from cli.console import AsJson, ago, print_facts, print_json, print_table
from cli.session import actor, opened, reading, transaction
from domain import catalogue
from domain.actions import JsonMap
from domain.errors import BadInputError, StakazoError
from models import audit, secrets
from models.engine import db_now
from models.secrets import Listed, Place
from workers.settings import STORABLE, Settings
from workers.vault import Vault, hold, rotate

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as meta.access_token or meta.app_secret.")]
_LONGEST = 4096
_NAMES = tuple(f"{row.slug}.{one}" for row in catalogue.built_platforms() for one in STORABLE)


@app.command("set")
def set_(name: Name, as_json: AsJson = False) -> None:
    """Seal a secret away; it is asked for, or read from standard input. Used where the environment has none.

    Example: stakazo secret set meta.access_token
    """
    place = _place(name)
    with opened() as house:
        Vault.of(house.settings)  # fail before anybody types
        value = _value(name)
        with hold(house.settings), transaction(house) as conn:
            vault = Vault.of(house.settings)  # once more: while the person typed, somebody may have changed the key
            secrets.put(conn, place, vault.seal(place, value), set_by=actor())
            _note(conn, "secret.set", {"secret": name, "key": vault.key_id})
    if as_json:
        print_json({"secret": name, "key_id": vault.key_id})
        return
    print_facts(
        f"Sealed {name}", [("under key", vault.key_id), ("used", "within a minute, if the environment has none")]
    )


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the secrets that are sealed: names, keys and ages, never values.

    Example: stakazo secret list
    """
    with opened() as house, transaction(house) as conn:
        rows, now, known = secrets.listing(conn), db_now(conn), _keys(house.settings)
    if as_json:
        print_json({"secrets": [_document(row, known) for row in rows]})
        return
    print_table(
        "Sealed secrets",
        ("name", "account", "key", "opens here", "set", "by", "sealed"),
        [
            (_name(row.place), row.place.account, row.key_id, "yes" if row.key_id in known else "NO: key missing",
             ago(row.set_at, now), row.set_by, ago(row.sealed_at, now))
            for row in rows
        ],
        empty=f"none; `stakazo secret set {_NAMES[0]}` seals one",
    )  # fmt: skip


@app.command("rotate")
def rotate_(as_json: AsJson = False) -> None:
    """Seal every secret anew under a new key, in one transaction, while workers go on reading.

    With SECRET_KEY: set the new one, the old one as SECRET_KEY_PREVIOUS, restart, then rotate. On one machine without
    SECRET_KEY the key file gets a new key by itself. Example: stakazo secret rotate
    """

    def note(conn: Connection, vault: Vault, count: int) -> None:
        _note(conn, "secret.rotated", {"secrets": count, "key": vault.key_id})

    with opened() as house, reading():
        key_id, count = rotate(house.settings, house.engine, note)
    if as_json:
        print_json({"secrets": count, "key_id": key_id})
        return
    print_facts("Sealed anew", [("secrets", count), ("under key", key_id)])


@app.command("delete")
def delete(name: Name, as_json: AsJson = False) -> None:
    """Forget a sealed secret; processes may know it for half a minute more. Revoke the token at the platform too.

    Example: stakazo secret delete meta.access_token
    """
    with opened() as house, transaction(house) as conn:
        if not secrets.remove(conn, _place(name)):
            raise BadInputError(f"no secret {name} is sealed; `stakazo secret list` shows those that are")
        _note(conn, "secret.deleted", {"secret": name})
    if as_json:
        print_json({"secret": name, "deleted": True})
        return
    print_facts(f"Forgotten: {name}", [("now", "revoke it at the platform, too")])


def _place(name: str) -> Place:
    platform, _, own = name.partition(".")
    if name not in _NAMES:
        raise BadInputError(f'no secret is named "{name}"; there are: {", ".join(_NAMES)}')
    return Place(platform=platform, name=own)


def _name(place: Place) -> str:
    return f"{place.platform}.{place.name}"


def _value(name: str) -> str:
    """Ask a person without showing it, or read what was piped in."""
    text = typer.prompt(name, hide_input=True) if sys.stdin.isatty() else sys.stdin.read(_LONGEST + 1)
    value = str(text).strip()
    if not value or len(value) > _LONGEST or not value.isprintable():
        raise BadInputError(
            f"{name} wants one line of printable characters: type it when asked, or pipe it in on standard input"
        )
    return value


def _keys(settings: Settings) -> frozenset[str]:
    """The keys that are here; a key file that cannot be read opens nothing."""
    try:
        return frozenset(key.id for key in Vault.of(settings).keys)
    except StakazoError:
        return frozenset()


def _document(row: Listed, known: frozenset[str]) -> dict[str, object]:
    return {
        "secret": _name(row.place),
        "account": row.place.account,
        "key_id": row.key_id,
        "opens_here": row.key_id in known,
        "set_by": row.set_by,
        "set_at": row.set_at,
        "sealed_at": row.sealed_at,
    }


def _note(conn: Connection, event: str, detail: JsonMap) -> None:
    audit.note(conn, actor=actor(), event=event, detail=detail)
