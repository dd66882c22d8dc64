"""Who is entered and what a role change does: `stakazo user`, as people type it."""

import pytest

from cli.session import system_user

ME = f"os:{system_user()}"


@pytest.fixture
def by_ana(on_database):
    """`stakazo` as ana, entered by the first admin in a role; returns the one who types as her."""

    def enter(role: str):
        token = on_database("user", "add", "ana", "--role", role, "--json").document["token"]
        return lambda *words, env=None: on_database(*words, env={"STAKAZO_TOKEN": token, **(env or {})})

    return enter


def test_the_first_to_come_to_an_empty_house_is_its_admin(on_database):
    users = on_database("user", "list", "--json").document
    assert users["you"] == ME
    assert [(row["name"], row["role"], row["has_token"]) for row in users["users"]] == [(ME, "admin", False)]


def test_a_token_is_shown_once_and_then_known_by_its_hash_only(on_database, engine):
    done = on_database("user", "add", "ana", "--role", "manager")
    token = done.out.strip()
    assert token.startswith("stk_")
    assert len(token) > 43
    with engine.begin() as conn:
        kept = " ".join(
            str(row) for table in ("principals", "audit") for row in conn.exec_driver_sql(f"SELECT * FROM {table}")
        )
    assert token not in kept
    assert "ana" in kept


def test_whoever_holds_the_token_types_under_its_name(by_ana):
    assert by_ana("viewer")("user", "list", "--json").document["you"] == "ana"


def test_a_new_token_ends_the_old_one(by_ana, on_database):
    as_ana = by_ana("viewer")
    on_database("user", "token", "ana")
    done = as_ana("user", "list")
    assert done.code == 1
    assert "STAKAZO_TOKEN is nobody's token" in done.err


def test_a_wrong_token_is_not_made_up_for_by_the_operating_system(on_database):
    on_database("user", "list")
    done = on_database("user", "list", env={"STAKAZO_TOKEN": "stk_guessed"})
    assert (done.code, done.out) == (1, "")


def test_a_role_counts_from_the_next_command_on(by_ana, on_database):
    as_ana = by_ana("viewer")
    assert as_ana("user", "add", "bob", "--role", "viewer").code == 1
    on_database("user", "role", "ana", "admin")
    assert as_ana("user", "add", "bob", "--role", "viewer").code == 0


def test_who_is_disabled_may_nothing_until_enabled(by_ana, on_database):
    as_ana = by_ana("manager")
    on_database("user", "disable", "ana")
    assert "ana was disabled by" in as_ana("user", "list").err
    on_database("user", "enable", "ana")
    assert as_ana("user", "list").code == 0


@pytest.mark.parametrize("words", [("disable", ME), ("role", ME, "manager")])
def test_the_last_admin_stays(on_database, words):
    on_database("user", "list")
    done = on_database("user", *words)
    assert done.code == 1
    assert "is the last admin" in done.err
    on_database("user", "add", "ana", "--role", "admin")
    assert on_database("user", *words).code == 0


def test_a_second_user_of_the_machine_is_nobody_until_entered(on_database, engine):
    """The table has an admin, who is not whoever types."""
    with engine.begin() as conn:
        conn.exec_driver_sql("INSERT INTO principals (name, role, created_by) VALUES ('os:root-of-old', 'admin', 'x')")
    done = on_database("account", "list")
    assert done.code == 1
    assert f"{ME} is not entered" in done.err
    assert "an admin (os:root-of-old)" in done.err


@pytest.mark.parametrize("name", ["os:ana", "", "a b", "-x", "x" * 64])
def test_a_name_that_could_be_taken_for_another_is_refused(on_database, name):
    assert on_database("user", "add", "--role", "viewer", "--", name).code == 2


def test_every_change_of_a_person_is_in_the_audit(by_ana, on_database, engine):
    by_ana("viewer")
    on_database("user", "role", "ana", "manager")
    on_database("user", "disable", "ana")
    with engine.begin() as conn:
        rows = conn.exec_driver_sql("SELECT actor, event FROM audit WHERE event LIKE 'user.%%' ORDER BY seq").all()
    wanted = ["user.first_entry", "user.added", "user.role", "user.disabled"]
    assert [tuple(row) for row in rows] == [(ME, event) for event in wanted]
