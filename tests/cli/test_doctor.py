"""`stakazo doctor`: each line ok, warn or fail, with what to do; exit 0, 1 or 2."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from embedded.runtime import FILE_NAME
from models import heartbeats, secrets, tables
from models.heartbeats import ProcessKind
from models.secrets import Box, Place


def test_on_nothing_it_fails_and_says_the_ways_out(stakazo):
    done = stakazo("doctor")
    assert done.code == 1
    assert "fail postgres" in done.out
    assert "DATABASE_URL" in done.out
    assert "stakazo up" in done.out
    assert "warn migrations: not looked at: postgres comes first" in done.out


def test_wrong_settings_are_its_first_findings(stakazo):
    done = stakazo("doctor", "--json", env={"LOG_LEVEL": "loud", "MAX_TOTAL_DAILY_SPEND": "5"})
    assert done.code == 2
    assert {finding["grade"] for finding in done.document["findings"]} == {"fail"}
    assert len(done.document["findings"]) == 2


def test_given_servers_are_well_and_what_does_not_run_is_named(on_database, redis_url, filled):
    done = on_database("doctor", "--json", env={"REDIS_URL": redis_url})
    grades = _grades(done.document)
    assert done.code == 1
    well = ("settings", "postgres", "migrations", "clock skew", "redis", "disk space")
    assert {grades[name] for name in well} == {"ok"}
    assert {grades[name] for name in ("workers", "tower", "platform's clock")} == {"fail"}
    assert all(finding["advice"] for finding in done.document["findings"] if finding["grade"] == "fail")


def test_pending_migrations_fail(stakazo, empty_database_url):
    done = stakazo("doctor", "--json", env={"DATABASE_URL": empty_database_url})
    assert _grades(done.document)["migrations"] == "fail"


def test_an_account_that_acts_without_a_cap_is_warned_of_until_it_has_one(on_database, filled):
    assert _grades(on_database("doctor", "--json").document)["accounts"] == "warn"
    on_database("account", "set", "1", "--max-total-daily-spend", "9 EUR", "--max-daily-budget-per-adset", "2 EUR")
    assert _grades(on_database("doctor", "--json").document)["accounts"] == "ok"


def test_a_secret_that_others_may_read_fails(stakazo, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "flower.json").write_text("{}")
    (home / "flower.json").chmod(0o644)
    findings = stakazo("doctor", "--json").document["findings"]
    assert any(finding["check"] == "data folder" and "chmod 600" in finding["advice"] for finding in findings)
    (home / "flower.json").chmod(0o600)
    assert _grades(stakazo("doctor", "--json").document)["data folder"] == "ok"


def test_a_damaged_runtime_file_is_nothing_running(stakazo, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / FILE_NAME).write_text("{]")
    assert stakazo("status", "--json").document["processes"] == []


@pytest.mark.parametrize("address", ["redis://:hunter2@127.0.0.1:1/0"])
def test_a_redis_that_does_not_answer_fails_without_its_password(stakazo, address):
    done = stakazo("doctor", env={"REDIS_URL": address})
    assert "fail redis: Redis does not answer" in done.out
    assert "hunter2" not in done.out + done.err


def _grades(document):
    """Check → its worst grade."""
    order = ("ok", "warn", "fail")
    found = {}
    for finding in document["findings"]:
        worst = max(found.get(finding["check"], "ok"), finding["grade"], key=order.index)
        found[finding["check"]] = worst
    return found


@pytest.mark.parametrize(("age_s", "grade"), [(None, "warn"), (20, "ok"), (600, "fail")])
def test_beat_is_judged_by_its_last_sign(on_database, engine, age_s, grade):
    if age_s is not None:
        with engine.begin() as conn:
            heartbeats.beat(conn, process="beat", kind=ProcessKind.BEAT, detail={})
            old = func.clock_timestamp() - timedelta(seconds=age_s)
            conn.execute(update(tables.heartbeats).values(seen_at=old))
    assert _grades(on_database("doctor", "--json").document)["beat"] == grade


@pytest.mark.parametrize(("age_s", "grade"), [(None, "fail"), (10, "ok"), (300, "fail")])
def test_the_tower_is_judged_by_its_last_sign(on_database, engine, age_s, grade):
    if age_s is not None:
        with engine.begin() as conn:
            heartbeats.beat(conn, process="tower@x:1", kind=ProcessKind.TOWER, detail={})
            old = func.clock_timestamp() - timedelta(seconds=age_s)
            conn.execute(update(tables.heartbeats).values(seen_at=old))
    assert _grades(on_database("doctor", "--json").document)["tower"] == grade
    told = any("the tower" in problem for problem in on_database("status", "--json").document["problems"])
    assert told is (grade == "fail")


def test_a_closed_fence_is_told_with_the_way_to_open_it(on_database):
    assert _grades(on_database("doctor", "--json").document)["fence"] == "ok"
    on_database("fence", "close", "--reason", "spend looks wrong")
    found = {row["check"]: row for row in on_database("doctor", "--json").document["findings"]}
    assert found["fence"]["grade"] == "warn"
    assert "spend looks wrong" in found["fence"]["says"]
    assert "fence open" in found["fence"]["advice"]


def test_a_secret_whose_key_is_not_here_fails_by_name(on_database, engine):
    assert _grades(on_database("doctor", "--json").document)["secrets"] == "ok"
    with engine.begin() as conn:
        place = Place(platform="meta", account="", name="access_token")
        secrets.put(conn, place, Box(key_id="0123abcd", content=b"sealed"), set_by="os:anna")
    found = {row["check"]: row for row in on_database("doctor", "--json").document["findings"]}
    assert found["secrets"]["grade"] == "fail"
    assert "meta.access_token is sealed with key 0123abcd" in found["secrets"]["says"]
