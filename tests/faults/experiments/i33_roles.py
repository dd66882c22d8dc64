"""I-33: who may call what equals the written table, over the real tree of commands; a new command is nobody's."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import typer
from sqlalchemy import Connection, update

from cli import authority
from cli.authority import VERBS, Gate, commands_of, guarded
from cli.tree import build
from domain.errors import StakazoError
from domain.permissions import GRANTS, Permission, Role
from models import principals
from models.engine import make_engine
from models.principals import hash_of
from models.tables import principals as rows
from tests.faults.guarantee import Guarantee, Outcome, Place

_NEW = "a-command-nobody-declared"
_PEOPLE: dict[str, Role | None] = {  # the first ones are tried in the short form too
    "viewer": Role.VIEWER, "manager": Role.MANAGER, "disabled": None, "guessed": None,
    "admin": Role.ADMIN, "replaced": None, "": None,
}  # fmt: skip
_ROTATED = {Role.VIEWER: Role.ADMIN, Role.MANAGER: Role.VIEWER, Role.ADMIN: Role.MANAGER}


def _enter(conn: Connection) -> None:
    for role in Role:
        principals.add(conn, name=role.value, role=role, token_hash=hash_of(role.value), created_by="i33")
    for name in ("disabled", "replaced"):
        one = principals.add(conn, name=name, role=Role.ADMIN, token_hash=hash_of(name), created_by="i33")
        if name == "disabled":
            principals.disable(conn, one.id, disabled_by="i33")
        else:
            principals.set_token(conn, one.id, hash_of("another"))


@contextmanager
def _environment(url: str) -> Iterator[None]:
    kept = dict(os.environ)
    os.environ["DATABASE_URL"] = url
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _tree(gate: Gate, ran: list[str]) -> Any:
    """The real tree, with a command that nobody declared; bodies and options are replaced by a note that they ran."""
    tree = typer.Typer()
    app = build()
    tree.info, tree.registered_callback = app.info, app.registered_callback
    tree.registered_groups = list(app.registered_groups)
    tree.registered_commands = list(app.registered_commands)
    tree.command(_NEW)(lambda: None)
    root = guarded(tree, gate)
    for path, command in commands_of(root):
        if getattr(command, "commands", None) is None:
            command.params = []
        command.callback = lambda path=path, **_: ran.append(path)
    return root


def _passes(root: Any, ran: list[str], path: str) -> bool:
    ran.clear()
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            root(path.split(), standalone_mode=False)
        except StakazoError:
            return path in ran
    return path in ran


def _cells(gate: Gate, held: dict[str, Role | None], violations: list[str]) -> int:
    ran: list[str] = []
    root = _tree(gate, ran)
    paths = [path for path, _ in commands_of(root)]
    for person, role in held.items():
        os.environ["STAKAZO_TOKEN"] = person
        granted = frozenset[Permission]() if role is None else GRANTS[role]
        for path in paths:
            needed = VERBS.get(path)
            wanted = path in VERBS and (needed is None or needed in granted)
            if _passes(root, ran, path) != wanted:
                violations.append(f"{person or 'nobody'} {'is kept from' if wanted else 'gets at'} `{path}`")
    return len(paths) * len(held)


def _run(place: Place, people: int, gate: Gate) -> Outcome:
    url, violations = place.database_url(), list[str]()
    engine = make_engine(url, pool_size=1)
    try:
        with _environment(url):
            with engine.begin() as conn:
                _enter(conn)
            chosen = dict(list(_PEOPLE.items())[:people])
            cells = _cells(gate, chosen, violations)
            with engine.begin() as conn:  # everybody gets another role: it counts at once
                for before, after in _ROTATED.items():
                    conn.execute(update(rows).where(rows.c.name == before.value).values(role=after))
            rotated = {name: _ROTATED[role] for name, role in chosen.items() if role is not None}
            cells += _cells(gate, rotated, violations)
    finally:
        engine.dispose()
    return Outcome(trials=cells, violations=tuple(violations), figures={"enumerated": "yes", "verbs": len(VERBS)})


def _open_by_default(path: str) -> None:
    """Weaker: what has no line is anybody's."""
    if path in VERBS:
        authority.check(path)


def _remembering() -> Gate:
    """Weaker: who got through once gets through again, whatever became of their role."""
    let_through: set[tuple[str, str]] = set()

    def gate(path: str) -> None:
        key = (os.environ["STAKAZO_TOKEN"], path)
        if key not in let_through:
            authority.check(path)
            let_through.add(key)

    return gate


GUARANTEE = Guarantee(
    id="I-33",
    statement=(
        "Whoever calls a command may do so by the written table of permissions and roles, as they stand at that"
        " instant; a command without a line is nobody's."
    ),
    enforced_at="cli/authority.py: check, before every command's body",
    refuted_by=(
        "every command of the built tree x viewer, manager, admin, disabled, replaced token, guessed token, unknown"
        " user; again after everybody's role was changed"
    ),
    short=4,
    full=len(_PEOPLE),
    experiment=lambda place, trials: _run(place, trials, authority.check),
    weaker={
        "open by default": lambda place, trials: _run(place, trials, _open_by_default),
        "roles remembered": lambda place, trials: _run(place, trials, _remembering()),
    },
    judge="whether the command's body ran",
    not_promised="a person with both a token and a user of the machine is two people to us",
)
