"""`stakazo user`: who may use this house, in which role, and their tokens."""

from typing import Annotated

import typer

from actions import access
from cli.console import AsJson, ago, out, print_json, print_table, say
from cli.session import opened, principal, transaction
from domain.permissions import GRANTS, Role
from models import principals
from models.engine import db_now
from models.principals import Person

app = typer.Typer(no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="As `stakazo user list` shows it: ana, os:ana.")]
_Role = Annotated[
    Role, typer.Option("--role", help="viewer reads; manager also approves and stops; admin also resumes.")
]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List who is entered, in which role, and how each is known.

    Example: stakazo user list
    """
    with opened() as house, transaction(house) as conn:
        me, rows, now = principal(conn), principals.listing(conn), db_now(conn)
    if as_json:
        print_json({"you": me.name, "users": rows})
        return
    print_table(
        "Users",
        ("name", "role", "known by", "entered", "by", "disabled"),
        [
            (
                f"{row.name} (you)" if row.id == me.id else row.name,
                *(row.role, "a token" if row.has_token else "the operating system"),
                *(ago(row.created_at, now), row.created_by),
                f"{ago(row.disabled_at, now)} by {row.disabled_by}" if row.disabled_at else "",
            )
            for row in rows
        ],
        empty="nobody",
    )


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and . _ @ -")],
    role: _Role,
    is_system_user: Annotated[
        bool, typer.Option("--os", help="A user of this machine's operating system, known without a token.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Enter somebody. Their token is shown this once only; they set it as STAKAZO_TOKEN.

    Example: stakazo user add ana --role manager
    """
    with opened() as house, transaction(house) as conn:
        person, token = access.add(conn, principal(conn), name=name, role=role, is_system_user=is_system_user)
    _tell(person, token, f"{person.name} is entered as {role}", as_json=as_json)


@app.command("role")
def role_(
    name: _Name,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help=f"One of {', '.join(Role)}.")],
    as_json: AsJson = False,
) -> None:
    """Give somebody another role; it counts from their next command on.

    Example: stakazo user role ana viewer
    """
    with opened() as house, transaction(house) as conn:
        person = access.change_role(conn, principal(conn), name, role)
    _tell(person, None, f"{person.name} is {role} now: {', '.join(sorted(GRANTS[role]))}", as_json=as_json)


@app.command("disable")
def disable(name: _Name, as_json: AsJson = False) -> None:
    """Let somebody do nothing any more, at once; what they approved and nobody has sent is void.

    Example: stakazo user disable ana
    """
    with opened() as house, transaction(house) as conn:
        person = access.disable(conn, principal(conn), name)
    _tell(person, None, f"{person.name} may do nothing any more", as_json=as_json)


@app.command("enable")
def enable(name: _Name, as_json: AsJson = False) -> None:
    """Let somebody who was disabled go on, in the role that they had.

    Example: stakazo user enable ana
    """
    with opened() as house, transaction(house) as conn:
        person = access.enable(conn, principal(conn), name)
    _tell(person, None, f"{person.name} goes on as {person.role}", as_json=as_json)


@app.command("token")
def token_(name: _Name, as_json: AsJson = False) -> None:
    """Give somebody a new token, shown this once only; the one before is worth nothing from now on.

    Example: stakazo user token ana
    """
    with opened() as house, transaction(house) as conn:
        person, token = access.renew_token(conn, principal(conn), name)
    _tell(person, token, f"{person.name} has a new token", as_json=as_json)


def _tell(person: Person, token: str | None, words: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"user": person} | ({} if token is None else {"token": token}))
        return
    say(words)
    if token is not None:
        say("their token, shown this once only; they set it as STAKAZO_TOKEN in their environment:")
        out.print(token, markup=False, highlight=False, soft_wrap=True)
