"""The gate before every command: a matrix of who x verb over the real tree, against the written table (I-33)."""

from dataclasses import dataclass

import pytest
import typer

from cli import authority
from cli.authority import VERBS, commands_of
from cli.session import system_user
from cli.tree import build
from domain.errors import InvariantError, NotAllowedError
from domain.permissions import GRANTS, Permission, Role
from models import principals
from models.principals import hash_of

PATHS = sorted(path for path, _ in commands_of(authority.guarded(build())))
ME = f"os:{system_user()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Somebody:
    """Who types: a token, or the operating system's user; `role` is what the table holds for them."""

    token: str | None
    role: Role | None


EVERYBODY = {
    "viewer": Somebody(token="stk_viewer", role=Role.VIEWER),
    "manager": Somebody(token="stk_manager", role=Role.MANAGER),
    "admin": Somebody(token="stk_admin", role=Role.ADMIN),
    "disabled admin": Somebody(token="stk_disabled", role=None),
    "wrong token": Somebody(token="stk_guessed", role=None),
    "unknown user": Somebody(token=None, role=None),
}


@pytest.fixture
def entered(engine):
    with engine.begin() as conn:
        for role in Role:
            principals.add(conn, name=role.value, role=role, token_hash=hash_of(f"stk_{role}"), created_by="test")
        gone = principals.add(conn, name="gone", role=Role.ADMIN, token_hash=hash_of("stk_disabled"), created_by="test")
        principals.disable(conn, gone.id, disabled_by="test")


@pytest.fixture
def types(stakazo, database_url, monkeypatch):
    """Let somebody type from now on."""

    def become(who: Somebody) -> None:
        monkeypatch.setenv("DATABASE_URL", database_url)
        if who.token is None:
            monkeypatch.delenv("STAKAZO_TOKEN", raising=False)
        else:
            monkeypatch.setenv("STAKAZO_TOKEN", who.token)

    return become


def may_pass(path: str) -> bool:
    try:
        authority.check(path)
    except NotAllowedError:
        return False
    return True


def test_every_command_of_the_tree_has_a_line_and_every_line_a_command():
    assert sorted(VERBS) == PATHS


@pytest.mark.parametrize("who", EVERYBODY.values(), ids=EVERYBODY)
def test_the_matrix_of_people_and_commands_is_the_written_table(entered, types, who):
    types(who)
    granted = GRANTS[who.role] if who.role else frozenset()
    wanted = {path: VERBS[path] is None or VERBS[path] in granted for path in PATHS}
    assert {path: may_pass(path) for path in PATHS} == wanted


def test_a_command_without_a_line_is_refused(types, entered):
    types(EVERYBODY["admin"])
    with pytest.raises(InvariantError, match="declares no permission"):
        authority.check("account burn")


def test_the_gate_stands_before_the_body_of_every_command():
    """Built anew with bodies that would betray themselves."""
    ran = []
    burning = typer.Typer()
    burning.command("account burn")(lambda: ran.append("burnt"))
    burning.command("other")(lambda: None)
    with pytest.raises(InvariantError):
        authority.guarded(burning)(["account burn"], standalone_mode=False)
    assert ran == []


def test_a_refusal_names_who_what_and_who_grants_it(stakazo, database_url, entered):
    done = stakazo("user", "disable", "viewer", env={"DATABASE_URL": database_url, "STAKAZO_TOKEN": "stk_manager"})
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert "manager is a manager and may not `stakazo user disable`" in done.err
    assert f"it needs {Permission.MANAGE_USERS}, which admins have" in done.err
    assert "an admin (admin) grants it with `stakazo user role manager admin`" in done.err


def test_stopping_is_easy_and_resuming_is_hard():
    may = {role: GRANTS[role] for role in Role}
    assert VERBS["fence close"] in may[Role.MANAGER]
    assert VERBS["fence open"] not in may[Role.MANAGER]
    assert {VERBS["modules stop"], VERBS["fence close"]} == {Permission.STOP}


@pytest.mark.parametrize("words", ["doctor", "status"])
def test_what_tells_of_a_database_that_is_away_still_does(stakazo, words):
    done = stakazo(words, env={"DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/nothing"})
    assert done.code == 1
    assert "127.0.0.1" in done.out + done.err
    assert "may not" not in done.err


def test_everything_else_is_closed_while_nobody_can_be_looked_up(stakazo):
    done = stakazo("account", "list", env={"DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/nothing"})
    assert (done.code, done.out) == (1, "")
    assert "Postgres cannot be used" in done.err


def test_the_environment_cannot_say_that_one_is_somebody_else(on_database):
    document = on_database("user", "list", "--json", env={"LOGNAME": "root-of-old", "USER": "root-of-old"}).document
    assert document["you"] == ME
