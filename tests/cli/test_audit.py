"""`stakazo audit`: what was done and by whom, handed out, and checked for hands that were laid on it."""

import json
from hashlib import sha256

import pytest
from sqlalchemy import text

from models import audit
from models.engine import make_engine


@pytest.fixture
def told(engine, filled):
    with engine.begin() as conn:
        audit.note(conn, actor="os:ana", event="fence.closed", detail={"reason": "a \x1b[2Jspike"})
        audit.note(conn, actor="os:leo", event="fence.opened")


@pytest.fixture
def tamper(told, owner_database_url):
    """What a superuser can do: triggers off, then anything."""
    owner = make_engine(owner_database_url)

    def run(statement):
        with owner.begin() as conn:
            conn.execute(text("SET LOCAL session_replication_role = replica"))
            conn.execute(text(statement))

    yield run
    owner.dispose()


def test_what_was_done_is_shown_the_newest_first(on_database, told):
    rows = on_database("audit", "show", "--limit", "1000", "--json").document["audit"]
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    assert {"account.opened", "proposed", "judged", "fence.closed"} <= {row["event"] for row in rows}
    done = on_database("audit", "show", "--event", "fence")
    assert (done.code, done.out.count("fence.")) == (0, 2)
    assert "house" in done.out
    assert "\x1b" not in done.out


def test_it_can_be_narrowed_to_an_account_a_person_and_a_number(on_database, told):
    events = [row["event"] for row in on_database("audit", "show", "--actor", "os:leo", "--json").document["audit"]]
    assert events == ["fence.opened"]
    of_one = on_database("audit", "show", "--account", "act_1001", "--json").document["audit"]
    assert of_one
    assert all(row["chain"] != 0 for row in of_one)
    assert len(on_database("audit", "show", "--limit", "2", "--json").document["audit"]) == 2
    assert "nothing of that kind" in on_database("audit", "show", "--actor", "nobody").out


def test_a_whole_audit_verifies_and_says_what_that_does_not_show(on_database, told):
    done = on_database("audit", "verify")
    assert (done.code, "are whole" in done.out) == (0, True)
    assert "no heads kept elsewhere" in done.err
    document = on_database("audit", "verify", "--json").document
    assert (document["ok"], document["is_guarded"], document["verified"]["problems"]) == (True, True, [])


def test_a_row_that_was_changed_is_named_and_the_exit_code_says_so(on_database, tamper):
    tamper("UPDATE audit SET actor = 'os:eve' WHERE event = 'fence.closed'")
    done = on_database("audit", "verify", "--json")
    assert (done.code, done.document["ok"]) == (1, False)
    (problem,) = done.document["verified"]["problems"]
    assert problem["chain"] == 0
    assert "was changed" in problem["words"]
    assert "was changed" in on_database("audit", "verify").out


def test_heads_kept_elsewhere_find_a_chain_that_was_cut_together_with_its_head(on_database, tamper, tmp_path):
    heads = tmp_path / "heads.json"
    heads.write_text(on_database("audit", "export", "--heads").out)
    assert on_database("audit", "verify", "--head", str(heads)).code == 0
    tamper("DELETE FROM audit WHERE chain = 0")
    tamper("DELETE FROM audit_heads WHERE chain = 0")
    assert on_database("audit", "verify").code == 0
    done = on_database("audit", "verify", "--head", str(heads))
    assert (done.code, "the whole chain is gone" in done.out) == (1, True)


def test_an_export_is_a_row_a_line_and_can_be_checked_without_us(on_database, told):
    rows = [json.loads(line) for line in on_database("audit", "export").out.splitlines()]
    assert len(rows) == len(on_database("audit", "show", "--limit", "1000", "--json").document["audit"])
    for row in rows:
        assert sha256(bytes.fromhex(row["prev_hash"]) + row["hashed"].encode()).hexdigest() == row["hash"]
    last = max(row["at"] for row in rows)
    assert len(on_database("audit", "export", "--since", last).out.splitlines()) == 1
    assert len(on_database("audit", "export", "--until", last).out.splitlines()) == len(rows) - 1
    assert on_database("audit", "export", "--until", "2020-01-01").out == ""


@pytest.mark.parametrize(
    ("words", "told_what"),
    [
        (("export", "--since", "yesterday"), "is no instant; write it like"),
        (("verify", "--head", "HEADS"), "is no file of heads; `stakazo audit export --heads` writes one"),
        (("verify", "--head", "/nowhere/heads.json"), "cannot be read"),
        (("show", "--account", "act_9"), 'no account "act_9"'),
        (("show", "--limit", "0"), "limit"),
    ],
)
def test_what_cannot_be_done_says_why(on_database, told, tmp_path, words, told_what):
    (tmp_path / "heads").write_text('{"heads": 5}')
    typed = [str(tmp_path / "heads") if word == "HEADS" else word for word in words]
    done = on_database("audit", *typed)
    assert done.code in {1, 2}
    assert told_what in done.err


def test_nothing_is_dropped_that_is_young(on_database, told):
    done = on_database("audit", "retain", "--json")
    assert (done.code, done.document) == (0, {"dropped": []})


def test_setting_an_account_is_told_under_the_name_of_who_typed(on_database, filled):
    assert on_database("account", "set", "act_1001", "--paused").code == 0
    (row,) = on_database("audit", "show", "--event", "account.changed", "--json").document["audit"]
    assert row["detail"] == {"before": {"is_paused": False}, "after": {"is_paused": True}}
    assert row["actor"] not in {"", "stakazo"}
