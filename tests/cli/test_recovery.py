"""`stakazo recovery` as people use it."""

from datetime import timedelta

import pytest
from redis import Redis

from domain.recovery import RecoveryAction, RecoveryState, Trigger
from models import recoveries, recovery_procedures

PAIR = "meta.full_cycle"


@pytest.fixture
def add(engine):
    def add_one(trigger=Trigger.MODULE_OFFLINE, action=RecoveryAction.RESTART_SCHEDULER, state=RecoveryState.RUNNING):
        with engine.begin() as conn:
            return recoveries.add(
                conn, trigger=trigger, action=action, platform="meta", target=PAIR, confidence=0.9, state=state,
                reason="it is\x1b[2J offline", evidence={"status": "offline"}, verify_within=timedelta(minutes=12),
            )  # fmt: skip

    return add_one


def test_with_nothing_to_tell_it_says_so(on_database) -> None:
    done = on_database("recovery", "list")
    assert done.code == 0
    assert "nothing called for it" in done.out
    assert "0 carried out" in done.err
    assert on_database("recovery", "list", "--json").document["week"]["success_rate"] is None


def test_it_lists_what_was_done_and_how_it_went_in_a_week(on_database, engine, add) -> None:
    cured, watched = add(), add(Trigger.SCHEDULER_NOT_RUNNING)
    with engine.begin() as conn:
        recoveries.end(conn, cured.id, RecoveryState.CURED, "what called for it is gone")
    document = on_database("recovery", "list", "--json").document

    assert [row["id"] for row in document["recoveries"]] == [watched.id, cured.id]
    assert document["week"]["success_rate"] == 1.0
    done = on_database("recovery", "list")
    assert "watched" in done.out
    assert "\x1b" not in done.out
    assert "100% helped" in done.err
    open_ones = on_database("recovery", "list", "--open", "--json").document["recoveries"]
    assert [row["id"] for row in open_ones] == [watched.id]


def test_it_shows_every_step_of_one(on_database, engine, add) -> None:
    row = add()
    with engine.begin() as conn:
        recoveries.note_steps(conn, row.id, [{"did": "purged", "messages": 3}])
    done = on_database("recovery", "show", str(row.id))

    assert done.code == 0
    assert "purged" in done.out
    assert '"messages": 3' in done.out
    missing = on_database("recovery", "show", "99")
    assert missing.code == 2
    assert "stakazo recovery list" in missing.err


def test_a_recommendation_is_carried_out_by_a_person_once(on_database, redis_url, add) -> None:
    row = add(Trigger.MANY_ERRORS, RecoveryAction.RESET_MODULE, RecoveryState.RECOMMENDED)
    env = {"REDIS_URL": redis_url}
    assert f"stakazo recovery run {row.id}" in on_database("recovery", "list").out
    done = on_database("recovery", "run", str(row.id), "--json", env=env)

    assert done.code == 0, done.err
    assert done.document["recovery"]["state"] == "running"
    assert done.document["recovery"]["steps"][0]["did"].startswith("reset")
    again = on_database("recovery", "run", str(row.id), env=env)
    assert again.code == 1
    assert "only one that is recommended can be run" in again.err
    with Redis.from_url(redis_url) as client:
        client.flushall()


def test_the_table_of_the_requirements_is_shown(on_database) -> None:
    out = on_database("recovery", "procedures", "list").out
    for words in ("module_offline", "restart_scheduler", "0.95", "0.75", "a person runs it"):
        assert words in out


def test_a_procedure_is_declared_replaced_and_dropped(on_database, engine) -> None:
    declare = ("recovery", "procedures", "set", "10.11", "MODULE_OFFLINE", "alert_admin", "--reason", "sleeps at night")
    assert on_database(*declare, "--confidence", "0.9").code == 0
    assert on_database(*declare, "--confidence", "0.6").code == 0
    with engine.begin() as conn:
        (row,) = recovery_procedures.listing(conn)
    assert (row.pair, row.action, row.confidence) == (PAIR, RecoveryAction.ALERT_ADMIN, 0.6)
    assert "sleeps at night" in on_database("recovery", "procedures", "list").out

    assert on_database("recovery", "procedures", "drop", PAIR, "module_offline").code == 0
    again = on_database("recovery", "procedures", "drop", PAIR, "module_offline")
    assert again.code == 2
    assert "nothing is declared" in again.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("meta.full_cycle", "no_such", "clear_cache", "--confidence", "0.9"), "module_offline"),
        (("meta.full_cycle", "module_offline", "no_such", "--confidence", "0.9"), "restart_scheduler"),
        (("no.such", "module_offline", "clear_cache", "--confidence", "0.9"), "stakazo modules"),
        (("meta.full_cycle", "many_errors", "reset_module", "--confidence", "0.85"), "never done by itself"),
        (("meta.full_cycle", "module_offline", "clear_cache", "--confidence", "1.5"), "--confidence"),
        (("meta.creative_production", "module_offline", "clear_cache", "--confidence", "0.9"), "planned"),
    ],
)
def test_a_procedure_that_makes_no_sense_is_refused_with_the_way_out(on_database, words, said) -> None:
    done = on_database("recovery", "procedures", "set", *words, "--reason", "why not")
    assert done.code == 2
    assert said in done.err
