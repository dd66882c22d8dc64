"""`stakazo secret` as people use it: nothing that is typed is ever shown."""

import io

import pytest
from sqlalchemy import text

TOKEN = "EAACanaryTyped0123456789abcdef"


class Piped(io.StringIO):
    def isatty(self) -> bool:
        return False


@pytest.fixture
def secret(on_database, monkeypatch):
    """Run `stakazo secret ...` with something piped in."""

    def run(*words, typed="", **env):
        monkeypatch.setattr("sys.stdin", Piped(typed))
        return on_database("secret", *words, env=env)

    return run


def test_a_token_is_sealed_listed_rotated_and_deleted_without_being_shown(secret, engine) -> None:
    told = [
        secret("set", "meta.access_token", typed=f"{TOKEN}\n"),
        secret("list"),
        secret("rotate", "--json"),
        secret("list", "--json"),
        secret("delete", "meta.access_token"),
    ]
    assert [done.code for done in told] == [0] * 5
    assert "meta.access_token" in told[1].out
    assert told[2].document["secrets"] == 1
    (row,) = told[3].document["secrets"]
    assert row["opens_here"] is True
    assert row["key_id"] == told[2].document["key_id"] != ""
    assert not any(TOKEN in done.out + done.err for done in told)
    assert "none;" in secret("list").out
    with engine.begin() as conn:
        events = list(conn.execute(text("SELECT event FROM audit WHERE event LIKE 'secret.%' ORDER BY seq")).scalars())
        everything = "".join(conn.execute(text("SELECT audit::text FROM audit")).scalars())
    assert events == ["secret.set", "secret.rotated", "secret.deleted"]
    assert TOKEN not in everything


def test_the_list_says_which_secret_does_not_open_here(secret) -> None:
    secret("set", "meta.access_token", typed=TOKEN, SECRET_KEY="the key of yesterday")
    assert "NO: key missing" in secret("list", SECRET_KEY="the key of tomorrow").out
    refused = secret("rotate", SECRET_KEY="the key of tomorrow")
    assert refused.code == 1
    assert "SECRET_KEY_PREVIOUS" in refused.err
    keys = {"SECRET_KEY": "the key of tomorrow", "SECRET_KEY_PREVIOUS": "the key of yesterday"}
    assert secret("rotate", **keys).code == 0
    assert "yes" in secret("list", SECRET_KEY="the key of tomorrow").out


def test_an_unknown_name_is_refused_with_the_names_there_are(secret) -> None:
    done = secret("set", "meta.password", typed=TOKEN)
    assert done.code == 2
    assert "meta.access_token, meta.app_secret" in done.err


@pytest.mark.parametrize("typed", ["", "  \n", "two\nlines", "x" * 5000, "a\x00b"])
def test_what_can_be_no_token_is_refused(secret, typed) -> None:
    done = secret("set", "meta.access_token", typed=typed)
    assert done.code == 2
    assert "one line of printable characters" in done.err


def test_a_secret_that_is_not_there_cannot_be_deleted(secret) -> None:
    assert secret("delete", "meta.access_token").code == 2
