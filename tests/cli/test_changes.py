"""A person's own request and another's answer, as they are typed; what is sent is shown in tests/actions."""

import os
import signal
import subprocess
import sys
import time

import pytest
from redis import Redis
from sqlalchemy import insert, select

from cli.session import system_user
from domain import catalogue
from domain.actions import ActionState, Level, Mode
from models import accounts, ledger
from models.engine import db_now
from models.tables import actions, ad_sets, ads, campaigns
from tests.cli.conftest import account_info

ME = f"os:{system_user()}"
_TYPED = (  # a shell's background jobs, and tests among them, ignore Ctrl-C
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from cli.main import main; main()"
)


@pytest.fixture
def account_id(engine):
    """A live account at level propose (its clock is the real one) with a campaign, an ad set and an ad."""
    with engine.begin() as conn:
        now = db_now(conn)
        found = accounts.open_account(
            conn, platform="meta", info=account_info("act_7"), mode=Mode.LIVE, level=Level.PROPOSE
        )
        accounts.change(
            conn, found, tree_read_at=now, insights_read_at=now,
            max_total_daily_spend_minor=100_000, max_daily_budget_per_ad_set_minor=50_000,
        )  # fmt: skip
        life = {"account_id": found, "status": "active", "effective_status": "ACTIVE", "name": "thing"}
        common = {**life, "created_at": now, "updated_at": now, "seen_at": now}
        conn.execute(insert(campaigns), [{**common, "id": "1", "objective": "SALES", "daily_budget_minor": None}])
        row = {"campaign_id": "1", "optimization_goal": "X", "learning": "done", "daily_budget_minor": 5000}
        conn.execute(insert(ad_sets), [{**common, **row, "id": "11"}])
        conn.execute(insert(ads), [{**common, "campaign_id": "1", "ad_set_id": "11", "creative_id": None, "id": "111"}])
    return found


@pytest.fixture
def ask(on_database, account_id, redis_url):
    def type_(*words):
        return on_database(
            "change", *words, "--reason", "a sale", "--timeout", "1", "--json", env={"REDIS_URL": redis_url}
        )

    return type_


@pytest.fixture
def as_ana(on_database, redis_url):
    token = on_database("user", "add", "ana", "--role", "manager", "--json").document["token"]
    return lambda *words: on_database(*words, env={"STAKAZO_TOKEN": token, "REDIS_URL": redis_url})


def test_a_change_goes_through_the_door_as_a_persons_with_the_present_value(ask):
    action = ask("adset", "11", "--daily-budget", "55 EUR").document["action"]
    assert (action["proposed_by"], action["rule"], action["priority"]) == (ME, "person", 60)
    assert (action["expected_before"], action["target"]) == ({"daily_budget_minor": 5000}, {"daily_budget_minor": 5500})
    assert action["state"] == "awaiting_approval"


def test_what_waits_tells_who_can_answer(on_database, ask):
    ask("ad", "111", "--pause")
    (row,) = on_database("approvals", "list", "--json").document["approvals"]
    assert len(row["request"]) == 64
    shown = on_database("approvals", "list").out
    assert "active → paused" in shown
    assert "at level propose, every change waits for approval" in shown


def test_nobody_approves_what_they_asked_for_but_somebody_else_does(on_database, ask, as_ana):
    action_id = ask("ad", "111", "--pause").document["action"]["id"]
    own = on_database("approve", str(action_id), "--reason", "mine")
    assert own.code == 1
    assert f"{ME} proposed action {action_id}; somebody else must approve it" in own.err
    done = as_ana("approve", str(action_id), "--reason", "looked at it", "--json")
    assert (done.code, done.document["actions"][0]["state"]) == (0, "approved")


def test_ctrl_c_ends_the_waiting_alone_and_says_so(account_id, engine, database_url, redis_url, tmp_path):
    """Else whoever types it takes a change for withdrawn that is sent a moment later."""
    with engine.begin() as conn:
        accounts.change(conn, account_id, level=Level.AUTO)
    words = ("change", "ad", "111", "--pause", "--reason", "a sale")
    places = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "STAKAZO_HOME": str(tmp_path)}
    typed = subprocess.Popen(
        [sys.executable, "-c", _TYPED, *words], env={**os.environ, **places}, stderr=subprocess.PIPE, text=True
    )
    queue = catalogue.actions_queue(catalogue.platform("meta"))
    try:
        with Redis.from_url(redis_url) as waiting:
            for _ in range(600):
                if waiting.llen(queue):  # it has rung: from here on it does nothing but wait
                    break
                time.sleep(0.05)
        with engine.begin() as conn:
            held = conn.execute(select(actions.c.id)).scalar_one()
        time.sleep(1)
        typed.send_signal(signal.SIGINT)
        told = typed.communicate(timeout=30)[1]
    finally:
        typed.kill()
    assert (typed.returncode, f"no longer waiting: action {held} goes on" in told) == (130, True)


def test_what_cannot_be_answered_does_not_unmake_the_other_answers(ask, as_ana):
    action_id = ask("ad", "111", "--pause").document["action"]["id"]
    done = as_ana("approve", "999", str(action_id), "--reason", "both", "--json")
    assert done.code == 1
    assert [row["id"] for row in done.document["actions"]] == [action_id]
    assert done.document["failed"] == ["no action 999; `stakazo approvals list` shows what waits"]


@pytest.mark.parametrize("answer", ["approve", "reject"])
def test_an_answer_without_a_reason_is_not_heard(ask, as_ana, engine, answer):
    action_id = ask("ad", "111", "--pause").document["action"]["id"]
    done = as_ana(answer, str(action_id), "--reason", "  ")
    assert (done.code, "an answer wants a reason" in done.err) == (2, True)
    with engine.begin() as conn:
        assert ledger.get(conn, action_id).state is ActionState.AWAITING_APPROVAL


def test_a_no_and_a_withdrawn_yes_cancel(ask, as_ana, engine):
    first = ask("ad", "111", "--pause").document["action"]["id"]
    second = ask("adset", "11", "--pause").document["action"]["id"]
    as_ana("reject", str(first), "--reason", "no")
    as_ana("approve", str(second), "--reason", "yes")
    assert as_ana("approvals", "withdraw", str(second)).code == 0
    with engine.begin() as conn:
        assert {ledger.get(conn, one).state for one in (first, second)} == {ActionState.CANCELLED}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("adset", "11"), 2, "say one thing"),
        (("adset", "11", "--pause", "--activate"), 2, "say one thing"),
        (("adset", "12", "--pause"), 2, "has no ad set 12; `stakazo adset list`"),
        (("campaign", "1", "--daily-budget", "60 EUR"), 2, "campaign 1 has no daily budget of its own"),
        (("adset", "11", "--daily-budget", "60 USD"), 2, "EUR"),
        (("adset", "11", "--daily-budget", "50 EUR"), 1, "is so already"),
        (("ad", "111", "--activate"), 1, "is so already"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_way_out(ask, words, code, told):
    done = ask(*words)
    assert done.code == code
    assert told in done.err


def test_a_paused_account_stops_people_too_and_says_so(ask, on_database, engine, account_id):
    with engine.begin() as conn:
        accounts.change(conn, account_id, is_paused=True)
    done = ask("ad", "111", "--pause")
    assert done.code == 1
    assert done.document["action"]["state"] == "blocked"
    assert done.document["action"]["state_reason"] == "the account is paused"


def test_levels_are_set_per_module_and_the_lower_holds(on_database, account_id):
    on_database("level", "set", "auto", "--account", str(account_id))
    on_database("level", "set", "observe", "--module", "full_cycle")
    rows = on_database("level", "show", "--json").document["levels"]
    assert [(row["module"], row["level"], row["holds"]) for row in rows] == [
        (None, "auto", "auto"),
        ("full_cycle", "observe", "observe"),
    ]
    on_database("level", "set", "none", "--module", "full_cycle")
    assert len(on_database("level", "show", "--json").document["levels"]) == 1


@pytest.mark.parametrize("words", [("everything",), ("none",), ("auto", "--module", "nonsense")])
def test_a_level_that_is_none_is_refused(on_database, account_id, words):
    assert on_database("level", "set", *words).code == 2


def test_a_change_that_a_stop_keeps_back_names_the_way_out(on_database, ask):
    on_database("fence", "close", "--reason", "odd spend")
    done = ask("ad", "111", "--pause")
    assert (done.code, done.document["action"]["state"]) == (1, "blocked")
    on_database("emergency-stop", "--no-pause-campaigns", "--reason", "odd spend")
    told = on_database("change", "adset", "11", "--pause", "--reason", "x", "--timeout", "1")
    assert "`stakazo resume --plan` the way out" in told.err
